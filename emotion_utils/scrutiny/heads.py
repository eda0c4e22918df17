"""The reports' claims about steering and heads (Phases 3 to 7): layers, counts of words, changes of sentiment."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import sqrt

import numpy as np
from scipy.stats import norm

from emotion_utils.scrutiny.effects import critical, n_of, spread_of
from emotion_utils.scrutiny.judging import Rule, always, follows, reprinted, single, without_null
from emotion_utils.scrutiny.rules import Row, Rows, Scrutiny, between, chance, either, number, printed, value
from emotion_utils.scrutiny.shares import conflict, differ, two_events, two_sided
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.statistics.power import least_effect

EMOTIONS, LAYERS, HEADS = 3, 12, 12
"""Of the reports' small models; the neutral prompts are not counted."""
PROMPTS = 70
EDGE = float(norm.ppf(1 - LEVEL / 2))
FEWEST, MOST = 8, 100
"""Texts of an experiment whose number is not printed: as few as in the author's sweep over layers
(toshiohanawa/emotion-circuits-project, results/baseline/timing/phase_timings.jsonl), as many as an emotion has at
most."""
WORDS = {"P6.ablate.kw": "taken out", "P7.patch.kw": "transplanted"}
CHANGES, STRONG = ("P6.ablate.sent", "P7.patch.sent"), 1.5
SAME_HEAD, EFFECT = "P7.patch.l0h0", "P75.sentiment"
"""The head and score of the one report in the other, which prints an interval."""
NO_NULL = {"P5.alpha.range": "a judgement about a grid of seven strengths"}
OPEN = {
    "P3.neo": "the cosines are not printed: with those of GPT-2 at chance, higher ones may be at chance or above",
    "P5.alpha.collapse": "the count of texts is not printed: none that collapses without steering, or as many",
    "P5.repetition": "no figure is printed: the text may repeat no more than without steering, or in every reply",
    "P5.sign": "no figure is printed: both signs may move the scores no more than a random vector, or far more",
    "P5.random": "neither figure nor number of random vectors is printed: no effect, or one too small to see",
    "P5.multitoken": "no figure is printed: one token may show as much as thirty, or nothing",
    "P6.top.layers": "neither a threshold nor the heads' scores are printed: chance, or every head of three layers",
    "P6.top.layer0": "names of heads without their scores: four of many that are alike, or far above all others",
    "P6.second": "names of heads without their scores: two of many that are alike, or far above all others",
    "P6.ablate.sent.none": "no figure is printed: no change, or one too small to be called large",
    "P7.patch.vonly": "no figure is printed for v_only: equal, or too few texts to see a difference",
}


def rules(rows: Rows) -> list[Rule]:
    """Those for the claims about layers, steering and heads.

    Parameters
    ----------
    rows
        All claims.
    """
    scores = float(LAYERS * HEADS * EMOTIONS)
    about = f"{LAYERS} layers x {HEADS} heads x {EMOTIONS} emotions"
    return [
        *without_null("a judgement", NO_NULL),
        *(
            always("figures are not printed", claim, Scrutiny("undecided", why))
            for claim, why in OPEN.items()
        ),
        always("figures are not printed", "P5.realworld", _real_world(rows)),
        _peak(),
        _layers_rule(),
        follows("sums and means of printed figures", "P6.scores", lambda _: (scores, scores), about),
        _largest_score(),
        *(two_events(claim, done) for claim, done in WORDS.items()),
        *(_change(claim) for claim in CHANGES),
        _same_head(),
    ]


def _real_world(rows: Rows) -> Scrutiny:
    least = number(least_effect(value(rows, "P5.realworld")))
    texts = rows["P5.realworld"]["value"]
    return Scrutiny(
        "undecided", f"the effect is not printed: none, or one of d = {least} and more, which {texts} texts find "
        "with 80 % power",
    )  # fmt: skip


def _peak() -> Rule:
    """The layer with the longest vector lies somewhere, and at the end where the stream grows with depth."""
    claim = "P3.norm.depth"

    def judge(row: Row) -> Scrutiny:
        named = round(abs(float(row["hi"]) - float(row["lo"]))) + 1
        return either(
            [
                chance(min(1.0, named / LAYERS), f"{named} of {LAYERS} layers, each as likely as another"),
                chance(1.0, "the last layers, if vectors grow as the residual stream does"),
            ]
        )

    def other(rows: Rows, rng: np.random.Generator) -> Mapping[str, Row]:
        low, high = sorted(rng.integers(0, LAYERS, size=2).tolist())
        return {claim: {**rows[claim], "value": f"{low}..{high}", "lo": float(low), "hi": float(high)}}

    return Rule("the layer of a maximum", (claim,), lambda rows: {claim: judge(rows[claim])},
                invent=other, null=other)  # fmt: skip


def _layers_named(row: Row) -> set[int]:
    low, dots, high = str(row["value"]).partition("..")
    return set(range(int(low), int(high) + 1)) if dots else {int(each) for each in low.split("|")}


