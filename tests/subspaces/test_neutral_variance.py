"""The test of specificity is right where nothing is there, finds what is there, and equals plain subspaces."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
import sided
from scipy.stats import binom

from emotion_utils.core.errors import UserError
from emotion_utils.prompts import loading
from emotion_utils.subspaces import readings
from emotion_utils.subspaces.measures import emotion_subspace, overlap, principal_components
from emotion_utils.subspaces.neutral_variance import (
    by_model,
    neutral_share,
    specificity,
    triple_prompts,
    triples_of,
)
from emotion_utils.subspaces.readings import ModelStates

K, EACH = 4, 3


def triples(rng, families: dict[str, np.ndarray], kinds: str, units: int = 8) -> pd.DataFrame:
    """Neutral sentences in all three places: of one family ("aaa"), or of three ("abc")."""
    names, rows = rng.permutation(list(families)), []
    for unit in range(units):
        drawn = {kind: list(rng.permutation(families[names[3 * unit + i]])) for i, kind in enumerate("abc")}
        places = [[drawn[kind].pop() for _ in range(EACH)] for kind in kinds]
        rows += [(*ids, unit) for ids in zip(*places, strict=True)]
    return pd.DataFrame(rows, columns=["id", "partner", "other", "unit"])


def gaussian(rng, width: int = 40) -> tuple[ModelStates, dict[str, np.ndarray]]:
    """States with a decaying spectrum that come in families."""
    spectrum = np.arange(1, width + 1) ** -0.5
    families = {f"f{f}": np.array([f"{f}-{i}" for i in range(3 * EACH)]) for f in range(36)}
    means = 1.5 * rng.normal(size=(36, width)) * spectrum
    values = np.repeat(means, 3 * EACH, axis=0) + rng.normal(size=(36 * 3 * EACH, width)) * spectrum
    return ModelStates(
        "m", (0,), pd.Index(np.concatenate(list(families.values()))), values[:, None]
    ), families


def hits(found: list[float]) -> int:
    return int((np.array(found) <= 0.05).sum())


def p_of(states: ModelStates, table: pd.DataFrame, seed: int) -> float:
    return float(specificity(states, {"x": table}, K, seed).test["p"].iloc[0])


@pytest.mark.parametrize("kinds", ["aaa", "abc"])
def test_made_up_states_without_emotion_are_specific_no_more_often_than_p_says(kinds):
    found = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        states, families = gaussian(rng)
        found.append(p_of(states, triples(rng, families, kinds), seed))
    assert binom.sf(hits(found) - 1, len(found), 0.05) > 0.01


@pytest.fixture(scope="module")
def real():
    """A bundled model on all neutral prompts of three profiles, at half depth, and their families."""
    table = pd.concat([loading.load_profile(name) for name in ("baseline", "extended", "powered")])
    table = table[table["emotion"] == "neutral"].drop_duplicates("text")
    whole = readings.read_model("small-gpt2", table)
    families = {str(name): own["id"].to_numpy() for name, own in table.groupby("group")}
    return ModelStates(whole.model, (1,), whole.ids, whole.values[:, 1:2]), families


@pytest.mark.parametrize("kinds", ["aaa", "abc"])
def test_real_neutral_states_are_specific_no_more_often_than_p_says(real, kinds):
    states, families = real
    large = {name: ids for name, ids in families.items() if len(ids) >= EACH * kinds.count("a")}
    units = min(8, len(large) // 3)
    rng, found = np.random.default_rng(0), []
    for seed in range(200):
        found.append(p_of(states, triples(rng, large, kinds, units), seed))
    assert binom.sf(hits(found) - 1, len(found), 0.05) > 0.01


@pytest.fixture(scope="module")
def planted():
    """Directions of their own in a part of the space that neutral sentences never enter."""
    rng = np.random.default_rng(0)
    states, families = gaussian(rng)
    table = triples(rng, families, "aaa")
    values = np.concatenate([states.values, np.zeros((len(states.ids), 1, 6))], axis=2)
    values[states.ids.get_indexer(table["id"]), 0, -6:] = 3 * rng.normal(size=(len(table), 6))
    return ModelStates("m", (0,), states.ids, values), table


def test_an_emotion_with_directions_of_its_own_is_found(planted):
    states, table = planted
    found = specificity(states, {"x": table}, K).test.iloc[0]
    assert found["p"] == pytest.approx(1 / 2**8)
    assert -1 <= found["low"] < found["difference"] < found["high"] < 0


def test_value_and_p_are_those_of_plain_subspaces_and_all_exchanges(planted):
    states, table = planted
    table = table[table["unit"] < 6]
    one, partner, other = (states.at(table[column])[0] for column in ("id", "partner", "other"))
    units = table["unit"].to_numpy()
    half = np.isin(units, np.random.default_rng(0).permutation(6)[::2])

    def gap(swapped):
        away = swapped[units][:, None]
        a, b = np.where(away, other, one), np.where(away, one, other)
        spans = [(own, principal_components(partner[~own], 3)) for own in (half, ~half)]
        return [
            np.mean([overlap(emotion_subspace(x[own], partner[own], 3), v) for own, v in spans])
            for x in (a, b)
        ]

    found = specificity(states, {"x": table}, 3).test.iloc[0]
    gaps = [np.subtract(*gap(np.array(swapped, dtype=bool))) for swapped in product((0, 1), repeat=6)]
    assert (found["value"], found["reference"]) == pytest.approx(gap(np.zeros(6, dtype=bool)))
    assert found["difference"] == pytest.approx(gaps[0])
    assert found["p"] == pytest.approx(np.mean(np.array(gaps) <= gaps[0] + 1e-12))


def test_scale_changes_nothing(planted):
    states, table = planted
    scaled = ModelStates("m", (0,), states.ids, states.values * 128)
    one, other = (specificity(r, {"x": table}, K).test.drop(columns="model") for r in (states, scaled))
    pd.testing.assert_frame_equal(one, other, rtol=1e-6)


def test_triples_are_told_by_the_same_people_in_the_same_frame():
    table = triple_prompts(3)
    assert table["id"].is_unique
    assert table["text"].is_unique
    found = triples_of(table)
    assert {emotion: (len(rows), rows["unit"].nunique()) for emotion, rows in found.items()} == dict.fromkeys(
        ("gratitude", "anger", "apology"), (36, 12)
    )
    text = table.set_index("id")["text"]
    for row in found["anger"].itertuples():
        ends = {text[name].rsplit(". ", 1)[-1] for name in (row.id, row.partner, row.other)}
        assert len(ends) == 1
    assert (table[table["role"].isin(["partner", "other"])]["emotion"] == "neutral").all()


def test_too_few_and_too_many_units_are_refused(planted):
    states, table = planted
    with pytest.raises(UserError, match="there are 3"):
        specificity(states, {"x": table[table["unit"] < 3]}, 2)
    with pytest.raises(UserError, match="there are 24"):
        specificity(states, {"x": table.assign(unit=range(len(table)))}, 2)
    with pytest.raises(UserError, match="span"):
        specificity(states, {"x": table}, 13)


def test_the_share_of_any_prompts_is_cross_fitted():
    states, _ = sided.two_of_one_world()
    found = neutral_share(states, sided.rows(), 3)
    assert found["value"].between(0, 1).all()
    assert (found["chance"] == 3 / 20).all()


def test_a_summary_counts_the_emotions_of_a_model(planted):
    states, table = planted
    tests = specificity(
        states, {"x": table, "y": table.rename(columns={"id": "other", "other": "id"})}, K
    ).test
    found = by_model(tests).iloc[0]
    assert (found["small"], found["emotions"]) == (1, 2)
    assert found["value"] == pytest.approx(tests["value"].mean())
    assert found["p"] == tests["p"].min()
