"""The reports' claims about subspaces and their alignment, measured as published and judged by rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.core.errors import UserError
from emotion_utils.reports.claims import OVERLAPS, Measurement, read_claims, too_few
from emotion_utils.reports.published_alignment import case_of, phase35
from emotion_utils.statistics.jackknife import jackknife_interval
from emotion_utils.statistics.permutations import permutation_p
from emotion_utils.statistics.resampling import FEWEST_UNITS, effective_units, interval
from emotion_utils.subspaces.measures import (
    angle_cosine_chance,
    orthonormal,
    principal_components,
    published_rotation,
    published_score,
)
from emotion_utils.subspaces.overlap_by_k import REPORTED_WIDTH, published_sweep, sweep_draws
from emotion_utils.subspaces.overlaps import KS, matched_layers, published_bases, top_cosines
from emotion_utils.subspaces.readings import ModelStates, PromptPairs

K = 10
NAMES = {
    "gpt2": ("gpt2", "openai-community/gpt2", "small-gpt2"),
    "pythia-160m": ("pythia-160m", "EleutherAI/pythia-160m", "small-pythia"),
    "gpt-neo-125m": ("gpt-neo-125m", "EleutherAI/gpt-neo-125m", "small-neo"),
}
PAIR = "gpt2~pythia-160m"
TOP = 5
"""Smallest principal angles that are averaged."""


def counterparts(pair: str, models: Sequence[str]) -> tuple[str, str]:
    """The two of our models that stand for a pair such as ``gpt2~pythia-160m``; else the first two.

    Raises
    ------
    UserError
        For fewer than two models.
    """
    if len(models) < 2:
        raise UserError(
            "Claims about pairs need two models: name at least two, with commas between, in `models`."
        )
    named = [next((m for m in models if m in NAMES[part]), None) for part in pair.split("~")]
    one, other = named
    return (one, other) if one is not None and other is not None else (models[0], models[1])


def chapter_measurements(
    states_of: Mapping[str, ModelStates],
    rows: PromptPairs,
    wider: tuple[PromptPairs, Mapping[str, ModelStates]] | None = None,
    *,
    n_resamples: int = 500,
    n_permutations: int = 99,
    seed: int = 0,
) -> list[Measurement]:
    """Measure the claims of Phase 3.5, and those of Phase 7.5 about k.

    Parameters
    ----------
    states_of
        By model.
    rows
        Prompts of the profile.
    wider
        A larger profile, read with the two models of the claims about k.
    n_resamples, n_permutations, seed
    """
    names, claims = list(states_of), read_claims().set_index("id")
    few = len(rows.units)
    if few < FEWEST_UNITS:
        return too_few(("P35.", "P75.k"), "", few, len(rows.emotional()))
    out = []
    for claim in OVERLAPS:
        one, other = counterparts(str(claims.loc[claim, "model"]), names)
        out.append(_overlap(claim, states_of[one], states_of[other], rows, seed))
    chance = angle_cosine_chance(K, REPORTED_WIDTH, seed=seed)
    note = f"random subspaces of {REPORTED_WIDTH} dimensions"
    out.append(
        Measurement(
            "P35.overlap.random", "", float(chance.mean()), *interval(chance), n=len(chance), note=note
        )
    )
    one, other = counterparts(PAIR, names)
    pair = states_of[one], states_of[other]
    out += _aligned(*pair, rows, n_permutations, seed)
    out += _over_k(*pair, rows, wider, n_resamples, seed)
    return out


def _overlap(claim: str, one: ModelStates, other: ModelStates, rows: PromptPairs, seed: int) -> Measurement:
    name = f"{one.model}~{other.model}"
    if one.values.shape[2] != other.values.shape[2]:
        return Measurement(claim, name, None, note="the two models have different widths")
    pairs = matched_layers(one.layers, other.layers)

    def value(kept: PromptPairs) -> float:
        a, b = (published_bases(states, kept, K) for states in (one, other))
        return top_cosines(a, b, pairs, K)

    low, high = _left_out(value, rows)
    null = float(angle_cosine_chance(K, one.values.shape[2], seed=seed).mean())
    note = f"chance at this width; at {REPORTED_WIDTH} see P35.overlap.random"
    return Measurement(claim, name, value(rows), low, high, null, len(rows.emotional()), note=note)


def _left_out(value: Callable[[PromptPairs], float], rows: PromptPairs) -> tuple[float, float]:
    sizes = [(rows.emotional()["unit"] == unit).sum() for unit in rows.units]
    left = [value(rows.without(unit)) for unit in rows.units]
    return jackknife_interval(value(rows), np.array(left), np.array(sizes))


def _aligned(one: ModelStates, other: ModelStates, rows: PromptPairs, n: int, seed: int) -> list[Measurement]:
    name, size = f"{one.model}~{other.model}", len(rows.emotional())
    case = case_of(one, other, rows)
    orders = case.orders(n, seed)
    before, after = phase35(case, K, orders)

    def once(kept: PromptPairs) -> tuple[float, float]:
        left = case_of(one, other, kept)
        order = np.arange(len(kept.neutral))[None]
        scores = phase35(left, K, order)
        return scores[0], float(scores[1][0])

    inside = _left_out(lambda kept: once(kept)[0], rows)
    without = [once(rows.without(unit))[1] for unit in rows.units]
    width = max(one.values.shape[2], other.values.shape[2])
    angle = _angle_gain(one, other, rows, orders)
    p = float(permutation_p(after[0], after[1:]))
    measurements = (
        Measurement("P35.align.before", name, before, *inside, 1 / width, size, note="null: 1/d"),
        Measurement(
            "P35.align.after", name, float(after[0]), null=float(after[1:].mean()), n=size,
            note=f"null: other pairings of the rows, p = {p:.2g}; without single units {min(without):.2f} to "
            f"{max(without):.2f}",
        ),
        Measurement(
            "P35.align.angle", name, float(angle[0]), null=float(angle[1:].mean()), n=size,
            note="top 5 of 10, float64; null: other pairings of the rows",
        ),
    )  # fmt: skip
    return [*measurements, *_procrustes(one, other, rows, size, seed)]


def _angle_gain(
    one: ModelStates, other: ModelStates, rows: PromptPairs, orders: np.ndarray
) -> Float[np.ndarray, " draw"]:
    """Mean cosine of the top five principal angles after the published map minus before it."""
    case = case_of(one, other, rows)
    x, y = case.source_neutral, case.target_neutral
    dual = x @ np.linalg.pinv(x.T @ x)  # (row, d_source)
    gains = np.zeros(len(orders))
    for emotion, own in case.source.items():
        basis, goal = principal_components(own, K), principal_components(case.target[emotion], K)
        width = min(basis.shape[1], goal.shape[1])
        before = _top(basis[:, :width] @ goal[:, :width].T)
        for i, order in enumerate(orders):
            gains[i] += _top(orthonormal(basis @ dual.T @ y[order]) @ goal.T) - before
    return gains / len(case.source)


def _top(crossed: np.ndarray) -> float:
    return float(np.linalg.svd(crossed, compute_uv=False)[:TOP].mean())


def _procrustes(
    one: ModelStates, other: ModelStates, rows: PromptPairs, size: int, seed: int
) -> list[Measurement]:
    """Gain of the published score from a d x d rotation of the bases: over the printed overlap, and by itself.

    The author's code settles that the rotation has the width of the model, and is fitted on the two bases themselves.
    """
    name, case = f"{one.model}~{other.model}", case_of(one, other, rows)
    if one.values.shape[2] != other.values.shape[2]:
        note = "the two models have different widths"
        return [Measurement(claim, name, None, note=note) for claim in ("P35.procrustes", "P35.procrustes.b")]
    pairs = [
        (principal_components(own, K), principal_components(case.target[emotion], K))
        for emotion, own in case.source.items()
    ]
    absolute, relative = rotation_gains(pairs, seed)
    random = _random_bases(pairs[0][0].shape[1], seed)
    drawn = np.array([rotation_gains([pair], seed + i) for i, pair in enumerate(random)])
    note = (
        f"rotation of d x d, fitted on the two bases; null: {len(drawn)} pairs of random ones of this width"
    )
    return [
        Measurement("P35.procrustes", name, relative, null=float(drawn[:, 1].mean()), n=size, note=note),
        Measurement("P35.procrustes.b", name, absolute, null=float(drawn[:, 0].mean()), n=size, note=note),
    ]


def rotation_gains(
    pairs: Sequence[tuple[Float[np.ndarray, "k d"], Float[np.ndarray, "k d"]]],
    seed: int = 0,
) -> tuple[float, float]:
    """What the reports' Procrustes alignment adds to the published score, and that over the mean top cosine before.

    One report prints the gain; the other a share, which is that gain over the overlap that it prints beside, a mean
    cosine: two different quantities.

    Parameters
    ----------
    pairs
        Bases with orthonormal rows; gains are means over them.
    seed
        As of :func:`emotion_utils.subspaces.measures.published_rotation`, which says how bases are turned.
    """
    gains = []
    for i, (basis, goal) in enumerate(pairs):
        turned = published_rotation(basis, goal, seed + i)
        gain = published_score(turned, goal) - published_score(basis, goal)
        gains.append((gain, gain / _top(basis @ goal.T)))
    absolute, relative = np.mean(gains, axis=0)
    return float(absolute), float(relative)


def _random_bases(width: int, seed: int, n: int = 12) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    drawn = [[np.linalg.qr(rng.normal(size=(width, K)))[0].T for _ in range(2)] for _ in range(n)]
    return [(one, other) for one, other in drawn]


def _over_k(
    one: ModelStates,
    other: ModelStates,
    rows: PromptPairs,
    wider: tuple[PromptPairs, Mapping[str, ModelStates]] | None,
    n: int,
    seed: int,
) -> list[Measurement]:
    name, size = f"{one.model}~{other.model}", len(rows.emotional())
    units = effective_units(rows.emotional()["unit"].to_numpy())
    if one.values.shape[2] != other.values.shape[2]:
        ids = [c for c in read_claims()["id"] if c.startswith(("P35.k", "P75.k"))]
        return [Measurement(claim, name, None, note="the two models have different widths") for claim in ids]
    chance = 1 / one.values.shape[2]
    mean = published_sweep(one, other, rows).mean(axis=0)
    draws = sweep_draws(one, other, rows, KS, n, seed)
    best = np.array(KS)[draws.mean(axis=1).argmax(axis=1)]
    note = f"k=2 is best in {np.mean(best == KS[0]):.0%} of {len(draws)} resamples"
    inside = interval(draws.mean(axis=1)[:, 0], units, float(mean[0]), (0, 1))
    out = [
        Measurement("P35.k.best", name, KS[int(mean.argmax())], *interval(best), n=size, note=note),
        Measurement("P35.k.value", name, float(mean[0]), *inside, chance, size, note="null: 1/d"),
    ]
    for i, k in enumerate(KS):
        for j, emotion in sorted(enumerate(rows.pairs), key=lambda pair: pair[1]):
            own, about = draws[:, j, i], f"mean of {len(draws)} resamples; null: 1/d"
            numbers = float(own.mean()), *interval(own, units, bounds=(0, 1)), chance
            out.append(
                Measurement(f"P75.k{k}.{emotion}", name, *numbers, len(rows.pairs[emotion]), note=about)
            )
    drop = 1 - draws.mean(axis=1)[:, 1] / draws.mean(axis=1)[:, 0]
    fell = float(1 - mean[1] / mean[0])
    out.append(
        Measurement(
            "P75.k.drop", name, fell, *interval(drop, units, fell), 0.0, size, note="null: equal at every k"
        )
    )
    return [*out, _profiles(one.model, other.model, mean, wider)]


def _profiles(
    one: str, other: str, mean: np.ndarray, wider: tuple[PromptPairs, Mapping[str, ModelStates]] | None
) -> Measurement:
    name = f"{one}~{other}"
    if wider is None:
        return Measurement("P75.k.profiles", name, None, note="needs the baseline and the extended profile")
    rows, states_of = wider
    swept = published_sweep(states_of[one], states_of[other], rows).mean(axis=0)
    best = KS[int(swept.argmax())]
    note = f"rule: the same k is best in both; {KS[int(mean.argmax())]} in baseline, {best} in extended"
    holds = bool(swept.argmax() == mean.argmax())
    return Measurement("P75.k.profiles", name, best, n=len(rows.emotional()), holds=holds, note=note)


class AfterTheMap(NamedTuple):
    """Two claims of Phase 3.5 as measured here, each with its note; values are NaN where nothing was measured.

    Attributes
    ----------
    report, ours, null, note
        The score after the map, as printed and ours, and that of wrong pairs.
    turned, turned_note
        Gain by the reports' Procrustes rotation of the two bases over the overlap before, and what it rests on.
    """

    report: str
    ours: float
    null: float
    note: str
    turned: float
    turned_note: str


def after_the_map(judged: pd.DataFrame) -> AfterTheMap:
    """What :func:`emotion_utils.reports.claims.judge` says of the score after the map and of the rotation."""
    claims = judged.set_index("id").astype({"ours": float, "null": float})
    after, turn = claims.loc["P35.align.after"], claims.loc["P35.procrustes"]
    return AfterTheMap(
        after["report"], after["ours"], after["null"], after["note"], turn["ours"], turn["note"]
    )