def _layers_rule() -> Rule:
    """Two statements about the same sweep over layers conflict where no layer is in both."""
    one, other = "P5.layer.deep", "P5.layer.mid"

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        pair = {claim: rows[other if claim == one else one] for claim in (one, other)}
        both = _layers_named(rows[one]) & _layers_named(rows[other])
        said = {}
        for claim, row in pair.items():
            told = f"{other if claim == one else one} says {row['value']}, section {row['section']}"
            word = "undecided" if both else "conflicts"
            shared = f"; both name {', '.join(map(str, sorted(both)))}" if both else "; no layer is in both"
            said[claim] = Scrutiny(word, told + shared)
        return said

    def invent(rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
        start = int(rng.integers(0, LAYERS - 1))
        deep = "|".join(map(str, sorted(rng.choice(LAYERS, size=2, replace=False).tolist())))
        return {
            one: {**rows[one], "value": deep},
            other: {
                **rows[other],
                "value": f"{start}..{start + 1}",
                "lo": float(start),
                "hi": float(start + 1),
            },
        }

    return Rule("two statements about one maximum", (one, other), judge, invent=invent)


def _largest_score() -> Rule:
    """The largest of all scores of heads, at the widest spread that a difference of two shares can have."""
    claim, scores = "P6.top.gratitude", LAYERS * HEADS * EMOTIONS

    def judge(row: Row) -> Scrutiny:
        size = abs(float(row["lo"]))
        p = min(1.0, scores * two_sided(size * sqrt(PROMPTS)))
        widest = chance(
            p, f"largest of {scores} scores of {PROMPTS} prompts each, at the widest spread there can be"
        )
        if widest.word == "above chance":
            return widest
        return Scrutiny("undecided", f"{widest.note}; at a small spread far above: the spread is not printed")

    def null(rng: np.random.Generator) -> float:
        return float(np.abs(rng.normal(0, 1 / sqrt(PROMPTS), size=scores)).max())

    return single(
        "largest of all scores of heads", claim, judge, null=null,
        plant=lambda rng: float(rng.uniform(0.6, 0.9)), planted="a mean difference of 0.6 to 0.9",
    )  # fmt: skip


def _changes_null(rows: Rows) -> dict[str, tuple[float, float]]:
    """Where 95 % of mean changes lie if nothing happens, at the fewest and the most texts."""
    deviation = spread_of(rows, EFFECT)[0]
    halves = {n: critical(n) * deviation / sqrt(n) for n in (FEWEST, MOST)}
    return {
        f"95 % of mean changes if nothing happens, {n} texts": (-half, half) for n, half in halves.items()
    }


def _drawn_change(claim: str, effect: float, rows: Rows, rng: np.random.Generator) -> dict[str, Row]:
    """A mean change of so many standard deviations, of the fewest or the most texts."""
    n, deviation = int(rng.choice([FEWEST, MOST])), spread_of(rows, EFFECT)[0]
    return {claim: reprinted(rows[claim], float(deviation * (effect + rng.standard_t(n - 1) / sqrt(n))))}


def _change(claim: str) -> Rule:
    """A mean change of sentiment, at the spread of section 9.1; the number of texts is not printed."""
    return Rule(
        "a mean change of sentiment, number of texts open", (claim,),
        lambda rows: {claim: between(rows[claim], _changes_null(rows), signed=True)},
        null=partial(_drawn_change, claim, 0.0), plant=partial(_drawn_change, claim, STRONG),
        planted=f"{STRONG} standard deviations",
    )  # fmt: skip


def _same_head() -> Rule:
    """A mean change beside the other report's estimate of the same thing, and beside nothing."""

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        own = between(rows[SAME_HEAD], _changes_null(rows), signed=True)
        p, about = _beside_the_interval(rows)
        return {
            SAME_HEAD: conflict(max(p), about) or Scrutiny(own.word, f"{own.note}; no conflict with {about}")
        }

    return Rule(
        "two estimates of one mean change", (SAME_HEAD,), judge,
        null=partial(_drawn_change, SAME_HEAD, 0.0), plant=partial(_drawn_change, SAME_HEAD, STRONG),
        planted=f"{STRONG} standard deviations: *conflicts*",
    )  # fmt: skip


def _beside_the_interval(rows: Rows) -> tuple[list[float], str]:
    """The p of the difference from the other report's estimate, with as few and as many texts as there may be."""
    ends, mean, n = rows[f"{EFFECT}.ci"], float(rows[f"{EFFECT}.diff"]["lo"]), n_of(rows, EFFECT)
    error = (float(ends["hi"]) - float(ends["lo"])) / 2 / EDGE
    ours = float(np.mean(printed(rows[SAME_HEAD])))
    at = {texts: differ(ours, error * sqrt(n / texts), mean, error) for texts in (FEWEST, n, MOST)}
    told = ", ".join(f"p = {p:.2g} with {texts} texts" for texts, p in at.items())
    where = f"section {ends['section']} of the other report, same head and score"
    return list(at.values()), f"{mean:g} ({ends['value']}) in {where}: difference of two estimates, {told}"
