"""On how many different tokens a feature fires: the report's diversity of cues, and what it has to be compared with.

Section 5.1 of the report collects tokens at which a feature fires *strongly*, without saying when that is; here these
are the largest tenth of its activations on posts that it was not chosen on, and no fewer than :data:`LEAST`. Two of its
numbers depend on how many these are: many firings are on more different tokens, and the commonest of a few has a large
share. So firings are rarefied to one number for all features {cite:p}`hurlbert1971`, and beside the share of the
commonest token stands the chance that two firings are on the same token, which does not depend on their number. How
common tokens are is a property of texts: beside each feature stand as many tokens drawn from the same texts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.special import gammaln

from emotion_utils.core.errors import UserError
from emotion_utils.features.over_labels import label_means, paired_labels
from emotion_utils.features.reading import TokenActivations

STRONG = 0.1
"""Share of the firings that count as strong."""
LEAST = 20
"""Strong firings, at least; a feature that fires less often is not measured."""
DRAWS = 99
MEASURES = ("top_token_share", "unique_tokens", "rarefied_tokens", "same_token")
BEYOND = tuple(f"{name}_beyond" for name in MEASURES)
"""Each measure minus that of tokens drawn from the same texts."""
COLUMNS = ["feature", "firings", "strong", *MEASURES, *(f"{name}_null" for name in MEASURES), *BEYOND, "top"]


def strong_firings(
    activations: Float[np.ndarray, " token"], strong: float = STRONG, least: int = LEAST
) -> Int[np.ndarray, " firing"]:
    """Where a feature fires strongly.

    Parameters
    ----------
    activations
        Of one feature at tokens, 0 where it does not fire.
    strong
        Share of the firings.
    least
        Firings, at least.

    Returns
    -------
    Numbers of the tokens with the largest activations; none where it fires less often than ``least``.
    """
    fires = np.flatnonzero(activations > 0)
    if len(fires) < least:
        return fires[:0]
    n = max(least, int(np.ceil(strong * len(fires))))
    return fires[np.argsort(-activations[fires], kind="stable")[:n]]


def diversity(
    counts: Int[np.ndarray, "... token"], rarefied_to: int = LEAST
) -> Float[np.ndarray, "... measure"]:
    """The :data:`MEASURES` of firings.

    Parameters
    ----------
    counts
        Firings on each different token; 0 does not matter.
    rarefied_to
        Firings that are drawn from them.

    Returns
    -------
    Share of the commonest token; different tokens; different tokens among ``rarefied_to`` firings, on average; chance
    that two firings are on the same token. NaN for fewer firings than that.
    """
    c = np.asarray(counts, dtype=np.float64)
    n = c.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        top = c.max(axis=-1, initial=0.0) / n
        same = (c * (c - 1)).sum(axis=-1) / (n * (n - 1))
        missing = np.exp(_log_choose(n[..., None] - c, rarefied_to) - _log_choose(n[..., None], rarefied_to))
    rarefied = np.where(n >= rarefied_to, (1 - missing).sum(axis=-1), np.nan)
    found = np.stack(
        [top, (c > 0).sum(axis=-1).astype(float), rarefied, np.where(n > 1, same, np.nan)], axis=-1
    )
    return np.where(n[..., None] > 0, found, np.nan)


def _log_choose(n: np.ndarray, k: int) -> np.ndarray:
    """Logarithm of a binomial coefficient; minus infinity where n < k."""
    known = np.maximum(n, k)
    value = gammaln(known + 1) - gammaln(k + 1) - gammaln(known - k + 1)
    return np.where(n >= k, value, -np.inf)


def cues(
    read: TokenActivations,
    *,
    strong: float = STRONG,
    least: int = LEAST,
    draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure the tokens at which each feature fires strongly.

    Parameters
    ----------
    read
        Of posts that features were not chosen on.
    strong, least
        See :func:`strong_firings`; firings are rarefied to ``least``.
    draws
        Of tokens: for each strong firing one of the same text, each of its tokens alike likely, without repetition.
    seed

    Returns
    -------
    One row per feature, columns :data:`COLUMNS`: ``firings`` and ``strong`` ones; each measure, its mean over draws
    (``_null``) and the difference (``_beyond``); ``top``: the id of the commonest token. NaN, and -1, for a feature
    that fires less often than ``least``.

    Raises
    ------
    UserError
        Where ``least`` is below 2.
    """
    if least < 2:
        raise UserError(f"Firings are rarefied to {least}, and two have to be compared: choose more.")
    columns, rng = read.values.tocsc(), np.random.default_rng(seed)
    token, codes = np.unique(read.tokens.token, return_inverse=True)
    rows = []
    for at, feature in enumerate(read.features.tolist()):
        one = columns[:, [at]].toarray()[:, 0].astype(np.float64)
        where, firings = strong_firings(one, strong, least), int((one > 0).sum())
        if not len(where):
            rows.append((feature, firings, 0, *(np.nan,) * (3 * len(MEASURES)), -1))
            continue
        counts = np.bincount(codes[where], minlength=len(token))
        own = diversity(counts[counts > 0], least)
        null = _drawn(codes, read.tokens.text, where, draws, least, rng)
        rows.append((feature, firings, len(where), *own, *null, *(own - null), int(token[counts.argmax()])))
    return pd.DataFrame(rows, columns=COLUMNS)


