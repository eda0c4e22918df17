"""Sentences about sets of emotion vectors, and what is drawn of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scaling_sets  # noqa: F401

from emotion_utils.figures import scaling as figures
from emotion_utils.scaling import summaries
from emotion_utils.scaling.geometry import RECIPES
from emotion_utils.scaling.record import read_record

RECORD = read_record()


def test_similarities_are_said_with_their_nulls():
    curve, pairs = RECORD.tables["curve"], RECORD.tables["similarities"]
    text = summaries.summarise_similarities(pairs, curve)
    own = curve[(curve["one"] == "SmolLM2 135M") & (curve["recipe"] == RECIPES[False])].iloc[0]
    assert f"*SmolLM2 135M*: **{own['value']:.2f}**" in text
    assert f"permuted labels up to {own['null_high']:.2f}; above them: {own['shared']}" in text
    raw = pairs[pairs["recipe"] == RECIPES[False]]
    assert f"**{raw['lowered'].sum()} of {raw['exchanges'].sum()}** cases" in text


def test_a_page_shows_sets_as_they_are():
    pairs = RECORD.tables["similarities"]
    shown = summaries.similarities_in_words(pairs)
    assert len(shown) == (pairs["recipe"] == RECIPES[False]).sum() == len(pairs) / 2
    assert set(shown.columns) == set(summaries.IN_WORDS.values())


def test_axes_are_counted_by_their_p():
    axes = pd.DataFrame({"axis": ["valence"] * 2, "value": [0.6, 0.9], "p": [0.4, 0.01]})
    held = pd.DataFrame({"value": [0.5, 0.8], "p": [0.5, 0.01], "first": [0.1, 0.3]})
    text = summaries.summarise_axes(axes, held, pd.DataFrame())
    assert (
        "AUROC of 0.60 to 0.90, beyond permuted labels, after Holm for all axes, in **1 of 2** models" in text
    )
    assert "50% to 80% of pairwise choices, beyond permuted labels in **1 of 2** cases" in text
    assert "next to its own vector among all in 10% to 30%." in text
    weak = axes.assign(p=[0.04, 0.03])  # each alone is small, and both together are not
    assert "in **0 of 2** models" in summaries.summarise_axes(weak, held, pd.DataFrame())
    follows = pd.DataFrame(
        {
            "score": ["separation", "auroc"],
            "r": [0.98, 0.1],
            "tenfold": [10.0, 1.0],
            "layers": 56,
            "models": 4,
        }
    )
    assert "r = 0.98, and vectors ten times as long give 10 times as much" in summaries.summarise_axes(
        axes, held, follows
    )


def row_of(one, other, value, words_one, words_other, partial):
    """A similarity as the record keeps it."""
    return {
        "one": one, "other": other, "recipe": RECIPES[False], "value": value, "words_one": words_one,
        "words_other": words_other, "partial": partial, "partial_null_high": 0.21, "beyond_words": "yes",
    }  # fmt: skip


def test_a_model_that_read_all_stories_is_said_beside_the_first_ones_and_the_words():
    smol, qwen, llama = "SmolLM2 135M", "Qwen3 8B", "Llama 3.1 8B"
    whole = pd.DataFrame(
        [row_of(smol, qwen, 0.84, 0.81, 0.86, 0.52), row_of(llama, qwen, 0.99, 0.85, 0.86, 0.96)]
    )
    # in another order, as where a reader's sets are sorted otherwise
    first = pd.DataFrame(
        [row_of(qwen, smol, 0.80, 0.66, 0.73, 0.61), row_of(llama, qwen, 0.99, 0.68, 0.66, 0.98)]
    )
    text = summaries.summarise_all_stories(whole, first)
    assert text.startswith(
        "With all 150 stories of each emotion, the values of the first 24 in brackets:\n\n- "
    )
    assert (
        "- *SmolLM2 135M* and *Qwen3 8B* **0.84** (0.80); the words of the stories and *Qwen3 8B* 0.86 (0.66); given "
        "the words 0.52 (0.61), permuted labels up to 0.21, above them: yes." in text
    )
    assert "- *Llama 3.1 8B* and *Qwen3 8B* **0.99** (0.99)" in text
    assert "Llama" not in summaries.summarise_all_stories(whole, first.head(1))  # a pair that is not at hand
    assert summaries.summarise_all_stories(whole, first.head(0)) == ""
    assert summaries.summarise_all_stories(pd.DataFrame(), first) == ""


def test_the_committed_record_says_what_all_stories_say():
    text = summaries.summarise_all_stories(RECORD.tables["all_stories"], RECORD.tables["similarities"])
    assert "*Llama 3.1 8B* and *Qwen3 8B* **0.99** (0.99)" in text


def test_the_pairs_with_most_layers_are_drawn():
    depths = RECORD.tables["depths"]
    pairs = summaries.shown_pairs(depths)
    sizes = depths[depths["recipe"] == RECIPES[False]].groupby(["one", "other"]).size()
    assert [sizes[pair] for pair in pairs] == sorted(sizes, reverse=True)[: len(pairs)]
    shown = figures.by_depth(depths, pairs)
    assert f"{depths[depths['recipe'] == RECIPES[False]]['value'].median():.2f} (raw)" in shown.alt


def test_the_curve_and_the_sweep_are_drawn_with_their_numbers():
    curve = RECORD.tables["curve"]
    shown = figures.by_parameters(curve, "Qwen3 8B")
    raw = curve[curve["recipe"] == RECIPES[False]]
    above = int((raw["low"] > raw["null_high"]).sum())
    assert shown.title == f"{above} of {len(raw)} models agree with Qwen3 8B beyond permuted labels"
    sweep = RECORD.tables["sweep"].assign(mark=lambda t: t["mark"].fillna(""))
    drawn = figures.by_length(sweep, "two models")
    assert f"falls from {sweep['after'].max():.2f} to {sweep['after'].min():.1e}" in drawn.alt


def test_layers_and_transfers_are_drawn():
    layers = pd.DataFrame(
        {
            "layer": [0, 1],
            "after": [0.5, 0.6],
            "permuted": [0.6, 0.5],
            "permuted_high": [0.7, 0.55],
            "p": [0.9, 0.01],
        }
    )
    shown = figures.beside_reports(
        {"a, for b": layers}, {"a, for b": pd.DataFrame({"layer": [0], "after": [0.1]})}
    )
    assert shown.title == "Wrong pairs reach the score after the map at 1 of 2 layers"
    shares = pd.DataFrame(
        {"source": "small-gpt2", "target": "small-llama3", "map": "ridge", "arm": ["mapped", "wrong"],
         "share": [0.4, 0.1], "low": [0.2, np.nan], "high": [0.6, np.nan]}
    )  # fmt: skip
    drawn = figures.transfer(shares, "mapped")
    assert drawn.title == "Mapped vectors reach 40% of the own effect on average, rivals up to 10%"
