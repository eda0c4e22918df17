"""The families' tokenizers: round trips, offsets, special tokens and digits."""

from __future__ import annotations

import pytest

from emotion_utils.training.tokenizers import MANNERS

ODD = 'Tom: "12 eggs"\n\n- 345 g\n\tdef f(x): return [x]  # na\u00efve \U0001f600 \u65e5\u672c, I\'m\n\n'


@pytest.mark.parametrize("manner", MANNERS)
def test_corpus_and_odd_text_survive_a_round_trip(tokenizers, docs, manner):
    tokenizer = tokenizers[manner]
    for text in [*(d.text for d in docs[:100]), ODD]:
        assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


@pytest.mark.parametrize("manner", MANNERS)
def test_offsets_cover_the_text_once_and_in_order(tokenizers, docs, manner):
    for document in docs[:50]:
        encoded = tokenizers[manner](document.text, add_special_tokens=False, return_offsets_mapping=True)
        spans = dict.fromkeys(encoded["offset_mapping"])  # a rare letter is two bytes, each with its span
        pieces = [document.text[start:end] for start, end in spans]
        assert "".join(pieces) == document.text


@pytest.mark.parametrize("manner", MANNERS)
def test_special_tokens_are_distinct_from_padding(tokenizers, manner):
    tokenizer, style = tokenizers[manner], MANNERS[manner]
    assert tokenizer.is_fast
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token) == (
        style.bos,
        style.eos,
        style.pad,
    )
    assert tokenizer.pad_token_id not in (tokenizer.bos_token_id, tokenizer.eos_token_id)
    assert max(tokenizer.get_vocab().values()) == len(tokenizer) - 1


def test_only_llama_and_gemma_begin_with_a_bos_token(tokenizers):
    begins = {m for m, t in tokenizers.items() if t("Tom")["input_ids"][0] == t.bos_token_id}
    assert begins == {"llama3", "gemma2", "gemma3"}


@pytest.mark.parametrize("manner", ["qwen3", "gemma2", "gemma3"])
def test_digits_stand_alone_where_the_family_splits_them(tokenizers, manner):
    vocabulary = tokenizers[manner].get_vocab()
    assert not [piece for piece in vocabulary if sum(c.isdigit() for c in piece) > 1 and "0x" not in piece]


def test_no_token_crosses_a_word_boundary(tokenizers):
    for tokenizer in tokenizers.values():
        learnt = [tokenizer.decode([i]) for i in tokenizer.get_vocab().values()]
        assert not [piece for piece in learnt if " " in piece.strip() and any(c.isalpha() for c in piece)]
