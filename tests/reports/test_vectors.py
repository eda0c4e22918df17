"""The claims of Phase 3: variants of the published cosines, the depth of the peak, and what holds by rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
import planted
import pytest
import torch

from emotion_utils.reports import vectors
from emotion_utils.reports.claims import Measurement, judge, read_claims
from emotion_utils.reports.vectors import (
    PAIRS,
    chapter_findings,
    chapter_measurements,
    cosines_as_published,
    depth_of_peak,
    extreme_formulas,
    sentence_end_cosines,
)
from emotion_utils.vectors.contrasts import contrasts


def made(strength: float, place: str, families: int = 10):
    table = planted.prompts("keyword", families=families)
    return contrasts(table, planted.activations(table, strength), place)


def test_each_variant_is_its_formula():
    given = made(1.0, "end")
    table = cosines_as_published(given).set_index(["variant", "layers"])
    means = {
        e: given.values[given.labels == e].double().mean(0).numpy() for e in (*planted.EMOTIONS, "neutral")
    }
    g, a = means["gratitude"], means["anger"]
    centre = sum(means[e] for e in planted.EMOTIONS) / 3

    def cosine(x, y):
        return (x * y).sum(-1) / np.linalg.norm(x, axis=-1) / np.linalg.norm(y, axis=-1)

    pair = "gratitude – anger"
    assert table.loc[("raw means", "mean"), pair] == pytest.approx(cosine(g, a).mean())
    minus = cosine(g - means["neutral"], a - means["neutral"])
    assert table.loc[("minus neutral", "last"), pair] == pytest.approx(minus[-1])
    assert table.loc[("centred", "mean"), pair] == pytest.approx(cosine(g - centre, a - centre).mean())


def test_centring_three_vectors_forces_an_average_of_minus_one_half():
    table = cosines_as_published(made(0.0, "end"))
    pairs = table.columns[3:6]
    centred = table[(table["variant"] == "centred") & (table["layers"] == "mean")]
    assert centred[pairs].to_numpy().mean() == pytest.approx(-0.5, abs=0.03)
    assert centred["chance"].to_numpy() == pytest.approx([-0.5])
    # three times as many neutral prompts as those of one emotion: 1/4 instead of 1/2
    minus = table[table["variant"] == "minus neutral"]
    assert minus["chance"].to_numpy() == pytest.approx([0.25, 0.25])


def test_the_peak_is_told_on_the_scale_of_twelve_layers():
    given = made(1.0, "word")
    values = given.values.clone()
    values[:, 2] *= 10
    peak, low, high = depth_of_peak(
        type(given)("word", given.layers, values, given.labels, given.units, given.blocks), 50
    )
    assert peak == low == high == 11  # the last of three layers is the last of twelve
    values[:, 1] *= 1000
    assert (
        depth_of_peak(type(given)("word", given.layers, values, given.labels, given.units, given.blocks), 50)[
            0
        ]
        == 7
    )


def test_all_claims_are_measured_and_judged_by_rule():
    end, word = made(0.3, "end"), made(1.0, "word")
    rows = chapter_measurements("gpt2", end, word, n=100)
    wanted = read_claims()["id"]
    assert sorted(row.claim for row in rows) == sorted(wanted[wanted.str.startswith("P3.")])
    judged = judge(rows).set_index("id")
    assert judged.loc["P3.neo", "verdict"] == "pending"
    assert judged.loc["P3.cos.end.gp", "verdict"] in ("reproduced", "not reproduced")
    assert judged.loc["P3.cos.tok.pythia.ga", "verdict"] == "other model"
    by_claim = {row.claim: row for row in rows}
    assert by_claim["P3.cos.end.ga"].low < by_claim["P3.cos.end.ga"].value < by_claim["P3.cos.end.ga"].high


def test_separation_holds_where_words_are_further_apart():
    table = planted.prompts("keyword", families=10)
    found = planted.activations(table, 1.0)
    shared = torch.ones(planted.WIDTH)
    ends = (found.reads["position"] == "end") & found.reads["id"].str.contains(
        "-(?:gratitude|anger|apology)$"
    )
    for values in found.values.values():
        values[torch.tensor(ends.to_numpy())] += shared  # the sentence ends of all emotions move together
    end, word = contrasts(table, found, "end"), contrasts(table, found, "word")
    by_claim = {row.claim: row for row in chapter_measurements("gpt2", end, word, n=100)}
    assert by_claim["P3.separation"].holds
    assert by_claim["P3.separation"].high < 0
    swapped = {row.claim: row for row in chapter_measurements("small-neo", word, end, neighbour=end, n=100)}
    assert not swapped["P3.separation"].holds
    assert not swapped["P3.neo"].holds


@pytest.mark.parametrize(
    ("low", "high", "separated", "neo"),
    [(-0.3, -0.1, True, False), (0.1, 0.3, False, True), (-0.2, 0.02, None, None)],
)
def test_a_difference_of_cosines_is_decided_by_the_side_of_its_interval(
    monkeypatch, low, high, separated, neo
):
    end, word = made(1.0, "end", families=8), made(1.0, "word", families=8)
    monkeypatch.setattr(vectors, "interval", lambda *_: (low, high))
    rows = chapter_measurements("small-neo", end, word, neighbour=end, n=20)
    said = {row.claim: row.holds for row in rows}
    assert (said["P3.separation"], said["P3.neo"]) == (separated, neo)


def test_a_claim_about_all_three_is_judged_by_the_one_that_strays():
    table = planted.prompts("keyword", families=12)
    found = planted.activations(table, 0.0, noise=0.02)
    ends = (found.reads["position"] == "end").to_numpy()
    for emotion in planted.EMOTIONS:
        own = ends & found.reads["id"].str.endswith(emotion).to_numpy()
        for values in found.values.values():
            values[torch.from_numpy(own)] += 1.0
    end, word = contrasts(table, found, "end"), made(1.0, "word", families=12)
    value = {row.claim: row for row in chapter_measurements("pythia-160m", end, word, n=50)}[
        "P3.cos.end.pythia"
    ]
    assert value.value > 0.99  # all above the range: the highest strays furthest
    assert judge([value])["verdict"].tolist() == ["not reproduced"]


def test_too_few_units_leave_the_claims_pending():
    end, word = made(1.0, "end", families=2), made(1.0, "word", families=2)
    rows = chapter_measurements("small-gpt2", end, word)
    assert all(row.value is None and "at least 8" in row.note for row in rows)
    assert set(judge(rows)["verdict"]) == {"pending"}


@pytest.mark.parametrize(
    ("nulls", "reports", "null"), [((0.4, 0.6, 0.5), 3, 0.5), ((0.4, None, None), 1, 0.4)]
)
def test_the_reports_cosines_at_the_sentence_end_beside_their_null(nulls, reports, null):
    ids = ("P3.cos.end.ga.b", "P3.cos.end.gp", "P3.cos.end.ap")
    rows = [Measurement(claim, "small-gpt2", 0.3, null=one) for claim, one in zip(ids, nulls, strict=True)]
    found = sentence_end_cosines(judge([*rows, Measurement("P3.cos.tok.ga", "small-gpt2", 0.3, null=0.9)]))
    printed = read_claims().set_index("id")["value"]
    assert found.reports == tuple(printed[claim] for claim in ids[:reports])
    assert found.null == pytest.approx(null)


def test_without_a_null_no_cosine_of_the_reports_is_named():
    found = sentence_end_cosines(judge([Measurement("P3.cos.end.gp", "small-gpt2", None)]))
    assert found.reports == ()
    assert np.isnan(found.null)


def test_the_main_numbers_are_those_of_the_tables():
    ends = {"value": 0.8, "low": 0.7, "high": 0.9, "null": 0.5, "words": 0.6, "gain": 0.2, "gain_low": 0.1}
    rows = [
        {"set": name, "emotion": "mean", "method": "sentence end", "n_units": 9, "gain_high": 0.3, **ends}
        for name in ("baseline", "implicit", "unfamiliar")
    ]
    places = [
        {"set": "implicit", "made": "minus neutral", "against": against, "value": value, "n_units": 18}
        for against, value in (("neutral", 0.8), ("neutral", 0.6), ("other emotions", 0.55))
    ]
    angles = [{"reading": place, "value": 0.7, "no_emotion": 0.5, "n_units": 19} for place in ("end", "word")]
    table = chapter_findings(*map(pd.DataFrame, (rows, places, angles)), "baseline").set_index("finding")
    assert table.loc["AUROC on *implicit*"].tolist() == [0.8, 0.7, 0.9, 0.5, 9]
    assert table.loc["AUROC on *implicit*, vector minus bag of words"].tolist() == [0.2, 0.1, 0.3, 0.0, 9]
    assert table.loc["AUROC of a vector on *implicit* against neutral, mean", "value"] == pytest.approx(0.7)
    assert table.loc["Cosine of emotion-word vectors, mean; null without emotion", "null"] == 0.5
    assert not table.index.duplicated().any()


def test_the_formulas_with_the_smallest_and_the_largest_cosine():
    rows = [("end", "raw means", "mean", 0.9, 0.8, 0.7), ("word", "centred", "last", -0.5, -0.4, -0.6)]
    table = pd.DataFrame(rows, columns=["reading", "variant", "layers", *PAIRS])
    lowest, highest = extreme_formulas(table)
    assert lowest == (pytest.approx(-0.5), "word", "centred", "last")
    assert highest == (pytest.approx(0.8), "end", "raw means", "mean")
    assert extreme_formulas(table.iloc[:1]) == (highest, highest)
