"""Steering as a table: settings times contexts, the texts that come out, and what each setting gains and costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from torch import Tensor

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.engine.decoding import Sampling
from emotion_utils.engine.generation import generate
from emotion_utils.engine.interventions import (
    EVERYWHERE,
    FROM_END,
    GENERATED,
    PROMPT,
    UNTOUCHED,
    Condition,
    Window,
    steering,
)
from emotion_utils.scoring.replies import first_reply
from emotion_utils.statistics.resampling import exact_share_interval, grouped_mean_interval
from emotion_utils.steering.subject import NEW_TOKENS as NEW_TOKENS
from emotion_utils.steering.subject import SteeredModel

if TYPE_CHECKING:
    from emotion_utils.core.store import Store

ALPHAS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)
"""Strengths of the reports."""
STRENGTHS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
"""Strengths that are tried, in units of the residual norm: each about one and a half times the one before it."""
GREEDY = Sampling(NEW_TOKENS)
SAMPLED = Sampling(NEW_TOKENS, temperature=1.0, samples=4)
OPENING = Sampling(16)
"""Enough tokens to see how a reply opens, which is all that tells its emotion."""
BUDGET = 1.5
"""How many times the perplexity of genuine replies a steered reply may cost."""
GOAL = 0.8
"""Share of contexts that a strong vector turns."""
REPLY = Window(0, 2, "end")
"""The last token of the prompt and the first new one: where a reply is begun."""
WINDOWS: dict[str, Window] = {
    "end of prompt and first new token": REPLY,
    "end of prompt": Window(0, 1, "end"),
    "end of prompt and two new tokens": Window(0, 3, "end"),
    "whole prompt": PROMPT,
    "generated tokens": GENERATED,
    "end of prompt and all new tokens": FROM_END,
    "end of prompt and all new tokens, strength halved every 2 tokens": Window(0, None, "end", half_life=2.0),
    "everywhere": EVERYWHERE,
}

WHERE = "end of prompt and first new token"
SEARCHED = (WHERE, "end of prompt and all new tokens")
"""The windows that are tried: a push at the start of the reply, and one that goes on."""

KEYS = ("made", "where", "emotion", "layer", "alpha")
"""What tells the settings of a sweep apart."""
ABOUT = ["kind", "number", *KEYS]


def judged_length(steered: SteeredModel) -> Sampling:
    """How much of a text is written where it is only judged; for own labels as much as of any other text."""
    return OPENING if steered.own is None else GREEDY


@dataclass(frozen=True, eq=False)
class SteeringSetting:
    """One way of steering.

    Attributes
    ----------
    emotion
        What the texts are measured against.
    layer, alpha
        Where, and how many units of strength.
    vector
        Direction of the length of one unit.
    made
        How the vector was made, of ``subject.MADE``; empty for a control.
    kind
        ``emotion vector``, or the kind of a control.
    number
        Of the control.
    where
        A key of :data:`WINDOWS`.
    """

    emotion: str
    layer: int
    alpha: float
    vector: Float[Tensor, " d_model"] = field(repr=False)
    made: str = ""
    kind: str = "emotion vector"
    number: int = 0
    where: str = WHERE

    def __post_init__(self) -> None:
        if self.where not in WINDOWS:
            raise UserError(f'A vector cannot be added "{self.where}": {suggestion(self.where, WINDOWS)}')

    def condition(self) -> Condition:
        """As the engine takes it; all settings without strength are the untouched model."""
        if self.alpha == 0:
            return UNTOUCHED
        what = f"{self.kind} {self.number}, {self.emotion} {self.made}"
        name = f"{what}, layer {self.layer}, {self.alpha:g}, {self.where}"
        return steering(name, self.vector, self.layer, self.alpha, WINDOWS[self.where])


def conditions_of(settings: Sequence[SteeringSetting]) -> dict[str, Condition]:
    """The different conditions of settings, by name."""
    return {(made := setting.condition()).name: made for setting in settings}


def described(settings: Sequence[SteeringSetting]) -> pd.DataFrame:
    """One row per setting: ``condition`` (its name), ``kind, number, made, emotion, layer, alpha, where``."""
    rows = [(s.condition().name, *(getattr(s, name) for name in ABOUT)) for s in settings]
    return pd.DataFrame(rows, columns=["condition", *ABOUT])


def grid(
    steered: SteeredModel,
    alphas: Sequence[float] = STRENGTHS,
    layers: Sequence[int] | None = None,
    windows: Sequence[str] = SEARCHED,
) -> list[SteeringSetting]:
    """All kinds of vectors, windows, emotions, layers (or some) and strengths."""
    over = product(steered.kinds, windows, steered.emotions, steered.layers if layers is None else layers)
    return [
        SteeringSetting(emotion, layer, alpha, direction, made, where=where)
        for made, where, emotion, layer in over
        for direction in [steered.direction(emotion, layer, made)]
        for alpha in alphas
    ]


def run(
    steered: SteeredModel,
    contexts: pd.DataFrame,
    settings: Sequence[SteeringSetting],
    *,
    how: Sampling = GREEDY,
    store: Store | None = None,
) -> pd.DataFrame:
    """Continue every context under every setting, in one packed run.

    Returns
    -------
    One row per context and setting: ``condition`` (its name), ``kind, number, made, emotion, layer, alpha, where,
    prompt`` (number of the context), ``text, ids, n_tokens, context, unit, source``.
    """
    made = generate(
        steered.model,
        [steered.ids(text) for text in contexts["context"]],
        list(conditions_of(settings).values()),
        how,
        store=store,
        progress=False,
    )
    texts = made[["prompt", "condition", "text", "ids", "n_tokens"]]
    return described(settings).merge(texts, on="condition").join(contexts.reset_index(drop=True), on="prompt")


def outcomes(
    steered: SteeredModel, table: pd.DataFrame, *, cost: bool | Bool[np.ndarray, " text"] = True
) -> pd.DataFrame:
    """Say of every text which emotion it has, whether that is the one asked for, and what it costs.

    Parameters
    ----------
    steered
        Its untouched model is the judge.
    table
        From :func:`run`.
    cost
        Whether perplexities are wanted, or of which texts.

    Returns
    -------
    The table with ``says`` (an emotion, or None), ``target`` (1 where it is the row's), ``priced`` (whether it was read
    for its cost) and ``relative_perplexity`` (NaN without a reply, and where it was not read).
    Of the models that know the small world a text says what its replies that open alike say; of others, what the
    project's classifier finds most probable, or the model's own ``reader``.
    """
    says = steered.said(table["text"].tolist())
    out = table.assign(says=says, target=[float(a == b) for a, b in zip(says, table["emotion"], strict=True)])
    if cost is not False:
        out["priced"] = True if cost is True else cost
        read = table[out["priced"]]
        out["relative_perplexity"] = np.nan
        found = steered.cost(read["text"], read["context"], read["emotion"])
        out.loc[out["priced"], "relative_perplexity"] = found
    return out


def sweep_summary(table: pd.DataFrame, keys: Sequence[str] = KEYS, seed: int = 0) -> pd.DataFrame:
    """Share of texts with the emotion asked for, and cost, of each setting.

    Parameters
    ----------
    table
        From :func:`outcomes`.
    keys
        Columns that tell settings apart.
    seed
        Of the bootstrap over units.

    Returns
    -------
    The keys, ``share, low, high`` (the interval is exact where all texts or none say it, and empty otherwise with fewer
    than eight units), ``other`` (share of texts that say another emotion than that and neutral: steered the wrong way),
    ``cost`` (perplexity of all texts together, over that of genuine replies in their contexts: the exponential of the
    mean difference in nats per token), ``cost_low, cost_high``, ``empty`` (share of texts without a reply, which have
    no cost), ``n, n_units``. Cost and ``empty`` are of the texts that were read for it.
    """
    rows = []
    for names, part in table.groupby(list(keys), sort=False):
        low, high = exact_share_interval(part["target"].to_numpy(), part["unit"].to_numpy(), seed=seed)
        row = dict(zip(keys, names, strict=True)) | {"share": part["target"].mean(), "low": low, "high": high}
        row["other"] = float(astray(part).mean())
        if "relative_perplexity" in part:
            row |= _cost(part, seed)
        rows.append(row | {"n": len(part), "n_units": part["unit"].nunique()})
    return pd.DataFrame(rows)


def astray(table: pd.DataFrame) -> pd.Series:
    """Which texts say another emotion than the row's and neutral."""
    return (table["says"] != table["emotion"]) & table["says"].notna() & (table["says"] != "neutral")


