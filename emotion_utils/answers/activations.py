"""What Chapter 2 answers: what hidden states look like before any emotion is looked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from emotion_utils.activations.class_separation import best_layer
from emotion_utils.answers.answer import Answer, Falsifier
from emotion_utils.statistics.permutations import LEVEL

QUESTION = "What do hidden states look like before any emotion is looked for?"
NO_WORDS = "implicit"
"""The set whose prompts name no emotion."""
BAND = 2
"""Standard deviations of the cosine of two random directions that make the band."""


@dataclass(frozen=True)
class Results:
    """What the chapter computed.

    Attributes
    ----------
    model
        As a reader calls it.
    cases
        From :func:`emotion_utils.activations.batch_invariance.wide`; its last column says whether a case is within its
        bound.
    lens
        From :func:`emotion_utils.engine.lens.worst_of_each`.
    sinks
        From :func:`emotion_utils.activations.residual_norms.sinks`.
    cosines
        From :func:`emotion_utils.activations.anisotropy.anisotropy`.
    shares
        Variance between the labels of the page's prompts, from
        :func:`emotion_utils.activations.class_separation.class_variance`.
    control
        The same of the best layers of the model and the blind one, from
        :func:`emotion_utils.activations.class_separation.beside_control`; None where the texts are a reader's own.
    """

    model: str
    cases: pd.DataFrame
    lens: pd.DataFrame
    sinks: pd.DataFrame
    cosines: pd.DataFrame
    shares: pd.DataFrame
    control: pd.DataFrame | None = None


@dataclass(frozen=True)
class Share:
    """Variance between the labels after one block: value, 95 % interval, mean under the null, corrected p, prompts."""

    value: float
    low: float
    high: float
    null: float
    p: float
    n: int

    def __str__(self) -> str:
        interval = "" if np.isnan(self.low) else f"{self.low:.1%} to {self.high:.1%}; "
        p = "too few prompts for a test" if np.isnan(self.p) else f"p = {self.p:.2g}"
        return f"**{self.value:.1%}** ({interval}permuted labels {self.null:.1%}; {p}; n = {self.n})"

    @property
    def inside(self) -> bool | None:
        """Whether it lies inside its null; None where there was no test."""
        return None if np.isnan(self.p) else bool(self.p > LEVEL)


def answer(results: Results) -> Answer:
    """The answer, its words chosen by the numbers."""
    raw = results.cosines[results.cosines["version"] == "raw"]
    top = raw.loc[raw["value"].idxmax()]
    alike = (
        f"After some block, two random prompts of {results.model} have a cosine of up to **{top['value']:.2f}**, where "
        f"random directions have 0 ± {top['spread']:.2f} (n = {top['n']:.0f})."
    )
    named, unnamed = _share(_best_row(results.shares)), _implicit(results, results.model)
    emotion = f"Of the variance between prompts at most {named} lies between their labels"
    emotion += f", and {unnamed} where no prompt names an emotion." if unnamed else "."
    points = (alike, f"{emotion} {_blind_in_words(results)}".strip(), _sink(results))
    return Answer(QUESTION, f"{alike} {emotion}", _falsifiers(results, raw, unnamed or named), points)


def _best_row(shares: pd.DataFrame) -> pd.Series:
    return shares[shares["layer"] == best_layer(shares)].iloc[0]


def _share(row: pd.Series) -> Share:
    value, low, high, null, p = (float(row[name]) for name in ("value", "low", "high", "null", "p_max"))
    return Share(value, low, high, null, p, int(row["n"]))


def _implicit(results: Results, model: str) -> Share | None:
    """The share of the prompts without emotion words in one model; None where they were not read."""
    if results.control is None:
        return None
    rows = results.control[(results.control["set"] == NO_WORDS) & (results.control["model"] == model)]
    return None if rows.empty else _share(rows.iloc[0])


def _blind(results: Results) -> Share | None:
    """The same in the blind model; None where the page is about it, or it was not read."""
    if results.control is None:
        return None
    others = [name for name in results.control["model"].unique() if name != results.model]
    return _implicit(results, others[0]) if others else None


def _blind_in_words(results: Results) -> str:
    blind = _blind(results)
    return f"In the blind model the latter is {blind}." if blind else ""


def _sink(results: Results) -> str:
    most = results.sinks.loc[results.sinks["ratio"].idxmax()]
    return (
        f"Position 0 is up to **{most['ratio']:.1f} times** as long as the tokens after it (layer {most['layer']:.0f}, "
        f"n = {most['n']:.0f}), so that a mean which includes it is a mean of that position."
    )


def _falsifiers(results: Results, raw: pd.DataFrame, share: Share) -> tuple[Falsifier, ...]:
    ours, blind = _implicit(results, results.model), _blind(results)
    last = results.cases.columns[-1]
    wrong, apart = (
        int((~results.cases[last]).sum()),
        results.lens.loc[~results.lens["same"], "model"].tolist(),
    )
    inside = raw["value"].abs() <= BAND * raw["spread"]
    found = [
        Falsifier("the share of variance between the labels lies inside its null", share.inside, str(share)),
        Falsifier(
            "raw cosines of two random prompts lie in the band of random directions",
            bool(inside.all()),
            f"at {int(inside.sum())} of {len(raw)} layers",
        ),
        Falsifier(
            "what a prompt gives depends on its batch, the padding or the cache", wrong > 0,
            f"{wrong} of {len(results.cases)} cases beyond the bound",
        ),
        Falsifier(
            "TransformerLens or the plain model gives other numbers", bool(apart),
            f"{len(apart)} of {len(results.lens)} models differ" + (f": {', '.join(apart)}" if apart else ""),
        ),
    ]  # fmt: skip
    if ours is not None:
        beside = "this page is about the blind model itself, or it was not read"
        found.insert(
            1,
            Falsifier(
                "the blind model separates prompts without emotion words as well",
                None if blind is None or ours.inside is None else bool(blind.value >= ours.value),
                beside if blind is None else f"{ours.value:.1%}, blind {blind.value:.1%}",
            ),
        )
    return tuple(found)
