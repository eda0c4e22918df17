"""Sizes below those of the smoke profile, so that a chapter reads at most 3,000 tokens of its model.

Every computation of a chapter is run, each as small as it can be: the constants that set sizes are lowered before the
chapter's own cells run. What they come to are numbers without meaning, which is all that random weights have anyway.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from emotion_utils.core import profiles

NEW = 2
"""Tokens that a text is continued by."""
DRAWN = 12
"""Times as many fresh contexts are drawn as are taken, the shortest of them."""


def lowered(chapter: str, prompts: Path) -> None:
    """Lower what a chapter asks for, and let it read these prompt sets.

    Parameters
    ----------
    chapter
        Its number, such as ``05``.
    prompts
        The folder with the sets.
    """
    from emotion_utils.prompts import loading

    loading.PROMPTS = prompts
    {
        "02": _activations, "04": _alignment, "05": _steering, "06": _heads, "07": _heads, "08": _both, "09": _both
    }.get(chapter, dict)()  # fmt: skip


def _both() -> None:
    _steering()
    _heads()


def _activations() -> None:
    from emotion_utils.activations import batch_invariance, findings, prompt_sets, throughput

    throughput.FEWEST, throughput.BUDGET, findings.TOKENS, prompt_sets.FEWEST = 2, 1.0, 1, 4
    _default(throughput.throughput, repeats=2)
    _default(batch_invariance.batch_invariance, sizes=(8,))
    _default(prompt_sets.affordable_part, tokens=1)


def _alignment() -> None:
    from emotion_utils.subspaces import neutral_variance

    told = neutral_variance.triple_prompts
    neutral_variance.triple_prompts = lambda _tellings=1: told(1)


def _steering() -> None:
    from emotion_utils.core import layers

    profiles.STEERING_SIZES["smoke"] = profiles.SteeringSize(1, 1, 1, 1, 3, 1, tokens=1)
    from emotion_utils.steering import subject

    subject.NEW_TOKENS = NEW  # before anything takes its value from there
    subject.REPLIES = subject.FEW_REPLIES = 1
    subject.FEW_NEUTRAL = 2
    subject.KEYWORDS = "smoke"
    from emotion_utils.engine.decoding import Sampling
    from emotion_utils.scoring import judge, replies
    from emotion_utils.steering import contexts, overview, plan, screening, trials

    drawn = contexts.fresh_contexts
    contexts.fresh_contexts = lambda n, seed: _shortest(drawn(DRAWN * n, seed), n)
    trials.OPENING = Sampling(NEW)
    kept = (trials.WHERE, "generated tokens", "everywhere")
    for name in trials.WINDOWS.keys() - kept:
        del trials.WINDOWS[name]
    _default(trials.grid, alphas=(1.0,), windows=(trials.WHERE,))
    _default(overview.trial, strengths=(1.0,))
    _default(screening.finalists, n=1)
    for function in (replies.genuine_replies, judge.relative_perplexity, judge.genuine_nll):
        _default(function, n=1)
    plan.MAP = plan.FEW_MAP = (-1.0, 0.0, 1.0)
    plan.FACTORS = plan.FEW_FACTORS = (-1.0, 0.0, 1.0)
    plan.POSTS = plan.FEW_POSTS = 1
    plan.PAIRS = plan.PRICED = plan.TRIED = plan.UNITS = plan.MAP_LAYERS = 1
    plan.SCREENED = 2
    plan.EVENTS = 1
    layers.ALL = 1  # so few are many here


def _shortest(contexts: pd.DataFrame, n: int) -> pd.DataFrame:
    order = contexts["context"].str.len().sort_values(kind="stable").index
    return contexts.loc[order[:n]].reset_index(drop=True)


def _heads() -> None:
    size = profiles.HEADS_SIZES["smoke"]
    profiles.HEADS_SIZES["smoke"] = replace(size, pairs=1, sets=1, steps=0, texts=1, tokens=1)
    from emotion_utils.circuits import texts
    from emotion_utils.effects import bounds
    from emotion_utils.heads import budget, word_states

    budget.WEIGHTS = 1  # so that a small model has no larger budget
    budget.FEWEST_HEADS, budget.POINTS, budget.LIMIT, budget.SPOKEN, budget.BUILD = 3, 2, 1, 1, 1
    bounds.CONTEXTS = 1
    _default(bounds.reply_bound, n=2)
    _default(word_states.words_in_causes, fewest=1)
    texts.NEW_TOKENS = NEW
    for function in (texts.texts_under, texts.patched_texts, texts.ablated_texts):
        _default(function, new_tokens=NEW)


def _default(function: Callable[..., Any], **values: Any) -> None:
    """Change the defaults of a function, below its decorators."""
    function = inspect.unwrap(function)
    own = inspect.signature(function).parameters
    given = [p for p in own.values() if p.default is not p.empty and p.kind is not p.KEYWORD_ONLY]
    if given:
        function.__defaults__ = tuple(values.get(p.name, p.default) for p in given)
    named = {
        n: values.get(n, p.default)
        for n, p in own.items()
        if p.kind is p.KEYWORD_ONLY and p.default is not p.empty
    }
    if named:
        function.__kwdefaults__ = named
