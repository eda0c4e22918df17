"""Each claim on planted tables, with all outcomes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from emotion_utils.core.budget import allot
from emotion_utils.core.profiles import STEERING_SIZES
from emotion_utils.reports import steering
from emotion_utils.reports.claims import judge, read_claims
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


def raw_texts(layers, repeated, costs, uneven):
    """Texts of raw vectors: the last of `layers` moves the scores most; cost by strength."""
    rows = []
    for layer in range(4):
        for alpha in (0.0, 1.0, 2.0):
            for prompt in range(N):
                moved = layers[layer] if alpha else 0.0
                sway = uneven * (prompt % 2 * 2 - 1)
                repetition = repeated + sway if alpha and layer == 2 else 0.0
                rows.append(
                    (layer, alpha, prompt, prompt / 10 + moved, repetition + prompt / 1e3, costs[alpha])
                )
    columns = ["layer", "alpha", "prompt", "vader", "repetition", "relative_perplexity"]
    table = pd.DataFrame(rows, columns=columns).assign(emotion="anger")
    return table.assign(unit=table["prompt"], politeness=table["vader"], classifier=table["vader"])


def doses(up, down, says, sway):
    """Texts along the gratitude vector: sentiment and politeness by the sign of the strength."""
    rows = []
    for alpha in (-1.0, 0.0, 1.0):
        for prompt in range(N):
            swayed = up + sway * (prompt % 2 * 2 - 1)
            score = {1.0: swayed, -1.0: down, 0.0: 0.0}[alpha] + prompt / 1e3
            rows.append(("gratitude", alpha, prompt, prompt, score, score, float(says and alpha == 1.0)))
    return pd.DataFrame(rows, columns=["emotion", "alpha", "prompt", "unit", "vader", "politeness", "target"])


def random_vectors(shares):
    """Texts of random vectors, ten contexts each, and one vector of another emotion that turns all of them."""
    rows = [
        ("gratitude", kind, number, prompt, float(prompt < 10 * share))
        for kind, number, share in [
            *(("isotropic", i, share) for i, share in enumerate(shares)),
            ("vector of anger", 0, 1.0),
        ]
        for prompt in range(10)
    ]
    return pd.DataFrame(rows, columns=["emotion", "kind", "number", "prompt", "target"])


def evidence(
    *,
    layers=(0.1, 0.2, 0.3, 0.9),
    repeated=0.5,
    uneven=0.0,
    costs=None,
    up=0.4,
    down=-0.4,
    sway=0.0,
    says=True,
    mass=0.3,
    wobble=0.0,
    gain=0.3,
    better=7,
    worse=5,
    random=(0.1, 0.1, 0.0, 0.0) * 5,
):
    chosen = {"gratitude": pd.Series({"layer": 1, "alpha": 1.0, "made": MADE[0]})}
    summary = pd.DataFrame({"emotion": ["gratitude"], "untouched": [0.01]})
    size = STEERING_SIZES["smoke"]
    planned = Plan(size, allot(parts(size, 4, 3, 3), size.tokens), 4)
    trial = Summed(planned, *[summary] * 3, chosen, *[summary] * 2, random_vectors(random))
    dose = doses(up, down, says, sway)
    sway = wobble * (dose["prompt"] % 2 * 2 - 1)
    first = dose.assign(mass=np.where(dose["alpha"] == 1.0, 0.1 + mass + sway, 0.1))
    world = pd.DataFrame(
        [
            ("gratitude", alpha, p, 0.2 + gain * bool(alpha) * ((p < better) - 0.5 * (p >= N - worse)))
            for alpha in (0.0, 1.0)
            for p in range(N)
        ],
        columns=["emotion", "alpha", "prompt", "classifier"],
    ).assign(kind="emotion vector")
    raw = raw_texts(layers, repeated, costs or {0.0: 1.0, 1.0: 1.0, 2.0: 9.0}, uneven)
    return steering.Evidence(trial, dose, first, raw, world)


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


@pytest.mark.parametrize(
    ("low", "high", "held"), [(9, 11, True), (8.6, 11, None), (5.7, 9, None), (2, 8.9, False)]
)
def test_deep_layers_need_the_whole_range(steered_model, monkeypatch, low, high, held):
    monkeypatch.setattr(steering, "layer_of_effect", lambda *_: (high, low, high))
    assert measured(steered_model)["P5.layer.deep"].holds is held


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
    assert (more.holds, same.holds) == (True, None)
    assert measured(steered_model, repeated=-0.1)["P5.repetition"].holds is False
    wide = measured(steered_model, repeated=0.05, uneven=0.4)["P5.repetition"]
    assert wide.low < 0 < wide.value < wide.high
    assert wide.holds is None


def test_signs_hold_only_where_all_four_do(steered_model):
    assert measured(steered_model)["P5.sign"].holds is True
    assert measured(steered_model, down=0.1)["P5.sign"].holds is False
    assert measured(steered_model, up=-0.1)["P5.sign"].holds is False
    assert measured(steered_model, sway=2.0)["P5.sign"].holds is None  # two of four cannot be told from 0
    assert measured(steered_model, sway=2.0, down=0.1)["P5.sign"].holds is False


def held(steered_model, claim, **planted):
    """What the claim's own rule says, from the columns of the table."""
    (row,) = judge([measured(steered_model, **planted)[claim]]).to_dict("records")
    assert row["verdict"] == "other model"  # small-gpt2 is not GPT-2
    return row["holds"]


