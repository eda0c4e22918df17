"""The reports' claims about the number of dimensions k: the best one, the fall from 2 to 5, the same pattern twice."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from emotion_utils.core.emotions import EMOTIONAL
from emotion_utils.scrutiny.judging import Rule, reprinted
from emotion_utils.scrutiny.rules import Row, Rows, Scrutiny, between, chance, either
from emotion_utils.statistics.resampling import interval
from emotion_utils.subspaces.overlap_by_k import REPORTED_WIDTH
from emotion_utils.subspaces.overlaps import KS

RANDOM = f"random subspaces of {REPORTED_WIDTH} dimensions"
Sweeps = Float[np.ndarray, "draw size"]


def rules(sweeps: Sweeps, layers: int) -> list[Rule]:
    """Those for what the reports say of k.

    Parameters
    ----------
    sweeps
        The reports' "cos²" of single pairs of random subspaces, by k.
    layers
        Over how many the reports average.
    """
    return [_best_k(sweeps, layers), _drop(sweeps, layers), _profiles(sweeps, layers)]


def means_over(values: Float[np.ndarray, "draw ..."], n: int, seed: int = 0) -> Float[np.ndarray, "draw ..."]:
    """As many means of n of the draws, taken at random."""
    chosen = np.random.default_rng(seed).integers(0, len(values), size=(len(values), n))
    return np.asarray(values[chosen].mean(axis=1))


def _best_k(sweeps: Sweeps, layers: int) -> Rule:
    """How often chance has its best overlap at the printed k."""
    claim = "P35.k.best"
    ends = {
        "one pair": _bests(sweeps),
        f"the mean of {layers} independent layers": _bests(means_over(sweeps, layers)),
    }

    def judge(row: Row) -> Scrutiny:
        at = KS.index(int(row["lo"]))
        return either(
            chance(float(best[at]), f"k={KS[at]} is best in {best[at]:.0%} of draws, {about} of {RANDOM}")
            for about, best in ends.items()
        )

    def other(rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
        return {claim: reprinted(rows[claim], float(rng.choice(KS)))}

    def null(rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
        best = list(ends.values())[int(rng.integers(len(ends)))]
        return {claim: reprinted(rows[claim], float(rng.choice(KS, p=best)))}

    def plant(rows: Rows, _: np.random.Generator) -> dict[str, Row]:
        return {claim: reprinted(rows[claim], float(KS[0]))}

    return Rule("the best k", (claim,), lambda rows: {claim: judge(rows[claim])}, other, null, plant, "k = 2")


def _bests(sweeps: Sweeps) -> Float[np.ndarray, " size"]:
    return np.bincount(sweeps.argmax(axis=1), minlength=len(KS)) / len(sweeps)


def _drops(sweeps: Sweeps, n: int) -> Float[np.ndarray, " draw"]:
    """Smallest of the emotions' falls from k = 2 to k = 5, each of a mean over so many layers."""
    means = np.stack([means_over(sweeps, n, seed) for seed in range(len(EMOTIONAL))])
    return np.asarray((1 - means[..., 1] / means[..., 0]).min(axis=0))


def _drop(sweeps: Sweeps, layers: int) -> Rule:
    """All emotions fall so far: if they and the layers are independent, and if there is one pair in fact."""
    claim, single_pair = "P75.k.drop", 1 - sweeps[:, 1] / sweeps[:, 0]
    nulls = {
        f"one pair of {RANDOM}": single_pair,
        f"smallest fall of {len(EMOTIONAL)} emotions, {layers} layers each, all independent": _drops(
            sweeps, layers
        ),
    }

    ends = {about: interval(null) for about, null in nulls.items()}

    def of_means(rows: Rows) -> tuple[float, float]:
        falls = [1 - float(rows[f"P75.k5.{e}"]["lo"]) / float(rows[f"P75.k2.{e}"]["lo"]) for e in EMOTIONAL]
        return min(falls), max(falls)

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        own = between(rows[claim], ends)
        low, high = of_means(rows)
        return {claim: Scrutiny(own.word, f"{own.note}; the printed means fall by {low:.3f} to {high:.3f}")}

    def null(rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
        low = float(rng.choice(list(nulls.values())[int(rng.integers(len(nulls)))]))
        return {claim: reprinted(rows[claim], low, low + 0.05)}

    def plant(rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
        low = float(rng.uniform(0.7, 0.9))
        return {claim: reprinted(rows[claim], low, low + 0.05)}

    return Rule(
        "the fall from k = 2 to 5", (claim,), judge, null=null, plant=plant, planted="a fall of 70 to 90 %"
    )


def _profiles(sweeps: Sweeps, layers: int) -> Rule:
    """How often two unrelated sweeps have the same best k, or not the same."""
    claim = "P75.k.profiles"
    twice = {
        about: float((_bests(drawn) ** 2).sum())
        for about, drawn in (
            ("single pairs", sweeps),
            (f"means of {layers} layers", means_over(sweeps, layers)),
        )
    }

    def judge(row: Row) -> Scrutiny:
        same = str(row["value"]) == "equal"
        return either(
            chance(
                p if same else 1 - p,
                f"the same k is best in {p:.0%} of unrelated couples of {about}, {RANDOM}",
            )
            for about, p in twice.items()
        )

    def other(rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
        return {claim: {**rows[claim], "value": str(rng.choice(["equal", "different"]))}}

    def null(rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
        same = rng.random() < list(twice.values())[int(rng.integers(len(twice)))]
        return {claim: {**rows[claim], "value": "equal" if same else "different"}}

    return Rule("the same pattern twice", (claim,), lambda rows: {claim: judge(rows[claim])}, other, null)
