"""What Chapter 12 answers: whether sparse features tell how robust a classifier is."""

from __future__ import annotations

from math import isnan

import pandas as pd

from emotion_utils.answers.answer import Answer, Falsifier
from emotion_utils.features.over_labels import OTHER_LAYERS
from emotion_utils.features.results import Results
from emotion_utils.features.tables import as_published
from emotion_utils.reports.replication import all_hold, any_holds, lies_above, lies_below
from emotion_utils.statistics.in_words import between, span
from emotion_utils.statistics.permutations import LEVEL

QUESTION = "Do sparse features tell how robust a model is?"
DIVERSE = "rarefied_tokens_beyond"


def answer(results: Results) -> Answer:
    """The answer, its words chosen by the numbers."""
    short = (_knocked_out(results), _specific(results), _spellings(results))
    points = (*short, _explained(results), _reported(results), _cues(results))
    return Answer(QUESTION, " ".join(short), _falsifiers(results), points)


def _knocked_out(results: Results) -> str:
    drop, matched, effect = (results.mean(name) for name in ("drop", "matched", "effect"))
    beyond = sum(lies_above(row.low, row.high) is True for row in effect.itertuples())
    gap = results.difference("knockout", "drop")
    ratio = results.tables["knockouts"].groupby("model", sort=False)[["rate_ratio", "energy_ratio"]].mean()
    return (
        f"Without its 20 top features a label loses **{span(drop['mean'], '.0f')} points** of recall on average; "
        f"matched ones, which fire {span(ratio['rate_ratio'])} times as often and carry "
        f"{span(ratio['energy_ratio'])} times as much, take {span(matched['mean'], '.0f')} points (surely less in "
        f"{beyond} of {len(effect)} siblings), and the loss of the Japanese sibling minus that of the base is "
        f"{gap['mean']:+.1f}{between(gap['low'], gap['high'], '+.1f')} points."
    )


def _specific(results: Results) -> str:
    high, share = results.high(), results.specific()
    said = (
        f"Of the features of a layer **{span(high['value'], '.0f')}** react strongly to a label (labels exchanged: "
        f"{span(high['null'], '.0f')}; features in random directions, which nobody trained: "
        f"**{span(high['random'], '.0f')}**)"
    )
    shares = [rows.dropna() for rows in (share["value"], share["random"])]
    if any(rows.empty for rows in shares):  # no feature reacts strongly
        alone = f", {span(shares[0], '.0%')} of them to one alone" if len(shares[0]) else ""
        return f"{said}{alone}."
    own, random = (span(rows, ".0%") for rows in shares)
    return f"{said}, {own} of them to one alone (random directions: {random})."


def _spellings(results: Results) -> str:
    rows = as_published(results.tables["survival"])
    above = sum(lies_above(row.known_low, row.known_high) is True for row in rows.itertuples())
    so = ", so that a model that knew no concept would look the most robust" if above else ""
    return (
        f"Of a spelling's features {span(rows['value'], '.0%')} survive when those of another spelling of its concept "
        f"are taken away, and {span(rows['null'], '.0%')} when those of another concept are: in **{above} of "
        f"{len(rows)}** cases surely more{so}."
    )


def _explained(results: Results) -> str:
    own, *rivals = results.recovered(), results.components(), results.random_directions()
    beside = [f"{span(one['explained'], '.0%')} and {span(one['recovered'], '.0%')}" for one in rivals]
    return (
        f"With {results.k} active features a dictionary explains {span(own['explained'], '.0%')} of the variance and "
        f"recovers **{span(own['recovered'], '.0%')}** of the classifier's loss (as many components {beside[0]}, "
        f"random directions {beside[1]}); {span(own['dead'], '.0%')} of its features never fire."
    )


def _reported(results: Results) -> str:
    row = results.tables["reported"].set_index("layers").loc[OTHER_LAYERS]
    ends = between(row["t_low"], row["t_high"], "+.1f")
    return (
        f"The report's own {row['labels']:.0f} labels differ by {row['mean']:+.1f} points{ends}, p = {row['p']:.2f} by "
        f"sign flips and {row['p_t']:.2f} by a t test."
    )


