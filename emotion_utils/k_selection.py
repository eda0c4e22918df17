"""How many dimensions an emotion subspace should have: by surprise under the null, not by ratio to chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.alignment import PENALTY
from emotion_utils.errors import UserError
from emotion_utils.pairings import Ridge, permute_pairing
from emotion_utils.raw_overlaps import KS, scores_by_k
from emotion_utils.sides import Reading, Rows
from emotion_utils.subspaces import emotion_subspace

__all__ = ["Choice", "choose_k"]


@dataclass(frozen=True, eq=False)
class Choice:
    """What each rule says.

    Attributes
    ----------
    table
        One row per k: ``k, overlap, null, null_sd, ratio`` (to k/d), ``z, p``, and the shares of draws in which each
        rule chooses this k: ``boot_z, boot_ratio`` (prompts resampled) and ``null_z, null_ratio`` (other pairings).
    draws
        Resamples that had rank enough.
    """

    table: pd.DataFrame = field(repr=False)
    draws: int

    def best(self, rule: str) -> int:
        """The k that a rule (``z``, ``ratio``, ``overlap``) prefers."""
        return int(self.table.loc[self.table[rule].idxmax(), "k"])


def choose_k(
    source: Reading,
    target: Reading,
    rows: Rows,
    layers: tuple[int, int],
    ks: Sequence[int] = KS,
    n_permutations: int = 199,
    n_resamples: int = 100,
    seed: int = 0,
) -> Choice:
    """Overlap after a ridge map at several k, its null, and how stable the choice is.

    Parameters
    ----------
    source, target
        Models.
    rows
        The map is fitted on all neutral rows; units of the emotional prompts are resampled.
    layers
        Numbers of the layers.
    ks
        Dimensions.
    n_permutations, n_resamples, seed
        Of the pairing and of the units.
    """
    orders = np.concatenate(
        [
            np.arange(len(rows.neutral))[None],
            permute_pairing(rows.neutral["unit"].to_numpy(), n_permutations, seed),
        ]
    )
    x, y = source.at(rows.neutral["id"])[layers[0]], target.at(rows.neutral["id"])[layers[1]]
    fitted, images = Ridge.fit(x, PENALTY), (y - y.mean(axis=0))[orders]
    parts = [
        [
            r.at(own["id"])[layer] - r.at(own["partner"])[layer]
            for r, layer in zip((source, target), layers, strict=True)
        ]
        for own in rows.pairs.values()
    ]
    units = [own["unit"].to_numpy() for own in rows.pairs.values()]
    found = _scores(fitted, images, parts, ks)
    rng = np.random.default_rng(seed)
    chosen: dict[str, list[int]] = {"z": [], "ratio": []}
    chance = np.array(ks) / y.shape[1]
    for _ in range(n_resamples):
        drawn = rng.choice(rows.units, size=len(rows.units))
        picked = [
            [side[np.concatenate([np.flatnonzero(own == u) for u in drawn])] for side in part]
            for part, own in zip(parts, units, strict=True)
        ]
        try:
            scores = _scores(fitted, images, picked, ks)
        except UserError:  # too few different prompts in this resample
            continue
        chosen["z"].append(int(_z(scores)[0].argmax()))
        chosen["ratio"].append(int((scores[0] / chance).argmax()))
    return Choice(_table(found, ks, chance, chosen), len(chosen["z"]))


def _table(
    found: np.ndarray, ks: Sequence[int], chance: np.ndarray, chosen: dict[str, list[int]]
) -> pd.DataFrame:
    z, null = _z(found), found[1:]
    rows = pd.DataFrame(
        {
            "k": list(ks),
            "overlap": found[0],
            "null": null.mean(axis=0),
            "null_sd": null.std(axis=0),
            "ratio": found[0] / chance,
            "z": z[0],
            "p": (1 + (null >= found[0]).sum(axis=0)) / len(found),
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
    null = scores[1:]
    out: np.ndarray = (scores - null.mean(axis=0)) / np.maximum(null.std(axis=0), 1e-12)
    return out


def _scores(
    fitted: Ridge, images: Float[np.ndarray, "draw row d"], parts: list[list[np.ndarray]], ks: Sequence[int]
) -> Float[np.ndarray, "draw size"]:
    """Overlap at every k, mean over the emotions; nested bases give all k from one decomposition."""
    total = np.zeros((len(images), len(ks)))
    for one, other in parts:
        basis = emotion_subspace(one, np.zeros_like(one), max(ks))
        goal = emotion_subspace(other, np.zeros_like(other), max(ks))
        mapped = np.matmul(fitted.dual(basis, vectors=True), images)  # (draw, k, d)
        spanned = np.linalg.qr(mapped.transpose(0, 2, 1))[0]  # its first columns span the first rows
        total += scores_by_k(np.matmul(goal, spanned), ks)
    return total / len(parts)
