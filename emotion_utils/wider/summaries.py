"""What the comparison with wider models says, in sentences for a page."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from emotion_utils.alignment.all_pairs import SCORES as SOUND_SCORES
from emotion_utils.core.errors import listing
from emotion_utils.reports.claims import read_claims
from emotion_utils.wider.claims import RANKING
from emotion_utils.wider.layers import LayerScores
from emotion_utils.wider.lengths import SweepFindings
from emotion_utils.wider.real_lengths import Ordering

SCORES = {
    "published": "the published score",
    "r2": "held-out R²",
    "overlap": "the overlap",
    "probe": "the transferred probe",
}
NAMES = {"published": "published score"} | SOUND_SCORES
"""The same in a table."""
PLACES = {True: "above", False: "below", None: "not told from"}
AT_BEST = {
    True: "lie above wrong ones",
    False: "do not lie above wrong ones, and at some length below",
    None: "cannot be told from wrong ones",
}


def printed_layers(model: str) -> pd.DataFrame:
    """The scores after the map that the reports print for one of their wider models.

    Returns
    -------
    Columns ``layer, after``, in the order of the layers.
    """
    table = read_claims()
    own = table[table["id"].str.fullmatch(rf"P8\.{model}\.L\d+\.after")]
    layers = own["id"].str.extract(r"\.L(\d+)\.", expand=False).astype(int)
    return pd.DataFrame({"layer": layers, "after": own["lo"].astype(float)}).sort_values(
        "layer", ignore_index=True
    )


def overall_of(scores: Mapping[str, LayerScores]) -> pd.DataFrame:
    """All layers at once, of several pairs by their names; a table without rows where there are none.

    Returns
    -------
    Columns ``pair`` and those of :meth:`emotion_utils.wider.layers.LayerScores.overall`.
    """
    parts = [own.overall().assign(pair=name) for name, own in scores.items()]
    columns = ["pair", "score", "statistic", "value", "null", "null_high", "p", "layers", "above"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def overall_in_words(overall: pd.DataFrame) -> pd.DataFrame:
    """What a page shows of :func:`overall_of`: scores and columns that are words."""
    heads = {"statistic": "over the layers", "null": "wrong pairs", "null_high": "wrong pairs, 95 %"}
    return overall.drop(columns="above").assign(score=overall["score"].map(NAMES)).rename(columns=heads)


def summarise_overall(overall: pd.DataFrame) -> str:
    """All layers at once, each score in one clause.

    Parameters
    ----------
    overall
        Of several pairs, from :meth:`emotion_utils.wider.layers.LayerScores.overall`.
    """
    parts = []
    for score, own in overall[overall["statistic"] == "mean"].groupby("score", sort=False):
        values = listing(f"{_score(row.value)} (wrong pairs {_score(row.null)})" for row in own.itertuples())
        counted = [sum(above is told for above in own["above"]) for told in PLACES]
        counts = ", ".join(
            f"{place} wrong ones in {n}" for place, n in zip(PLACES.values(), counted, strict=True) if n
        )
        parts.append(f"{SCORES[str(score)]} {values}: true pairs {counts}")
    return f"Means over the layers, pair by pair: {'; '.join(parts)}." if parts else ""


def summarise_sweep(found: SweepFindings) -> str:
    """What the published score follows."""
    moved = (
        "No sound score moves by more than rounding"
        if found.flat
        else f"Sound scores move by up to {found.moved:.2g}"
    )
    slope = (
        f"Where nothing is clipped, the score falls with the length to the power of {found.slope:.2f}. "
        if found.slope == found.slope
        else ""
    )
    return (
        f"the published score runs from {found.highest:.2g} down to {found.lowest:.1e}; as it is, {found.as_it_is:.2g} "
        f"(wrong pairs {found.as_it_is_wrong:.2g}), and with the target divided by 1,000 **{found.divided:.2g}** "
        f"(wrong pairs {found.divided_wrong:.2g}). Over this range length is {mostly(found.by_factor)} of what "
        f"varies; true pairs **{AT_BEST[found.above]}** (p = {found.p:.2g} of lying above at some length). "
        f"{slope}{moved} ({found.moved:.0e})."
    )


def _score(value: float) -> str:
    """Two digits, of a small one too: the published score of real models can be 0.00001."""
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


def _length(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def mostly(share: float) -> str:
    """A share in words: one that would be rounded to all of it is said to be more than 99 %."""
    return "more than 99 %" if 0.995 <= share < 1 else f"{share:.0%}"


def summarise_ordering(order: Ordering) -> str:
    """Whether the reports' order is that of lengths turned round, and what that is worth."""
    rows = "; ".join(
        f"{row.report:.2g} beside {row.lengths_of}, {_length(row.shortest)} to {_length(row.longest)}"
        for row in order.table.itertuples()
    )
    turned = order.correlation <= -1 + 1e-9
    return (
        f"The reports' score, and the lengths of the family: {rows}. The order is "
        f"{'that' if turned else 'not that'} of the lengths, turned round (p = {order.p:.2f}, at best "
        f"{order.least:.2f}){'' if order.apart else '; ranges over layers overlap'}."
    )


def summarise_claims(judged: pd.DataFrame) -> str:
    """How many claims have which verdict, and what is known of the reports' ranking, as a list in Markdown.

    Parameters
    ----------
    judged
        From :func:`emotion_utils.reports.claims.judge`, with scrutiny.
    """
    once = judged.drop_duplicates("id").set_index("id")
    lines = [
        f"**{kind.capitalize()}** of {len(once)} claims: "
        + ", ".join(f"**{n}** *{word}*" for word, n in once[kind].value_counts().items())
        for kind in ("replication", "scrutiny")
    ]
    ranking = once.loc[RANKING]
    lines += [
        f"**The ranking, by the models that stand in**: {ranking['note']}",
        f"**The ranking, by the reports' own numbers**: {ranking['scrutiny_note']}",
    ]
    return "\n".join(f"- {line}." for line in lines)
