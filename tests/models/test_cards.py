"""The committed models are what their cards say."""

import hashlib

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import MODELS
from emotion_utils.models import cards, registry
from emotion_utils.models.loading import load_tokenizer
from emotion_utils.models.model import load
from emotion_utils.smallworld import load_grammar
from emotion_utils.smallworld.corpus import corpus_hash, documents, world_of
from emotion_utils.training.evaluation import document_nll
from emotion_utils.training.texts import posts_hash

CARDS = {card["name"]: card for card in cards.read_cards()}
SHARES = {name: card["data"].get("languages", {"en": 1.0}) for name, card in CARDS.items()}
"""Of the languages of a model's documents; cards that say nothing of them are of English ones."""


@pytest.mark.parametrize("name", CARDS)
def test_the_weights_are_those_of_the_card(name):
    weights = (MODELS / name / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == CARDS[name]["sha256"]


def test_the_models_stay_small():
    assert sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file()) < 40e6
    assert all(card["parameters"] <= 3_000_000 for card in CARDS.values())


@pytest.mark.parametrize("name", CARDS)
def test_the_loss_of_the_card_is_found_again_and_is_not_below_the_entropy(name):
    found = CARDS[name]["evaluation"]["loss"]["loss_over_entropy"]
    language = max(SHARES[name], key=SHARES[name].__getitem__)
    world = load_grammar(language, CARDS[name]["data"]["blind"])
    docs = list(documents(world, 60, 4711, stream="validation"))
    nll, _ = document_nll(load(name), [d.text for d in docs])
    ratio = sum(nll) / -sum(world.log_prob(d.text) for d in docs)
    assert found["low"] - 0.05 < ratio < found["high"] + 0.05
    assert found["value"] >= 1


def test_no_loss_curve_goes_below_the_entropy():
    curves = cards.loss_curves()
    assert set(curves["model"]) == set(CARDS)
    assert (curves["validation_loss"] > curves["generator_entropy"]).all()


@pytest.mark.parametrize("name", CARDS)
def test_the_corpus_of_the_card_is_the_one_that_the_code_writes(name):
    data = CARDS[name]["data"]
    assert corpus_hash(world_of(SHARES[name], data["blind"]), data["seed"]) == data["corpus_sha256"]


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card["data"].get("posts")])
def test_the_posts_of_the_card_are_those_that_the_code_writes(name):
    assert posts_hash(CARDS[name]["data"]["seed"]) == CARDS[name]["data"]["posts_sha256"]


def test_a_sibling_went_on_from_the_base_that_is_here():
    base = CARDS["small-gemma2"]["sha256"]
    for name in list(registry.SIBLINGS)[1:]:
        assert CARDS[name]["data"]["start"] == {"name": "small-gemma2", "sha256": base}


@pytest.mark.parametrize("name", CARDS)
def test_text_survives_the_tokenizer(name):
    tokenizer = load_tokenizer(name)
    for document in documents(world_of(SHARES[name]), 100, 4712, split="all"):
        assert (
            tokenizer.decode(tokenizer(document.text)["input_ids"], skip_special_tokens=True) == document.text
        )


def test_what_is_missing_is_said():
    said = cards.shortfall(list(CARDS.values()))
    table = cards.measurements(list(CARDS.values()))
    worst = table[table["measure"] == "loss over entropy"]["value"].max()
    assert ("loss over entropy" in said) == (worst > cards.BARS["loss over entropy"][1])
    with pytest.raises(UserError, match="no model card"):
        cards.read_cards(MODELS / "nowhere")


def test_every_model_that_has_a_name_is_listed_and_only_bundled_ones_with_their_size():
    table = cards.known_models().set_index("model")
    assert list(table.index) == [*registry.BUNDLED, *registry.PACKAGED, *registry.HUB_ALIASES]
    own = table[table["source"] == "bundled"]
    assert own["parameters"].to_dict() == {name: card["parameters"] for name, card in CARDS.items()}
    packaged = table[table["source"] == "packaged"]
    assert packaged["parameters"].to_dict() == {n: m.parameters for n, m in registry.PACKAGED.items()}
    assert packaged["here"].tolist() == [registry.fetched(name) for name in registry.PACKAGED]
    assert table.loc["gpt2"].isna()[["here", "family", "parameters", "vocabulary"]].all()
    assert table.loc["gpt2", "what"] == "openai-community/gpt2"
