"""The reports' claims about wider models (Phase 8), on the pairs at hand.

A claim about GPT-2 and Llama 3 8B is measured on a pair that stands in for it, layer by layer by number, and its
verdict is then that of another model. What has no counterpart stays pending, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.core.layers import layers_in_words
from emotion_utils.reports.claims import Measurement, read_claims, too_few
from emotion_utils.reports.replication import all_hold, lies_above
from emotion_utils.statistics.jackknife import jackknife_interval
from emotion_utils.statistics.permutations import permutation_p
from emotion_utils.statistics.resampling import FEWEST_UNITS
from emotion_utils.subspaces.readings import ModelStates
from emotion_utils.wider.checks import answers
from emotion_utils.wider.layers import LayerScores

MODELS = ("llama3-8b", "qwen3-8b", "gemma3-12b")
"""The reports' wider models, in the order of their ranking."""
RANKING, SKIPPED, WIDTH = "P8.ranking", "P8.gemma3-12b.skip", "P8.gemma3-12b.dmodel"
OF_ALL_LAYERS = ("check", "mean", "max")
"""Parts of the names of claims that are about all layers of a pair."""
HALF_PRECISION = float(np.finfo(np.float16).max)


def beyond_half_precision(states: ModelStates) -> list[int]:
    """Layers with a state at the end of a prompt that float16 cannot hold: above 65,504 in size."""
    largest = np.abs(states.values).max(axis=(0, 2))
    return [layer for layer, size in zip(states.layers, largest, strict=True) if size > HALF_PRECISION]


def chapter_measurements(
    pairs: Mapping[str, LayerScores],
    *,
    overflowing: tuple[str, Sequence[int]] | None = None,
    width: int | None = None,
) -> list[Measurement]:
    """Measure the claims of Phase 8.

    Parameters
    ----------
    pairs
        By the report's wider model (:data:`MODELS`): the pair that stands in for it and GPT-2, or is it. The same
        prompts of all, if their order is to be judged.
    overflowing
        A model of the Gemma 3 family and its layers that float16 cannot hold, from :func:`beyond_half_precision`.
    width
        Hidden size of Gemma 3 12B, where its configuration is at hand.

    Returns
    -------
    One per claim; without a value and with the reason where nothing stands in, where units are too few, or where a
    claim is about all layers and some were left out.

    Raises
    ------
    UserError
        For a name that is none of the reports' models.
    """
    for name in pairs:
        if name not in MODELS:
            raise UserError(f'The reports have no wider model "{name}": {suggestion(name, MODELS)}')
    few = min((len(scores.sizes) for scores in pairs.values()), default=FEWEST_UNITS)
    if few < FEWEST_UNITS:
        return too_few("P8.", "", few)
    ids = [claim for claim in read_claims()["id"] if claim.startswith("P8.")]
    out = [_ranking(pairs), _skipped(overflowing), _width(width)]
    measured = {row.claim for row in out}
    for claim in ids:
        if claim not in measured:
            _, model, *part = claim.split(".")
            out.append(_of_pair(claim, model, part, pairs.get(model)))
    return sorted(out, key=lambda row: ids.index(row.claim))


def too_few_layers(model: str, profile: LayerScores) -> str:
    """Why claims about all layers cannot be measured: layers that the reports print, and this pair has, were left out.

    Parameters
    ----------
    model
        The report's wider model.
    profile
        Of the pair that stands in for it.

    Returns
    -------
    A few words, and nothing where no such layer is missing.
    """
    compared = {own for own, _ in profile.pairs}
    printed = read_claims()["id"].str.extract(rf"^P8\.{model}\.L(\d+)\.after$", expand=False).dropna()
    asked = {own for own, _ in profile.possible} & set(printed.astype(int))
    if compared and asked <= compared:
        return ""
    return (
        f"too few layers: {layers_in_words(compared)} of this pair "
        f"{'is' if len(compared) < 2 else 'are'} compared, and the claim is about all; name all"
    )


def _of_pair(claim: str, model: str, part: Sequence[str], profile: LayerScores | None) -> Measurement:
    if profile is None:
        return Measurement(claim, "", None, note="no pair of models stands in for it")
    if part[0] in OF_ALL_LAYERS and (lacking := too_few_layers(model, profile)):
        return Measurement(claim, _name(profile), None, n=profile.n, note=lacking)
    if part[0] == "check":
        return _check(claim, part[1], profile)
    if part[0] == "mean":
        return _mean(claim, part[1], profile)
    if part[0] == "max":
        return _largest(claim, profile)
    return _layer(claim, int(part[0].removeprefix("L")), part[1], profile)


def _name(profile: LayerScores) -> str:
    return f"{profile.source}~{profile.target}"


def _layer(claim: str, layer: int, when: str, profile: LayerScores) -> Measurement:
    layers = [own for own, _ in profile.pairs]
    if layer not in layers:
        return Measurement(
            claim, _name(profile), None, note=f"only {layers_in_words(layers)} of this pair are compared"
        )
    at = layers.index(layer)
    if when == "before":
        return _before(claim, profile, profile.before[at], profile.left_before[:, at])
    return _after(claim, profile, profile.after[:, at], profile.left_after[:, at])


