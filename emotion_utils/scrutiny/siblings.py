"""The reports on predictable parts and on two sibling models: counts of posts, sums over labels, shares that differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from statistics import fmean

import numpy as np
from scipy.stats import permutation_test

from emotion_utils.scrutiny.judging import TRUE, Rule, always, factor_within, reprinted, without_null
from emotion_utils.scrutiny.rules import Row, Rows, Scrutiny, chance, either, number, value
from emotion_utils.scrutiny.shares import (
    counts_of_parts,
    of_counts,
    of_shares,
    parts_rule,
    right_answers,
    shares_of_parts,
    two_sided,
)

POSTS, LEAST, TESTED = 120, 60, 12_650
"""Test posts of a label at most, and at least as tried here; of all labels. Duplicates were taken out, so that labels
differ, and the report does not say how many are left of each."""
LABELS, FEATURES = 107, 26 * 4 * 2304
"""Communities; features of the dictionaries of all layers of one model, by the report's table of settings."""
CONCEPTS, TOP = 50, 20
"""With spelling variants; features that were knocked out for each label."""
HALF = 0.05 + 1e-9
"""What rounding to one decimal may hide."""
PRINTED = "the report shows it in a figure, without numbers"
OPEN = {
    "D.r2.mid": "a constant prediction has 0; one that knows only the position more, by as much as states differ "
    "between positions, which is not printed",
    "D.r2.last": "a constant prediction has 0; one that knows only the position more, by as much as states differ "
    "between positions, which is not printed",
    "D.r2.first": f"{PRINTED}: no more than a constant prediction has, or less than the other layers only",
    "D.mse.position": f"{PRINTED}: slopes like those of shuffled positions, or far steeper",
    "D.rho.ends": f"{PRINTED}: within 0.02 of each other, as in 8,192 unrelated windows, or far apart",
    "D.rho.l18": f"{PRINTED}: within 0.02 of 0, as in 8,192 unrelated windows, or not",
    "D.rho.trend": f"{PRINTED}: slopes like those of shuffled positions, or far steeper",
    "D.probe.domain": f"{PRINTED}, as macro F1 in the text and micro F1 in the captions: equal, or far apart",
    "D.probe.type": f"{PRINTED}, as macro F1 in the text and micro F1 in the captions: equal, or far apart",
    "C.circuit.suff": f"{PRINTED}: equal, or far apart",
    "C.sae.ev": "an untrained dictionary of this size explains nothing of states spread over all dimensions and "
    "nearly all of states that lie in a few; the report prints neither",
    "C.cue.overall": f"{PRINTED}: equal, or far apart",
}
NO_NULL = {"C.knockout.random": "it is the report's own null, and the number of its draws is not printed"}


def rules(rows: Rows) -> list[Rule]:
    """Those for the claims of both reports.

    Parameters
    ----------
    rows
        All claims.
    """
    models = ("C.f1.jpn", "C.f1.base")
    return [
        *without_null("a null itself", NO_NULL),
        *(
            always("figures are not printed", claim, Scrutiny("undecided", why))
            for claim, why in OPEN.items()
        ),
        right_answers(models, *models, TESTED),
        right_answers(("C.f1.tfidf",), "C.f1.tfidf", "C.f1.base", TESTED),
        *_circuits(),
        *_features(),
        *(_variants(k) for k in (20, 50, 100)),
        *_knockouts(rows, "C.knockout.", "different layers"),
        *_knockouts(rows, "C.knockout.L22.", "the same layer"),
    ]


