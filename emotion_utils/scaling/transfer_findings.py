"""What a mapped vector reaches of the target's own effect, and whether that is more than maps of wrong pairs reach."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from emotion_utils.alignment.mapped_vectors import BLIND, MAPPED, OTHER, WRONG_PAIRS
from emotion_utils.baselines.remainder import BOUNDS, MATTERS, NATS, TEXTS, beyond
from emotion_utils.baselines.share_of_effect import ratio_interval, share_power
from emotion_utils.reports.replication import all_hold
from emotion_utils.scaling.transfer import NATIVE, UNTOUCHED
from emotion_utils.statistics.corrections import adjusted
from emotion_utils.statistics.nulls import MEAN, against_null
from emotion_utils.statistics.paired import paired_effects
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.statistics.resampling import grouped_mean_interval
from emotion_utils.steering.controls import ALL, KINDS

RIVALS = (WRONG_PAIRS, ALL, OTHER, BLIND)
"""What a mapped vector is held against: maps of wrong pairs, the target's own random vectors of all kinds together,
mapped vectors of the other emotions, and the vector of a source that has nothing to carry."""
DRAWN = (WRONG_PAIRS, ALL)
"""Of these many were drawn, so that the vector has a rank among them."""
GAIN = "gain"
OUTCOMES = (GAIN, NATS, TEXTS)
"""Log-probability of genuine replies, which decides; their log-odds, which rise where a text breaks; and texts."""
LIMITS: dict[str, tuple[float, float] | None] = {GAIN: None, **BOUNDS}
WORDS = {GAIN: "replies", NATS: "log-odds", TEXTS: "texts"}
PAIR = ["source", "target", "map"]
VERDICTS = {True: "yes", False: "no", None: "cannot be told"}


def effects(table: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """What every arm changes in each context, for one pair and map: minus the untouched model's.

    Parameters
    ----------
    table
        From :func:`emotion_utils.scaling.transfer.transfer`, the rows of one map and those under no map.
    outcome
        One of :data:`OUTCOMES`.

    Returns
    -------
    A column per arm (means over its vectors; the random kinds together as `controls.ALL`) and ``unit``; one row per
    emotion and context, and the means over the emotions, called `nulls.MEAN`.
    """
    random = table[table["arm"].isin(KINDS)].assign(arm=ALL)
    both = pd.concat([table, random], ignore_index=True)
    means = both.groupby(["emotion", "arm", "prompt"], sort=False)[outcome].mean().unstack("arm")
    moved = means.sub(means[UNTOUCHED], axis=0)
    pooled = pd.concat({MEAN: moved.groupby("prompt").mean()}, names=["emotion"])
    return pd.concat([moved, pooled]).join(table.groupby("prompt")["unit"].first(), on="prompt")


def _cells(table: pd.DataFrame) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """Rows of every pair and map, those of the target alone among them."""
    for (source, target), own in table.groupby(["source", "target"], sort=False):
        for name in [name for name in own["map"].unique() if name]:
            kept = own[own["map"].isin(["", name])]
            yield {"source": str(source), "target": str(target), "map": str(name)}, kept


def shares(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """What each arm reaches, as a share of what the target's own vector reaches in the same contexts.

    Parameters
    ----------
    table
        From :func:`emotion_utils.scaling.transfer.transfer` or ``transfers``.
    seed
        Of the bootstrap over kinds of events.

    Returns
    -------
    One row per pair, map, emotion (and their mean, `nulls.MEAN`), outcome and arm: ``source, target, map, emotion,
    outcome, arm, value`` (mean change, nats or share of texts), ``share, low, high`` (of the own effect; NaN where the
    interval of the own effect does not lie above 0), ``own, own_low, own_high, n`` (contexts), ``n_units``.
    """
    rows = []
    for about, part in _cells(table):
        for outcome in OUTCOMES:
            for emotion, own in effects(part, outcome).groupby("emotion", sort=False):
                rows += [about | {"emotion": emotion} | row for row in _shares(own, outcome, seed)]
    return pd.DataFrame(rows)


def _shares(own: pd.DataFrame, outcome: str, seed: int) -> list[dict[str, object]]:
    """Of every arm, in the contexts in which it was tried."""
    rows, bounds = [], LIMITS[outcome]
    for arm in [arm for arm in own.columns if arm not in ("unit", UNTOUCHED, NATIVE)]:
        kept = own[own[arm].notna()]
        part, whole, units = (kept[name].to_numpy() for name in (arm, NATIVE, "unit"))
        low, high = grouped_mean_interval(whole, units, seed=seed, bounds=bounds)
        ends = ratio_interval(part, whole, units, bounds=bounds, seed=seed)
        value, known = float(part.mean()), {"own": float(whole.mean()), "own_low": low, "own_high": high}
        share = value / known["own"] if low > 0 else np.nan
        row = {
            "outcome": outcome,
            "arm": arm,
            "value": value,
            "share": share,
            "low": ends[0],
            "high": ends[1],
        }
        rows.append(row | known | {"n": len(kept), "n_units": len(np.unique(units))})
    return rows


def beside_rivals(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """What the mapped vector reaches beyond each of its rivals, as a share of what the target's own vector reaches.

    Parameters
    ----------
    table, seed
        As of :func:`shares`.

    Returns
    -------
    One row per pair, map, emotion (and their mean), outcome and rival of :data:`RIVALS` that was tried (``against``):
    ``left, low, high`` (difference to the rival over the own effect, as :func:`ratio_interval`), ``n_units, vectors``
    (of the rival), and, but for texts, against what was drawn ``p`` (the share of vectors, the mapped one among them,
    that reach as much in their contexts), ``p_holm`` (of the emotions: corrected for all emotions and maps of the pair;
    of their mean: for its maps), ``least`` (the smallest p_holm that so many vectors can give), and ``beats``: True
    where the interval lies above 0 and ``p_holm``, where there is one, is at most `permutations.LEVEL`; False where
    surely less than `remainder.MATTERS` of the own effect is left; None where neither can be told.
    """
    rows = []
    for about, part in _cells(table):
        for outcome in OUTCOMES:
            for emotion, own in effects(part, outcome).groupby("emotion", sort=False):
                named = about | {"emotion": str(emotion), "outcome": outcome}
                rows += [named | _beside(own, part, named, rival, seed) for rival in RIVALS if rival in own]
    found = pd.DataFrame(rows)
    family = [found["source"], found["target"], found["against"], found["outcome"], found["emotion"] == MEAN]
    grouped = found.groupby(family, sort=False)["p"]
    found["p_holm"] = grouped.transform(lambda p: adjusted(p.to_numpy(), "holm"))
    found["least"] = np.minimum(1.0, grouped.transform("count") / (1 + found["vectors"])).where(
        found["p"].notna()
    )
    found["beats"] = [_beats(row) for row in found.itertuples()]
    return found


def _beside(
    own: pd.DataFrame, part: pd.DataFrame, about: dict[str, str], rival: str, seed: int
) -> dict[str, object]:
    outcome, units, whole = about["outcome"], own["unit"].to_numpy(), own[NATIVE].to_numpy()
    gap = (own[MAPPED] - own[rival]).to_numpy()
    bounds = LIMITS[outcome]
    low, high = ratio_interval(gap, whole, units, bounds=bounds, seed=seed)
    drawn = part[part["arm"].isin(KINDS if rival == ALL else [rival])]
    vectors = len(drawn.groupby(["arm", "number"]))
    p = _rank(part, drawn, about["emotion"], outcome) if rival in DRAWN and outcome != TEXTS else np.nan
    left = float(gap.mean() / whole.mean()) if not np.isnan(low) else np.nan
    return {
        "against": rival, "left": left, "low": low, "high": high,
        "n_units": len(np.unique(units)), "vectors": vectors, "p": p,
    }  # fmt: skip


def _rank(part: pd.DataFrame, drawn: pd.DataFrame, emotion: str, outcome: str) -> float:
    """P with vectors as units: how many of those drawn do as much as the mapped one in their contexts."""
    ours = part[part["arm"] == MAPPED].set_index(["emotion", "prompt"])[outcome]
    kept = drawn if emotion == MEAN else drawn[drawn["emotion"] == emotion]
    at = pd.MultiIndex.from_frame(kept[["emotion", "prompt"]])
    ahead = (kept[outcome] - ours.reindex(at).to_numpy()).groupby([kept["arm"], kept["number"]]).mean()
    return against_null(0.0, ahead.to_numpy()).p


def _beats(row: object) -> bool | None:
    """By the interval, and where vectors were drawn by their rank too."""
    told = beyond(row.low, row.high, 1.0)  # type: ignore[attr-defined]
    p = row.p_holm  # type: ignore[attr-defined]
    return None if told and p > LEVEL else told


def verdicts(found: pd.DataFrame, outcome: str = GAIN) -> pd.DataFrame:
    """Whether a mapped vector carries the emotion over, by one outcome: more than what was drawn, of either kind.

    Parameters
    ----------
    found
        From :func:`beside_rivals`.
    outcome
        One of :data:`OUTCOMES`; texts have no ``p``, and are decided by the interval alone.

    Returns
    -------
    Columns ``source, target, map, emotion``; ``verdict``, one of :data:`VERDICTS`: yes where it surely reaches more
    than maps of wrong pairs and more than random vectors, no where it surely does not reach more than one of them;
    ``left, low, high, p, p_holm, least, vectors, n_units`` (beside wrong pairs), and the answer for each rival.
    """
    kept, keys = found[found["outcome"] == outcome], [*PAIR, "emotion"]
    wide = kept.pivot(index=keys, columns="against", values="beats")
    own = kept[kept["against"] == WRONG_PAIRS].set_index(keys)
    own = own[["left", "low", "high", "p", "p_holm", "least", "vectors", "n_units"]]
    rest = wide[[rival for rival in RIVALS if rival in wide]].reindex(own.index)
    both = [all_hold(row) for row in rest[[rival for rival in DRAWN if rival in rest]].to_numpy().tolist()]
    verdict = pd.Series(both, own.index, dtype=object, name="verdict").map(in_words)
    return pd.concat([verdict, own, rest.map(in_words)], axis=1).reset_index()


def in_words(told: bool | None) -> str:
    """One of :data:`VERDICTS`."""
    return VERDICTS[None if told is None or pd.isna(told) else bool(told)]


def effect_sizes(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Standardised sizes of the own effect, of the mapped vector's, and of what it has beyond each rival.

    Returns
    -------
    One row per pair, map, emotion, outcome and ``contrast``, with the columns of
    :func:`emotion_utils.statistics.paired.paired_effects`.
    """
    parts = []
    for about, part in _cells(table):
        for outcome in OUTCOMES:
            for emotion, own in effects(part, outcome).groupby("emotion", sort=False):
                columns = {NATIVE: own[NATIVE], MAPPED: own[MAPPED]}
                columns |= {f"beyond {rival}": own[MAPPED] - own[rival] for rival in RIVALS if rival in own}
                sizes = paired_effects(
                    np.stack(list(columns.values()), axis=1), own["unit"].to_numpy(), seed=seed
                )
                named = about | {"emotion": emotion, "outcome": outcome}
                parts.append(sizes.assign(**named, contrast=list(columns)))
    found = pd.concat(parts, ignore_index=True)
    front = [*PAIR, "emotion", "outcome", "contrast"]
    return found[[*front, *found.columns.drop(front)]]