def _before(
    claim: str, profile: LayerScores, value: np.floating, left: Float[np.ndarray, " unit"]
) -> Measurement:
    ends = _ends(float(value), left, profile, (0, 1))
    return Measurement(
        claim, _name(profile), float(value), *ends, profile.chance, profile.n, note="null: 1/d"
    )


def _after(
    claim: str,
    profile: LayerScores,
    drawn: Float[np.ndarray, " draw"],
    left: Float[np.ndarray, " unit"],
    bounds: tuple[float, float] = (0, 1),
    about: str = "",
) -> Measurement:
    value, p = float(drawn[0]), float(permutation_p(drawn[0], drawn[1:]))
    note = f"{about}null: {len(drawn) - 1} other pairings of the rows, p = {p:.2g}"
    ends = _ends(value, left, profile, bounds)
    return Measurement(claim, _name(profile), value, *ends, float(drawn[1:].mean()), profile.n, note=note)


def _mean(claim: str, when: str, profile: LayerScores) -> Measurement:
    before, left_before = profile.before.mean(), profile.left_before.mean(axis=1)
    after, left_after = profile.after.mean(axis=1), profile.left_after.mean(axis=1)
    if when == "before":
        return _before(claim, profile, before, left_before)
    if when == "after":
        return _after(claim, profile, after, left_after)
    return _after(claim, profile, after - before, left_after - left_before, (-1, 1))


def _largest(claim: str, profile: LayerScores) -> Measurement:
    """The largest gain over the layers, whose interval is that of the layer where it is."""
    gains = profile.after - profile.before
    at = int(gains[0].argmax())
    left = profile.left_after[:, at] - profile.left_before[:, at]
    about = f"at layer {profile.pairs[at][0]}, whose interval it is; largest layer of every pairing; "
    return _after(claim, profile, gains.max(axis=1), left, (-1, 1), about)


def _ends(
    value: float, left: Float[np.ndarray, " unit"], profile: LayerScores, bounds: tuple[float, float]
) -> tuple[float | None, float | None]:
    low, high = jackknife_interval(value, left, profile.sizes[: len(left)], bounds)
    return (None, None) if np.isnan(low) else (low, high)


def _check(claim: str, check: str, profile: LayerScores) -> Measurement:
    answer, as_good = answers(check, profile)
    report = str(read_claims().set_index("id").at[claim, "value"])
    note = (
        f"the check says {answer}; {as_good} of {len(profile.after) - 1} wrong pairings get as good an answer"
    )
    return Measurement(claim, _name(profile), None, n=profile.n, holds=answer == report, note=note)


def _ranking(pairs: Mapping[str, LayerScores]) -> Measurement:
    """Whether the mean score after the map falls in the reports' order, by intervals of the two steps."""
    if lacking := [model for model in MODELS if model not in pairs]:
        return Measurement(RANKING, "", None, note=f"no pair of models stands in for {lacking[0]}")
    profiles = [pairs[model] for model in MODELS]
    name = "~".join(profile.target for profile in profiles)
    if too_few := next(filter(None, map(too_few_layers, MODELS, profiles)), ""):
        return Measurement(RANKING, name, None, n=profiles[0].n, note=too_few)
    alike = [
        np.array_equal(profiles[0].sizes, other.sizes)
        and len(profiles[0].left_after) == len(other.left_after)
        for other in profiles
    ]
    if not all(alike):
        return Measurement(RANKING, name, None, note="the pairs were not compared on the same units")
    steps = [_step(one, other) for one, other in pairwise(profiles)]
    means = ", ".join(f"{profile.target} {profile.after[0].mean():.4f}" for profile in profiles)
    apart = (
        f"{one.target} less {other.target} {low:+.4f} to {high:+.4f}"
        for (one, other), (low, high) in zip(pairwise(profiles), steps, strict=True)
    )
    told = f"95 % of {'; '.join(apart)}" if len(profiles[0].left_after) else "no intervals were asked for"
    holds = all_hold(lies_above(low, high) for low, high in steps)
    note = f"mean scores after the map, in the reports' order: {means}; {told}"
    return Measurement(RANKING, name, None, n=profiles[0].n, holds=holds, note=note)


def _step(one: LayerScores, other: LayerScores) -> tuple[float, float]:
    """Interval of the difference of two means over the layers; NaN where units are too few or were not left out."""
    left = [profile.left_after.mean(axis=1) for profile in (one, other)]
    value = float(one.after[0].mean() - other.after[0].mean())
    return jackknife_interval(value, left[0] - left[1], one.sizes[: len(left[0])])


def _skipped(overflowing: tuple[str, Sequence[int]] | None) -> Measurement:
    if overflowing is None:
        return Measurement(SKIPPED, "", None, note="no model of the family was read")
    model, layers = overflowing
    if not layers:
        note = f"no layer has a state above {HALF_PRECISION:,.0f}, which float16 holds"
        return Measurement(SKIPPED, model, None, holds=False, note=note)
    note = f"{layers_in_words(layers)} have states that float16 cannot hold; the first is compared"
    return Measurement(SKIPPED, model, float(min(layers)), n=len(layers), note=note)


def _width(width: int | None) -> Measurement:
    if width is None:
        return Measurement(WIDTH, "", None, note="its configuration is not at hand")
    return Measurement(WIDTH, "gemma3-12b", float(width), n=1, note="hidden size in its configuration")
