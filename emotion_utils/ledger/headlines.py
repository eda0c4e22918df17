"""The five findings of the welcome page: a bold line and a plain one, each as its numbers decide.

A finding that was not measured is left out. Nothing here is a verdict on a claim: the ledger has those.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from emotion_utils.answers.answer import capital
from emotion_utils.answers.steering import BIAS_SHARE, BLIND_SHARE
from emotion_utils.core.errors import listing
from emotion_utils.ledger.sources import Seen, Sources
from emotion_utils.models.registry import short_name
from emotion_utils.record.findings import number_in_words
from emotion_utils.statistics.corrections import adjusted
from emotion_utils.statistics.permutations import LEVEL

AFTER = "P35.align.after"
"""The claim of the reports' best-known number."""
PROBE = "transferred probe; null: wrong pairs"
PROBE_SMALL = "transferred probe: share of ordered pairs with p ≤ 0.05"
GEOMETRY = "RSA of emotional prompts; null: 95 % of permuted ones"
WORDS_ALONE = "RSA with the words alone"
EMOTIONAL, BAG = "AUROC on *implicit*", "AUROC on *implicit*, bag of words"
GAIN = "AUROC on *implicit*, vector minus bag of words"
WHICH = "AUROC of a vector on *implicit* against other emotions, mean"
STEERED = ": share of test texts that say it, steered"
RANDOM_P = ": p against random vectors"
"""Ends the words of a finding for each emotion."""
LOOKING = "sizes of delta attention and of exact effects (Spearman, mean)"
CIRCUIT = "difference that the circuit keeps, share; null: random sets"
IN_TEXTS = "replies that the circuit turns, share; null: random sets"
ALIKE = 0.95
"""Wrong pairs that reach this share of a score score as high."""
HALF = 0.5
"""More than this share of the pairs of models has a small p where something is shared."""
NEARLY = 0.1
"""A lead below this is a little; a rank correlation within it of 0 is about none."""
BY_CHANCE = 0.4
"""Without an interval a rank correlation below this is not told from none: over 27 heads chance alone reaches 0.38."""


class Headline(NamedTuple):
    """One finding.

    Attributes
    ----------
    bold, plain
        Its two lines, plain text.
    models
        That it was seen on, as a reader calls them.
    page
        Where it was decided, from the root of the book; empty where that page is not in it.
    """

    bold: str
    plain: str
    models: tuple[str, ...]
    page: str


def headlines(sources: Sources) -> list[Headline]:
    """Those of the five that were measured, on real models where the record has them."""
    return [found for one in FINDINGS if (found := one(sources))]


def lacking(sources: Sources) -> list[str]:
    """What the five are about that were not measured, by the words of their functions."""
    return [(one.__doc__ or one.__name__).strip() for one in FINDINGS if one(sources) is None]


def score(sources: Sources) -> Headline | None:
    """The reports' best-known number, and the same with wrong pairs."""
    seen = [one for one in sources.claim(AFTER) if one.null is not None]
    reported = sources.reported(AFTER)
    bold = _choose(
        seen,
        lambda one: one.null is not None and one.null >= ALIKE * one.value,
        f"A score of {reported} says nothing",
        f"A score of {reported} says nothing on some models",
        f"A score such as {reported} tells right pairs from wrong ones",
    )
    plain = f"By the reports' formula two models score {_values(seen)}; with wrong pairs of sentences, {_nulls(seen)}."
    return _headline(bold, plain, seen)


def shared(sources: Sources) -> Headline | None:
    """What wrong pairs cannot reach."""
    probe, geometry, small = (
        sources.finding("04_alignment", name) for name in (PROBE, GEOMETRY, PROBE_SMALL)
    )
    share = {one.model: one.value for one in small}
    seen = probe or geometry
    bold = _choose(
        seen,
        lambda one: one.above and share.get(one.model, 1.0) > HALF,
        "Something is shared all the same",
        "Some models share something all the same",
        "Nothing shared can be told from chance",
    )
    said = []
    if probe:
        said.append(
            f"a probe moved from one model to another reads {_values(probe)}, where wrong pairs give {_nulls(probe)}"
        )
    if geometry:
        words = sources.finding("04_alignment", WORDS_ALONE)
        alone = f", with the words alone at {_values(words)}" if words else ""
        said.append(
            f"emotion geometry agrees at {_values(geometry)}{alone}, permuted prompts below {_nulls(geometry)}"
        )
    return _headline(bold, _sentence("; ".join(said)), seen)