def power(table: pd.DataFrame) -> pd.DataFrame:
    """What a pair can find in :data:`GAIN`: the least share of the own effect beyond wrong pairs, and the units needed.

    Returns
    -------
    Columns ``source, target, map, emotion`` and those of :class:`emotion_utils.baselines.share_of_effect.SharePower`.
    """
    rows = []
    for about, part in _cells(table):
        for emotion, own in effects(part, GAIN).groupby("emotion", sort=False):
            gap, whole = own[MAPPED] - own[WRONG_PAIRS], own[NATIVE]
            known = share_power(gap.to_numpy(), whole.to_numpy(), own["unit"].to_numpy(), MATTERS)
            rows.append(about | {"emotion": emotion} | known._asdict())
    return pd.DataFrame(rows)


def costs(table: pd.DataFrame) -> pd.DataFrame:
    """What each pair took.

    Returns
    -------
    One row per pair: ``source, target, contexts, vectors`` (that the target was steered with), ``rows`` (neutral ones
    of a map), ``tokens`` (through the target), ``seconds, vectors_mib, map_mib`` and ``peak_gib`` (most that the
    process held).
    """
    rows = []
    for (source, target), own in table.groupby(["source", "target"], sort=False):
        first = own.iloc[0]
        tried = len(own[own["arm"] != UNTOUCHED].groupby(["map", "arm", "number", "emotion"]))
        rows.append(
            {
                "source": source, "target": target, "contexts": own["prompt"].nunique(), "vectors": tried,
                "rows": first["rows"], "tokens": first["tokens"], "seconds": first["seconds"],
                "vectors_mib": first["vector_bytes"] / 2**20, "map_mib": first["map_bytes"] / 2**20,
                "peak_gib": first["peak_bytes"] / 2**30,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def main_findings(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """The main numbers, as `record.findings` takes them; the null of a share is that of wrong pairs."""
    found = shares(table, seed)
    pooled = found[found["emotion"] == MEAN].set_index([*PAIR, "outcome", "arm"])
    rows = []
    for key, row in pooled[pooled.index.get_level_values("arm") == MAPPED].iterrows():
        source, target, name, outcome, _ = key
        what = WORDS[outcome]
        null = pooled.loc[(source, target, name, outcome, WRONG_PAIRS), "share"]
        title = f"steering transfer, {source} to {target}, {name}: share of the own effect, {what}"
        rows.append((title, row["share"], row["low"], row["high"], null, row["n_units"]))
    return pd.DataFrame(rows, columns=["finding", "value", "low", "high", "null", "n"])
