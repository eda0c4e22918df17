"""The reports' overlap "after alignment", as published, beside the same formula on other pairings of the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import permutations

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from emotion_utils.alignment.ridge import permute_pairing
from emotion_utils.core.errors import UserError
from emotion_utils.statistics.nulls import against_null
from emotion_utils.subspaces.measures import orthonormal, principal_components, published_score
from emotion_utils.subspaces.readings import ModelStates, PromptPairs
from emotion_utils.vectors.contrasts import contrasts

SCALES = (1 / 128, 128.0)
"""What the target's states are multiplied by, to see whether a score notices."""


@dataclass(frozen=True, eq=False)
class Case:
    """Two models at one layer each.

    Attributes
    ----------
    source_neutral, target_neutral
        Paired rows.
    source, target
        By emotion, what principal components are taken of.
    groups
        Unit of each neutral row.
    """

    source_neutral: Float[np.ndarray, "row d_source"] = field(repr=False)
    target_neutral: Float[np.ndarray, "row d_target"] = field(repr=False)
    source: Mapping[str, Float[np.ndarray, "prompt d_source"]] = field(repr=False)
    target: Mapping[str, Float[np.ndarray, "prompt d_target"]] = field(repr=False)
    groups: np.ndarray = field(repr=False)

    def k(self, wanted: int) -> int:
        """As many dimensions as the rarest emotion allows."""
        return min(wanted, min(len(v) for v in (*self.source.values(), *self.target.values())) - 1)

    def orders(self, n: int, seed: int) -> Int[np.ndarray, "draw row"]:
        """The true pairing and n others."""
        true = np.arange(len(self.groups))[None]
        return np.concatenate([true, permute_pairing(self.groups, n, seed)])

    def scaled(self, factor: float) -> Case:
        """The same with the target's states multiplied."""
        target = {emotion: factor * values for emotion, values in self.target.items()}
        return Case(self.source_neutral, factor * self.target_neutral, self.source, target, self.groups)


def case_of(one: ModelStates, other: ModelStates, rows: PromptPairs, depth: float = 0.5) -> Case:
    """States of Phase 3.5: raw, at the end of the prompt, after the block at a relative depth.

    ``resid_post`` of a block is ``resid_pre`` of the next, which the reports read.
    """
    i, j = (_layer(states, depth) for states in (one, other))
    source, target = (
        {emotion: states.at(own["id"])[layer] for emotion, own in rows.pairs.items()}
        for states, layer in ((one, i), (other, j))
    )
    neutral = one.at(rows.neutral["id"])[i], other.at(rows.neutral["id"])[j]
    return Case(*neutral, source, target, rows.neutral["unit"].to_numpy())


def word_case(
    one: ModelStates, other: ModelStates, prompts: pd.DataFrame, rows: PromptPairs, depth: float = 0.5
) -> Case | None:
    """States of Phase 8: emotion word minus the word in its place; the neutral rows are those of Phase 3.5.

    None where no prompt has a word that stands in the place of its emotion word.
    """
    if prompts["match_start"].isna().all() or "unit" in prompts:  # loose partners have no word in its place
        return None
    i, j = (_layer(states, depth) for states in (one, other))
    source, target = (_words(states, prompts, layer) for states, layer in ((one, i), (other, j)))
    neutral = one.at(rows.neutral["id"])[i], other.at(rows.neutral["id"])[j]
    return Case(*neutral, source, target, rows.neutral["unit"].to_numpy())


def _layer(states: ModelStates, depth: float) -> int:
    relative = (np.array(states.layers) + 1) / (max(states.layers) + 1)
    return int(np.abs(relative - depth).argmin())


def _words(states: ModelStates, prompts: pd.DataFrame, layer: int) -> dict[str, np.ndarray]:
    if states.activations is None:
        raise UserError(f"{states.model} has no tokens, hence no emotion words: compare it at the end only.")
    given = contrasts(prompts, states.activations, "word")
    values = given.values[:, layer].double().numpy()
    return {str(emotion): values[given.labels == emotion] for emotion in pd.unique(given.labels)}


def phase35(
    case: Case,
    k: int,
    orders: Int[np.ndarray, "draw row"],
    *,
    dtype: type[np.floating] = np.float32,
    renormalised: bool = False,
    inverse: Float[np.ndarray, "d_source d_source"] | None = None,
) -> tuple[float, Float[np.ndarray, " draw"]]:
    """:func:`emotion_utils.subspaces.measures.published_phase35` for many pairings, mean over the emotions.

    What does not depend on the pairing is computed once; the order of the operations, which decides about rounding, is
    the published one. ``inverse`` is :func:`source_inverse` in this precision, if it is known.

    Returns
    -------
    The score before alignment, and the score after it for each pairing.
    """
    x, y = case.source_neutral.astype(dtype), case.target_neutral.astype(dtype)
    inverse = source_inverse(case, dtype) if inverse is None else inverse
    bases = [principal_components(values, k).astype(dtype) for values in case.source.values()]
    goals = [principal_components(case.target[emotion], k).astype(dtype) for emotion in case.source]
    after = np.empty((len(orders), len(bases)))
    for row, order in zip(after, orders, strict=True):
        w = y[order].T @ x @ inverse  # (d_target, d_source)
        for i, (basis, goal) in enumerate(zip(bases, goals, strict=True)):
            row[i] = _score(basis @ w.T, goal, renormalised)
    before = np.mean([_before(basis, goal) for basis, goal in zip(bases, goals, strict=True)])
    return float(before), after.mean(axis=1)


