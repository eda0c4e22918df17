"""What Chapter 11 answers: whether further training in Japanese changes how a model classifies, beyond chance."""

from __future__ import annotations

import pandas as pd

from emotion_utils.answers.answer import Answer, Falsifier
from emotion_utils.core.errors import listing
from emotion_utils.reports.replication import any_holds, lies_above
from emotion_utils.siblings.results import WORDED, Results
from emotion_utils.siblings.tables import RUN_MEASURES
from emotion_utils.statistics.in_words import span
from emotion_utils.statistics.permutations import LEVEL

QUESTION = (
    "Does further training in Japanese change how a model classifies, by more than training it again does?"
)
AGREES = 0.8
"""Rank correlation from which one gradient ranks components as patching does."""


def answer(results: Results) -> Answer:
    """The answer, its words chosen by the numbers."""
    short = (_apart(results), _circuits(results), _japanese(results))
    points = (*short, _special(results), _gradient(results), _moved(results), _spellings(results))
    return Answer(QUESTION, " ".join(short), _falsifiers(results), points)


def _apart(results: Results) -> str:
    told = results.told
    if told is None:
        return "Without the record of many trainings nothing says whether siblings differ by more than trainings do."
    yes = [WORDED.get(row.measure, row.measure) for row in told.itertuples() if row.differs is True]
    open_ones = sum(one is None for one in told["differs"])
    rest = f"; {open_ones} cannot be told" if open_ones else ""
    return (
        f"Of {len(told)} numbers of {told['trainings'].iloc[0]} trainings, **{len(yes)}** differ between base and "
        f"continuation by more than trainings and further continuations do"
        f"{f': {listing(yes)}' if yes else ''}{rest}."
    )


def _circuits(results: Results) -> str:
    rows, f1 = results.sizes(), results.hardest()
    sizes = listing(f"{row.value:.0f} of {row.every} components in {row.model}" for row in rows.itertuples())
    ahead = sum(lies_above(row.gain_low, row.gain_high) is True for row in f1.itertuples())
    return (
        f"They tell {results.labels} communities apart at a macro F1 of **{span(f1['value'])}** on the hardest posts "
        f"(words {results.words():.2f}; surely above words: {ahead} of {len(f1)}), and the published rule puts {sizes} "
        "into a circuit."
    )


def _japanese(results: Results) -> str:
    own, across = results.read(across=False).query("scored == 'Japanese'"), results.read(across=True)
    beyond = results.beyond_words()
    yes = sum(one is True for one in beyond["beyond"])
    crossing = int((across["p"] <= LEVEL).sum())
    words = f"characters {span(own['rival'])}; surely above them in {yes} of {len(beyond)} models"
    return (
        f"In Japanese texts without emotion words, Japanese vectors read emotions at an AUROC of "
        f"**{span(own['value'])}** ({words}), and vectors of the other language are beyond exchanged labels in "
        f"{crossing} of {len(across)} cases ({span(across['value'])})."
    )


def _special(results: Results) -> str:
    rows, whole = results.ablated(), results.published()
    alone = whole[whole["measure"] == "sufficiency"]["value"]
    beyond = int((rows["p"] <= LEVEL).sum())
    return (
        f"The published circuits keep {span(alone, '.0%')} of the accuracy. Half of the components, the best ones, is "
        f"beyond random halves in **{beyond} of {len(rows)}** cases of sufficiency and necessity."
    )


def _gradient(results: Results) -> str:
    rows = results.tables["agreement"]
    return f"One gradient ranks components as patching each does: ρ = {span(rows['rho'])}."


def _moved(results: Results) -> str:
    own, across = results.moved(across=False), results.moved(across=True)
    yes = [int((rows["p_holm"] <= LEVEL).sum()) for rows in (own, across)]
    nats = [span(rows["effect"], "+.2f") for rows in (own, across)]
    return (
        f"Added where a reply begins, vectors raise genuine replies by more than random ones in "
        f"**{yes[0]} of {len(own)}** cases in their own language ({nats[0]} nats) and in **{yes[1]} of {len(across)}** "
        f"in the other one ({nats[1]})."
    )


def _spellings(results: Results) -> str:
    known, rows = results.knows_spellings(), results.spellings()
    yes = [model for model, one in known.items() if one is True]
    best = rows.groupby("model", sort=False)["value"].max()
    return (
        f"Spellings of one concept that share no character are nearer to each other than those of different ones in "
        f"**{len(yes)} of {len(known)}** models (largest cosine gap {span(best, '+.2f')})."
    )


def _falsifiers(results: Results) -> tuple[Falsifier, ...]:
    return (
        *([] if results.told is None else [_no_more_than_trainings(results.told)]),
        _words(results),
        _half(results),
        _ranks(results.tables["agreement"]),
        _characters(results.beyond_words()),
        _across(results),
        _one_concept(results),
    )


def _no_more_than_trainings(told: pd.DataFrame) -> Falsifier:
    own = told[told["measure"].isin(RUN_MEASURES)]
    found = any_holds(list(own["differs"]))
    yes = sum(one is True for one in own["differs"])
    return Falsifier(
        "*Further training changes the model's ways*: no number that differs by more than trainings do",
        None if found is None else not found,
        f"{yes} of {len(own)} differ",
    )


def _words(results: Results) -> Falsifier:
    rows = results.hardest()
    told = [lies_above(row.gain_low, row.gain_high) for row in rows.itertuples()]
    return Falsifier(
        "*Siblings know more than words*: one whose macro F1 on the hardest posts is not above that of words",
        any_holds([None if one is None else not one for one in told]),
        f"above by {span(rows['gain'], '+.2f')}",
    )


def _half(results: Results) -> Falsifier:
    rows = results.ablated().query("way == 'mean'")
    told = [bool(row.p > LEVEL) if 1 / (row.sets + 1) <= LEVEL else None for row in rows.itertuples()]
    words = [
        f"{row.model}: {row.measure} {row.value:.2f}, random {row.null:.2f}" for row in rows.itertuples()
    ]
    return Falsifier(
        "*A circuit is more than any set of its size*: a best half that random halves equal",
        any_holds(told),
        "; ".join(words),
    )


def _ranks(table: pd.DataFrame) -> Falsifier:
    low = float(table["rho"].min())
    return Falsifier(
        f"*A gradient can screen components*: a rank correlation with patching below {AGREES:g}",
        low < AGREES,
        f"{low:.2f} at least",
    )


def _characters(rows: pd.DataFrame) -> Falsifier:
    words = [f"{row.model} {row.rival_gain:+.2f}" for row in rows.itertuples()]
    return Falsifier(
        "*Models read emotions in Japanese by more than characters*: one that is not above a bag of characters",
        any_holds([None if one is None else not one for one in rows["beyond"]]),
        "; ".join(words),
    )


def _across(results: Results) -> Falsifier:
    rows = results.read(across=True)
    words = [f"{row.model}, {row.made} to {row.scored} {row.value:.2f}" for row in rows.itertuples()]
    return Falsifier(
        "*An emotion has one direction in both languages*: a vector that reads the other language no better than "
        "exchanged labels",
        bool((rows["p"] > LEVEL).any()),
        "; ".join(words),
    )


def _one_concept(results: Results) -> Falsifier:
    known = results.knows_spellings()
    word = {True: "nearer", False: "no nearer", None: "cannot be told"}
    return Falsifier(
        "*A model knows that spellings are one concept*: one whose states have them no nearer than exchanged ones",
        any_holds([None if one is None else not one for one in known.values()]),
        "; ".join(f"{model}: {word[one]}" for model, one in known.items()),
    )