def _cost(part: pd.DataFrame, seed: int) -> dict[str, float]:
    part = part[part["priced"]] if "priced" in part else part
    nats = np.log(part["relative_perplexity"].to_numpy())
    kept = ~np.isnan(nats)
    value = float(nats[kept].mean()) if kept.any() else float("nan")
    low, high = grouped_mean_interval(nats[kept], part["unit"].to_numpy()[kept], seed=seed)
    costs = {"cost": np.exp(value), "cost_low": np.exp(low), "cost_high": np.exp(high)}
    return costs | {"empty": float(1 - kept.mean())}


def chosen_settings(
    steered: SteeredModel, chosen: Mapping[str, pd.Series], alphas: Sequence[float] | None = None
) -> list[SteeringSetting]:
    """The chosen setting of each emotion, or several strengths of the same vector at its layer and window."""
    return [
        SteeringSetting(
            emotion, layer, alpha, steered.direction(emotion, layer, made), made, where=row["where"]
        )
        for emotion, row in chosen.items()
        for layer, made in [(int(row["layer"]), str(row["made"]))]
        for alpha in (alphas or [float(row["alpha"])])
    ]


def at_chosen(table: pd.DataFrame, chosen: Mapping[str, pd.Series]) -> pd.DataFrame:
    """The rows of a table of several strengths that have the chosen one of their emotion."""
    return table[table["alpha"] == _of_chosen(table, chosen, "alpha")]


