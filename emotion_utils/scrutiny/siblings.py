"""The reports on predictable parts and on two sibling models: counts of posts, sums over labels, shares that differ."""

from __future__ import annotations

from math import sqrt
from statistics import fmean

import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm, permutation_test

from emotion_utils.scrutiny.rules import Scrutiny, chance, number, reasons, value

POSTS, LEAST, TESTED = 120, 60, 12_650
"""Test posts of a label at most, and at least as tried here; of all labels. Duplicates were taken out, so that labels
differ, and the report does not say how many are left of each."""
NO_INTERVAL = "the report prints no interval and no value under a null"
PROBES = f"{NO_INTERVAL}, and calls its score macro F1 in the text and micro F1 in the captions"
SAME_POSTS = "two runs on the same posts; how often both err on one post, which decides, is not printed"
THRESHOLD = "a count at a threshold, without repeated training or a null"
NO_NULL = {
    "D.r2.mid": NO_INTERVAL,
    "D.r2.last": NO_INTERVAL,
    "D.r2.first": "the report prints no figure",
    "D.mse.position": NO_INTERVAL,
    "D.rho.ends": NO_INTERVAL,
    "D.rho.l18": NO_INTERVAL,
    "D.rho.trend": NO_INTERVAL,
    "D.probe.domain": PROBES,
    "D.probe.type": PROBES,
    "C.f1.jpn": SAME_POSTS,
    "C.f1.base": SAME_POSTS,
    "C.circuit.jpn": f"{THRESHOLD}, over all layers, and that of its sibling over the last ten",
    "C.circuit.base": f"{THRESHOLD}, over the last ten layers, and that of its sibling over all",
    "C.circuit.early": NO_INTERVAL,
    "C.circuit.late": NO_INTERVAL,
    "C.circuit.sum": "a ratio of two sums that are not printed",
    "C.circuit.suff": NO_INTERVAL,
    "C.sae.ev": "a mean over layers, without one of an untrained dictionary",
    "C.sae.variety": "two means without their spread",
    "C.cue.hobby": "one field, without the number of its features",
    "C.cue.overall": "the report prints no figure",
    "C.sparsity.active": "two means without their spread",
    "C.sparsity.top20": "two means without their spread",
    "C.knockout.random": "a bound, without the number of random draws",
}
NO_NULL |= {
    f"C.variants.k{k}": "two rates over 50 concepts, without a null or a spread" for k in (20, 50, 100)
}


def scrutiny(claims: pd.DataFrame) -> dict[str, Scrutiny]:
    """The claims of both reports.

    Parameters
    ----------
    claims
        Indexed by id.
    """
    return {
        **reasons(NO_NULL),
        **_words_alone(claims),
        **_features(claims),
        **_knockouts(claims, "C.knockout.", "different layers"),
        **_knockouts(claims, "C.knockout.L22.", "the same layer"),
    }


def _words_alone(claims: pd.DataFrame) -> dict[str, Scrutiny]:
    """A bag of words beside the base sibling: macro F1 taken as a share of right answers, posts as independent."""
    shares = [value(claims, f"C.f1.{name}") / 100 for name in ("tfidf", "base")]
    about = f"beside C.f1.base, two shares of {number(TESTED)} posts, which is approximate"
    return {"C.f1.tfidf": chance(_two_shares(shares[0], TESTED, shares[1], TESTED), about)}


def _two_shares(one: float, n: int, other: float, m: int) -> float:
    """Two-sided p of the difference of two shares."""
    pooled = (one * n + other * m) / (n + m)
    return float(2 * norm.sf(abs(one - other) / sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))))


def _features(claims: pd.DataFrame) -> dict[str, Scrutiny]:
    one, other = (int(claims.loc["C.sae.highd", end]) for end in ("lo", "hi"))
    shares = [float(claims.loc["C.sae.specific", end]) / 100 for end in ("lo", "hi")]
    alike = "as if features were independent"
    return {
        "C.sae.highd": chance(
            float(binomtest(one, one + other).pvalue), f"exact test of two counts, {one} and {other}, {alike}"
        ),
        "C.sae.specific": chance(
            _two_shares(shares[0], one, shares[1], other),
            f"two shares, of {one} and {other} features, {alike}",
        ),
    }


def _knockouts(claims: pd.DataFrame, prefix: str, layers: str) -> dict[str, Scrutiny]:
    """Labels: whole numbers of posts. Their mean: of the printed labels, and the difference under flipped signs."""
    labels = [c for c in claims.index if c.startswith(prefix) and c.count(".") == prefix.count(".")]
    labels = [c for c in labels if c.rsplit(".", 1)[1] not in ("mean", "random")]
    pairs = claims.loc[labels, ["lo", "hi"]].to_numpy(dtype=float)
    found = {label: _of_posts(pair) for label, pair in zip(labels, pairs, strict=True)}
    mean = claims.loc[f"{prefix}mean"]
    sums = [fmean(column) for column in pairs.T]
    # every label and the mean are rounded to one digit
    if any(abs(total - float(mean[end])) > 0.1 + 1e-9 for total, end in zip(sums, ("lo", "hi"), strict=True)):
        told = " and ".join(number(total) for total in sums)
        return found | {f"{prefix}mean": Scrutiny("arithmetic fails", f"means of the printed labels: {told}")}
    differences = (pairs[:, 0] - pairs[:, 1],)
    p = permutation_test(differences, np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    about = (
        f"difference of the siblings over {len(labels)} labels at {layers}, signs flipped; the means agree"
    )
    return found | {f"{prefix}mean": chance(float(p), about)}


def _of_posts(pair: np.ndarray) -> Scrutiny:
    """Both changes of recall are whole numbers of the label's test posts, for some number of posts."""
    shown, fits = np.abs(pair), []
    for posts in range(POSTS, LEAST - 1, -1):
        counts = np.round(shown / 100 * posts)
        if (np.abs(counts / posts * 100 - shown) <= 0.05 + 1e-9).all():
            fits.append((posts, *counts.astype(int).tolist()))
    if fits:
        posts, one, other = fits[0]
        return Scrutiny("arithmetic holds", f"{one} and {other} of {posts} test posts, or of fewer")
    told = " and ".join(number(each) for each in pair)
    return Scrutiny("arithmetic fails", f"no number of test posts from {LEAST} to {POSTS} gives both {told}")
