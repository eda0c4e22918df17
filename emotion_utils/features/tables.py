"""Tables of the features of some siblings: what a page shows.

Each has a column ``model``: the sibling as a reader calls it.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from emotion_utils.features import cues, knockout_table
from emotion_utils.features.label_effects import MEASURES, SHARED, SPECIFIC
from emotion_utils.features.spelling_features import PLACES, PUBLISHED, survival_between
from emotion_utils.features.study import FeatureStudy
from emotion_utils.japanese.spellings import spelling_table
from emotion_utils.japanese.survival import TOP
from emotion_utils.models.registry import short_name
from emotion_utils.siblings.tables import beside

Studies = Mapping[str, FeatureStudy]
"""By registry name: the base, then its continuation in Japanese."""


def judged(studies: Studies) -> pd.DataFrame:
    """How well dictionaries write states back; see :attr:`FeatureStudy.judged`."""
    return _each({name: one.judged for name, one in studies.items()})


def effects(studies: Studies) -> pd.DataFrame:
    """Features with a high d, by layer; see :attr:`FeatureStudy.effects`."""
    return _each({name: one.effects for name, one in studies.items()})


def telling(studies: Studies) -> pd.DataFrame:
    """How many features have a high d for one label and for several, by layer, beside labels that were exchanged.

    Returns
    -------
    Columns ``model, layer, one label, several labels`` (features), ``null, null_low, null_high`` (features with a high
    d for any label where labels were exchanged), ``random`` (features of random directions), ``share_random`` (of
    these for one label alone).
    """
    parts = {}
    for name, one in studies.items():
        kind = one.kinds["kind"].rename("kind")
        counts = pd.crosstab(one.kinds["layer"], kind).reindex(columns=[SPECIFIC, SHARED], fill_value=0)
        high, share = (
            one.effects[one.effects["measure"] == measure].set_index("layer") for measure in MEASURES[1:3]
        )
        parts[name] = (
            counts.set_axis(["one label", "several labels"], axis=1)
            .join(high[["null", "null_low", "null_high", "random"]])
            .join(share["random"].rename("share_random"))
            .reset_index()
        )
    return _each(parts)


def sparsity(studies: Studies) -> pd.DataFrame:
    """Active features and the share of the strongest; see :attr:`FeatureStudy.sparsity`."""
    return _each({name: one.sparsity for name, one in studies.items()})


def knockouts(studies: Studies) -> pd.DataFrame:
    """What each label loses; see :attr:`FeatureStudy.knocked_out`."""
    return _each({name: one.knocked_out for name, one in studies.items()})


def knockout_means(studies: Studies) -> pd.DataFrame:
    """The same on average over labels."""
    seeds = {name: one.one.seed for name, one in studies.items()}
    return _each(
        {name: knockout_table.knockout_means(one.knocked_out, seeds[name]) for name, one in studies.items()}
    )


def label_cues(studies: Studies) -> pd.DataFrame:
    """Diversity of the cues of each label's features; see :attr:`FeatureStudy.cues`."""
    return _each({name: one.cues for name, one in studies.items()})


def cue_means(studies: Studies) -> pd.DataFrame:
    """The same on average over labels."""
    return _each({name: cues.cue_means(one.cues, one.one.seed) for name, one in studies.items()})


def survival(studies: Studies) -> pd.DataFrame:
    """Features that survive another spelling; see :attr:`FeatureStudy.survival`."""
    return _each({name: one.survival for name, one in studies.items()})


def differences(studies: Studies) -> pd.DataFrame:
    """The second sibling minus the first, over labels (knockout, cues) and over concepts (spellings).

    Returns
    -------
    Columns ``what`` (knockout, cues or spellings), ``measure, mean, low, high, p, labels``; p by sign flips. Spellings
    as published, for numbers of top features that both dictionaries have.
    """
    base, japanese = list(studies.values())[:2]
    seed, table = base.one.seed, spelling_table()
    features = min(one.spelled[PLACES[0]].shape[1] for one in (base, japanese))
    ks = [k for k in TOP if k < features]
    pairs = japanese.knocked_out, base.knocked_out
    parts = {
        "knockout": knockout_table.between_siblings(dict(zip(("second", "first"), pairs, strict=True)), seed),
        "cues": cues.cues_between(japanese.cues, base.cues, seed),
        "spellings": survival_between(
            japanese.spelled[PLACES[0]], base.spelled[PLACES[0]], table, ks, seed=seed
        ),
    }
    columns = ["measure", "mean", "low", "high", "p", "labels"]
    joined = [part[columns].assign(what=what) for what, part in parts.items()]
    return pd.concat(joined, ignore_index=True)[["what", *columns]]


def as_published(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of :func:`survival` of whole sentences and of all pairs, as the report reads them."""
    return table[(table["place"] == PLACES[0]) & (table["reading"] == PUBLISHED) & (table["pairs"] == "all")]


def _each(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    return beside({short_name(name): table for name, table in tables.items()})