def in_doses(table: pd.DataFrame, chosen: Mapping[str, pd.Series]) -> pd.DataFrame:
    """The table with ``alpha`` counted in chosen strengths of the row's emotion: 1 is the chosen one."""
    return table.assign(alpha=(table["alpha"] / _of_chosen(table, chosen, "alpha")).round(6))


def by_contexts(parts: Mapping[str, pd.DataFrame], seed: int = 0) -> pd.DataFrame:
    """:func:`sweep_summary` of each emotion on several kinds of contexts, below each other, named in ``contexts``.

    The column ``different`` counts the different replies: equal sentences are no further evidence.
    """
    tables = []
    for name, part in parts.items():
        replies = part["text"].map(first_reply).groupby(part["emotion"]).nunique()
        table = sweep_summary(part, ["emotion"], seed).assign(contexts=name)
        tables.append(table.assign(different=table["emotion"].map(replies)))
    table = pd.concat(tables, ignore_index=True).drop(columns="empty")
    return table[["contexts", *table.columns.drop("contexts")]]


def with_intervals(table: pd.DataFrame) -> pd.DataFrame:
    """Shares and costs of :func:`by_contexts`, each with its interval in one column of words."""
    joined = table.drop(columns=["low", "high", "cost_low", "cost_high"])
    for name, low, high in (("share", "low", "high"), ("cost", "cost_low", "cost_high")):
        joined[name] = [
            f"{value:.2f}" + ("" if pd.isna(a) else f" ({a:.2f}–{b:.2f})")
            for value, a, b in zip(table[name], table[low], table[high], strict=True)
        ]
    return joined.drop(columns="n_units")


def elsewhere(steered: SteeredModel, chosen: Mapping[str, pd.Series]) -> list[SteeringSetting]:
    """The chosen settings at every one of :data:`WINDOWS`."""
    return [
        replace(setting, where=where) for where in WINDOWS for setting in chosen_settings(steered, chosen)
    ]


def for_explorer(sweep: pd.DataFrame, chosen: Mapping[str, pd.Series], n: int = 6) -> pd.DataFrame:
    """The texts of a sweep on its first contexts, with the chosen kind of vector and window, for `plots.explorer`.

    Layers and strengths at which only some emotions were tried are left out.
    """
    alike = [sweep[name] == _of_chosen(sweep, chosen, name) for name in ("made", "where")]
    kept = (
        sweep[(sweep["prompt"] < n) & ((alike[0] & alike[1]) | (sweep["alpha"] == 0))]
        .drop(columns="prompt")
        .rename(columns={"context": "prompt"})
    )
    for name in ("layer", "alpha"):
        tried = [set(own[name]) for _, own in kept.groupby("emotion")]
        kept = kept[kept[name].isin(set.intersection(*tried))]
    return kept[["emotion", "prompt", "layer", "alpha", "text", "target", "relative_perplexity"]]


def _of_chosen(table: pd.DataFrame, chosen: Mapping[str, pd.Series], name: str) -> pd.Series:
    """What was chosen for the emotion of each row."""
    return table["emotion"].map({emotion: row[name] for emotion, row in chosen.items()})
