"""Every effect through the same test: as alone, corrected within its family, and with planted truths found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from emotion_utils.effects import tested as testing
from emotion_utils.effects.heads import INTO, PUBLISHED
from emotion_utils.effects.records import Effect
from emotion_utils.effects.steering import OUTCOMES
from emotion_utils.statistics.flips import max_t
from emotion_utils.statistics.paired import paired_effects
from emotion_utils.steering.by_context import SHIFT

UNITS = np.repeat([f"unit {i}" for i in range(12)], 4)
PROMPTS = np.array([f"prompt {i}" for i in range(48)])


def effect(
    values, what="steered to anger", *, chapter="05_steering", outcome="x", control=False, n=48, whole=np.nan
):
    own = np.asarray(values)[:n]
    return Effect(
        chapter, "small-gpt2", "anger", what, outcome, own, UNITS[:n], PROMPTS[:n], control, whole=whole
    )


@pytest.fixture(scope="module")
def effects():
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(48, 6))
    return [
        effect(noise[:, 0] + 1.5, outcome=OUTCOMES[SHIFT].label),
        effect(noise[:, 1]),
        effect(noise[:, 2], n=40),
        effect(np.zeros(48), outcome="never"),
        effect(noise[:, 3], "random direction (control)", outcome=OUTCOMES[SHIFT].label, control=True),
        effect(noise[:, 4] + 3, "L1H2 ablated", chapter="06_head_screening"),
        effect(noise[:, 5] - 0.1, "L1H3 ablated", chapter="06_head_screening"),
        effect(noise[:, 5], "L1H3+L1H2 transplanted", chapter="07_head_patching", outcome=INTO["denoising"]),
        effect(noise[:, 5], "L1H3 transplanted", chapter="07_head_patching", outcome=INTO["denoising"]),
        effect(noise[:, 0], PUBLISHED, chapter="07_head_patching"),
    ]


@pytest.fixture(scope="module")
def table(effects):
    return testing.results(effects, n_resamples=300, n_flips=800, seed=3)


def test_each_effect_is_tested_as_alone_and_keeps_its_place(effects, table):
    assert table.index.tolist() == list(range(len(effects)))
    for i in (0, 2, 5):
        alone = paired_effects(
            effects[i].differences[:, None], effects[i].units, n_resamples=300, n_flips=800, seed=3
        ).iloc[0]
        columns = ["n", "mean", "low", "d_z", "d_high", "p", "p_equivalence"]
        assert table.loc[i, columns].tolist() == pytest.approx(alone[columns].tolist(), rel=1e-9)
        assert table.loc[i, "shape"] == alone["shape"]


def test_planted_effects_are_found_and_nothing_else(table):
    assert table.index[table["q"] <= 0.05].tolist() == [0, 5]
    assert table.loc[3, "p"] == 1


def test_corrections_stay_within_the_family(effects, table):
    family = [0, 1, 2, 3]
    values = np.full((88, 4), np.nan)
    for column, i in enumerate((0, 1, 3)):
        values[:48, column] = effects[i].differences
    values[48:, 3] = effects[2].differences
    together = max_t(values, np.concatenate([UNITS, UNITS[:40]]), 800, 3)
    assert table.loc[[0, 1, 3, 2], "p_max"].tolist() == pytest.approx(together.tolist())
    assert (table.loc[family, "p_max"] >= table.loc[family, "p"] - 0.01).all()
    # alone in its family, a test pays for nothing
    assert table.loc[4, "p_holm"] == table.loc[4, "q"] == table.loc[4, "p"]


def test_findings_are_counted_by_correction_and_what_is_left_is_open(table):
    found = testing.findings(table).set_index(["chapter", "is_control"])
    steering = found.loc[("05_steering", False)]
    assert steering[["tests", "none", "benjamini_hochberg", "holm", "max_t"]].tolist() == [4, 1, 1, 1, 1]
    assert steering[["effect", "unchanged", "equivalent", "open"]].tolist() == [1, 1, 0, 2]
    assert (found["tests"] == found["benjamini_hochberg"] + found["unchanged"] + found["open"]).all()


def test_what_moves_nats_by_less_than_replies_differ_is_too_small_even_where_it_is_not_zero():
    rng = np.random.default_rng(6)
    heads = [
        effect(0.014 + 0.002 * rng.normal(size=48), f"L0H{i} ablated", outcome=INTO["noising"])
        for i in range(3)
    ]
    large = effect(5 + rng.normal(size=48), "L1H1 ablated", outcome=INTO["noising"])
    count = effect(0.014 + 0.002 * rng.normal(size=48), "L1H2 ablated", outcome="words (count)")
    options = {"n_resamples": 200, "n_flips": 500}
    for nats, expected in (({"small-gpt2": 1.0}, [2, 3, 0]), ({}, [5, 0, 0]), ({"other": 1.0}, [5, 0, 0])):
        found = testing.findings(testing.results([*heads, large, count], nats=nats, **options)).iloc[0]
        assert found[["effect", "equivalent", "open"]].tolist() == expected
    wide = effect(4 * rng.normal(size=48), "L1H3 ablated", outcome=INTO["noising"])
    found = testing.findings(testing.results([wide], nats={"small-gpt2": 0.4}, **options)).iloc[0]
    assert found[["effect", "equivalent", "open"]].tolist() == [0, 0, 1]
    assert found["power"] < 0.05


@pytest.mark.parametrize(("mean", "said"), [(1.0, "effect"), (0.03, "equivalent"), (0.1, "open")])
def test_the_whole_effect_is_never_too_small_to_matter(mean, said):
    noise = np.random.default_rng(2).normal(size=48)
    values = mean + (0.4 if said == "open" else 0.02) * (noise - noise.mean())
    steered = effect(values, outcome=OUTCOMES[SHIFT].label, whole=mean)
    table = testing.results([steered], n_resamples=200, n_flips=500, nats={"small-gpt2": 1.29})
    assert table["bound"].tolist() == pytest.approx([0.1])
    found = testing.findings(table).iloc[0]
    assert found[["effect", "equivalent", "open"]].to_dict() == dict.fromkeys(
        ["effect", "equivalent", "open"], 0
    ) | {said: 1}


def test_differences_that_are_all_alike_have_an_exact_interval_or_none():
    says = OUTCOMES["target"].label
    values = [np.zeros(48), np.ones(48), -np.ones(48)]
    shares = [effect(own, f"{i}", outcome=says) for i, own in enumerate(values)]
    found = testing.results(
        [*shares, effect(np.zeros(48), outcome="words (count)")], n_resamples=50, n_flips=50
    )
    end = 1 - 0.025 ** (1 / 12)  # twelve units
    assert found[["low", "high"]].head(3).to_numpy().tolist() == pytest.approx(
        np.array([[-end, end], [1 - end, 1], [-1, end - 1]])
    )
    assert found.loc[3, ["low", "high"]].isna().all()


def test_chapters_have_their_names():
    table = pd.DataFrame({"chapter": ["05_steering", "06_head_screening"], "is_control": [True, False]})
    assert testing.in_words(table).to_dict("list") == {
        "chapter": ["Chapter 5", "Chapter 6"], "effects or controls": ["controls", "effects"],
    }  # fmt: skip


def test_kinds_of_data_that_tests_do_not_fit_carry_a_warning(effects):
    rng = np.random.default_rng(1)
    rare = np.where(rng.random(48) < 0.06, 1.0, 0.0)
    found = testing.results([effect(rare), effect(rng.normal(size=48))], n_resamples=200, n_flips=200)
    assert found.loc[0, "warning"].startswith("sparse: in simulations")
    assert found.loc[1, "warning"] == ""


def test_the_first_look_has_a_rule(table):
    assert testing.main_effects(table, largest=1).index.tolist() == [0, 4, 5, 7, 9]


def test_the_mixed_model_stands_beside_the_paired_test(effects, table):
    found = testing.robust(effects, table.loc[[0, 1]])
    assert found["same"].all()
    assert found.loc[0, "mixed"] == pytest.approx(effects[0].differences.mean(), abs=1e-3)
