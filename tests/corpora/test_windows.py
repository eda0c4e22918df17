import numpy as np
import pytest
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.corpora.documents import Document, join
from emotion_utils.corpora.windows import cut
from emotion_utils.models.loading import load_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("small-gpt2")


def sentence(at: int) -> str:
    return f"Ben told Paul that it was {at} degrees and went home. " * (at % 3 + 2)


def documents(count: int = 30, domains: int = 2) -> list[Document]:
    return [Document(sentence(at), f"d{at % domains}", f"g{at}", f"text {at}") for at in range(count)]


def test_windows_hold_the_tokens_of_the_text_in_order(tokenizer):
    texts = documents()
    windows = cut(texts, tokenizer, 5)
    dropped = 0
    for number, document in enumerate(texts):
        ids = tokenizer(document.text, add_special_tokens=False)["input_ids"]
        whole = len(ids) // 5 * 5
        dropped += len(ids) - whole
        assert windows.ids[windows.document == number].flatten().tolist() == ids[:whole]
        assert set(windows.domain[windows.document == number]) == {document.domain}
    assert windows.left_out["tokens after the last window"] == dropped
    assert windows.ids.dtype == torch.int64
    assert windows.names[3] == "text 3"


def test_a_limit_keeps_the_first_tokens_of_a_document(tokenizer):
    texts = documents()
    lengths = [len(tokenizer(d.text, add_special_tokens=False)["input_ids"]) for d in texts]
    windows = cut(texts, tokenizer, 5, limit_tokens=12)
    assert np.bincount(windows.document).tolist() == [min(n, 12) // 5 for n in lengths]
    assert windows.left_out["tokens beyond the limit"] == sum(max(n - 12, 0) for n in lengths)


def test_a_start_stands_before_each_window_and_takes_a_place_of_the_text(tokenizer):
    bare, started = cut(documents(), tokenizer, 4), cut(documents(), tokenizer, 5, start=0)
    assert started.ids[:, 0].tolist() == [0] * len(started)
    assert torch.equal(started.ids[:, 1:], bare.ids)


def test_between_short_texts_stand_the_end_of_one_and_the_beginning_of_the_next(tokenizer):
    pieces = ["Ben went home.", "Paul stayed at the market."]
    texts = [join(pieces, "d", f"g{at}", f"n{at}") for at in range(3)]
    first, second = tokenizer(pieces, add_special_tokens=False)["input_ids"]
    every = [*first, tokenizer.eos_token_id, tokenizer.bos_token_id, *second]
    assert cut(texts, tokenizer, len(every)).ids[0].tolist() == every


def test_windows_of_nothing_but_special_tokens_are_left_out(tokenizer):
    end = tokenizer.eos_token
    texts = [Document(end * 8 + sentence(at), "d", f"g{at}", "n") for at in range(4)]
    windows = cut(texts, tokenizer, 4)
    assert windows.left_out["windows of special tokens"] == 8
    assert not (windows.ids == tokenizer.eos_token_id).all(dim=1).any()


def test_short_documents_are_counted_and_only_short_ones_are_an_error(tokenizer):
    texts = [*documents(10), Document("Hi.", "d0", "short", "short")]
    assert cut(texts, tokenizer, 8).left_out["documents too short"] == 1
    with pytest.raises(UserError, match=r"No document has 500 tokens \(the longest of 11 has \d+\)"):
        cut(texts, tokenizer, 500)


@pytest.mark.parametrize(
    ("texts", "length", "options", "said"),
    [
        (documents(1), 5, {}, 'one document \\("text 0"\\)'),
        ([], 5, {}, "This is no document"),
        (documents(2), 5, {}, "2 groups of documents .* cannot be split into train, validation and test"),
        (documents(9), 1, {}, "A window of 1 tokens"),
        (documents(9), 8, {"limit_tokens": 7}, "limit_tokens is 7"),
    ],
)
def test_what_cannot_be_cut_is_said(tokenizer, texts, length, options, said):
    with pytest.raises(UserError, match=said):
        cut(texts, tokenizer, length, **options)


def test_only_end_of_text_tokens_are_no_text(tokenizer):
    texts = [Document(tokenizer.eos_token * 20, "d", f"g{at}", "n") for at in range(4)]
    with pytest.raises(UserError, match="No document has a window of text"):
        cut(texts, tokenizer, 5)


def test_one_domain_is_allowed(tokenizer):
    windows = cut(documents(domains=1), tokenizer, 5)
    assert set(windows.domain) == {"d0"}
    assert {len(windows.of(split)) > 0 for split in ("train", "validation", "test")} == {True}


def test_a_split_that_is_not_there_is_said(tokenizer):
    windows = cut(documents(), tokenizer, 5)
    with pytest.raises(UserError, match=r'no window in the split "dev"; there are test \(\d+\)'):
        windows.of("dev")


def test_the_hash_names_ids_and_splits(tokenizer):
    one, same = cut(documents(), tokenizer, 5), cut(documents(), tokenizer, 5)
    assert one.hash() == same.hash()
    assert one.hash() != cut(documents(), tokenizer, 6).hash()
    assert one.hash() != one.of("train").hash()
    assert len({cut(documents(), tokenizer, 5, seed=seed).hash() for seed in range(4)}) > 1
