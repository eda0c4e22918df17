"""Which components carry a label: each one's output on a clean post, patched into a corrupted one.

The report's effect of a component is ``(z_patched - z_corrupted) / (z_clean - z_corrupted)`` for the logit of the true
label, the mean of this ratio over pairs, and 0 where the denominator is below 1e-6 in size. A ratio whose denominator
is small can be anything, so that a few pairs may decide the mean. The sound form is the ratio of the sums over pairs
whose logits differ: the share of the gap that a component restores. Effects are estimated from one gradient as well
{cite:p}`nanda2023attribution`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from emotion_utils.classification.classifier import TextClassifier
from emotion_utils.classification.last_token import logits_at_last
from emotion_utils.core.errors import UserError
from emotion_utils.models.hooks import HookPoint
from emotion_utils.siblings.components import (
    EMBEDDING,
    components,
    last_outputs,
    logits_of,
    slopes,
)
from emotion_utils.siblings.post_pairs import PostPairs
from emotion_utils.statistics.resampling import effective_units, interval, unit_weights

SMALLEST = 1e-6
"""Size of a denominator below which the report calls an effect 0."""
TAU = 0.01
"""Mean effect from which a component is in the report's circuit."""
GAP = 1.0
"""Nats by which the logits of a pair differ at least, for it to say how much of a gap is restored."""
THIRDS = ("first", "middle", "last")


@dataclass(frozen=True, eq=False)
class Patched:
    """Logits of the true label: of both posts, and of the corrupted one with single components patched.

    Attributes
    ----------
    where
        Components, in the order of the columns.
    clean, corrupted
        By pair.
    patched
        By pair and component.
    pairs
    """

    where: tuple[HookPoint, ...]
    clean: Float[np.ndarray, " pair"]
    corrupted: Float[np.ndarray, " pair"]
    patched: Float[np.ndarray, "pair component"]
    pairs: PostPairs

    @property
    def gap(self) -> Float[np.ndarray, " pair"]:
        """Logit on the clean post minus that on the corrupted one."""
        return self.clean - self.corrupted

    @property
    def restored(self) -> Float[np.ndarray, "pair component"]:
        """By how much a component raises the logit."""
        return self.patched - self.corrupted[:, None]

    def published(self) -> Float[np.ndarray, "pair component"]:
        """The report's effect, pair by pair."""
        small = np.abs(self.gap) < SMALLEST
        return np.where(small[:, None], 0.0, self.restored / np.where(small, 1.0, self.gap)[:, None])

    def telling(self, least: float = GAP) -> Bool[np.ndarray, " pair"]:
        """Pairs whose clean logit is larger by so much."""
        return self.gap >= least

    def take(self, rows: Bool[np.ndarray, " pair"]) -> Patched:
        """Some of the pairs."""
        return replace(
            self, clean=self.clean[rows], corrupted=self.corrupted[rows], patched=self.patched[rows],
            pairs=self.pairs.take(rows),
        )  # fmt: skip


def patch(classifier: TextClassifier, pairs: PostPairs, where: Sequence[HookPoint] | None = None) -> Patched:
    """Patch single components at the last token of every pair.

    Parameters
    ----------
    classifier
    pairs
    where
        By default all components.
    """
    points = tuple(where or components(classifier))
    rows = np.arange(len(pairs))
    own = last_outputs(classifier, pairs.clean, points)
    clean, corrupted = (
        logits_of(classifier, ids)[rows, pairs.label] for ids in (pairs.clean, pairs.corrupted)
    )
    # (component, pair, label)
    patched = logits_at_last(classifier, pairs.corrupted, [{point: own[point]} for point in points])
    return Patched(points, clean, corrupted, patched[:, rows, pairs.label].T, pairs)


def patched_together(
    classifier: TextClassifier, pairs: PostPairs, where: Sequence[HookPoint]
) -> Float[np.ndarray, " pair"]:
    """Logit of the true label on the corrupted post with several components patched at once.

    With all of them and :data:`components.EMBEDDING` it is the clean logit: nothing of the corrupted post is left.
    """
    own = last_outputs(classifier, pairs.clean, where) if where else {}
    return logits_of(classifier, pairs.corrupted, own)[np.arange(len(pairs)), pairs.label]


