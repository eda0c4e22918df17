"""The same trial for every bundled model: chosen on one split, scored on another, beside a hundred controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

import pandas as pd

from emotion_utils.core.profiles import SteeringSize
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.steering import trials
from emotion_utils.steering.by_context import scored_contexts
from emotion_utils.steering.choice import RANDOM_AT_MOST, choose, random_share
from emotion_utils.steering.contexts import neutral_contexts
from emotion_utils.steering.controls import compare, control_settings
from emotion_utils.steering.subject import SteeredModel, prepare
from emotion_utils.vectors.comparison import Comparison, Options

if TYPE_CHECKING:
    from emotion_utils.core.store import Store

FEW = 4
"""Contexts on which random vectors are tried before a setting is chosen: one turns nearly all of them or none."""
SET = "implicit"
BY_CONTEXT = "steering_by_context"
"""Largest p at which a vector is beyond what random ones do."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One model's trial.

    Attributes
    ----------
    sweep
        Every text of the select split, scored.
    sweep_summary
        Of the sweep: share and cost of every setting.
    chosen
        By emotion: the row of the chosen setting.
    steered, untouched, controls
        Texts of the test split, scored.
    """

    sweep: pd.DataFrame
    sweep_summary: pd.DataFrame
    chosen: Mapping[str, pd.Series]
    steered: pd.DataFrame
    untouched: pd.DataFrame
    controls: pd.DataFrame

    def summary(self) -> pd.DataFrame:
        """One row per emotion: what was chosen, what it gives on the test split, and what the controls give.

        ``steered`` says whether it reaches the goal within the budget, ``beyond_random`` whether p is small.
        """
        against = compare(self.steered, self.controls, self.untouched).set_index(["emotion", "against"])
        held = trials.sweep_summary(self.steered, ["emotion"]).set_index("emotion")
        rows = []
        for emotion, row in self.chosen.items():
            beside = against.loc[(emotion, "all random")]
            tested = held.loc[emotion]
            rows.append(
                {
                    "emotion": emotion, "made": row["made"], "layer": int(row["layer"]), "alpha": float(row["alpha"]),
                    "select_share": row["share"], "select_cost": row["cost"],
                    "share": tested["share"], "cost": tested["cost"], "untouched": beside["untouched"],
                    "control": beside["control"], "highest": beside["highest"], "p": beside["p"],
                    "controls": int(beside["controls"]), "n": int(tested["n"]), "n_units": int(tested["n_units"]),
                }
            )  # fmt: skip
        table = pd.DataFrame(rows)
        table["steered"] = (table["share"] >= trials.GOAL) & (table["cost"] <= trials.BUDGET)
        table["beyond_random"] = table["p"] <= LEVEL
        return table


def trial(
    steered: SteeredModel,
    prompts: pd.DataFrame,
    size: SteeringSize,
    *,
    alphas: Sequence[float] = trials.ALPHAS,
    store: Store | None = None,
    seed: int = 0,
) -> Trial:
    """Choose layer and strength of each emotion on the select split, and try them on the test split with controls.

    Parameters
    ----------
    steered
    prompts
        With the splits ``select`` and ``test``, which the vectors have not seen.
    size
        How much is run.
    alphas
        Strengths of the sweep.
    store
        Keeps the texts.
    seed
        Of the controls.
    """
    chosen_on, tested_on = (
        neutral_contexts(prompts, split, n, SET)
        for split, n in (("select", size.select), ("test", size.test))
    )
    sweep = trials.outcomes(
        steered, trials.run(steered, chosen_on, trials.grid(steered, alphas), store=store)
    )
    summary = trials.sweep_summary(sweep, seed=seed)
    chosen = choose(summary, random_share(steered, chosen_on.head(FEW), size.controls, seed))
    settings = trials.chosen_settings(steered, chosen)
    beside = [c for setting in settings for c in control_settings(steered, setting, size.controls, seed)]
    plain = trials.chosen_settings(steered, chosen, [0.0])
    texts = trials.outcomes(steered, trials.run(steered, tested_on, [*settings, *plain], store=store))
    turned, untouched = texts[texts["alpha"] != 0], texts[texts["alpha"] == 0]
    drawn = trials.run(steered, tested_on.head(size.tried), beside, how=trials.OPENING, store=store)
    controls = trials.outcomes(steered, drawn, cost=False)
    return Trial(sweep, summary, chosen, turned, untouched, controls)


def overview(
    models: Sequence[str], prompts: pd.DataFrame, size: SteeringSize, store: Store, **options: Unpack[Options]
) -> pd.DataFrame:
    """The summary of the trial of several models, each computed once per store.

    What :func:`by_context` gives is computed and kept with it.

    Parameters
    ----------
    models
        Names of the registry.
    prompts
        As of :func:`trial`.
    size
        How much is run.
    store
        Where the summaries are kept.
    options
        The model to begin with (``first``), ``device`` and ``dtype`` of the models, ``seed``.

    Returns
    -------
    The rows of :meth:`Trial.summary` with ``model`` before them.
    """
    asked = Comparison(models, prompts, size, store, **options)

    def compute(name: str) -> pd.DataFrame:
        steered = _prepared(name, asked)
        # strengths that can be chosen are enough
        positive = [alpha for alpha in trials.ALPHAS if alpha > 0]
        tried = trial(steered, prompts, size, alphas=positive, store=store, seed=asked.seed)

        def beside(_: str) -> pd.DataFrame:
            return scored_contexts(steered, tried.chosen, size.fresh, store=store, seed=asked.seed)

        asked.tables(BY_CONTEXT, beside, __name__, [name])
        return tried.summary()

    return asked.tables("steering_overview", compute, __name__)


def by_context(
    models: Sequence[str], prompts: pd.DataFrame, size: SteeringSize, store: Store, **options: Unpack[Options]
) -> pd.DataFrame:
    """What each fresh context scores under the chosen settings of several models: parameters of :func:`overview`.

    Returns
    -------
    The rows of :func:`emotion_utils.steering.by_context.scored_contexts` with ``model`` before them.
    """
    chosen = overview(models, prompts, size, store, **options)
    asked = Comparison(models, prompts, size, store, **options)

    def compute(name: str) -> pd.DataFrame:
        rows = {row["emotion"]: row for _, row in chosen[chosen["model"] == name].iterrows()}
        return scored_contexts(_prepared(name, asked), rows, size.fresh, store=store, seed=asked.seed)

    return asked.tables(BY_CONTEXT, compute, __name__)


def _prepared(name: str, asked: Comparison) -> SteeredModel:
    return prepare(asked.load(name), asked.prompts, asked.store, seed=asked.seed)


def passed(table: pd.DataFrame) -> pd.DataFrame:
    """Per model: how many emotions reach the goal within the budget, and whether random vectors reach it too.

    Returns
    -------
    Columns ``model, share`` (mean over the emotions), ``steered`` (emotions that reach the goal), ``beyond_random``
    (those of p at most :data:`LEVEL`), ``emotions, control`` (share of contexts that random vectors turn, mean over
    the emotions), ``controls`` (how many vectors), ``p_low, p_high`` (of its emotions), ``controls_fail`` (whether that
    share is at most :data:`RANDOM_AT_MOST`).
    """
    counts = table.groupby("model", sort=False).agg(
        share=("share", "mean"), steered=("steered", "sum"), beyond_random=("beyond_random", "sum"),
        emotions=("emotion", "size"), control=("control", "mean"), controls=("controls", "sum"),
        p_low=("p", "min"), p_high=("p", "max"),
    )  # fmt: skip
    return counts.assign(controls_fail=counts["control"] <= RANDOM_AT_MOST).reset_index()
