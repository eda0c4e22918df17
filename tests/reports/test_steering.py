"""Each claim on planted tables, with both outcomes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from emotion_utils.core.budget import allot
from emotion_utils.core.profiles import STEERING_SIZES
from emotion_utils.reports import steering
from emotion_utils.reports.claims import read_claims
from emotion_utils.reports.published_steering import raw_alpha
from emotion_utils.statistics.resampling import FEWEST_UNITS
from emotion_utils.steering.overview import Trial
from emotion_utils.steering.plan import Plan, parts
from emotion_utils.steering.subject import MADE

N = 12


class Summed(Trial):
    """A trial whose summary is given."""

    def summary(self):
        return self.steered


def raw_texts(layers, repeated, costs):
    """Texts of raw vectors: the last of `layers` moves the scores most; cost by strength."""
    rows = []
    for layer in range(4):
        for alpha in (0.0, 1.0, 2.0):
            for prompt in range(N):
                moved = layers[layer] if alpha else 0.0
                repetition = repeated if alpha and layer == 2 else 0.0
                rows.append(
                    (layer, alpha, prompt, prompt / 10 + moved, repetition + prompt / 1e3, costs[alpha])
                )
    columns = ["layer", "alpha", "prompt", "vader", "repetition", "relative_perplexity"]
    table = pd.DataFrame(rows, columns=columns).assign(emotion="anger")
    return table.assign(unit=table["prompt"], politeness=table["vader"], classifier=table["vader"])


def doses(up, down, says):
    """Texts along the gratitude vector: sentiment and politeness by the sign of the strength."""
    rows = []
    for alpha in (-1.0, 0.0, 1.0):
        for prompt in range(N):
            score = {1.0: up, -1.0: down, 0.0: 0.0}[alpha] + prompt / 1e3
            rows.append(("gratitude", alpha, prompt, prompt, score, score, float(says and alpha == 1.0)))
    return pd.DataFrame(rows, columns=["emotion", "alpha", "prompt", "unit", "vader", "politeness", "target"])


def evidence(
    *, layers=(0.1, 0.2, 0.3, 0.9), repeated=0.5, costs=None, up=0.4, down=-0.4, own=0.0, gain=0.3, top=0.9
):
    chosen = {"gratitude": pd.Series({"layer": 1, "alpha": 1.0, "made": MADE[0]})}
    summary = pd.DataFrame({"control": [0.04], "untouched": [0.01], "controls": [100], "highest": [0.6]})
    size = STEERING_SIZES["smoke"]
    planned = Plan(size, allot(parts(size, 4, 3, 3), size.tokens), 4)
    trial = Summed(planned, *[summary] * 3, chosen, *[summary] * 3)
    dose = doses(up, down, True)
    first = dose.assign(own=own)
    world = pd.DataFrame(
        [
            ("gratitude", alpha, p, 0.2 + (gain if alpha else 0.0) * (p < 7))
            for alpha in (0.0, 1.0)
            for p in range(N)
        ],
        columns=["emotion", "alpha", "prompt", "classifier"],
    ).assign(kind="emotion vector")
    raw = raw_texts(layers, repeated, costs or {0.0: 1.0, 1.0: 1.0, 2.0: 9.0})
    return steering.Evidence(trial, dose, first, raw, world, pd.Series({"gratitude": top}))


def measured(steered_model, **planted):
    rows = steering.chapter_measurements(steered_model, evidence(**planted))
    return {row.claim: row for row in rows}


def test_every_claim_of_phase_5_is_measured(steered_model):
    known = {claim for claim in read_claims()["id"] if claim.startswith("P5.")}
    assert set(measured(steered_model)) == known


def test_the_layer_that_moves_most(steered_model):
    last, second = measured(steered_model), measured(steered_model, layers=(0.1, 0.9, 0.2, 0.3))
    assert (last["P5.layer.deep"].value, last["P5.layer.deep"].holds) == (11, True)
    assert (second["P5.layer.mid"].value, second["P5.layer.deep"].holds) == (5, False)


def test_the_chosen_strength_in_raw_vectors(steered_model):
    assert measured(steered_model)["P5.alpha.range"].value == pytest.approx(
        raw_alpha(steered_model, "gratitude", 1, 1.0)
    )


def test_the_strength_at_which_texts_collapse(steered_model):
    assert measured(steered_model)["P5.alpha.collapse"].value == 2.0
    fine = measured(steered_model, costs={0.0: 1.0, 1.0: 1.0, 2.0: 1.0})["P5.alpha.collapse"]
    assert (fine.value, fine.holds) == (None, False)


def test_repetition_against_untouched_texts(steered_model):
    more, same = (measured(steered_model, repeated=r)["P5.repetition"] for r in (0.5, 0.0))
    assert more.value == pytest.approx(0.5)
    assert (more.holds, same.holds) == (True, False)


def test_signs_hold_only_where_all_four_do(steered_model):
    assert measured(steered_model)["P5.sign"].holds is True
    assert measured(steered_model, down=0.1)["P5.sign"].holds is False
    assert measured(steered_model, up=-0.1)["P5.sign"].holds is False


def test_random_vectors_beyond_the_untouched_model(steered_model):
    assert measured(steered_model)["P5.random"].value == pytest.approx(0.03)


def test_real_world_texts_are_counted(steered_model):
    found = measured(steered_model)["P5.realworld"]
    assert (found.value, found.null) == (7, N / 2)


def test_texts_against_first_words(steered_model):
    assert measured(steered_model)["P5.multitoken"].holds is True
    assert measured(steered_model, own=1.0)["P5.multitoken"].holds is False
    # all texts show it and first words of one in five do; of genuine replies as few would
    found = measured(steered_model, own=0.2, top=0.2)["P5.multitoken"]
    assert found.value == pytest.approx(0.8)
    assert found.null == pytest.approx(0.8)
    assert found.holds is False


def test_with_few_units_everything_is_pending(steered_model):
    whole = evidence()
    few = steering.Evidence(
        whole.trial,
        whole.dose[whole.dose["unit"] < FEWEST_UNITS - 1],
        whole.first,
        whole.published,
        whole.real_world,
        whole.ceiling,
    )
    rows = steering.chapter_measurements(steered_model, few)
    assert [row.claim for row in rows] == [c for c in read_claims()["id"] if c.startswith("P5.")]
    assert all(row.value is None and row.holds is None for row in rows)
    assert f"at least {FEWEST_UNITS} are needed" in rows[0].note
    assert np.array([row.n for row in rows]).tolist() == [FEWEST_UNITS - 1] * len(rows)


def test_a_sweep_with_few_units_leaves_the_claims_pending_too(steered_model):
    whole = evidence()
    few = replace(whole, published=whole.published[whole.published["unit"] < 3])
    rows = steering.chapter_measurements(steered_model, few)
    assert all(row.value is None for row in rows)
    assert rows[0].note == f"3 units, at least {FEWEST_UNITS} are needed"
