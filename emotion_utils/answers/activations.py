"""What Chapter 2 answers: whether the numbers that are read are right, and how much in them has to do with emotion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from emotion_utils.answers.answer import Answer, Falsifier
from emotion_utils.core.errors import listing
from emotion_utils.statistics.in_words import between
from emotion_utils.statistics.permutations import LEVEL

QUESTION = "Are the activations that are read the right ones, and how much in them has to do with emotion?"
BAND = 1.0
"""Standard deviations of the cosine of random directions that the grey band is wide, to each side."""


class Share(NamedTuple):
    """Largest share of variance between the labels of one set, of one model; p is corrected for the layers."""

    model: str
    set: str
    value: float
    null: float
    p_max: float

    @property
    def above(self) -> bool | None:
        """Whether it lies above its null; None where there were too few prompts for a test."""
        return None if self.p_max != self.p_max else self.p_max <= LEVEL


class Checks(NamedTuple):
    """Cases that agree with the plain model, of how many, and models that agree with TransformerLens, of how many."""

    agree: int
    cases: int
    same: int
    models: int


@dataclass(frozen=True)
class Results:
    """What the chapter computed.

    Attributes
    ----------
    model
        What a reader calls it.
    checks
        Of the numbers.
    cosine, low, high, spread
        The largest mean cosine of two prompts over the layers with its interval, and the standard deviation of that of
        two random directions.
    best
        The layer with the largest share on the page's own set; `low` and `high` may be NaN.
    best_low, best_high
        Its interval.
    control
        The model and the negative control, set by set; empty beside own texts.
    blind
        What the control is called.
    """

    model: str
    checks: Checks
    cosine: float
    low: float
    high: float
    spread: float
    best: Share
    best_low: float
    best_high: float
    control: tuple[Share, ...]
    blind: str


def checks_of(wide: pd.DataFrame, lens: pd.DataFrame) -> Checks:
    """Count cases of :func:`emotion_utils.activations.batch_invariance.wide`, and models of ``lens.worst_of_each``."""
    agree, same = wide.iloc[:, -1].isin([True, "yes"]), lens["same"].astype(bool)
    return Checks(int(agree.sum()), len(wide), int(same.sum()), len(lens))


def results_of(
    names: tuple[str, str, str],
    checks: Checks,
    cosines: pd.DataFrame,
    shares: pd.DataFrame,
    control: pd.DataFrame | None = None,
) -> Results:
    """Gather what the chapter has.

    Parameters
    ----------
    names
        Of the model, of the set that the page is about, and of the negative control.
    checks
        From :func:`checks_of`.
    cosines
        From :func:`emotion_utils.activations.anisotropy.anisotropy`.
    shares
        From :func:`emotion_utils.activations.class_separation.class_variance`.
    control
        From :func:`emotion_utils.activations.class_separation.beside_control`.
    """
    raw = cosines[cosines["version"] == "raw"]
    most, blocks = raw.loc[raw["value"].idxmax()], shares[shares["layer"] >= 0]
    best, (model, name, blind) = blocks.loc[blocks["value"].idxmax()], names
    value, low, high, spread = (float(most[column]) for column in ("value", "low", "high", "spread"))
    share, null, p_max = (float(best[column]) for column in ("value", "null", "p_max"))
    rows = () if control is None else control[list(Share._fields)].itertuples(index=False)
    return Results(
        model=model,
        checks=checks,
        cosine=value,
        low=low,
        high=high,
        spread=spread,
        best=Share(model, name, share, null, p_max),
        best_low=float(best["low"]),
        best_high=float(best["high"]),
        control=tuple(Share(*row) for row in rows),
        blind=blind,
    )


def answer(results: Results) -> Answer:
    """The answer, its words chosen by the numbers."""
    points = (_right(results), _alike(results), _emotion(results))
    return Answer(QUESTION, " ".join(points), _falsifiers(results), (*points, *_controls(results)))


def _right(results: Results) -> str:
    one = results.checks
    return (
        f"What is read from {results.model} agrees with the plain model in **{one.agree} of {one.cases}** ways of "
        f"batching, and with TransformerLens in {one.same} of {one.models} models."
    )


def _alike(results: Results) -> str:
    return (
        f"Two prompts that share nothing but the model have a cosine of up to **{results.cosine:.2f}**"
        f"{between(results.low, results.high)}, where random directions have 0 ± {results.spread:.2f}."
    )


def _emotion(results: Results) -> str:
    one = results.best
    tested = (
        f"p = {one.p_max:.2g}, corrected for the layers" if one.above is not None else "too few for a test"
    )
    return (
        f"Of the variance on *{one.set}* **{one.value:.0%}**{between(results.best_low, results.best_high, '.0%')} lies "
        f"between the labels, permuted labels give {one.null:.0%} ({tested})."
    )


def _controls(results: Results) -> list[str]:
    said = []
    for name in dict.fromkeys(one.set for one in results.control):
        rows = [one for one in results.control if one.set == name]
        said.append(
            f"*{name}*: "
            + listing(f"{one.model} {one.value:.1%} (null {one.null:.1%})" for one in rows)
            + "."
        )
    return said


def _falsifiers(results: Results) -> tuple[Falsifier, ...]:
    one, best = results.checks, results.best
    return (
        Falsifier(
            "*What a prompt gives does not depend on the batch*: a way of batching that differs from the plain model",
            one.agree < one.cases,
            f"{one.cases - one.agree} of {one.cases} differ",
        ),
        Falsifier(
            "*The numbers are those of TransformerLens*: a model with a hook that differs",
            one.same < one.models,
            f"{one.models - one.same} of {one.models} differ",
        ),
        Falsifier(
            "*Prompts point the same way*: a raw cosine inside the band of random directions",
            results.cosine < BAND * results.spread,
            f"{results.cosine:.2f} against ± {BAND * results.spread:.2f}",
        ),
        Falsifier(
            "*Variance lies between the emotions*: a largest share inside its null",
            None if best.above is None else not best.above,
            f"{best.value:.1%} against {best.null:.1%}",
        ),
        *_blind(results),
    )


def _blind(results: Results) -> list[Falsifier]:
    """On the set without emotion words, where there is one: does the control separate as well."""
    rows = [one for one in results.control if one.set == "implicit"]
    own = [one for one in rows if one.model != results.blind]
    control = [one for one in rows if one.model == results.blind]
    if not own or not control:
        return []
    known = control[0].above is not None
    return [
        Falsifier(
            "*Separation on implicit is emotion*: a negative control that lies above its null there too",
            control[0].above if known else None,
            f"{control[0].value:.1%} against {control[0].null:.1%}; the model {own[0].value:.1%}",
        )
    ]
