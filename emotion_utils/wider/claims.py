"""The reports' claims about wider models (Phase 8): their three checks, and all claims on the pairs at hand.

A check that wrong pairs pass as often says nothing of the models. The first is made before any map, where the pairing
of the rows plays no part: all wrong pairs pass it or none.

A claim about GPT-2 and Llama 3 8B is measured on a pair that stands in for it, layer by layer by number, and its
verdict is then that of another model. What has no counterpart stays pending, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.core.layers import layers_in_words
from emotion_utils.reports.claims import Measurement, read_claims, too_few
from emotion_utils.reports.replication import all_hold, lies_above, lies_below
from emotion_utils.statistics.jackknife import jackknife_interval
from emotion_utils.statistics.permutations import LEVEL, binomial_bounds, permutation_p
from emotion_utils.statistics.resampling import FEWEST_UNITS
from emotion_utils.subspaces.readings import ModelStates
from emotion_utils.wider.layers import LayerScores

MODELS = ("llama3-8b", "qwen3-8b", "gemma3-12b")
"""The reports' wider models, in the order of their ranking."""
RANKING, SKIPPED, WIDTH = "P8.ranking", "P8.gemma3-12b.skip", "P8.gemma3-12b.dmodel"
CHECKS = ("before", "after", "delta")
ASKED = {
    "before": "mean before a map is close to 0",
    "after": "mean after it is at least 0.1",
    "delta": "all layers rise, and some stand out",
}
"""What each check of :data:`CHECKS` asks."""
ANSWERS = ("no", "partly", "yes")
"""Of a check, from the worst."""
ENOUGH, RISEN, STANDS_OUT = 0.1, 10.0, 0.01
"""The reports' bound of a check passed; times before, from which on a check is passed in part; a layer's gain."""
HALF_PRECISION = float(np.finfo(np.float16).max)


def passed(check: str, before: float, after: Float[np.ndarray, " layer"]) -> str:
    """What the reports' own check says of a profile.

    Parameters
    ----------
    check
        One of :data:`CHECKS`: that the mean before a map is near 0, that the mean after it is at least 0.1, that all
        layers rise and some stand out.
    before
        Mean over the layers.
    after
        Of each layer.

    Returns
    -------
    One of :data:`ANSWERS`.
    """
    if check == "before":
        return "yes" if before < STANDS_OUT else "no"
    if check == "after":
        mean = float(after.mean())
        return "yes" if mean >= ENOUGH else "partly" if mean > RISEN * before else "no"
    rises = after - before
    return "yes" if rises.min() > 0 and rises.max() > STANDS_OUT else "no"


def answers(check: str, profile: LayerScores) -> tuple[str, int]:
    """The answer of a check on true pairs, and how many wrong pairings get one that is as good."""
    before = float(profile.before.mean())
    ours, *wrong = (ANSWERS.index(passed(check, before, after)) for after in profile.after)
    return ANSWERS[ours], sum(answer >= ours for answer in wrong)


def sanity_checks(scores: LayerScores) -> pd.DataFrame:
    """Answer the three checks, and say how many wrong pairings answer as well or better.

    Parameters
    ----------
    scores
        From :func:`emotion_utils.wider.layers.compare_layers`.

    Returns
    -------
    Columns ``check, asked, answer, wrong`` (share of wrong pairings whose answer is as good), ``low, high`` (its exact
    95 % bounds), ``n`` (wrong pairings) and ``tells``: whether so good an answer sets true pairs apart, since fewer
    than 5 % of wrong ones have it. None where the bounds leave that open; False for a "no".
    """
    wrong = scores.after[1:]
    if not len(wrong):
        raise UserError("A check says nothing without wrong pairs: ask for at least one other pairing.")
    rows = []
    for check in CHECKS:
        answer, as_good = answers(check, scores)
        low, high = binomial_bounds(as_good, len(wrong))
        # a "no" sets nothing apart
        tells = False if answer == "no" else lies_below(low, high, LEVEL)
        rows.append((check, ASKED[check], answer, as_good / len(wrong), low, high, len(wrong), tells))
    columns = ["check", "asked", "answer", "wrong", "low", "high", "n", "tells"]
    return pd.DataFrame(rows, columns=columns).astype({"tells": object})


def summarise_checks(table: pd.DataFrame) -> str:
    """The three answers as one sentence each, for a page.

    Parameters
    ----------
    table
        From :func:`sanity_checks`.
    """
    said = {
        True: "wrong pairs seldom do as well",
        False: "**wrong pairs do as well**, so that it says nothing of the models",
        None: "whether wrong pairs do as well too often cannot be told",
    }
    lines = []
    for row in table.itertuples(index=False):
        share = (
            f"{row.wrong:.0%} of {row.n} wrong pairings ({row.low:.0%} to {row.high:.0%}) answer so or better"
        )
        about = f"{share}: {'there is nothing to explain' if row.answer == 'no' else said[row.tells]}"
        if row.check == "before":
            about = "it is made before any map, where the pairing of sentences does not enter"
        lines.append(f"- {row.asked}: **{row.answer}**; {about}.")
    return "\n".join(lines)


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
    One per claim; without a value and with the reason where nothing stands in, or where units are too few.

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
            out.append(_of_pair(claim, part, pairs.get(model)))
    return sorted(out, key=lambda row: ids.index(row.claim))


def _of_pair(claim: str, part: Sequence[str], profile: LayerScores | None) -> Measurement:
    if profile is None:
        return Measurement(claim, "", None, note="no pair of models stands in for it")
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
    alike = [
        np.array_equal(profiles[0].sizes, other.sizes)
        and len(profiles[0].left_after) == len(other.left_after)
        for other in profiles
    ]
    if not all(alike):
        return Measurement(RANKING, name, None, note="the pairs were not compared on the same units")
    steps = [_step(one, other) for one, other in pairwise(profiles)]
    means = ", ".join(f"{profile.target} {profile.after[0].mean():.4f}" for profile in profiles)
    intervals = "; ".join(f"{low:+.4f} to {high:+.4f}" for low, high in steps)
    told = intervals if len(profiles[0].left_after) else "no intervals were asked for"
    holds = all_hold(lies_above(low, high) for low, high in steps)
    note = f"means after the map: {means}; differences of neighbours: {told}"
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
