"""What Chapter 9 answers: whether the reports' ranking of larger models is one, and what is shared across sizes."""

from __future__ import annotations

from collections.abc import Sequence

from emotion_utils.answers.answer import Answer, Falsifier
from emotion_utils.core.errors import listing
from emotion_utils.models.comparison import CONTROL
from emotion_utils.scaling.results import Alike, Carried, Check, Joint, Results
from emotion_utils.scaling.transfer_findings import VERDICTS
from emotion_utils.scaling.transfer_summaries import BETWEEN
from emotion_utils.statistics.in_words import between, span
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.wider.lengths import FLAT, SweepFindings
from emotion_utils.wider.summaries import AT_BEST, SCORES

QUESTION = "Do larger models agree with small ones about emotion, and is the reports' ranking of them one?"


def answer(results: Results) -> Answer:
    """The answer, its words chosen by the numbers."""
    short = (_length(results), _shared(results), _transfer(results))
    points = (*short, _ranking(results), _each(results), _checks(results))
    return Answer(
        QUESTION,
        " ".join(part for part in short if part),
        _falsifiers(results),
        tuple(point for point in points if point),
    )


def _length(results: Results) -> str:
    one = results.swept
    if one is None:
        return "Nothing is known here of the published score by the length of states."
    told = "stay where they are" if one.flat else f"move too, by up to {one.moved:.2g}"
    return (
        f"From {results.pair} the reports' score is **{one.as_it_is:.2g}** (wrong pairs {one.as_it_is_wrong:.2g}) and, "
        f"with the second model's states divided by 1,000, **{one.divided:.2g}** (wrong pairs "
        f"{one.divided_wrong:.2g}): it follows length, over which sound scores {told}, and true pairs "
        f"{AT_BEST[one.above]} (p = {one.p:.2g} of lying above at some length)."
    )


def _shared(results: Results) -> str:
    real, blind = results.pretrained, results.blind
    if not real:
        return ""
    least, most = (pick(real, key=lambda one: one.value) for pick in (min, max))
    above = sum(one.shared == VERDICTS[True] for one in real)
    beside = (
        f"; a miniature with nothing to carry has {blind.value:.2f} in common with {_partner(blind)}"
        if blind
        else ""
    )
    if blind and blind.shared == VERDICTS[True]:
        beside += ", so that not all that is shared is emotion"
    return (
        f"How alike emotions are to each other agrees with {least.other} by **{least.value:.2f}** ({least.one}) to "
        f"{most.value:.2f} ({most.one}), beyond permuted labels in **{above} of {len(real)}** pretrained models, where "
        f"the words of the stories alone reach **{results.words:.2f}**{beside}."
    )


def _partner(blind: Alike) -> str:
    return blind.other if blind.one == CONTROL else blind.one


def _ranking(results: Results) -> str:
    return f"The reports' ranking, by the models that stand in: {results.ranking}." if results.ranking else ""


def _transfer(results: Results) -> str:
    if not results.carried:
        return ""
    told = {kind: [one for one in results.carried if one.kind == kind] for kind in BETWEEN}
    parts = [
        _carried(own, BETWEEN[kind]) for kind, own in told.items() if own and not _untold(own, results.small)
    ]
    if not parts:
        return "Too few contexts were read to say what a vector carries from model to model."
    more = "A vector that is mapped into another model does more there than maps of wrong pairs and random vectors in"
    return f"{more} {'; and in '.join(parts)}."


def _untold(carried: Sequence[Carried], small: bool) -> bool:
    """Whether so few contexts were read that nothing can be told."""
    return small and all(one.verdict == VERDICTS[None] for one in carried)


def _carried(carried: Sequence[Carried], between: str) -> str:
    yes, unknown = (sum(one.verdict == VERDICTS[told] for one in carried) for told in (True, None))
    shares = [one.share for one in carried if one.share == one.share]  # NaN where the own effect is unsure
    reached = f", where it reaches {span(shares, '.0%')} of the model's own effect" if shares else ""
    return f"**{yes} of {len(carried)}** cases between {between} ({unknown} cannot be told){reached}"


def _each(results: Results) -> str:
    rows = [
        f"{one.one} {one.value:.2f}{between(one.low, one.high)}, given the words {one.partial:.2f} (permuted labels to "
        f"{one.partial_null_high:.2f})"
        for one in results.alike
    ]
    return f"Similarity with {results.alike[0].other}: {'; '.join(rows)}." if rows else ""


def _checks(results: Results) -> str:
    if not results.checks:
        return ""
    passed = [one for one in results.checks if one.answer == "yes"]
    told = [one for one in passed if one.tells]
    return (
        f"Answers to the reports' checks that are *yes*: {len(passed)} of {len(results.checks)}; those of them that "
        f"wrong pairs seldom get: {len(told)}."
    )


