"""Spellings of one concept: by hand, with planted states, and that spans are those of the spelling alone."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch

from emotion_utils.communities.content import load_communities, spelling_key
from emotion_utils.core.errors import UserError
from emotion_utils.japanese.spellings import (
    ALL,
    APART,
    CARRIERS,
    CHARACTERS,
    COLUMNS,
    EMBEDDING,
    known_spellings,
    script,
    shared_concepts,
    spelling_states,
    spelling_table,
)
from emotion_utils.japanese.survival import survival

WIDTH = 60
FEW = {
    key: load_communities().concepts[key].spellings
    for key in ("meeting", "manual", "wifi", "cat", "rice", "ramen", "app", "coffee", "study", "price")
}


@pytest.fixture(scope="module")
def table():
    return spelling_table()


def planted(table: pd.DataFrame, concept: float, characters: float = 0.0, seed: int = 0) -> np.ndarray:
    """States that hold something of the concept, something of each character, the script, and noise."""
    rng = np.random.default_rng(seed)
    letters = sorted({one for text in table["spelling"] for one in spelling_key(text)})
    of_letter = dict(zip(letters, rng.standard_normal((len(letters), WIDTH)), strict=True))
    codes, kinds = (pd.factorize(table[name])[0] for name in ("concept", "script"))
    written = np.stack([sum(of_letter[one] for one in spelling_key(text)) for text in table["spelling"]])
    of_concept, of_script = (rng.standard_normal((max(c) + 1, WIDTH))[c] for c in (codes, kinds))
    noise = rng.standard_normal(written.shape)
    return 5 + concept * of_concept + 2 * of_script + characters * written + noise


def cosines(found: pd.DataFrame, pairs: str) -> pd.DataFrame:
    return found[(found["measure"] == "cosine") & (found["pairs"] == pairs)].set_index("layer")


def test_scripts_are_those_that_a_reader_sees():
    texts = {"会議": "kanji", "佐々": "kanji", "ﾃﾚﾜｰｸ": "katakana", "こーひー": "hiragana", "WFH": "Latin"}
    assert {text: script(text) for text in texts} == texts
    assert script("お弁当") == script("無線LAN") == script("123") == "mixed"
    assert script("Wi-Fi") == "Latin"


def test_carriers_name_no_spelling_and_none_begins_with_one(table):
    assert all(carrier.count("{}") == 1 and not carrier.startswith("{}") for carrier in CARRIERS)
    assert not [one for one in table["spelling"] for carrier in CARRIERS if one in carrier]


def test_cosines_are_those_of_a_plain_loop(table):
    some = table[table["concept"].isin(FEW)].reset_index(drop=True)
    states = planted(some, 1.0)
    found = shared_concepts({"3": states}, some, n_permutations=9)
    centred = states - states.mean(axis=0)
    own: dict[str, list[float]] = {}
    others: dict[frozenset, list[float]] = {}
    rows = list(some.itertuples())
    for (i, a), (j, b) in combinations(enumerate(rows), 2):
        if set(spelling_key(a.spelling)) & set(spelling_key(b.spelling)):
            continue
        cosine = centred[i] @ centred[j] / np.linalg.norm(centred[i]) / np.linalg.norm(centred[j])
        pair = frozenset([a.script, b.script])
        if a.concept == b.concept:
            own.setdefault(a.concept, []).append((pair, cosine))
        else:
            others.setdefault(pair, []).append(cosine)
    gaps = [
        np.mean([c - np.mean(others[pair]) for pair, c in pairs if pair in others]) for pairs in own.values()
    ]
    row = cosines(found, APART).loc["3"]
    assert row["value"] == pytest.approx(np.mean(gaps))
    assert row["concepts"] == len(own)
    assert list(found.columns) == COLUMNS


def test_survival_is_that_of_the_units_z_scores(table):
    states = planted(table, 1.0)
    found = shared_concepts({"0": states}, table, n_permutations=9)
    within = pd.DataFrame(states).groupby(table["script"]).transform(lambda one: one - one.mean()).to_numpy()
    score = np.abs(within / within.std(0))
    plain = survival(
        score, pd.factorize(table["concept"])[0], table["script"].to_numpy(), [20], n_permutations=9
    )
    row = found[(found["measure"] == "survival 20") & (found["pairs"] == ALL)].iloc[0]
    assert row["value"] == pytest.approx(plain["value"].iloc[0])
    assert set(found["measure"]) == {"cosine", "survival 20", "survival 50"}  # there are 60 units


@pytest.mark.parametrize(("concept", "knows"), [(1.0, True), (0.0, False)])
def test_a_planted_concept_is_found_and_its_absence_too(table, concept, knows):
    found = shared_concepts({"0": planted(table, concept)}, table, 0, 99, ks=[20, 50])
    told = found[(found["layer"] == "0") & (found["pairs"] == APART)]
    assert (told["p"] == 0.01).all() if knows else not (told["p"] == 0.01).any()
    row = cosines(found, APART).loc["0"]
    assert (row["low"] > 0) == (row["p"] <= 0.05) == knows
    assert row["null_low"] < 0 < row["null_high"]


def test_what_characters_explain_is_not_counted_as_knowing(table):
    found = shared_concepts({"0": planted(table, 0.0, characters=1.0)}, table, 0, 99, ks=[20])
    assert cosines(found, ALL).loc["0", "p"] == 0.01
    assert cosines(found, APART).loc["0", "p"] > 0.05
    assert cosines(found, APART).loc[CHARACTERS, "value"] == 0
    assert cosines(found, APART).loc[CHARACTERS, "p"] == 1
    assert cosines(found, ALL).loc[CHARACTERS, "p"] == 0.01


def test_states_are_those_of_the_tokens_of_the_spelling(small):
    texts = ["会議", "MTG", "Wi-Fi"]
    states = spelling_states(small, texts, [0, 2])
    assert set(states) == {EMBEDDING, "0", "2"}
    for text, read, embedded in zip(texts, states["2"], states[EMBEDDING], strict=True):
        plain, inputs = [], []
        for carrier in CARRIERS:
            start = carrier.index("{}")
            encoded = small.encode([carrier.format(text)])
            ids, spans = [list(map(int, encoded.ids[0]))], encoded.spans[0]
            inside = [i for i, (a, b) in enumerate(spans) if a < b and a < start + len(text) and b > start]
            with torch.no_grad():
                hidden = small.network(torch.tensor(ids), output_hidden_states=True).hidden_states[3][0]
                table = small.network.get_input_embeddings().weight
            plain.append(hidden[inside].mean(0).numpy())
            inputs.append(table[[ids[0][i] for i in inside]].mean(0).detach().numpy())
        assert read == pytest.approx(np.mean(plain, axis=0), abs=1e-4)
        assert embedded == pytest.approx(np.mean(inputs, axis=0), abs=1e-5)


def test_a_model_is_measured_at_its_layers_and_before_them(small):
    found = known_spellings(small, [1], n_permutations=9, spellings=FEW)
    assert set(found["model"]) == {small.name}
    assert set(found["layer"]) == {CHARACTERS, EMBEDDING, "1"}
    assert set(found.loc[found["layer"] == CHARACTERS, "measure"]) == {"cosine"}
    assert found[["value", "null", "p"]].notna().all(axis=None)


def test_concepts_without_a_pair_that_counts_are_refused():
    some = spelling_table({"a": ("予約", "予定"), "b": ("電池", "電車")})
    with pytest.raises(UserError, match="without a common character"):
        shared_concepts({"0": np.eye(4)}, some, n_permutations=9, ks=[2])
