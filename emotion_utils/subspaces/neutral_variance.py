"""Whether an emotion lies outside a model's ordinary, neutral variance, by a test that is right where nothing is there.

Principal components of emotional minus neutral states contain neutral variance by construction, and how much depends on
how the two sentences were matched. The test therefore needs three sentences of one frame: an emotional one, its neutral
partner, and a second neutral one that is matched in the same way. If the emotion adds nothing of its own, the emotional
sentence and the second neutral one can change places. The neutral subspace comes from other topics than the
differences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from emotion_utils.core.emotions import EMOTIONAL
from emotion_utils.core.errors import UserError
from emotion_utils.smallworld.vignettes import OTHER, PARTNER, build_triples
from emotion_utils.statistics.jackknife import jackknife_interval
from emotion_utils.statistics.permutations import LEVEL, permutation_p
from emotion_utils.subspaces.measures import emotion_subspace, overlap_chance, principal_components
from emotion_utils.subspaces.readings import ModelStates, PromptPairs

MOST_UNITS = 14
"""All exchanges are tried: 2 to the power of the units of a half, and both halves combined."""
States = Float[np.ndarray, "row d_model"]


@dataclass(frozen=True, eq=False)
class Specific:
    """Overlap with the neutral subspace of other units, with emotion and without.

    Attributes
    ----------
    layers
        One row per emotion and layer: ``model, emotion, layer, value, reference, chance``.
    test
        One row per emotion, means over layers: ``model, emotion, value, reference, difference, low, high, p, n,
        n_units``; p is of a difference as low as this among all exchanges.
    """

    layers: pd.DataFrame = field(repr=False)
    test: pd.DataFrame = field(repr=False)


def triple_prompts(tellings: int = 6) -> pd.DataFrame:
    """The vignettes of :func:`emotion_utils.smallworld.vignettes.build_triples`, ready to be read by a model."""
    return pd.DataFrame(build_triples(tellings))


def triples_of(prompts: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """By emotion, columns ``id, partner, other, unit``: who is compared with whom, and what changes places together."""
    wide = prompts.pivot(index=["pair_id", "topic"], columns="role", values="id").reset_index()
    renamed = wide.rename(columns={PARTNER: "partner", OTHER: "other", "topic": "unit"})
    return {e: renamed.rename(columns={e: "id"})[["id", "partner", "other", "unit"]] for e in EMOTIONAL}


def specificity(
    states: ModelStates, triples: Mapping[str, pd.DataFrame], k: int = 5, seed: int = 0
) -> Specific:
    """Compare how neutral the differences are with an emotion and without.

    The units are split in two halves. Neutral partners of one half give the neutral subspace for the differences of
    the other half, both ways, and the two overlaps are averaged. The reference is the same computation with the second
    neutral sentence in the place of the emotional one. The null exchanges the two in whole units, in every possible
    way; the statistic is the mean over all layers, so that no layer is chosen.

    Parameters
    ----------
    states
        Of one model, on all prompts of the triples.
    triples
        By emotion, as :func:`triples_of` makes them.
    k
        Dimensions of both subspaces.
    seed
        Of the halves.

    Raises
    ------
    UserError
        For fewer than four units or more than :data:`MOST_UNITS`, and where a half spans fewer than k dimensions.
    """
    layers, tests = [], []
    for emotion, rows in triples.items():
        one, partner, other = (states.at(rows[column]) for column in ("id", "partner", "other"))
        units = rows["unit"].to_numpy()
        half = _half(units, seed)
        by_layer = [_halves(*of_layer, units, half, k) for of_layer in zip(one, partner, other, strict=True)]
        chance = overlap_chance(k, k, partner.shape[2])
        for layer, parts in zip(states.layers, by_layer, strict=True):
            value, reference = (float(np.mean([part[at] for part in parts])) for at in (0, -1))
            layers.append((states.model, emotion, layer, value, reference, chance))
        means = [np.mean([parts[i] for parts in by_layer], axis=0) for i in (0, 1)]
        gaps = [mean - mean[::-1] for mean in means]  # the last exchange is the opposite of the first
        every = (gaps[0][:, None] + gaps[1][None]).ravel() / 2
        value, reference = (float((means[0][at] + means[1][at]) / 2) for at in (0, -1))
        inside = _interval(one, partner, other, units, half, k, float(every[0]))
        p = float(permutation_p(-every[0], -every[1:]))
        numbers = value, reference, value - reference, *inside, p, len(rows), len(np.unique(units))
        tests.append((states.model, emotion, *numbers))
    columns = ["model", "emotion", "value", "reference", "difference", "low", "high", "p", "n", "n_units"]
    return Specific(
        pd.DataFrame(layers, columns=["model", "emotion", "layer", "value", "reference", "chance"]),
        pd.DataFrame(tests, columns=columns),
    )


def _half(units: np.ndarray, seed: int) -> Bool[np.ndarray, " row"]:
    """Which rows belong to one random half of the units."""
    names, codes = np.unique(units, return_inverse=True)
    if not 4 <= len(names) <= MOST_UNITS:
        raise UserError(f"All exchanges of 4 to {MOST_UNITS} units can be tried: there are {len(names)}.")
    chosen = np.zeros(len(names), dtype=bool)
    chosen[np.random.default_rng(seed).permutation(len(names))[::2]] = True
    own: Bool[np.ndarray, " row"] = chosen[codes]
    return own


def _halves(
    one: States, partner: States, other: States, units: np.ndarray, half: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """For each half, the overlaps of all exchanges, the true one first."""
    first, second = (
        _exchanged(
            one[own] - partner[own],
            other[own] - partner[own],
            units[own],
            principal_components(partner[~own], k),
            k,
        )
        for own in (half, ~half)
    )
    return first, second


def _exchanged(
    one: States, other: States, units: np.ndarray, neutral: Float[np.ndarray, "k d_model"], k: int
) -> Float[np.ndarray, " exchange"]:
    """Overlap of the subspace of differences under all exchanges, each the opposite of the one as far from the end."""
    codes = np.unique(units, return_inverse=True)[1]
    swapped = np.array(list(product((0, 1), repeat=codes.max() + 1)))[:, codes]
    both, n = np.concatenate([one, other]), len(one)
    picked = swapped * n + np.arange(n)
    gram, crossed = both @ both.T, neutral @ both.T
    values, vectors = np.linalg.eigh(gram[picked[:, :, None], picked[:, None, :]])
    values, vectors = values[:, -k:], vectors[:, :, -k:]
    if n < k or (values[:, 0] <= 1e-10 * values[:, -1]).any():
        raise UserError(
            f"Differences of {n} sentences span fewer than {k} dimensions: take a smaller k, or more sentences."
        )
    projected = (crossed[:, picked].transpose(1, 0, 2) @ vectors) / np.sqrt(values)[:, None]
    summed: Float[np.ndarray, " exchange"] = (projected**2).sum(axis=(1, 2)) / k
    return summed


def _gap(one: np.ndarray, partner: np.ndarray, other: np.ndarray, half: np.ndarray, k: int) -> float:
    """Mean over layers and halves of the overlap with emotion minus that without."""
    gaps = []
    for own in (half, ~half):
        for e, p, o in zip(one, partner, other, strict=True):
            neutral = principal_components(p[~own], k)
            overlaps = [((emotion_subspace(x[own], p[own], k) @ neutral.T) ** 2).sum() / k for x in (e, o)]
            gaps.append(overlaps[0] - overlaps[1])
    return float(np.mean(gaps))


def _interval(
    one: np.ndarray,
    partner: np.ndarray,
    other: np.ndarray,
    units: np.ndarray,
    half: np.ndarray,
    k: int,
    value: float,
) -> tuple[float, float]:
    """Every unit is left out of the differences and of the neutral rows."""
    left, sizes = [], []
    for unit in np.unique(units):
        kept = units != unit
        if min((half & kept).sum(), (~half & kept).sum()) <= k:
            return float("nan"), float("nan")
        left.append(_gap(one[:, kept], partner[:, kept], other[:, kept], half[kept], k))
        sizes.append((~kept).sum())
    return jackknife_interval(value, np.array(left), np.array(sizes), (-1.0, 1.0))


def by_model(tests: pd.DataFrame) -> pd.DataFrame:
    """One row per model: means over the emotions, and how many of them lie below the reference.

    Parameters
    ----------
    tests
        :attr:`Specific.test` of one or more models.

    Returns
    -------
    Columns ``model, value, reference, small`` (emotions with p of at most 0.05), ``emotions`` and ``p`` (the smallest).
    """
    groups = tests.groupby("model", sort=False)
    counts = groups["p"].agg(small=lambda p: int((p <= LEVEL).sum()), emotions="size", p="min")
    return groups[["value", "reference"]].mean().join(counts).reset_index()


def neutral_share(states: ModelStates, rows: PromptPairs, k: int = 5, seed: int = 0) -> pd.DataFrame:
    """Overlap of the emotion subspaces of any prompts with the neutral subspace of other units; no test.

    Prompts whose emotional sentences come in other frames than their partners have no reference without emotion.

    Returns
    -------
    One row per emotion, means over layers and both halves: ``model, emotion, value, chance``.
    """
    units = np.random.default_rng(seed).permutation(rows.units)
    halves = units[::2], units[1::2]
    out = []
    for emotion, own in rows.pairs.items():
        shares = []
        for these, those in (halves, halves[::-1]):
            pairs = own[own["unit"].isin(these)]
            neutral = states.at(rows.neutral["id"][rows.neutral["unit"].isin(those)])
            a, b = states.at(pairs["id"]), states.at(pairs["partner"])
            for emotional, partner, rest in zip(a, b, neutral, strict=True):
                crossed = emotion_subspace(emotional, partner, k) @ principal_components(rest, k).T
                shares.append((crossed**2).sum() / k)
        out.append((states.model, emotion, float(np.mean(shares)), overlap_chance(k, k, a.shape[2])))
    return pd.DataFrame(out, columns=["model", "emotion", "value", "chance"])
