"""Every claim comes out both ways with invented values, and open where an interval has the limit in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emotion_utils.novelty.resampled import PositionCurve, Resampled
from emotion_utils.reports.claims import judge, read_claims
from emotion_utils.reports.predictability import Measured, Roles, chapter_measurements, claim_numbers

LAYERS, N_LAYERS, DOCUMENTS = (0, 6, 12, 18, 23), 24, 40
MODEL = "pythia-410m-deduped"
AT = np.arange(1, 256)
CLAIMS = [claim for claim in read_claims()["id"] if claim.startswith("D.")]
ORDINARY = np.random.default_rng(0).standard_normal(200)


def about(value, spread=0.002):
    """A statistic whose draws lie about it."""
    return Resampled(value, value + spread * ORDINARY, float(DOCUMENTS))


def line(start, stop, spread=0.002):
    """A curve that is a line from position 32 to 255, whose draws lie above and below its end."""
    way = (AT - 32) / (255 - 32)
    value = start + (stop - start) * way
    return PositionCurve(value, value + spread * ORDINARY[:, None] * way, AT, float(DOCUMENTS))


def as_reported(**changed):
    """What the report says, with a different correlation at each layer."""
    middle = {layer: line(2, 1) for layer in (6, 12, 18)}
    given = {
        "r2": {0: about(0.1), 6: about(0.3), 12: about(0.3), 18: about(0.3), 23: about(0.4)},
        "errors": {0: line(1, 1), **middle, 23: line(1, 1.01)},
        "rho": {
            0: line(0.6, 0.4),
            6: line(0.2, 0.2),
            12: line(0.2, 0.2),
            18: line(0.3, 0.0),
            23: line(0.3, 0.6),
        },
        "domain": {layer: about(0.1) for layer in LAYERS},
        "kind": {layer: about(0.2) for layer in LAYERS},
        "trivial_domain": {layer: about(0.04, 0.001) for layer in LAYERS},
        "trivial_kind": {layer: about(0.15, 0.001) for layer in LAYERS},
        "rho_null": 0.01,
    }
    return Measured(N_LAYERS, DOCUMENTS, **(given | changed))


def judged(measured, model=MODEL, layers=LAYERS, n_layers=N_LAYERS, documents=DOCUMENTS):
    numbers = claim_numbers(replace(measured, n_layers=n_layers))
    rows = chapter_measurements(model, numbers, layers=layers, n_layers=n_layers, documents=documents)
    assert [row.claim for row in rows] == CLAIMS
    return judge(rows).set_index("id")


def test_what_the_report_says_is_reproduced():
    table = judged(as_reported())
    assert table["verdict"].tolist() == ["reproduced"] * 9
    assert table.loc["D.r2.mid", "ours"] == pytest.approx(0.3)
    assert table.loc["D.mse.position", "ours"] == pytest.approx(-1 / 1.5, rel=1e-6)
    assert table.loc["D.rho.ends", "ours"] == pytest.approx((0.5 + 0.45) / 2 - (0.2 + 0.2 + 0.15) / 3)
    assert table.loc["D.rho.trend", "ours"] == pytest.approx(0.5)
    assert table.loc["D.rho.l18", "null"] == 0.01
    assert "gives +0.040" in table.loc["D.probe.domain", "note"]
    assert "+0.060" in table.loc["D.probe.domain", "note"]
    assert (table["n"] == DOCUMENTS).all()


OTHERWISE = {
    "D.r2.mid": {"r2": {0: about(0.1), 6: about(0.6), 12: about(0.6), 18: about(0.6), 23: about(0.4)}},
    "D.r2.last": {"r2": {0: about(0.1), 6: about(0.3), 12: about(0.3), 18: about(0.3), 23: about(0.7)}},
    "D.r2.first": {"r2": {0: about(0.5), 6: about(0.3), 12: about(0.3), 18: about(0.3), 23: about(0.4)}},
    "D.mse.position": {"errors": {0: line(1, 2), **{x: line(2, 1) for x in (6, 12, 18)}, 23: line(1, 1)}},
    "D.rho.ends": {"rho": {x: line(0.1, 0.1) if x in (0, 23) else line(0.4, 0.4) for x in LAYERS}},
    "D.rho.l18": {"rho": {x: line(0.4, 0.4) for x in LAYERS}},
    "D.rho.trend": {"rho": {x: line(0.4, 0.6) for x in LAYERS}},
    "D.probe.domain": {"domain": {x: about(-0.1) for x in LAYERS}},
    "D.probe.type": {"kind": {x: about(-0.1) for x in LAYERS}},
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_each_claim_can_fail(claim):
    assert judged(as_reported(**OTHERWISE[claim])).loc[claim, "verdict"] == "not reproduced"


def wide(value):
    return about(value, 0.4)


OPEN = {
    "D.r2.first": {"r2": {0: about(0.3), 6: wide(0.3), 12: wide(0.3), 18: wide(0.3), 23: about(0.4)}},
    "D.mse.position": {
        "errors": {0: line(1, 1.1, 0.05), **{x: line(2, 1) for x in (6, 12, 18)}, 23: line(1, 1)}
    },
    "D.rho.ends": {"rho": {x: line(0.4, 0.4, 0.2) if x == 0 else line(0.4, 0.4) for x in LAYERS}},
    "D.rho.l18": {"rho": {x: line(0.3, 0.0, 0.2) for x in LAYERS}},
    "D.probe.domain": {"domain": {x: wide(0.1) for x in LAYERS}},
    "D.probe.type": {"kind": {x: wide(0.1) for x in LAYERS}},
}


@pytest.mark.parametrize("claim", OPEN)
def test_an_interval_with_the_limit_in_it_leaves_a_claim_open(claim):
    row = judged(as_reported(**OPEN[claim])).loc[claim]
    assert row["holds"] is None
    assert row["verdict"] == "pending"


def test_another_model_agrees_or_contradicts():
    small = {0: 0, 3: 12, 5: 23}

    def at(mapping):
        return {own: mapping[theirs] for own, theirs in small.items()}

    told = as_reported()
    given = {name: at(getattr(told, name)) for name in ("r2", "errors", "domain", "kind")}
    given |= {"rho": {0: told.rho[0], 3: told.rho[18], 5: told.rho[23]}}
    given |= {name: at(getattr(told, name)) for name in ("trivial_domain", "trivial_kind")}
    table = judged(as_reported(**given), "small-gpt2", (0, 3, 5), 6)
    assert set(table["replication"]) == {"other model, agrees"}
    given["kind"] = {layer: about(-0.1) for layer in small}
    table = judged(as_reported(**given), "small-gpt2", (0, 3, 5), 6)
    assert table.loc["D.probe.type", "replication"] == "other model, contradicts"


def test_layers_that_were_not_read_leave_their_claims_open_with_the_reason():
    told = as_reported()
    only = {
        name: {layer: getattr(told, name)[layer] for layer in (6, 12)}
        for name in ("r2", "errors", "rho", "domain", "kind", "trivial_domain", "trivial_kind")
    }
    table = judged(as_reported(**only), layers=(6, 12))
    measured = set(table.index[table["ours"].notna()])
    assert measured == {"D.r2.mid", "D.probe.domain", "D.probe.type"}
    assert table.loc["D.rho.l18", "note"].startswith("layers 6, 12 of 24 were read, and none stands in")
    assert table.loc["D.rho.l18", "verdict"] == "pending"


def test_few_documents_are_said_to_be_few():
    table = judged(as_reported(), documents=5)
    assert table["ours"].isna().all()
    assert table["note"].str.contains("5 units, at least 8 are needed").all()


def test_roles_go_by_depth():
    assert Roles.of(LAYERS, 24) == Roles(0, (6, 12, 18), 23, 18)
    assert Roles.of((0, 2, 3), 4) == Roles(0, (2,), 3, 2)
    assert Roles.of((1, 2), 12) == Roles(None, (1, 2), None, None)
