"""What can be said of the reports' claims about subspaces without their models: chance at their own width, and algebra.

Chance before a map comes from random subspaces of 768 dimensions, the width of all three models; chance after it from
the committed tables of the calibration, where the same formulas were run on models and subspaces that share nothing.
The reports' values over k are means over layers, five by their author's table. Layers of one model resemble each other,
and no report says how much: the mean of five independent pairs is one end of what their chance may be, a single pair
the other.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.calibration import ledger
from emotion_utils.core.emotions import EMOTIONAL
from emotion_utils.reports.claims import OVERLAPS, read_claims
from emotion_utils.scrutiny import over_k
from emotion_utils.scrutiny.judging import Rule, follows, judged, reprinted, rows_of, single
from emotion_utils.scrutiny.over_k import RANDOM, means_over
from emotion_utils.scrutiny.rules import (
    Row,
    Rows,
    Scrutiny,
    between,
    printed,
    settled,
    under_null,
)
from emotion_utils.statistics.resampling import interval
from emotion_utils.subspaces.measures import angle_cosine_chance
from emotion_utils.subspaces.overlap_by_k import DRAWS, REPORTED_WIDTH, random_sweeps
from emotion_utils.subspaces.overlaps import KS

K, TOP = 10, 5
COSINE = 0.4
"""Of the one direction that planted subspaces have in common."""
PER_EMOTION = [f"P75.k{k}.{emotion}" for k in KS for emotion in sorted(EMOTIONAL)]
SHARE_NOTHING = "models that share nothing"


def before_alignment(n_draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """The reports' own values before alignment beside random subspaces of their width and k.

    Returns
    -------
    Columns ``id, report, k, chance, low, high`` (mean and 95 % of one pair of random subspaces of 768 dimensions) and
    ``scrutiny``.
    """
    claims = rows_of(read_claims().set_index("id"))
    found = []
    for rule, k, null in _before(n_draws, seed):
        claim = rule.claims[0]
        word = rule.said(claims)[claim].word
        found.append((claim, float(claims[claim]["lo"]), k, float(null.mean()), *interval(null), word))
    return pd.DataFrame(found, columns=["id", "report", "k", "chance", "low", "high", "scrutiny"])


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


def scrutiny(n_draws: int = DRAWS, seed: int = 0) -> dict[str, Scrutiny]:
    """What the rules say of every claim of Phase 3.5, and those of Phase 7.5 about k.

    Parameters
    ----------
    n_draws, seed
        Of the random subspaces.
    """
    claims = rows_of(read_claims().set_index("id"))
    return judged(rules(claims, n_draws, seed), claims)


def rules(rows: Rows, n_draws: int = DRAWS, seed: int = 0) -> list[Rule]:
    """Those for the claims of Phase 3.5, and those of Phase 7.5 about k.

    Parameters
    ----------
    rows
        All claims.
    n_draws, seed
        Of the random subspaces.
    """
    cosines = interval(angle_cosine_chance(K, REPORTED_WIDTH, seed=seed))
    sweeps = _sweeps(n_draws, seed)
    published = ledger.read("published").tables
    layers = int(settled(rows["P75.k.drop"]).get("n_layers", 1))
    return [
        *(rule for rule, _, _ in _before(n_draws, seed)),
        follows("a baseline that can be drawn", "P35.overlap.random", lambda _: cosines,
                f"the quantity itself, of {RANDOM}"),
        _after_map(published["facts"]),
        _angle(published["angles"]),
        *_rotation(rows),
        *over_k.rules(sweeps, layers),
    ]  # fmt: skip


@lru_cache(maxsize=4)
def _sweeps(n_draws: int, seed: int) -> Float[np.ndarray, "draw size"]:
    return random_sweeps(n_draws, seed)


def _before(n_draws: int, seed: int) -> list[tuple[Rule, int, np.ndarray]]:
    """Rules for values before any map, each with its k and what a single pair gives."""
    squared = dict(zip(KS, _sweeps(n_draws, seed).T, strict=True))
    cosines = angle_cosine_chance(K, REPORTED_WIDTH, seed=seed)
    found = [(_overlap(claim, K, cosines, angles=True), K, cosines) for claim in OVERLAPS]
    by_k = [("P35.align.before", K), ("P35.k.value", KS[0])]
    by_k += [(claim, int(claim.split(".")[1].removeprefix("k"))) for claim in PER_EMOTION]
    return [*found, *((_overlap(claim, k, squared[k]), k, squared[k]) for claim, k in by_k)]


def _overlap(claim: str, k: int, pairs: Float[np.ndarray, " draw"], angles: bool = False) -> Rule:
    """A mean over layers, and over emotions where it is one: between a single pair and so many independent ones."""

    def averaged(rows: Rows) -> int:
        layers = int(settled(rows[claim]).get("n_layers", 1))
        return layers * (1 if claim in PER_EMOTION else len(EMOTIONAL))

    @lru_cache(maxsize=4)
    def ends(n: int) -> dict[str, tuple[float, float]]:
        one = {f"one pair of {RANDOM}, k={k}": interval(pairs)}
        return one if n == 1 else one | {f"the mean of {n} independent pairs": interval(means_over(pairs, n))}

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        return {claim: between(rows[claim], ends(averaged(rows)))}

    def null(rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
        n = int(rng.choice([1, averaged(rows)]))
        return {claim: reprinted(rows[claim], float(rng.choice(pairs, size=n).mean()))}

    def plant(rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
        products = rng.normal(0, REPORTED_WIDTH**-0.5, size=(averaged(rows), k, k))
        products[:, 0, 0] = COSINE
        top = np.linalg.svd(products, compute_uv=False)[:, :TOP].mean() if angles else (products**2).mean()
        return {claim: reprinted(rows[claim], float(top))}

    return Rule(
        "angles between random subspaces" if angles else "cos² of random subspaces", (claim,), judge,
        null=null, plant=plant, planted=f"one direction in common at a cosine of {COSINE}",
    )  # fmt: skip


def _after_map(facts: pd.DataFrame) -> Rule:
    """The scales of the second model at which models that share nothing give the value after a fitted map."""
    claim = "P35.align.after"
    own = facts[facts["setting"].str.startswith("as published, scale ")]
    scales = own["setting"].str.rpartition(" ")[2].tolist()
    ends = list(zip(own["q_low"], own["q_high"], strict=True))

    def judge(row: Row) -> Scrutiny:
        low, high = printed(row)
        covers = [scale for scale, own in zip(scales, ends, strict=True) if low <= own[1] and own[0] <= high]
        told = "; ".join(f"{a:.2f} to {b:.2f} at {scale}" for scale, (a, b) in zip(scales, ends, strict=True))
        word = "above chance" if low > max(end[1] for end in ends) else "at chance"
        where = f"; the value is covered at scale {', '.join(covers)}" if covers else ""
        return Scrutiny(word, f"{SHARE_NOTHING}, by the scale of the second: {told}{where}")

    return single(
        "cos² after a map, scale open", claim, judge,
        null=lambda rng: float(rng.uniform(*ends[int(rng.integers(len(ends)))])),
        plant=lambda rng: 1.0, planted="1, the most there is",
    )  # fmt: skip


def _angle(angles: pd.DataFrame) -> Rule:
    """Whether a variant of the report's computation reaches the gain where nothing is shared."""
    claim = "P35.align.angle"
    variants = [
        (
            each.low,
            each.high,
            f"{each.low:.2f} to {each.high:.2f} ({each.precision}, {each.basis}, scale {each.scale:g})",
        )
        for each in angles.itertuples()
    ]
    most = max(high for _, high, _ in variants)

    def judge(row: Row) -> Scrutiny:
        low, high = printed(row)
        covers = [told for least, own, told in variants if least <= high and own >= low]
        ranges = "; ".join(covers or [told for *_, told in variants])
        word = "at chance" if low <= most else "above chance"
        told = f"the report does not state its variant, and {len(covers)} of {len(variants)} cover the value"
        return Scrutiny(word, f"{SHARE_NOTHING}: {ranges}; {told}")

    def draw(rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
        own = angles.iloc[int(rng.integers(len(angles)))]
        both = sorted(rng.uniform(own["low"], own["high"], size=2).tolist())
        return {claim: reprinted(rows[claim], *both)}

    def plant(rows: Rows, _: np.random.Generator) -> dict[str, Row]:
        return {claim: reprinted(rows[claim], 0.9, 0.95)}

    return Rule("gain of the angles after a map", (claim,), lambda rows: {claim: judge(rows[claim])},
                null=draw, plant=plant, planted="a gain of 0.90 to 0.95")  # fmt: skip


def _rotation(rows: Rows) -> list[Rule]:
    """What the author's rotation gains on random subspaces: as a difference, and over the printed overlap.

    Where nothing settles which map it was, one of k coordinates: it leaves the span and gains nothing.
    """
    gains = ledger.read("rotation").tables["gains"]["squared"].to_numpy(dtype=float)
    before = float(rows["P35.overlap.gp"]["lo"])
    source = ledger.read("rotation").settings["source"]
    about = f"gain of cos² on {RANDOM} by the author's rotation of all coordinates ({source})"

    def rule(claim: str, null: Float[np.ndarray, " draw"], told: str) -> Rule:
        def judge(row: Row) -> Scrutiny:
            if "map" in settled(row):
                return under_null(row, *interval(null), told)
            return under_null(row, 0.0, 0.0, "a map of k coordinates to k coordinates leaves the span, gain")

        return single(
            "gain of a rotation", claim, judge,
            null=lambda rng: float(rng.choice(null)), plant=lambda rng: float(4 * rng.choice(null)),
            planted="four times the gain",
        )  # fmt: skip

    shares = gains / before
    compared = f"0.07 of {before} is {0.07 * before:.4f}, which P35.procrustes.b prints as 0.01: no conflict"
    return [
        rule("P35.procrustes", shares, f"{about}, over the printed overlap of {before}; {compared}"),
        rule("P35.procrustes.b", gains, about),
    ]