def vectors(sources: Sources) -> Headline | None:
    """What vectors read on texts without emotion words, beside a bag of words."""
    seen, words = (sources.finding("03_emotion_vectors", name) for name in (EMOTIONAL, BAG))
    bag = {one.model: one.value for one in words}
    seen = [one for one in seen if one.model in bag]
    gains = {one.model: one for one in sources.finding("03_emotion_vectors", GAIN)}
    lead = max((one.value - bag[one.model] for one in seen), default=0.0)
    bold = _choose(
        seen,
        lambda one: (gains[one.model].low or 0.0) > 0 if one.model in gains else False,
        "Vectors read more than words" + (", a little" if lead < 2.5 * NEARLY else ""),
        "Vectors read more than words on some models",
        "That vectors read more than words cannot be told from chance",
    )
    plain = f"on texts without emotion words they tell emotional from neutral at {_values(seen)}, a bag of words at "
    plain += _values([one for one in words if one.model in {s.model for s in seen}])
    if which := sources.finding("03_emotion_vectors", WHICH):
        know = _choose(which, lambda one: one.value - (one.null or 0.5) >= NEARLY, "they know which emotion it is",
                       "some know which emotion it is", "they hardly know which emotion it is")  # fmt: skip
        plain += f"; {know}: {_values(which)} against the other emotions"
    return _headline(bold, _sentence(plain), seen)


def steering(sources: Sources) -> Headline | None:
    """What steering does to replies, beside random vectors, a bias on first words, and a blind model."""
    seen = sources.finding("05_steering", STEERED, ending=True)
    blind = sources.finding("05_steering", BLIND_SHARE)
    beyond = _beyond_random(sources.finding("05_steering", RANDOM_P, ending=True))
    bold = "That steering does more than random vectors cannot be told from chance"
    if any(beyond):
        bold = "Steering turns replies to some emotions, not to all"
    if beyond and all(beyond):
        bold = "Steering turns replies, beyond what random vectors do"
    if seen and any(one.value > HALF for one in blind):
        bold = "Steering begins a reply; it need not move an understanding"
    steered, random = ([_mean(seen, model, name) for model in _models(seen)] for name in ("value", "null"))
    plain = f"of the texts that are steered to an emotion {_listed(steered)} say it, a mean over emotions; with random "
    plain += f"vectors of equal length {_listed(random)}"
    if bias := [one for one in sources.finding("05_steering", BIAS_SHARE) if one.model in _models(seen)]:
        reached = _listed_shares([one.value for one in bias])
        plain += f"; a bias on the first words alone raises the emotion's replies by {reached} of what the vector does"
    if blind:
        plain += (
            f"; a model trained on causes without meaning is steered to {blind[0].value:.0%} of the emotions"
        )
    return _headline(bold, _sentence(plain), seen)


def _beyond_random(tests: Sequence[Seen]) -> list[bool]:
    """Of each model and emotion whether p, with vectors as units and corrected over the emotions, is small."""
    found: list[bool] = []
    for model in _models(tests):
        own = np.array([one.value for one in tests if one.model == model])
        found += (adjusted(own, "holm") <= LEVEL).tolist()
    return found


def _about_none(one: Seen) -> bool:
    """Whether a rank correlation cannot be told from none."""
    if one.low is None or one.high is None:
        return abs(one.value) < BY_CHANCE
    return abs(one.value) < NEARLY or one.low <= 0 <= one.high


def _models(seen: Sequence[Seen]) -> list[str]:
    return list(dict.fromkeys(one.model for one in seen))


def _mean(seen: Sequence[Seen], model: str, name: str) -> float:
    """Mean over a model's numbers."""
    numbers = [number for one in seen if one.model == model and (number := getattr(one, name)) is not None]
    return sum(numbers) / len(numbers) if numbers else float("nan")


def heads(sources: Sources) -> Headline | None:
    """Whether attention to emotion words says what a head does, and what a circuit keeps beside random heads."""
    seen, circuit = (
        sources.finding("06_head_screening", LOOKING),
        sources.finding("07_head_patching", CIRCUIT),
    )
    bold = _choose(
        seen,
        _about_none,
        "Heads that look need not be heads that act",
        "Heads that look are heads that act on some models only",
        "Heads that look are heads that act, too",
    )
    plain = (
        f"attention to emotion words and what a head does go together at {_values(seen)} (rank correlation)"
    )
    if circuit:
        plain += f"; a circuit alone keeps {_values(circuit)} of the effect, as many random heads {_nulls(circuit)}"
    if texts := sources.finding("07_head_patching", IN_TEXTS):
        more = any(one.above for one in texts if one.low is not None)
        plain += f"; in texts it turns {_values(texts)} of the replies, random heads {_nulls(texts)}"
        plain += "" if more else ", which cannot be told apart"
    return _headline(bold, _sentence(plain), seen)


