"""What a model says when heads are taken out or patched: generated text, its emotion, sentiment and keywords."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int

from emotion_utils.activations.forward import chunks
from emotion_utils.circuits.ablation import without
from emotion_utils.circuits.patching import SIDES, patching_conditions
from emotion_utils.engine.decoding import Sampling
from emotion_utils.engine.generation import generate
from emotion_utils.engine.interventions import UNTOUCHED, Condition
from emotion_utils.heads.pairs import Head, Pairs
from emotion_utils.models.hooks import HookPoint, shape_at
from emotion_utils.scoring.classifier import emotions_said
from emotion_utils.scoring.lexical import keyword_count, vader_sentiment
from emotion_utils.scoring.scorer import score
from emotion_utils.statistics.resampling import grouped_mean_interval

NEW_TOKENS = 30
OPENING = 16
"""Tokens that are enough to see how a reply opens."""
SCORES = ("keywords", "vader")


def texts_under(
    pairs: Pairs,
    conditions: Sequence[Condition],
    rows: Int[np.ndarray, "row 2"],
    names: Sequence[str],
    new_tokens: int = OPENING,
) -> pd.DataFrame:
    """Go on from prompts under conditions, greedily.

    Parameters
    ----------
    pairs
    conditions, rows
        Pairs (prompt as in ``Pairs.ids``, condition) by number.
    names
        What each row is called.
    new_tokens

    Returns
    -------
    One row per row: ``pair, emotion, unit, side`` (``emotional`` or ``neutral``: the prompt it goes on from), ``set``
    (the name), ``text``.
    """
    made = generate(pairs.model, pairs.ids, conditions, Sampling(new_tokens), rows=rows, progress=False)
    at = made["prompt"].to_numpy() % len(pairs)
    table = pairs.table.iloc[at][["pair", "emotion", "unit"]].reset_index(drop=True)
    side = np.where(made["prompt"] < len(pairs), "emotional", "neutral")
    return table.assign(side=side, set=list(names), text=made["text"])


def patched_texts(
    pairs: Pairs,
    sets: Mapping[str, Sequence[Head]],
    mode: str = "z",
    *,
    matched: Int[np.ndarray, " pair"] | None = None,
    new_tokens: int = OPENING,
) -> pd.DataFrame:
    """Texts that go on from the changed prompt of each pair under each set of heads, and from both prompts untouched.

    Parameters
    ----------
    pairs
    sets
        Heads by name.
    mode, matched
        As of :func:`patching.patching_conditions`.
    new_tokens

    Returns
    -------
    As :func:`texts_under`; untouched texts have the set ``target`` and ``source``.
    """
    into, tables = SIDES["denoising"], []
    for part in chunks(pairs.model, pairs.ids, copies=8):
        rows = range(*part.indices(len(pairs)))
        if not rows:
            continue
        conditions, plan = patching_conditions(pairs, rows, list(sets.values()), mode, "denoising", matched)
        plain = [(side * len(pairs) + row, 0) for side in (into, 1 - into) for row in rows]
        names = [*(list(sets) * len(rows)), *(["target"] * len(rows)), *(["source"] * len(rows))]
        every = np.concatenate([plan, np.array(plain)])
        tables.append(texts_under(pairs, conditions, every, names, new_tokens))
    return pd.concat(tables, ignore_index=True)


def ablated_texts(
    pairs: Pairs, sets: Mapping[str, Sequence[Head]], new_tokens: int = NEW_TOKENS
) -> pd.DataFrame:
    """Texts that go on from the emotional prompts untouched (the set ``target``), and with each set of heads at zero.

    As :func:`texts_under`; heads are switched off in the prompt and in what is generated.
    """
    zero = torch.zeros(pairs.model.n_layers, *shape_at(pairs.model.network, HookPoint(0, "z")))
    conditions = [UNTOUCHED, *(without(pairs, heads, zero, name) for name, heads in sets.items())]
    rows = np.array([(row, which) for row in range(len(pairs)) for which in range(len(conditions))])
    return texts_under(pairs, conditions, rows, ["target", *sets] * len(pairs), new_tokens)


def scored(table: pd.DataFrame, *, small_world: bool) -> pd.DataFrame:
    """Say what each text says, whether that is the emotion of its pair, and score its style.

    Parameters
    ----------
    table
        From :func:`texts_under`.
    small_world
        Whether the model knows the replies of the small world, which tell their emotion exactly; of others the
        project's classifier decides.

    Returns
    -------
    The table with ``says``, ``target`` (1 where it is the pair's emotion), ``keywords`` (of that emotion) and
    ``vader``.
    """
    says = emotions_said(table["text"].tolist(), small_world=small_world)
    target = [float(a == b) for a, b in zip(says, table["emotion"], strict=True)]
    keywords, sentiment = keyword_count(), vader_sentiment()
    return score(table.assign(says=says, target=target), [keywords, sentiment]).rename(
        columns={keywords.name: "keywords", sentiment.name: "vader"}
    )


def sets_named(table: pd.DataFrame) -> pd.DataFrame:
    """The same texts with sets as readers call them: both prompts by their name, random sets by their kind."""
    names = {"target": "neutral prompt", "source": "emotional prompt"}
    called = table["set"].replace(names).str.replace(r"^equal size \d+$", "random sets", regex=True)
    return table.assign(set=called.str.replace(r"^equal norm \d+$", "equal norm sets", regex=True))


def share_of_texts(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Share of the texts that say the emotion of their pair, by set.

    Returns
    -------
    ``set, share, low, high, n, n_groups``.
    """
    rows = []
    for name, own in table.groupby("set", sort=False):
        ends = grouped_mean_interval(
            own["target"].to_numpy(), own["unit"].to_numpy(), seed=seed, bounds=(0.0, 1.0)
        )
        rows.append((name, float(own["target"].mean()), *ends, len(own), own["unit"].nunique()))
    return pd.DataFrame(rows, columns=["set", "share", "low", "high", "n", "n_groups"])


def paired(table: pd.DataFrame, one: str, other: str, seed: int = 0) -> pd.DataFrame:
    """How far a set moves keywords and sentiment of the texts of the same prompts, against another set.

    A prompt of which one text has no score, such as an empty one, is left out with both.

    Returns
    -------
    One row per score: ``score, one, other`` (sums of keywords, means of sentiment), ``difference`` (per text), ``low,
    high, n, n_groups``.
    """
    own, beside = (table[table["set"] == name].set_index("pair") for name in (one, other))
    beside, rows = beside.reindex(own.index), []
    for name in SCORES:
        kept = own[name].notna() & beside[name].notna()
        gap, units = (own[name] - beside[name])[kept].to_numpy(), own.loc[kept, "unit"].to_numpy()
        ends = grouped_mean_interval(gap, units, seed=seed)
        both = [
            float(t.loc[kept, name].sum() if name == "keywords" else t.loc[kept, name].mean())
            for t in (own, beside)
        ]
        rows.append((name, *both, float(gap.mean()), *ends, len(gap), len(set(units))))
    columns = ["score", "one", "other", "difference", "low", "high", "n", "n_groups"]
    return pd.DataFrame(rows, columns=columns)
