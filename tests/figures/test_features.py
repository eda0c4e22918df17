"""Figures of features: what is drawn, and what titles and alternative texts say."""

from __future__ import annotations

import feature_tables as made
import pandas as pd
import pytest

from emotion_utils.features.study import FROZEN, SOUND
from emotion_utils.features.tables import as_published
from emotion_utils.figures import features as figures


def traces(shown, name):
    return [trace for trace in shown.figure["data"] if trace["name"] == name]


def panel_names(shown):
    return [note["text"] for note in shown.figure["layout"]["annotations"]][:2]


def test_dictionaries_stand_beside_all_rivals():
    shown = figures.recovered(made.judged(), SOUND)
    assert shown.title == "The most of the loss is recovered by BatchTopK (90% on average)"
    drawn = {trace["name"] for trace in shown.figure["data"]}
    assert drawn == {SOUND, FROZEN, made.COMPONENTS, made.NEURONS}  # neither clean nor ablated
    assert panel_names(shown) == list(made.SIBLINGS)
    for trace in traces(shown, made.COMPONENTS):
        assert list(trace["x"]) == [0, 1]
        assert list(trace["y"]) == pytest.approx([0.6, 0.6])
        assert list(trace["error_y"]["array"]) == pytest.approx([0.1, 0.1])
    assert "16 components 0.60" in shown.alt
    assert "BatchTopK 0.90" in shown.alt
    assert "BatchTopK 15.5" in shown.markup
    other = figures.recovered(made.judged(components=-0.05), SOUND)
    assert other.title == "The most of the loss is recovered by 16 components (95% on average)"


def test_every_recipe_and_rival_of_a_large_profile_has_a_look():
    table = made.judged()
    more = table[table["method"] == FROZEN].assign(method="L1, as published", l0=90.0)
    shown = figures.recovered(pd.concat([table, more], ignore_index=True), SOUND)
    looks = {(trace["marker"].get("symbol"), trace["marker"]["color"]) for trace in shown.figure["data"]}
    assert len(looks) == 5
    assert "L1, as published 90.0" in shown.markup


def test_features_that_tell_stand_beside_exchanged_labels():
    shown = figures.telling(made.telling())
    assert shown.title == "60 features of a layer tell a label, 50 with random directions"
    assert "to one label alone react 50%, of random directions 95%" in shown.alt
    assert list(traces(shown, "one label")[0]["y"]) == [30, 30]
    assert list(traces(shown, "labels exchanged")[1]["y"]) == [5, 5]
    assert list(traces(shown, "labels exchanged")[0]["error_y"]["array"]) == pytest.approx([5, 5])
    assert list(traces(shown, "random directions")[0]["y"]) == [50, 50]
    assert shown.figure["layout"]["barmode"] == "stack"
    none = figures.telling(made.telling(one=0, several=0, null=40.0))
    assert none.title == "0 features of a layer tell a label, 50 with random directions"
    assert "nan" not in none.alt


@pytest.mark.parametrize(
    ("means", "said"),
    [
        (made.knockout_means(), "+10 points beside matched ones, surely more in 2 of 2 siblings"),
        (made.knockout_means(effect=1.0), "+1 points beside matched ones, surely more in 0 of 2 siblings"),
        (
            made.knockout_means(second=-10.0),
            "-10 to +10 points beside matched ones, surely more in 1 of 2 siblings",
        ),
        (
            made.knockout_means(half=made.NAN),
            "+10 points beside matched ones, surely more in 0 of 2 siblings",
        ),
    ],
)
def test_what_labels_lose_stands_beside_matched_features(means, said):
    shown = figures.knockouts(made.knockouts(), means)
    assert shown.title == f"Top features cost {said}"
    (first, _) = traces(shown, "its top features")
    assert list(first["x"]) == [20, 30, 40]
    assert list(first["y"]) == list(made.LABELS)
    assert list(traces(shown, "matched features, middle 95 %")[1]["x"]) == [10, 20, 30]
    second = means[(means["measure"] == "effect") & (means["model"] == made.JPN)]["mean"].item()
    assert (
        f"Dots of 3 labels; mean beyond matched features: small-gemma2 {means['mean'].iloc[3]:+.1f}"
        in shown.alt
    )
    assert f"small-gemma2-jpn {second:+.1f} points" in shown.alt


def test_cues_stand_beside_tokens_of_the_same_posts():
    shown = figures.cues(made.label_cues(), made.cue_means())
    assert (
        shown.title
        == "Share of the commonest token, mean over labels: small-gemma2 0.40, small-gemma2-jpn 0.45"
    )
    assert list(traces(shown, "features of a label")[0]["x"]) == pytest.approx([0.3, 0.4, 0.5])
    assert list(traces(shown, "features of a label")[1]["y"]) == pytest.approx([20, 19, 18])
    assert list(traces(shown, "tokens drawn from the same posts")[0]["y"]) == [25, 25, 25]
    assert "Dots of 3 labels" in shown.alt
    few = made.cue_means()
    few.loc[few["measure"] == "top_token_share", "mean"] = [0.9, 0.1]
    assert "small-gemma2 0.90, small-gemma2-jpn 0.10" in figures.cues(made.label_cues(), few).title


def test_survival_stands_beside_other_concepts():
    shown = figures.survival(as_published(made.survival()))
    assert shown.title == "Of other concepts 0.50 to 0.70 survives, of the same one 0.30 to 0.50"
    assert list(traces(shown, "spellings of one concept")[0]["x"]) == ["20", "50", "100"]
    assert list(traces(shown, "spellings of one concept")[1]["y"]) == pytest.approx([0.5, 0.4, 0.3])
    assert list(traces(shown, "spellings of other concepts")[0]["y"]) == pytest.approx([0.7, 0.6, 0.5])
    assert "small-gemma2-jpn k=100 0.30 (0.50)" in shown.alt
    less = figures.survival(as_published(made.survival(known=-0.2)))
    assert less.title == "Of other concepts 0.10 to 0.30 survives, of the same one 0.30 to 0.50"
