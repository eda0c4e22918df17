"""Probes read windows that no predictor has learnt from, and contrasts have the report's sign."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.novelty.probe_tasks import NEW, PREDICTED, TEXT_BEFORE, TOKEN_BEFORE
from emotion_utils.predictability.claims import measured, pooled_r2
from emotion_utils.predictability.probing import probe_task
from emotion_utils.predictability.study import PREDICTOR
from emotion_utils.predictability.tables import correlations, explained
from emotion_utils.reports.predictability import chapter_measurements, claim_numbers


@pytest.fixture(scope="module")
def probed(one):
    return {name: probe_task(one, name) for name in ("domain", "type")}


def test_every_representation_is_probed_at_every_layer_and_texts_once(one, probed):
    for name, text in (("domain", TEXT_BEFORE), ("type", TOKEN_BEFORE)):
        table = probed[name].table
        assert table["layer"].isna().sum() == 1
        assert table.loc[table["layer"].isna(), "representation"].tolist() == [text]
        per_layer = table.dropna(subset="layer").groupby("layer")["representation"].nunique()
        assert per_layer.tolist() == [9, 9]
        assert (table["documents"] == len(np.unique(one.test.document))).all()
    assert (probed["type"].table["n"] == one.sizes.places * len(one.rows["test"])).all()
    assert (probed["domain"].table["classes"] == 17).all()


def test_contrasts_are_the_differences_of_scores_with_the_signs_of_the_report(one, probed):
    layer = one.layers[0]
    for name, sign in (("domain", 1), ("type", -1)):
        own = probed[name].table.set_index(["layer", "representation"])["macro"]
        difference = own[layer, PREDICTED] - own[layer, NEW]
        assert probed[name].gap_of(layer, 50, 0).value == pytest.approx(sign * difference)
        gaps = probed[name].gaps.set_index(["layer", "contrast"])["difference"]
        assert gaps[layer, "h_hat − r"] == pytest.approx(difference)


def test_another_task_is_refused(one):
    with pytest.raises(UserError, match='There is no probe of "mood"'):
        probe_task(one, "mood")


def test_claims_are_judged_by_what_tables_say(one, probed):
    _, curves = correlations(one)
    found = measured(one, curves, probed["domain"], probed["type"])
    layer = one.layers[0]
    table = explained(one).set_index(["layer", "measure", "prediction"])["r2"]
    whole = pooled_r2(one.errors[layer], one.test.document, 1, 50, 0)
    assert whole.value == pytest.approx(table[layer, "pooled", PREDICTOR])
    later = pooled_r2(one.errors[layer], one.test.document, one.sizes.first, 50, 0)
    assert found.r2[layer].value == later.value != whole.value
    numbers = claim_numbers(found)
    rows = chapter_measurements(
        "small-llama3", numbers, layers=one.layers, n_layers=4, documents=found.documents
    )
    judged = {row.claim: row for row in rows}
    # layers 1 and 2 of 4 are its middle: what is asked of the ends stays open
    assert judged["D.r2.mid"].value == pytest.approx(np.mean([own.value for own in found.r2.values()]))
    assert judged["D.r2.last"].value is None
    assert judged["D.rho.ends"].value is None