def _circuits() -> list[Rule]:
    sizes, late = ("C.circuit.jpn", "C.circuit.base"), ("C.circuit.early", "C.circuit.late")

    def of_sizes(rows: Rows) -> float:
        return of_counts(*(value(rows, claim) for claim in sizes))

    def draw_sizes(rows: Rows, rng: np.random.Generator, times: float) -> dict[str, Row]:
        middle = fmean(value(rows, claim) for claim in sizes)
        drawn = rng.poisson([times * middle, middle]).astype(float)
        return {claim: reprinted(rows[claim], each) for claim, each in zip(sizes, drawn, strict=True)}

    def of_late(rows: Rows) -> float:
        n = [value(rows, claim) for claim in sizes]
        return of_shares(1 - value(rows, late[0]), n[0], value(rows, late[1]), n[1])

    def draw_late(rows: Rows, rng: np.random.Generator, times: float) -> dict[str, Row]:
        n = [int(value(rows, claim)) for claim in sizes]
        middle = (1 - value(rows, late[0]) + value(rows, late[1])) / 2
        low, high = (0.2, 0.95) if times > 1 else (middle, middle)
        drawn = rng.binomial(n[0], low) / n[0], rng.binomial(n[1], high) / n[1]
        return {late[0]: reprinted(rows[late[0]], 1 - drawn[0]), late[1]: reprinted(rows[late[1]], drawn[1])}

    about = "components above the threshold, over all layers and over the last ten"
    shares = "share of the effect in the late layers, by components"
    return [
        parts_rule("counts of parts of single trainings", sizes, of_sizes, about, draw_sizes, 3.0),
        parts_rule("shares of parts of single trainings", late, of_late, shares, draw_late, 4.75),
        _no_more_than_counts("C.circuit.sum", _effects, "sum of effects"),
        _no_more_than_counts("C.sparsity.top20", _top_share, "share of the top 20"),
    ]


def _effects(rows: Rows) -> tuple[float, float]:
    """The printed ratio of sums, and that of the numbers of components: equal effects give it."""
    return value(rows, "C.circuit.sum"), value(rows, "C.circuit.jpn") / value(rows, "C.circuit.base")


def _top_share(rows: Rows) -> tuple[float, float]:
    """How many times more even the printed shares are, and by how much more features are active."""
    shares, active = rows["C.sparsity.top20"], rows["C.sparsity.active"]
    return float(shares["hi"]) / max(float(shares["lo"]), 1e-9), float(active["lo"]) / float(active["hi"])


def _no_more_than_counts(claim: str, ratios: Callable[[Rows], tuple[float, float]], what: str) -> Rule:
    """A ratio that counts alone explain, where all parts are alike; above it, the spread of the parts decides."""

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        ours, counts = ratios(rows)
        about = f"{what}: {number(ours)} times, where the counts alone, all parts alike, give {number(counts)} times"
        if ours <= counts:
            return {claim: Scrutiny("at chance", about)}
        return {claim: Scrutiny("undecided", f"{about}; how much parts differ is not printed")}

    def draw(rows: Rows, rng: np.random.Generator, times: float) -> dict[str, Row]:
        row, counts = rows[claim], ratios(rows)[1]
        ratio = counts * times
        if row["kind"] == "pair":
            return {claim: reprinted(row, float(row["hi"]) / ratio, float(row["hi"]))}
        return {claim: reprinted(row, ratio)}

    return Rule(
        "a ratio beside that of the counts", (claim,), judge,
        null=lambda rows, rng: draw(rows, rng, float(rng.uniform(0.9, 1.0))),
        plant=lambda rows, rng: draw(rows, rng, float(rng.uniform(1.5, 3.0))),
        planted="1.5 to 3 times the counts: *undecided*",
    )  # fmt: skip


def _features() -> list[Rule]:
    def features(rows: Rows) -> tuple[float, float]:
        return float(rows["C.sae.highd"]["lo"]), float(rows["C.sae.highd"]["hi"])

    return [
        counts_of_parts("C.sae.highd", "exact test of two counts of features"),
        counts_of_parts("C.sparsity.active", "exact test of two counts of active features"),
        shares_of_parts("C.sae.specific", "two shares of features", features, 100.0),
        shares_of_parts("C.cue.hobby", f"two shares, of {TOP} features that fire {POSTS} times at most",
                        lambda _: (float(TOP * POSTS), float(TOP * POSTS))),
        _variety(),
    ]  # fmt: skip


