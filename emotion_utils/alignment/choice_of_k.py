"""How many dimensions an emotion subspace should have: by surprise under the null, not by ratio to chance.

The layers are fixed beforehand, at half depth, so that no maximum over layers has to be taken inside the null; for the
best of several k there is one p value with the maximum over k inside it. As in the alignment of all pairs, the two
models' subspaces come from different prompts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.alignment.align import PENALTY
from emotion_utils.alignment.map_scores import half_way
from emotion_utils.alignment.ridge import Ridge, permute_pairing
from emotion_utils.core.errors import UserError
from emotion_utils.statistics.permutations import LEVEL, permutation_p
from emotion_utils.subspaces.measures import emotion_subspace
from emotion_utils.subspaces.overlaps import KS, scores_by_k
from emotion_utils.subspaces.readings import ModelStates, PromptPairs

RESAMPLED = 50
"""Pairings, the true one first, that a resample of the prompts is judged by."""


@dataclass(frozen=True, eq=False)
class Choice:
    """What each rule says.

    Attributes
    ----------
    table
        One row per k: ``k, overlap, null, null_sd, ratio`` (to k/d), ``z, p``, and the shares of draws in which each
        rule chooses this k: ``boot_z, boot_ratio`` (prompts resampled) and ``null_z, null_ratio`` (other pairings).
    p
        Of the largest z of all k, with the maximum inside the null.
    draws
        Resamples that had rank enough.
    """

    table: pd.DataFrame = field(repr=False)
    p: float
    draws: int

    def best(self, rule: str) -> int:
        """The k that a rule (``z``, ``ratio``, ``overlap``) prefers."""
        return int(self.table.loc[self.table[rule].idxmax(), "k"])


def possible_ks(halves: tuple[PromptPairs, PromptPairs], ks: Sequence[int] = KS) -> tuple[int, ...]:
    """The dimensions that also a resample of the rarest emotion allows, where a third of the prompts is missing.

    A map sees fewer than it has rows.
    """
    fewest, rows = min(half.fewest for half in halves), len(halves[0].neutral)
    return tuple(k for k in ks if 2 * k <= fewest and k < rows) or (1,)


def choose_k(
    source: ModelStates,
    target: ModelStates,
    halves: tuple[PromptPairs, PromptPairs],
    ks: Sequence[int] = KS,
    n_permutations: int = 199,
    n_resamples: int = 100,
    seed: int = 0,
) -> Choice:
    """Overlap after a ridge map at several k, its null, and how stable the choice is, at half depth of both models.

    Parameters
    ----------
    source, target
        Models.
    halves
        Rows of the source's emotional prompts and of the target's, from
        :meth:`emotion_utils.subspaces.readings.PromptPairs.halves`. The map is fitted on
        all neutral rows; units of the emotional prompts are resampled.
    ks
        Dimensions.
    n_permutations, n_resamples, seed
        Of the pairing and of the units.
    """
    rows = halves[0].neutral
    orders = np.concatenate(
        [np.arange(len(rows))[None], permute_pairing(rows["unit"].to_numpy(), n_permutations, seed)]
    )
    x, y = (states.at(rows["id"])[half_way(states)] for states in (source, target))
    fitted, images = Ridge.fit(x, PENALTY), (y - y.mean(axis=0))[orders]
    differences = [_differences(*one) for one in zip((source, target), halves, strict=True)]
    units = [{e: own["unit"].to_numpy() for e, own in half.pairs.items()} for half in halves]
    observed = _scores(fitted, images, differences, ks)
    rng = np.random.default_rng(seed)
    chosen: dict[str, list[int]] = {"z": [], "ratio": []}
    chance = np.array(ks) / y.shape[1]
    for _ in range(n_resamples):
        drawn = rng.choice(halves[0].units, size=len(halves[0].units))
        picked = [_resampled(*one, drawn) for one in zip(differences, units, strict=True)]
        try:
            scores = _scores(fitted, images[:RESAMPLED], picked, ks)
        except UserError:  # too few different prompts in this resample
            continue
        chosen["z"].append(int(_z(scores)[0].argmax()))
        chosen["ratio"].append(int((scores[0] / chance).argmax()))
    largest = _z(observed).max(axis=1)
    p = float(permutation_p(largest[0], largest[1:]))
    return Choice(_table(observed, ks, chance, chosen), p, len(chosen["z"]))


def choose_k_pairs(
    states_of: Mapping[str, ModelStates],
    pairs: Sequence[tuple[str, str]],
    halves: tuple[PromptPairs, PromptPairs],
    ks: Sequence[int] = KS,
    n_permutations: int = 199,
    n_resamples: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """Tables of :func:`choose_k` for many pairs of models.

    Returns
    -------
    Columns ``source, target``, those of :attr:`Choice.table`, ``p_any`` (of any k) and ``chosen`` (by z).
    """
    out = []
    for source, target in pairs:
        choice = choose_k(states_of[source], states_of[target], halves, ks, n_permutations, n_resamples, seed)
        table = choice.table.assign(p_any=choice.p, chosen=choice.table["k"] == choice.best("z"))
        table.insert(0, "source", source)
        table.insert(1, "target", target)
        out.append(table)
    return pd.concat(out, ignore_index=True)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """One row per k: means over the pairs, and how many of them stand out.

    Parameters
    ----------
    table
        From :func:`choose_k_pairs`.

    Returns
    -------
    Columns ``k, overlap, null, ratio, z, boot_z, boot_ratio, null_z, null_ratio`` (means), ``small`` (pairs with p of
    at most 0.05), ``chosen`` (pairs whose z is largest here) and ``pairs``.
    """
    kept = ["overlap", "null", "ratio", "z", "boot_z", "boot_ratio", "null_z", "null_ratio"]
    groups = table.groupby("k", sort=False)
    counts = pd.DataFrame(
        {
            "small": groups["p"].agg(lambda p: int((p <= LEVEL).sum())),
            "chosen": groups["chosen"].sum(),
            "pairs": groups.size(),
        }
    )
    return groups[kept].mean().join(counts).reset_index()


def _differences(states: ModelStates, rows: PromptPairs) -> dict[str, np.ndarray]:
    layer = half_way(states)
    return {e: (states.at(own["id"]) - states.at(own["partner"]))[layer] for e, own in rows.pairs.items()}


def _resampled(
    differences: dict[str, np.ndarray], units: dict[str, np.ndarray], drawn: np.ndarray
) -> dict[str, np.ndarray]:
    return {
        e: rows[np.concatenate([np.flatnonzero(units[e] == u) for u in drawn])]
        for e, rows in differences.items()
    }


def _table(
    scores: np.ndarray, ks: Sequence[int], chance: np.ndarray, chosen: dict[str, list[int]]
) -> pd.DataFrame:
    z, null = _z(scores), scores[1:]
    rows = pd.DataFrame(
        {
            "k": list(ks),
            "overlap": scores[0],
            "null": null.mean(axis=0),
            "null_sd": null.std(axis=0),
            "ratio": scores[0] / chance,
            "z": z[0],
            "p": permutation_p(scores[0], null),
        }
    )
    others = {"null_z": z[1:].argmax(axis=1), "null_ratio": (null / chance).argmax(axis=1)}
    for name, picks in {
        **{f"boot_{rule}": np.array(p, dtype=int) for rule, p in chosen.items()},
        **others,
    }.items():
        rows[name] = np.bincount(picks, minlength=len(ks)) / max(len(picks), 1)
    return rows


def _z(scores: np.ndarray) -> np.ndarray:
    """In standard deviations of all pairings, the true one among them, so that all are treated alike."""
    out: np.ndarray = (scores - scores.mean(axis=0)) / np.maximum(scores.std(axis=0), 1e-12)
    return out


def _scores(
    fitted: Ridge,
    images: Float[np.ndarray, "draw row d"],
    differences: Sequence[Mapping[str, np.ndarray]],
    ks: Sequence[int],
) -> Float[np.ndarray, "draw size"]:
    """Overlap at every k, mean over the emotions; nested bases give all k from one decomposition."""
    total = np.zeros((len(images), len(ks)))
    source, target = differences
    for emotion, one in source.items():
        other = target[emotion]
        basis = emotion_subspace(one, np.zeros_like(one), max(ks))
        goal = emotion_subspace(other, np.zeros_like(other), max(ks))
        mapped = np.matmul(fitted.dual(basis, vectors=True), images)  # (draw, k, d)
        spanned = np.linalg.qr(mapped.transpose(0, 2, 1))[0]  # its first columns span the first rows
        total += scores_by_k(np.matmul(goal, spanned), ks)
    return total / len(source)
