"""Two counts or two shares beside each other: how far apart they come by chance, at both ends of what is a unit.

Posts are independent of each other; parts of one trained model are not, and a report that trained each model once
gives no chance for how far two trainings differ. The other end is that all parts count as independent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import erfc, sqrt

import numpy as np
from scipy.stats import binom

from emotion_utils.scrutiny.judging import Rule, reprinted
from emotion_utils.scrutiny.rules import Row, Rows, Scrutiny, chance, either, number
from emotion_utils.statistics.permutations import LEVEL

Pair = tuple[float, float]
ONE_TRAINING = "as single trainings that differ: no figure says how far two trainings lie apart"


def two_sided(z: float) -> float:
    """The p of a standard normal deviate."""
    return erfc(abs(z) / sqrt(2))


def of_counts(one: float, other: float) -> float:
    """Two-sided exact p of two counts of equal expectation."""
    return min(1.0, 2 * float(binom.cdf(round(min(one, other)), round(one + other), 0.5)))


def of_shares(one: float, n: float, other: float, m: float) -> float:
    """Two-sided p of the difference of two independent shares."""
    pooled = (one * n + other * m) / (n + m)
    return two_sided(abs(one - other) / sqrt(max(pooled * (1 - pooled), 1e-12) * (1 / n + 1 / m)))


def of_paired_shares(one: float, other: float, n: float, *, most: bool) -> float:
    """Two-sided p of two shares of right answers on the same posts, at most or at least disagreement.

    Parameters
    ----------
    one, other
        Shares.
    n
        Posts.
    most
        Whether the errors of the two fall on as different posts as they can; otherwise on the same ones.
    """
    apart = abs(one - other) * n
    errors = min((2 - one - other) * n, (one + other) * n)
    disagree = errors if most else apart
    return two_sided(apart / sqrt(disagree)) if disagree > 0 else 1.0


def parts(p: float, about: str) -> Scrutiny:
    """The word of two figures about parts of two models that were trained once each.

    Where not even independent parts differ, at chance; otherwise undecided.
    """
    alike = chance(p, f"{about}, as if the parts were independent")
    if alike.word == "at chance":
        return alike
    return Scrutiny("undecided", f"{alike.note}; {ONE_TRAINING}")


def parts_rule(
    name: str,
    claims: tuple[str, ...],
    p: Callable[[Rows], float],
    about: str,
    draw: Callable[[Rows, np.random.Generator, float], Mapping[str, Row]],
    planted: float,
) -> Rule:
    """A rule by :func:`parts`.

    Parameters
    ----------
    name, claims
        As in :class:`Rule`.
    p
        Of independent parts.
    about
        In a few words.
    draw
        Rows where the first figure is so many times the second; 1 where there is nothing to find.
    planted
        How many times.
    """
    return Rule(
        name,
        claims,
        lambda rows: dict.fromkeys(claims, parts(p(rows), about)),
        null=lambda rows, rng: draw(rows, rng, 1.0),
        plant=lambda rows, rng: draw(rows, rng, planted),
        planted=f"one {number(planted)} times the other: *undecided*",
    )


def counts_of_parts(claim: str, about: str) -> Rule:
    """A pair of counts of parts."""

    def p(rows: Rows) -> float:
        return of_counts(float(rows[claim]["lo"]), float(rows[claim]["hi"]))

    def draw(rows: Rows, rng: np.random.Generator, times: float) -> dict[str, Row]:
        middle = (float(rows[claim]["lo"]) + float(rows[claim]["hi"])) / 2
        return {claim: reprinted(rows[claim], *rng.poisson([times * middle, middle]).astype(float))}

    return parts_rule("counts of parts of single trainings", (claim,), p, about, draw, 3.0)


def shares_of_parts(
    claim: str,
    about: str,
    n: Callable[[Rows], Pair],
    percent: float = 1.0,
    name: str = "shares of parts of single trainings",
) -> Rule:
    """A pair of shares of so many parts.

    Parameters
    ----------
    claim, about, name
        As in :func:`parts_rule`.
    n
        Parts of both.
    percent
        100 where the shares are printed in per cent.
    """

    def p(rows: Rows) -> float:
        sizes = n(rows)
        one, other = (float(rows[claim][end]) / percent for end in ("lo", "hi"))
        return of_shares(one, sizes[0], other, sizes[1])

    def draw(rows: Rows, rng: np.random.Generator, times: float) -> dict[str, Row]:
        middle = (float(rows[claim]["lo"]) + float(rows[claim]["hi"])) / 2 / percent
        drawn = [rng.binomial(int(size), share) / size * percent
                 for size, share in zip(n(rows), (min(1.0, times * middle), middle), strict=True)]  # fmt: skip
        return {claim: reprinted(rows[claim], *drawn)}

    return parts_rule(name, (claim,), p, about, draw, 1.5)


def two_events(claim: str, done: str) -> Rule:
    """Counts of words before and after a head was changed."""

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        before, after = (round(float(rows[claim][end])) for end in ("lo", "hi"))
        about = f"exact test of two counts, {before} and {after}, head {done}"
        return {claim: chance(of_counts(before, after), about)}

    def draw(rows: Rows, rng: np.random.Generator, times: float) -> dict[str, Row]:
        middle = (float(rows[claim]["lo"]) + float(rows[claim]["hi"])) / 2
        return {claim: reprinted(rows[claim], *rng.poisson([middle, times * middle]).astype(float))}

    return Rule(
        "two counts of words", (claim,), judge,
        null=lambda rows, rng: draw(rows, rng, 1.0), plant=lambda rows, rng: draw(rows, rng, 4.0),
        planted="four times as many words",
    )  # fmt: skip


def right_answers(claims: tuple[str, ...], one: str, other: str, posts: int) -> Rule:
    """Two shares of right answers on the same posts; how often both err on one post is not printed."""

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        shares = [float(rows[claim]["lo"]) / 100 for claim in (one, other)]
        said = [
            chance(
                of_paired_shares(shares[0], shares[1], posts, most=most),
                f"{one} and {other}, two shares of {number(posts)} posts, errors on {which} posts",
            )
            for most, which in ((False, "the same"), (True, "other"))
        ]
        return dict.fromkeys(claims, either(said))

    def draw(rows: Rows, rng: np.random.Generator, gain: float) -> dict[str, Row]:
        share = float(rows[other]["lo"]) / 100
        right = rng.binomial(posts, [min(1.0, max(0.0, share + gain)), share]) / posts * 100
        return {name: reprinted(rows[name], each) for name, each in zip((one, other), right, strict=True)}

    return Rule(
        "shares of right answers on the same posts", claims, judge,
        null=lambda rows, rng: draw(rows, rng, 0.0), plant=lambda rows, rng: draw(rows, rng, -0.05),
        planted="5 points fewer",
    )  # fmt: skip


def differ(one: float, error_one: float, other: float, error_other: float) -> float:
    """Two-sided p of the difference of two independent estimates from their standard errors."""
    return two_sided(abs(one - other) / sqrt(error_one**2 + error_other**2))


def conflict(p: float, about: str) -> Scrutiny | None:
    """*Conflicts* where two estimates of the same thing differ by more than their errors; None otherwise."""
    return Scrutiny("conflicts", about) if p <= LEVEL else None