def _cues(results: Results) -> str:
    own, gap = results.mean(DIVERSE, "cue_means"), results.difference("cues", DIVERSE)
    return (
        f"The number of different tokens in 20 firings of a feature, minus that of tokens of the same posts, is "
        f"{span(own['mean'], '+.1f')}; Japanese minus base {gap['mean']:+.2f}"
        f"{between(gap['low'], gap['high'], '+.2f')}."
    )


def _falsifiers(results: Results) -> tuple[Falsifier, ...]:
    return (
        _needed(results),
        _robust(results),
        _more_diverse(results),
        _own_features(as_published(results.tables["survival"])),
        _tell(results.high()),
        _specific_by_training(results.specific()),
        _beyond(
            results.components(),
            "*Features write states back better than components*: a layer where as many components surely lose less",
        ),
        _beyond(
            results.random_directions(),
            "*Their directions are learned, not lucky*: a layer where random directions surely lose less",
        ),
    )


def _needed(results: Results) -> Falsifier:
    rows = results.mean("effect")
    told = [lies_above(row.low, row.high) for row in rows.itertuples()]
    words = [
        f"{row.model} {row.mean:+.1f}{between(row.low, row.high, '+.1f')} points" for row in rows.itertuples()
    ]
    return Falsifier(
        "*A label's features are what it needs*: a loss that is not above that of matched features",
        any_holds([None if one is None else not one for one in told]),
        "; ".join(words),
    )


def _robust(results: Results) -> Falsifier:
    gap = results.difference("knockout", "drop")
    return Falsifier(
        "*The Japanese sibling is more robust to a knockout*: a loss that is not below that of the base",
        _not(lies_below(gap["low"], gap["high"])),
        f"Japanese minus base {gap['mean']:+.1f} points{between(gap['low'], gap['high'], '+.1f')}, p = {gap['p']:.2f}",
    )


def _more_diverse(results: Results) -> Falsifier:
    gap = results.difference("cues", DIVERSE)
    return Falsifier(
        "*It uses more diverse cues*: features that fire on no more different tokens",
        _not(lies_above(gap["low"], gap["high"])),
        f"Japanese minus base {gap['mean']:+.2f} tokens in 20{between(gap['low'], gap['high'], '+.2f')}",
    )


def _own_features(rows: pd.DataFrame) -> Falsifier:
    told = [lies_above(row.known_low, row.known_high) for row in rows.itertuples()]
    return Falsifier(
        "*A high survival rate says that a model knows spellings*: a higher one between different concepts",
        any_holds(told),
        f"by {span(rows['known'], '+.2f')}",
    )


def _tell(rows: pd.DataFrame) -> Falsifier:
    able = [None if isnan(row.p) else row.p <= LEVEL for row in rows.itertuples()]
    return Falsifier(
        "*Features tell labels apart*: no more with a high d than among exchanged labels, at some layer",
        _not(all_hold(able)),
        f"{span(rows['value'], '.0f')} beside {span(rows['null'], '.0f')}",
    )


def _specific_by_training(rows: pd.DataFrame) -> Falsifier:
    told = [lies_above(row.low, row.high, row.random, ended=True) for row in rows.itertuples()]
    return Falsifier(
        "*Label-specific features are learned*: a share of them that is not above that of random directions",
        any_holds([_not(one) for one in told]),
        f"{span(rows['value'], '.0%')} beside {span(rows['random'], '.0%')}",
    )


def _beyond(rows: pd.DataFrame, condition: str) -> Falsifier:
    told = [lies_below(row.worse_low, row.worse_high) for row in rows.itertuples()]
    return Falsifier(
        condition, any_holds(told), f"their loss is larger by {span(rows['worse'], '+.2f')} nats"
    )


def _not(said: bool | None) -> bool | None:
    return None if said is None else not said