def _falsifiers(results: Results) -> tuple[Falsifier, ...]:
    return (
        _score(results),
        *([_moves(results.swept)] if results.swept else []),
        *([_together(results.overall)] if results.overall else []),
        *([_geometry(results.pretrained), _words(results.pretrained)] if results.pretrained else []),
        *([_emotion(results.blind)] if results.blind else []),
        *([_axes(*results.axes)] if results.axes[1] else []),
        *([_telling(results.checks)] if results.checks else []),
        *([_jointly(results.jointly, results.small)] if results.jointly else []),
        *([_nothing(results)] if results.carried else []),
    )


def _score(results: Results) -> Falsifier:
    condition = (
        "the published score of true pairs lies above that of wrong ones at some length of the target's states, the "
        "best length chosen anew for each wrong pairing"
    )
    one = results.swept
    if one is None:
        return Falsifier(condition, None, "there is no sweep")
    return Falsifier(condition, one.above, f"true pairs {AT_BEST[one.above]}, p = {one.p:.2g} of lying above")


def _together(overall: Sequence[bool | None]) -> Falsifier:
    above = sum(one is True for one in overall)
    happened = True if above else False if all(one is False for one in overall) else None
    return Falsifier(
        "the mean published score over the layers of a pair of stand-ins lies above wrong pairs",
        happened,
        f"{above} of {len(overall)} lie above, {sum(one is False for one in overall)} below",
    )


def _moves(one: SweepFindings) -> Falsifier:
    return Falsifier(
        f"*Sound scores know no length*, as they are made to: one that moves by more than {FLAT:g}",
        not one.flat,
        f"the largest change is {one.moved:.1e}",
    )


def _geometry(alike: Sequence[Alike]) -> Falsifier:
    below = [one.one for one in alike if one.shared == VERDICTS[False]]
    open_ = [one.one for one in alike if one.shared == VERDICTS[None]]
    happened = True if below else None if open_ else False
    told = f"{len(alike) - len(below) - len(open_)} of {len(alike)} lie above"
    return Falsifier(
        "*Geometry is shared*: a pretrained model whose interval reaches down to permuted labels",
        happened,
        told,
    )


def _words(alike: Sequence[Alike]) -> Falsifier:
    said = [one.beyond_words for one in alike]
    happened = True if VERDICTS[False] in said else None if VERDICTS[None] in said else False
    return Falsifier(
        "*It is more than words*: a pretrained model with nothing left, given the words, beyond permuted labels",
        happened,
        f"{said.count(VERDICTS[True])} of {len(alike)} have something left",
    )


def _emotion(blind: Alike) -> Falsifier:
    said = {VERDICTS[True]: True, VERDICTS[False]: False}.get(blind.shared)
    return Falsifier(
        "*What is shared is emotion*: a miniature that has nothing to carry lies above permuted labels beside a "
        "pretrained model",
        said,
        f"{blind.value:.2f}{between(blind.low, blind.high)} with {_partner(blind)}, permuted labels to "
        f"{blind.null_high:.2f}",
    )


def _axes(clear: int, asked: int) -> Falsifier:
    return Falsifier(
        "*Axes hold for emotions left out*: an AUROC that permuted labels reach, corrected by Holm for all axes",
        clear < asked,
        f"{clear} of {asked} are beyond them",
    )


def _telling(checks: Sequence[Check]) -> Falsifier:
    telling = [f"{one.check} ({one.pair})" for one in checks if one.tells]
    open_ = any(one.tells is None for one in checks)
    return Falsifier(
        "*The reports' checks say nothing of a pair*: one that fewer than 5 % of wrong pairs pass as well",
        True if telling else None if open_ else False,
        listing(telling) if telling else f"none of {len(checks)}",
    )


def _jointly(scores: Sequence[Joint], small: bool) -> Falsifier:
    """Whether a wide layer of all layers shows what no pair of single layers does."""
    only = any(one.p <= LEVEL < one.p_single for one in scores)
    told = "; ".join(
        f"{SCORES[one.score]} {one.value:.2f} (wrong pairs {one.null:.2f}, p = {one.p:.2g}; best pair of layers, "
        f"p = {one.p_single:.2g})"
        for one in scores
    )
    return Falsifier(
        "*Layers taken together show nothing that single ones hide*: a score of emotions never seen that lies above "
        "wrong pairs for all layers at once, corrected by Holm, where the best pair of layers does not",
        None if small else only,
        told,
    )


def _nothing(results: Results) -> Falsifier:
    yes = sum(one.verdict == VERDICTS[True] for one in results.carried)
    no = sum(one.verdict == VERDICTS[False] for one in results.carried)
    happened = True if no else None if yes < len(results.carried) else False
    return Falsifier(
        "*Vectors carry over*: models between which a mapped vector does no more than wrong or random ones",
        happened,
        f"more in {yes}, no more in {no}, and it cannot be told in {len(results.carried) - yes - no} of "
        f"{len(results.carried)} cases",
    )