def source_inverse(case: Case, dtype: type[np.floating]) -> Float[np.ndarray, "d_source d_source"]:
    """The pseudo-inverse that Phase 3.5 takes of the source alone: of a wide model, a minute or two."""
    x = case.source_neutral.astype(dtype)
    inverse: np.ndarray = np.linalg.pinv(x.T @ x)
    return inverse


def phase8(
    case: Case, k: int, orders: Int[np.ndarray, "draw row"]
) -> tuple[float, Float[np.ndarray, " draw"]]:
    """:func:`emotion_utils.subspaces.measures.published_phase8` for many pairings; see `phase35`."""
    r, t = (values - values.mean(axis=0) for values in (case.source_neutral, case.target_neutral))
    bases = [principal_components(values, k) for values in case.source.values()]
    goals = [principal_components(case.target[emotion], k) for emotion in case.source]
    back = np.linalg.pinv(t)  # (d_target, row)
    duals = [goal @ back for goal in goals]
    after = np.array(
        [
            np.mean([published_score(d @ r[order], b) for d, b in zip(duals, bases, strict=True)])
            for order in orders
        ]
    )
    before = np.mean([_before(basis, goal) for basis, goal in zip(bases, goals, strict=True)])
    return float(before), after


def _score(mapped: np.ndarray, goal: np.ndarray, renormalised: bool) -> float:
    if not renormalised:
        return published_score(mapped, goal)
    crossed = orthonormal(mapped) @ goal.T
    return float((crossed**2).sum() / min(crossed.shape))


def _before(basis: np.ndarray, goal: np.ndarray) -> float:
    width = min(basis.shape[1], goal.shape[1])
    return published_score(basis[:, :width], goal[:, :width])


def published_table(
    end: Case, word: Case | None, k: int = 10, n_permutations: int = 99, seed: int = 0
) -> pd.DataFrame:
    """Both published formulas and their variants, each beside the same formula on other pairings.

    Parameters
    ----------
    end, word
        From :func:`case_of` and :func:`word_case`; without the latter Phase 8 is not computed.
    k
        Dimensions, where the rarest emotion allows them.
    n_permutations, seed
        Of the pairing.

    Returns
    -------
    Columns ``formula, variant, k, n, before, chance`` (of "before": 1/d), ``after, permuted, permuted_high`` (mean and
    95th percentile over other pairings) and ``p``.
    """
    rows = []
    small, large = SCALES
    inverses: dict[type[np.floating], np.ndarray] = {
        dtype: source_inverse(end, dtype) for dtype in (np.float32, np.float64)
    }
    for variant, case, dtype, renormalised in (
        ("as published (float32)", end, np.float32, False),
        (f"target x {small:.4f}", end.scaled(small), np.float32, False),
        (f"target x {large:.0f}", end.scaled(large), np.float32, False),
        ("float64", end, np.float64, False),
        ("float64, orthonormal", end, np.float64, True),
    ):
        orders, inverse = case.orders(n_permutations, seed), inverses[dtype]
        scores = phase35(case, case.k(k), orders, dtype=dtype, renormalised=renormalised, inverse=inverse)
        rows.append(("Phase 3.5", variant, *_row(case, k, *scores)))
    scales = {"as published (float64)": 1.0, f"target x {small:.4f}": small, f"target x {large:.0f}": large}
    words = {} if word is None else {variant: word.scaled(scale) for variant, scale in scales.items()}
    for variant, case in words.items():
        scores = phase8(case, case.k(k), case.orders(n_permutations, seed))
        rows.append(("Phase 8", variant, *_row(case, k, *scores)))
    columns = ["formula", "variant", "k", "n", "before", "chance", "after", "permuted", "permuted_high", "p"]
    return pd.DataFrame(rows, columns=columns)


def _row(case: Case, k: int, before: float, after: np.ndarray) -> tuple[float, ...]:
    width = max(case.source_neutral.shape[1], case.target_neutral.shape[1])
    return (case.k(k), len(case.groups), float(before), 1 / width, *against_null(after[0], after[1:]))


def all_pairs(
    states_of: Mapping[str, ModelStates],
    rows: PromptPairs,
    k: int = 10,
    n_permutations: int = 39,
    seed: int = 0,
) -> pd.DataFrame:
    """The published score of Phase 3.5 of every ordered pair, and its mean over other pairings.

    Returns
    -------
    Columns ``source, target, after, permuted, permuted_high, p``.
    """
    out = []
    for one, other in permutations(states_of, 2):
        case = case_of(states_of[one], states_of[other], rows)
        _, after = phase35(case, case.k(k), case.orders(n_permutations, seed))
        out.append((one, other, *against_null(after[0], after[1:])))
    return pd.DataFrame(out, columns=["source", "target", "after", "permuted", "permuted_high", "p"])