def _variety() -> Rule:
    """Labels per feature: over all features no more than those with a high d can give; over these one at least."""
    claim = "C.sae.variety"

    def ranges(rows: Rows) -> list[tuple[float, float]]:
        found = []
        for end in ("lo", "hi"):
            high, single_label = float(rows["C.sae.highd"][end]), float(rows["C.sae.specific"][end]) / 100
            least = high * (single_label + 2 * (1 - single_label))
            most = high * (single_label + LABELS * (1 - single_label))
            found.append((least, most))
        return found

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        holds, told = [], []
        for end, (least, most) in zip(("lo", "hi"), ranges(rows), strict=True):
            shown, high = float(rows[claim][end]), float(rows["C.sae.highd"][end])
            over_all = least / FEATURES - HALF / 10 <= shown <= most / FEATURES + HALF / 10
            over_high = least / high - HALF / 10 <= shown <= most / high + HALF / 10
            holds.append(over_all or over_high)
            told.append(f"{number(most / FEATURES)} at most over all {number(float(FEATURES))} features, "
                        f"{number(least / high)} at least over the {number(high)} with a high d")  # fmt: skip
        word = "arithmetic holds" if all(holds) else "arithmetic fails"
        about = "mean labels with d > 1, a high d being the same, for which the report gives no other bound"
        return {claim: Scrutiny(word, f"{about}: {'; '.join(told)}")}

    def plant(rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
        return {claim: reprinted(rows[claim], *(float(rng.uniform(*own)) / FEATURES for own in ranges(rows)))}

    return Rule("a mean within what counts allow", (claim,), judge, plant=plant, planted=TRUE)


def _variants(k: int) -> Rule:
    """Two rates over 50 concepts: as far apart as rates between 0 and 1 can scatter, and as if features counted."""
    claim, features = f"C.variants.k{k}", CONCEPTS * k

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        one, other = (float(rows[claim][end]) for end in ("lo", "hi"))
        # no rate between 0 and 1 has a variance above one quarter
        widest = two_sided((one - other) / sqrt(2 * 0.25 / CONCEPTS))
        said = [
            chance(widest, f"two rates over {CONCEPTS} concepts, at the widest spread there can be"),
            chance(of_shares(one, features, other, features),
                   f"over {number(float(features))} features, as if they were independent"),
        ]  # fmt: skip
        return {claim: either(said)}

    def draw(rows: Rows, rng: np.random.Generator, gain: float) -> dict[str, Row]:
        rate = float(rows[claim]["hi"])
        drawn = rng.binomial(CONCEPTS, [min(1.0, rate + gain), rate]) / CONCEPTS
        return {claim: reprinted(rows[claim], *drawn.tolist())}

    return Rule(
        "two rates over concepts", (claim,), judge,
        null=lambda rows, rng: draw(rows, rng, 0.0), plant=lambda rows, rng: draw(rows, rng, 0.4),
        planted="a rate higher by 0.4",
    )  # fmt: skip


def _knockouts(rows: Rows, prefix: str, layers: str) -> list[Rule]:
    """Labels: whole numbers of posts. Their mean: of the printed labels, and the difference under flipped signs."""
    labels = [claim for claim in rows if claim.startswith(prefix) and claim.count(".") == prefix.count(".")]
    labels = [claim for claim in labels if claim.rsplit(".", 1)[1] not in ("mean", "random")]
    return [*map(_of_posts, labels), _mean_of_labels(f"{prefix}mean", labels, layers)]


def _of_posts(claim: str) -> Rule:
    """Both changes of recall are whole numbers of the label's test posts, for some number of posts."""

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        shown = np.abs([float(rows[claim][end]) for end in ("lo", "hi")])
        posts = np.arange(POSTS, LEAST - 1, -1)[:, None]
        counts = np.round(shown / 100 * posts)
        fits = np.flatnonzero((np.abs(counts / posts * 100 - shown) <= HALF).all(axis=1))
        if len(fits):
            (one, other), n = counts[fits[0]].astype(int).tolist(), int(posts[fits[0], 0])
            return {claim: Scrutiny("arithmetic holds", f"{one} and {other} of {n} test posts, or of fewer")}
        told = " and ".join(number(each) for each in shown)
        return {
            claim: Scrutiny(
                "arithmetic fails", f"no number of test posts from {LEAST} to {POSTS} gives both {told}"
            )
        }

    def other(rows: Rows, rng: np.random.Generator) -> Mapping[str, Row]:
        return {claim: reprinted(rows[claim], *(-rng.uniform(0, 100, size=2)).tolist())}

    def plant(rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
        posts = int(rng.integers(LEAST, POSTS + 1))
        return {claim: reprinted(rows[claim], *(-rng.integers(1, posts, size=2) / posts * 100).tolist())}

    return Rule("whole numbers of posts", (claim,), judge, invent=other, plant=plant, planted=TRUE)


def _mean_of_labels(claim: str, labels: list[str], layers: str) -> Rule:
    def pairs(rows: Rows) -> np.ndarray:
        return np.array([[float(rows[label][end]) for end in ("lo", "hi")] for label in labels])

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        own, mean = pairs(rows), rows[claim]
        sums = own.mean(axis=0)
        # every label and the mean are rounded to one digit
        if any(
            abs(total - float(mean[end])) > 2 * HALF for total, end in zip(sums, ("lo", "hi"), strict=True)
        ):
            told = " and ".join(number(total) for total in sums)
            return {claim: Scrutiny("arithmetic fails", f"means of the printed labels: {told}")}
        test = permutation_test(
            (own[:, 0] - own[:, 1],), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        about = f"difference of the siblings over {len(labels)} labels at {layers}, signs flipped; the means agree"
        return {claim: chance(float(test.pvalue), about)}

    def other(rows: Rows, rng: np.random.Generator) -> Mapping[str, Row]:
        means = [fmean(column) for column in pairs(rows).T]
        factors = [
            factor_within(rows[claim], (*column, mean), rng)
            for column, mean in zip(pairs(rows).T, means, strict=True)
        ]
        scaled = (pairs(rows) * factors).tolist()
        changes = {label: reprinted(rows[label], *pair) for label, pair in zip(labels, scaled, strict=True)}
        return _with_mean(rows, claim, changes, labels)

    def null(rows: Rows, rng: np.random.Generator) -> Mapping[str, Row]:
        centre, gap = pairs(rows).mean(axis=1), np.ptp(pairs(rows), axis=1)
        ends = centre[:, None] + np.outer(gap * rng.choice([-0.5, 0.5], size=len(labels)), [1, -1])
        changes = {
            label: reprinted(rows[label], *pair) for label, pair in zip(labels, ends.tolist(), strict=True)
        }
        return _with_mean(rows, claim, changes, labels)

    def plant(rows: Rows, rng: np.random.Generator) -> Mapping[str, Row]:
        ends = rng.uniform(-40, -10, size=len(labels)), rng.uniform(-90, -50, size=len(labels))
        changes = {
            label: reprinted(rows[label], *map(float, pair))
            for label, *pair in zip(labels, *ends, strict=True)
        }
        return _with_mean(rows, claim, changes, labels)

    return Rule("mean of labels under flipped signs", (claim,), judge, invent=other, null=null, plant=plant,
                planted="each label lower by 10 to 80 points")  # fmt: skip


def _with_mean(rows: Rows, claim: str, changes: Mapping[str, Row], labels: list[str]) -> Mapping[str, Row]:
    """The labels, and the mean that follows from them."""
    means = [fmean(float(changes[label][end]) for label in labels) for end in ("lo", "hi")]
    return {**changes, claim: reprinted(rows[claim], *means)}