def test_random_vectors_beyond_the_untouched_model(steered_model):
    few = measured(steered_model)["P5.random"]
    assert few.value == pytest.approx(0.05 - 0.01)
    assert few.low < few.value < few.high
    assert few.n == 20  # vectors, not texts
    assert held(steered_model, "P5.random") is None  # an interval that reaches beyond 5 %
    assert held(steered_model, "P5.random", random=(0.0,) * 300) is True
    assert held(steered_model, "P5.random", random=(0.3,) * 20 + (0.2,) * 20) is False
    lucky = {"random": (0.0,) * 299 + (0.5,)}  # true of the average, not of each
    assert held(steered_model, "P5.random", **lucky) is False
    assert "the best one turns 50%" in measured(steered_model, **lucky)["P5.random"].note


def test_real_world_texts_are_counted_with_an_exact_interval(steered_model):
    found = measured(steered_model)["P5.realworld"]
    assert (found.value, found.null, found.n) == (7, N / 2, N)  # all twelve differ
    exact = binomtest(7, N).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((N * exact.low, N * exact.high))
    assert held(steered_model, "P5.realworld") is None  # 7 of 12 may be chance
    assert held(steered_model, "P5.realworld", better=12, worse=0) is True
    assert held(steered_model, "P5.realworld", better=1, worse=11) is False
    none = measured(steered_model, better=0, worse=N)["P5.realworld"]
    assert (none.low, none.value) == (0, 0)
    assert none.high == pytest.approx(N * binomtest(0, N).proportion_ci(method="exact").high)


def test_real_world_texts_that_stay_as_they_are_count_for_neither_side(steered_model):
    up = measured(steered_model, better=6, worse=0)["P5.realworld"]
    assert (up.value, up.n, up.null, up.holds) == (6, 6, 3, True)
    down = measured(steered_model, better=0, worse=6)["P5.realworld"]
    assert (down.value, down.n, down.holds) == (0, 6, False)
    assert measured(steered_model, better=5, worse=0)["P5.realworld"].holds is None  # p = 1/16
    still = measured(steered_model, better=0, worse=0)["P5.realworld"]
    assert (still.value, still.low, still.n, still.holds) == (0, None, 0, None)
    assert "0 of 12 differ" in still.note


def real_world(found, **emotions):
    """Texts whose probability of each emotion goes up, down, or stays: +, - or 0, one sign a text; ? has no score."""
    moves = {"+": 0.1, "-": -0.1, "0": 0.0, "?": np.nan}
    rows = [
        (emotion, alpha, p, 0.5 + moves[sign] if alpha else 0.5)
        for emotion, signs in emotions.items()
        for p, sign in enumerate(signs)
        for alpha in (0, 1)
    ]
    names = ["emotion", "alpha", "prompt", "classifier"]
    return replace(found, real_world=pd.DataFrame(rows, columns=names).assign(kind="emotion vector"))


@pytest.mark.parametrize(
    ("anger", "apology", "gratitude", "value", "n", "holds"),
    [
        ("++++++00", "++++++00", "++++++00", 6, 6, True),  # three emotions of six texts are six texts
        ("+++++000", "+++++000", "+++++000", 5, 5, None),
        ("++++++++", "--------", "00000000", 0, 0, None),  # up for one emotion and down for another: a tie
        ("++++++++", "++++++++", "--------", 8, 8, True),
        ("------00", "00000000", "-----?00", 0, 6, False),  # a text without a score says no emotion
    ],
)
def test_a_real_world_text_counts_once_whatever_the_emotions(
    steered_model, anger, apology, gratitude, value, n, holds
):
    given = real_world(evidence(), anger=anger, apology=apology, gratitude=gratitude)
    rows = {row.claim: row for row in steering.chapter_measurements(steered_model, given)}
    found = rows["P5.realworld"]
    assert (found.value, found.n, found.holds) == (value, n, holds)
    assert f"anger {anger.count('+')} of {8 - anger.count('0')}" in found.note


def test_a_first_word_that_moves_contradicts_that_it_shows_nothing(steered_model):
    moved = measured(steered_model, mass=0.3, wobble=0.05)["P5.multitoken"]
    assert moved.value == pytest.approx(0.3)
    assert moved.holds is False
    hidden = measured(steered_model, mass=0.0, wobble=0.01)["P5.multitoken"]
    assert hidden.value == pytest.approx(0.0)
    assert hidden.holds is True  # texts change, and first words by less than 5 %
    assert measured(steered_model, mass=0.0, wobble=0.01, says=False)["P5.multitoken"].holds is None
    assert measured(steered_model, mass=0.0, wobble=0.3)["P5.multitoken"].holds is None  # too uncertain
    assert measured(steered_model, mass=0.3, wobble=0.05, says=False)["P5.multitoken"].holds is False


def test_with_few_units_everything_is_pending(steered_model):
    whole = evidence()
    few = steering.Evidence(
        whole.trial,
        whole.dose[whole.dose["unit"] < FEWEST_UNITS - 1],
        whole.first,
        whole.published,
        whole.real_world,
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
