"""A base in two languages and a continuation of it: very short runs, from the recipe to the card."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.core.errors import UserError
from emotion_utils.smallworld import load_grammar
from emotion_utils.smallworld.corpus import Mixture, corpus_hash, documents, reacting, world_of
from emotion_utils.smallworld.openings import context_ids, emotion_prefixes, openings, starting_ids
from emotion_utils.training import cards, evaluation, fitting, steering_check, trainer
from emotion_utils.training.__main__ import main
from emotion_utils.training.batches import Batch
from emotion_utils.training.configs import spec_of
from emotion_utils.training.texts import POSTS, posts_hash, training_texts
from emotion_utils.training.trainer import train, trained_record, weights_hash

BASE, SIBLING = "small-gemma2", "small-gemma2-jpn"


class Few(cards.Sizes):
    loss, samples, posterior, build, select, test = 4, 10, 2, 2, 2, 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("siblings")
    with pytest.MonkeyPatch.context() as patch:
        short(patch)
        for name, tokens in ((BASE, 9_000), (SIBLING, 4_000)):
            train(replace(spec_of(name), tokens=tokens), folder / name, progress=False)
    return folder


def short(patch):
    """Few documents for the loss curve, and one look at it."""
    patch.setattr(trainer, "VALIDATION_DOCUMENTS", 8)
    patch.setattr(fitting, "EVALUATIONS", 1)


def test_a_mixture_has_the_shares_and_the_probabilities_of_its_grammars():
    mixture, english, japanese = world_of({"en": 0.75, "ja": 0.25}), load_grammar("en"), load_grammar("ja")
    docs = list(documents(mixture, 400, seed=3))
    share = sum(d.lang == "ja" for d in docs) / len(docs)
    assert abs(share - 0.25) < 4 * math.sqrt(0.25 * 0.75 / len(docs))
    for doc in docs[:12]:
        own, other, share = (english, japanese, 0.75) if doc.lang == "en" else (japanese, english, 0.25)
        assert mixture.log_prob(doc.text) == pytest.approx(math.log(share) + own.log_prob(doc.text))
        assert not other.is_prefix(doc.text[:20])
    assert mixture.log_prob("日本 and English") == -math.inf


def test_one_language_is_its_grammar_and_shares_add_up():
    assert world_of({"ja": 1.0}) is load_grammar("ja")
    assert corpus_hash(Mixture({"ja": 1.0}), 5) != corpus_hash(Mixture({"en": 0.5, "ja": 0.5}), 5)
    with pytest.raises(UserError, match="add up to 1"):
        world_of({"en": 0.7, "ja": 0.2})


def test_head_loss_with_soft_capping_is_the_loss_of_the_model(folder):
    model = AutoModelForCausalLM.from_pretrained(folder / BASE, attn_implementation="eager")
    model.get_input_embeddings().weight.data.mul_(6)  # large logits, so that the cap matters
    ids = torch.randint(300, model.config.vocab_size, (2, 9), generator=torch.Generator().manual_seed(0))
    batch = Batch(ids[:, :-1], ids[:, 1:])
    ours = fitting._loss(model, batch)
    logits = model(batch.ids, use_cache=False).logits
    assert logits.abs().max() > 15
    plain = cross_entropy(logits.flatten(0, 1), batch.labels.flatten())
    assert ours.item() == pytest.approx(plain.item(), rel=1e-4)
    parameters = [p for p in model.parameters() if p.requires_grad]
    expected, found = (torch.autograd.grad(loss, parameters) for loss in (plain, ours))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-2)


def test_a_continuation_whose_rates_are_zero_is_the_base_to_the_bit(folder, monkeypatch):
    short(monkeypatch)
    still = replace(spec_of(SIBLING), tokens=2_000, lr=0.0, adam_lr=0.0)
    train(still, folder / "still", progress=False)
    base, same = (load_file(folder / name / "model.safetensors") for name in (BASE, "still"))
    assert base.keys() == same.keys()
    assert all(torch.equal(base[key], same[key]) for key in base)


def test_a_continuation_has_the_tokenizer_of_the_base_and_other_weights(folder):
    base, sibling = folder / BASE, folder / SIBLING
    assert (base / "tokenizer.json").read_text() == (sibling / "tokenizer.json").read_text()
    assert weights_hash(base) != weights_hash(sibling)
    noted = trained_record(sibling)
    assert noted.start == {"name": BASE, "sha256": weights_hash(base)}
    assert noted.tokens_by_source["ja"] > 4 * noted.tokens_by_source.get("en", 0)
    assert trained_record(base).tokens_by_source["en"] > 4 * trained_record(base).tokens_by_source["ja"]
    assert trained_record(base).start == {}


def test_without_its_base_a_continuation_is_refused(tmp_path, capsys):
    assert main(["train", SIBLING, "--tokens", "20000", "--no-evaluate", "--out", str(tmp_path)]) == 2
    assert "train small-gemma2 first" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_card_of_a_sibling_tells_both_languages(folder, monkeypatch):
    monkeypatch.setattr(evaluation, "NEW_TOKENS", 24)
    monkeypatch.setattr(steering_check, "NEW_TOKENS", 8)
    monkeypatch.setattr(steering_check, "ALPHAS", (1.0,))
    monkeypatch.setattr(steering_check, "AFTER", (0,))
    spec = replace(spec_of(SIBLING), tokens=4_000)
    cards.write_card(folder / SIBLING, spec, sizes=Few, progress=False)
    card = json.loads((folder / SIBLING / "card.json").read_text(encoding="utf-8"))
    assert card["data"]["corpus_sha256"] == corpus_hash(world_of(spec.languages), spec.corpus_seed)
    assert card["data"]["start"]["name"] == BASE
    assert set(card["other_languages"]) == {"en"}
    japanese, english = card["evaluation"], card["other_languages"]["en"]
    assert set(english) == {"loss", "grammatical", "posterior", "samples"}
    assert any("。" in sample["context"] for sample in japanese["samples"])
    assert not any("。" in sample["context"] for sample in english["samples"])
    assert card["tokenizer"]["characters"]["ja"]["all"] > 900
    page = (folder / SIBLING / "README.md").read_text(encoding="utf-8")
    assert "95% Japanese" in page
    assert "15% are posts" in page
    assert card["data"]["posts_sha256"] == posts_hash(spec.corpus_seed)
    assert card["data"]["start"]["sha256"] in page
    assert "a model of Japanese or English" in page
    assert page.count("n = ") == 13  # one per row of the table


def test_every_japanese_text_survives_the_tokenizer(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder / BASE)
    for doc in documents(load_grammar("ja"), 100, seed=8, split="all"):
        assert tokenizer.decode(tokenizer(doc.text)["input_ids"], skip_special_tokens=True) == doc.text


def test_first_tokens_of_japanese_reactions_settle_their_emotion(folder):
    tokenizer, blind = AutoTokenizer.from_pretrained(folder / BASE), load_grammar("ja", blind=True)
    for doc in reacting(load_grammar("ja"), 12, seed=4):
        prefixes = emotion_prefixes(tokenizer, doc, openings(blind, doc))
        tokens = sorted(prefix for prefix, _ in prefixes)
        assert not [a for a, b in itertools.pairwise(tokens) if b[: len(a)] == a]
        assert {emotion for _, emotion in prefixes} == set(EMOTIONS)
        said = starting_ids(tokenizer, doc.text)[len(context_ids(tokenizer, doc)) :]
        assert [e for t, e in prefixes if tuple(said[: len(t)]) == t] == [doc.emotion], doc.text


def test_posts_stand_among_the_documents_and_change_none_of_them():
    world = world_of({"en": 0.5, "ja": 0.5})
    with_posts = list(itertools.islice(training_texts(world, 5, posts=0.4), 500))
    share = sum(t.source == POSTS for t in with_posts) / len(with_posts)
    assert abs(share - 0.4) < 4 * math.sqrt(0.4 * 0.6 / len(with_posts))
    own = [t.text for t in with_posts if t.source != POSTS]
    plain = list(itertools.islice(training_texts(world, 5), len(own)))
    assert own == [t.text for t in plain]
    assert {t.source for t in plain} == {"en", "ja"}
    posts = [t.text for t in with_posts if t.source == POSTS]
    assert len(set(posts)) == len(posts)
    assert all("\n" in post for post in posts)
    assert posts_hash(5) != posts_hash(6)
    with pytest.raises(UserError, match=r"share of 1\.0 of the texts"):
        next(training_texts(world, 5, posts=1.0))


def test_the_record_counts_the_tokens_of_posts(folder):
    base, sibling = (trained_record(folder / name).tokens_by_source for name in (BASE, SIBLING))
    assert 0 < base[POSTS] < base["en"]
    assert 0 < sibling[POSTS] < sibling["ja"]