def everything(classifier: TextClassifier) -> tuple[HookPoint, ...]:
    """All components and what they start from."""
    return (EMBEDDING, *components(classifier))


def attributed(
    classifier: TextClassifier, pairs: PostPairs, where: Sequence[HookPoint] | None = None
) -> Float[np.ndarray, "pair component"]:
    """What patching each component would add to the logit, to first order, from one gradient per pair.

    Returns
    -------
    In logits; the estimate of :attr:`Patched.restored`.
    """
    points = tuple(where or components(classifier))
    clean, corrupted = (last_outputs(classifier, ids, points) for ids in (pairs.clean, pairs.corrupted))
    slope = slopes(classifier, pairs.corrupted, pairs.label, points)
    found = [
        (slope[point] * (clean[point] - corrupted[point])).sum(dim=-1).double().numpy() for point in points
    ]
    return np.stack(found, axis=1)


def effects(
    found: Patched, *, tau: float = TAU, least: float = GAP, n_resamples: int = 500, seed: int = 0
) -> pd.DataFrame:
    """Effects of all components, as published and as the share of the gap, with intervals over clean posts.

    Parameters
    ----------
    found
    tau
        Effect from which a component is in a circuit.
    least
        Logit gap of a pair for the share.
    n_resamples, seed
        Of the bootstrap.

    Returns
    -------
    Columns ``component, layer, kind, published, published_low, published_high, share, low, high, circuit`` (as
    published), ``sure`` (True where the interval of the published mean lies above tau, False where it lies below, None
    where it holds it), ``pairs, telling`` (pairs behind the share), ``posts``.

    Raises
    ------
    UserError
        Where no pair has such a gap.
    """
    telling = found.telling(least)
    if not telling.any():
        raise UserError(
            f"In none of {len(found.pairs)} pairs does the logit of the true label differ by {least:g}: the classifier "
            "does not tell the posts apart. Train it longer, or ask for a smaller gap."
        )
    ratio, kept = found.published(), found.take(telling)
    published, published_draws = ratio.mean(axis=0), _mean_draws(ratio, found.pairs.post, n_resamples, seed)
    share = kept.restored.sum(axis=0) / kept.gap.sum()
    weights = unit_weights(kept.pairs.post, n_resamples, np.random.default_rng(seed))
    share_draws = (weights @ kept.restored) / (weights @ kept.gap)[:, None]
    units, share_units = effective_units(found.pairs.post), effective_units(kept.pairs.post)
    rows = []
    for i, point in enumerate(found.where):
        low, high = interval(published_draws[:, i], units, float(published[i]))
        sure = True if low > tau else False if high < tau else None
        ends = interval(share_draws[:, i], share_units, float(share[i]))
        rows.append(
            (
                str(point),
                point.layer,
                point.kind,
                published[i],
                low,
                high,
                share[i],
                *ends,
                published[i] >= tau,
                sure,
            )
        )
    columns = [
        *("component", "layer", "kind", "published", "published_low", "published_high"),
        *("share", "low", "high", "circuit", "sure"),
    ]
    sizes = {"pairs": len(ratio), "telling": int(telling.sum()), "posts": len(np.unique(found.pairs.post))}
    return pd.DataFrame(rows, columns=columns).assign(**sizes)


def _mean_draws(
    values: Float[np.ndarray, "pair component"], units: np.ndarray, n_resamples: int, seed: int
) -> Float[np.ndarray, "draw component"]:
    weights = unit_weights(units, n_resamples, np.random.default_rng(seed))
    drawn: np.ndarray = (weights @ values) / weights.sum(axis=1, keepdims=True)
    return drawn


def third(layer: int, n_layers: int) -> str:
    """In which third of the depth a layer is, counted from 0."""
    return THIRDS[layer * len(THIRDS) // n_layers]


def depth_shares(table: pd.DataFrame, n_layers: int, column: str = "published") -> dict[str, float]:
    """Share of the summed effects of the circuit's components by third of the depth, as published; NaN without any.

    Parameters
    ----------
    table
        From :func:`effects`.
    n_layers
        Of the model.
    column
        Which effect is summed.
    """
    own = table[table["circuit"]]
    by_third = own.groupby([third(layer, n_layers) for layer in own["layer"]])[column].sum()
    total = own[column].sum()
    return {name: float(by_third.get(name, 0.0) / total) if len(own) else float("nan") for name in THIRDS}
