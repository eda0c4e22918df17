"""What can be said of the reports' claims about subspaces without their models: chance at their own width, and algebra.

Chance before a map comes from random subspaces of 768 dimensions, the width of all three models; chance after it from
the committed table of the calibration, where the same formulas were run on models that share nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.calibration import ledger
from emotion_utils.core.emotions import EMOTIONAL
from emotion_utils.reports.claims import OVERLAPS, read_claims
from emotion_utils.scrutiny.rules import Scrutiny, computed, printed, under_null
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.statistics.resampling import ENDS, interval
from emotion_utils.subspaces.measures import angle_cosine_chance
from emotion_utils.subspaces.overlap_by_k import DRAWS, REPORTED_WIDTH, random_sweeps
from emotion_utils.subspaces.overlaps import KS

K = 10

LAYERS = 12
"""Of the reports' three small models."""
RANDOM = f"one pair of random subspaces of {REPORTED_WIDTH} dimensions"


def before_alignment(n_draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """The reports' own values before alignment beside random subspaces of their width and k.

    Returns
    -------
    Columns ``id, report, k, chance, low, high`` (mean and 95 % of one pair of random subspaces of 768 dimensions) and
    ``scrutiny``.
    """
    return _beside_random(read_claims().set_index("id"), random_sweeps(n_draws, seed), seed)


class OverlapsBefore(NamedTuple):
    """The reports' overlaps before alignment beside what random subspaces give.

    Attributes
    ----------
    reports
        Their values.
    baseline_low, baseline_high
        The random baseline that they print.
    chance, low, high
        Mean and 95 % of one pair of random subspaces of :data:`REPORTED_WIDTH` dimensions.
    """

    reports: tuple[float, ...]
    baseline_low: str
    baseline_high: str
    chance: float
    low: float
    high: float


def overlaps_before(table: pd.DataFrame) -> OverlapsBefore:
    """What :func:`before_alignment` says of the claims :data:`OVERLAPS`."""
    own = table.set_index("id").loc[list(OVERLAPS)]
    low, high = read_claims().set_index("id").at["P35.overlap.random", "value"].split("..")
    return OverlapsBefore(tuple(own["report"]), low, high, *own[["chance", "low", "high"]].iloc[0])


def _beside_random(claims: pd.DataFrame, sweeps: Float[np.ndarray, "draw size"], seed: int) -> pd.DataFrame:
    squared = dict(zip(KS, sweeps.T, strict=True))
    cosines = angle_cosine_chance(K, REPORTED_WIDTH, seed=seed)
    wanted = [(claim, K, cosines) for claim in OVERLAPS]
    wanted += [("P35.align.before", K, squared[K]), ("P35.k.value", KS[0], squared[KS[0]])]
    wanted += [(f"P75.k{k}.{emotion}", k, squared[k]) for k in KS for emotion in sorted(EMOTIONAL)]
    rows = []
    for claim, k, null in wanted:
        low, high = interval(null)
        word = under_null(claims.loc[claim], low, high, RANDOM).word
        rows.append((claim, float(claims.loc[claim, "lo"]), k, float(null.mean()), low, high, word))
    return pd.DataFrame(rows, columns=["id", "report", "k", "chance", "low", "high", "scrutiny"])


def scrutiny(n_draws: int = DRAWS, seed: int = 0) -> dict[str, Scrutiny]:
    """Every claim of Phase 3.5, and those of Phase 7.5 about k.

    Parameters
    ----------
    n_draws, seed
        Of the random subspaces.
    """
    claims, sweeps = read_claims().set_index("id"), random_sweeps(n_draws, seed)
    table = _beside_random(claims, sweeps, seed)
    found = {
        row.id: under_null(claims.loc[row.id], row.low, row.high, f"{RANDOM}, k={row.k}")
        for row in table.itertuples()
    }
    means = dict(zip(KS, _of_means(sweeps), strict=True))
    for row in table[table["id"].str.contains(".k", regex=False)].itertuples():
        word, note = found[row.id]
        told = f"the report does not say what it averages, and the mean of {LAYERS} independent pairs reaches"
        found[row.id] = Scrutiny(word, f"{note}; {told} {means[row.k]:.3g}")
    cosines = interval(angle_cosine_chance(K, REPORTED_WIDTH, seed=seed))
    found["P35.overlap.random"] = computed(
        claims.loc["P35.overlap.random"], *cosines, "the quantity itself, of random subspaces"
    )
    section = ledger.read("published")
    found["P35.align.after"] = _after(claims.loc["P35.align.after"], section.tables["facts"])
    found["P35.align.angle"] = _angle(claims.loc["P35.align.angle"], section.tables["angles"])
    for claim in ("P35.procrustes", "P35.procrustes.b"):
        row = claims.loc[claim]
        word, note = computed(row, 0.0, 0.0, "a map of k coordinates to k coordinates leaves the span, gain")
        other = f"; {row['conflicts_with']} says otherwise" if row["conflicts_with"] else ""
        found[claim] = Scrutiny(word, note + other)
    return found | _over_k(claims, sweeps)


def _of_means(sweeps: Float[np.ndarray, "draw size"]) -> Float[np.ndarray, " size"]:
    """The 97.5th percentile of the mean of so many pairs as the reports' models have layers."""
    groups = len(sweeps) // LAYERS
    means = sweeps[: groups * LAYERS].reshape(groups, LAYERS, -1).mean(axis=1)
    return np.asarray(np.quantile(means, ENDS[1], axis=0))


def _after(claim: pd.Series, facts: pd.DataFrame) -> Scrutiny:
    """The scales of the second model at which models that share nothing give the value."""
    low, high = printed(claim)
    own = facts[facts["setting"].str.startswith("as published, scale ")]
    covers = own[(own["q_low"] <= high) & (own["q_high"] >= low)]
    ranges = "; ".join(
        f"{row.q_low:.2f} to {row.q_high:.2f} at {row.setting.split()[-1]}" for row in own.itertuples()
    )
    about = f"models that share nothing, by the scale of the second: {ranges}"
    if covers.empty:
        return Scrutiny("above chance" if low > own["q_high"].max() else "at chance", about)
    scales = ", ".join(setting.split()[-1] for setting in covers["setting"])
    return Scrutiny("at chance", f"{about}; the value is covered at scale {scales}")


def _angle(claim: pd.Series, angles: pd.DataFrame) -> Scrutiny:
    """Whether a variant of the report's computation reaches the gain where nothing is shared."""
    low, high = printed(claim)
    covers = angles[(angles["low"] <= high) & (angles["high"] >= low)]
    shown = covers if len(covers) else angles
    ranges = "; ".join(
        f"{row.low:.2f} to {row.high:.2f} ({row.precision}, {row.basis}, scale {row.scale:g})"
        for row in shown.itertuples()
    )
    word = "at chance" if low <= angles["high"].max() else "above chance"
    told = f"the report does not state its variant, and {len(covers)} of {len(angles)} cover the value"
    return Scrutiny(word, f"models that share nothing: {ranges}; {told}")


def _over_k(claims: pd.DataFrame, sweeps: Float[np.ndarray, "draw size"]) -> dict[str, Scrutiny]:
    """The best k, the fall from k = 2 to k = 5, and the same pattern twice, where there is nothing to find."""
    best = sweeps.argmax(axis=1)
    first = float((best == 0).mean())
    shares = np.bincount(best, minlength=len(KS)) / len(best)
    twice = float((shares**2).sum())
    drop = 1 - sweeps[:, 1] / sweeps[:, 0]
    of_means = [
        1 - float(claims.loc[f"P75.k5.{e}", "lo"]) / float(claims.loc[f"P75.k2.{e}", "lo"]) for e in EMOTIONAL
    ]
    word, note = under_null(claims.loc["P75.k.drop"], *interval(drop), RANDOM)
    sums = computed(claims.loc["P75.k.drop"], min(of_means), max(of_means), "from the printed means")
    return {
        "P35.k.best": Scrutiny(_chance(first), f"k={KS[0]} is best in {first:.0%} of draws, {RANDOM}"),
        "P75.k.drop": Scrutiny(word, f"{note}; {sums.word}, {sums.note}"),
        "P75.k.profiles": Scrutiny(
            _chance(twice), f"the same k is best in {twice:.0%} of unrelated couples of draws, {RANDOM}"
        ),
    }


def _chance(share: float) -> str:
    return "at chance" if share > LEVEL else "above chance"