def _drawn(
    codes: Int[np.ndarray, " token"],
    text: Int[np.ndarray, " token"],
    where: Int[np.ndarray, " firing"],
    draws: int,
    least: int,
    rng: np.random.Generator,
) -> Float[np.ndarray, " measure"]:
    """Mean over draws of the measures of as many tokens of the same texts."""
    if not draws:
        return np.full(len(MEASURES), np.nan)
    different, times = np.unique(text[where], return_counts=True)
    first, last = np.searchsorted(text, different), np.searchsorted(text, different, side="right")
    pool = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)])
    of = np.repeat(np.arange(len(different)), last - first)
    starts = np.cumsum(last - first) - (last - first)
    # in an order that is random within each text, the first ones of each are drawn without repetition
    chosen = np.concatenate([np.arange(a, a + n) for a, n in zip(starts, times, strict=True)])
    known, own = np.unique(codes[pool], return_inverse=True)
    counts = np.stack(
        [
            np.bincount(own[np.argsort(of + rng.random(len(pool)))[chosen]], minlength=len(known))
            for _ in range(draws)
        ]
    )
    return diversity(counts, least).mean(axis=0)


def cues_by_label(
    table: pd.DataFrame, top: Sequence[Int[np.ndarray, " _"]], labels: Sequence[str]
) -> pd.DataFrame:
    """Average over the top features of each label.

    Parameters
    ----------
    table
        From :func:`cues`.
    top
        Features of each label, such as those that are knocked out.
    labels

    Returns
    -------
    Columns ``label, features`` (those that fire often enough), ``strong`` and all measures.
    """
    names = ["strong", *MEASURES, *(f"{name}_null" for name in MEASURES), *BEYOND]
    by_feature = table.set_index("feature")
    rows = []
    for label, own in zip(labels, top, strict=True):
        known = by_feature.loc[own]
        known = known[known["strong"] > 0]
        rows.append((label, len(known), *known[names].mean()))
    return pd.DataFrame(rows, columns=["label", "features", *names])


def cue_means(by_label: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Means over labels; see :func:`emotion_utils.features.over_labels.label_means`."""
    return label_means(
        {name: by_label[name].to_numpy(dtype=np.float64) for name in (*MEASURES, *BEYOND)}, seed
    )


def cues_between(first: pd.DataFrame, second: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """One sibling minus another, over labels; see :func:`emotion_utils.features.over_labels.paired_labels`."""
    return paired_labels(first, second, [*MEASURES, *BEYOND], seed)