FINDINGS = (score, shared, vectors, steering, heads)


def _choose(seen: Sequence[Seen], holds: Callable[[Seen], bool], all_: str, some: str, none: str) -> str:
    """The words that fit how many of the models something holds on."""
    held = sum(map(holds, seen))
    return all_ if held == len(seen) else some if held else none


def _headline(bold: str, plain: str, seen: Sequence[Seen]) -> Headline | None:
    if not seen:
        return None
    page = next((one.page for one in seen if one.page), "")
    return Headline(bold, plain, tuple(_models(seen)), page)


def _values(seen: Sequence[Seen]) -> str:
    """One value with its interval; several in the order in which their models are named; of many their range."""
    if len(seen) == 1:
        low, high = (number_in_words(end) for end in (seen[0].low, seen[0].high))
        return number_in_words(seen[0].value) + (f" ({low} to {high})" if low and high else "")
    return _listed([one.value for one in seen])


def _nulls(seen: Sequence[Seen]) -> str:
    return _listed([one.null for one in seen if one.null is not None]) or "a number that was not measured"


def _listed(values: Sequence[float]) -> str:
    """Numbers in words; equal ones once."""
    shown = list(dict.fromkeys(map(number_in_words, values)))
    if len(values) > 3:
        return f"{number_in_words(min(values))} to {number_in_words(max(values))}"
    return listing(shown) if shown else ""


def _listed_shares(shares: Sequence[float]) -> str:
    """Shares in per cent; equal ones once."""
    return listing(dict.fromkeys(f"{share:.0%}" for share in shares))


def _sentence(text: str) -> str:
    return f"{capital(text)}."


def origin(sources: Sources) -> str:
    """Where the findings come from, in a sentence or two: the record and whether its code still stands, or the run."""
    if not sources.record:
        return (
            "There is no record of real pretrained models in this copy of the book: the numbers are those of this "
            "run, on the models named beside them."
        )
    changed = [str(n) for n in sorted({int(part.chapter[:2]) for part in sources.record if part.changed})]
    parts = f"Chapter {changed[0]}" if len(changed) == 1 else f"Chapters {listing(changed)}"
    return recorded(sources) + (f" The code of {parts} has changed since." if changed else "")


def recorded(sources: Sources) -> str:
    """What the record of real models is, whatever has become of its code."""
    names = dict.fromkeys(name.strip() for part in sources.record for name in part.model.split(","))
    day = date.fromisoformat(max(part.date for part in sources.record))
    return (
        f"{listing(map(short_name, names))} are pretrained models with 4-bit weights. Their numbers are a record of "
        f"{day:%-d %B %Y}, commit {sources.record[0].commit}."
    )


def in_html(found: Sequence[Headline], root: str = "../") -> str:
    """The findings as a list for a page, each with its models and a link to where it was decided.

    Parameters
    ----------
    found
        From :func:`headlines`.
    root
        From the page to the root of the book.
    """
    if not found:
        return "<p>The chapters that these findings come from are not in this run.</p>"
    return f'<ol class="emo-findings">{"".join(_item(one, root) for one in found)}</ol>'


def _together(models: Sequence[str]) -> str:
    """Models with the world that they share said once; more than three are counted."""
    worlds: dict[str, list[str]] = {}
    for model in models:
        name, _, world = model.rpartition(", ")
        worlds.setdefault(world, []).append(name or world)
    parts = [
        f"{listing(names) if len(names) < 4 else f'{len(names)} models'}, {world}"
        if names != [world]
        else world
        for world, names in worlds.items()
    ]
    return "; ".join(parts)


def in_markdown(found: Sequence[Headline]) -> str:
    """The same as a list in Markdown, without links."""
    return "".join(f"- **{one.bold}.** {one.plain} *{_together(one.models)}*\n" for one in found)


def _item(one: Headline, root: str) -> str:
    on = html.escape(_together(one.models))
    where = f'<a href="{html.escape(root + one.page)}">{on}</a>' if one.page else f"<span>{on}</span>"
    return f"<li><b>{html.escape(one.bold)}.</b> {html.escape(one.plain)} <small>{where}</small></li>"
