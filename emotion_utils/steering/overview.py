"""The same trial for every model: screened, chosen on one split, scored on another, beside a hundred controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

import pandas as pd

from emotion_utils.core.profiles import SteeringSize
from emotion_utils.statistics.corrections import adjusted
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.steering import screening, trials
from emotion_utils.steering.by_context import scored_contexts
from emotion_utils.steering.choice import FEW, RANDOM_AT_MOST, choose, random_share, screened
from emotion_utils.steering.contexts import neutral_contexts
from emotion_utils.steering.controls import compare, control_settings
from emotion_utils.steering.plan import PAIRS, Plan, plan
from emotion_utils.steering.subject import SteeredModel, prepare
from emotion_utils.vectors.comparison import Comparison, Options

if TYPE_CHECKING:
    from emotion_utils.core.store import Store

SET = "implicit"
BY_CONTEXT = "steering_by_context"
NAN = float("nan")


@dataclass(frozen=True, eq=False)
class Trial:
    """One model's trial.

    Attributes
    ----------
    plan
        How much was run.
    screened
        What every setting does to the probability of genuine replies of its emotion: no texts.
    sweep
        Texts of the best settings on the select split, scored.
    sweep_summary
        Of the sweep: share and cost of every setting.
    chosen
        By emotion: the row of the chosen setting.
    steered, untouched, controls
        Texts of the test split, scored.
    """

    plan: Plan
    screened: pd.DataFrame
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
                    "emotion": emotion, "made": row["made"], "where": row["where"], "layer": int(row["layer"]),
                    "alpha": float(row["alpha"]), "depth": (int(row["layer"]) + 1) / self.plan.n_layers,
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

    def findings(self) -> pd.DataFrame:
        """The main numbers, as `record.findings.keep_findings` takes them; the null of a share is random vectors."""
        table, held = self.summary(), trials.sweep_summary(self.steered, ["emotion"]).set_index("emotion")
        rows = []
        for row in table.itertuples():
            low, high = held.loc[row.emotion, ["low", "high"]]
            name = f"{row.emotion}: share of test texts that say it, steered"
            rows.append((name, row.share, low, high, row.control, row.n))
            rows.append((f"{row.emotion}: p against random vectors", row.p, NAN, NAN, NAN, row.controls))
        whole = {
            "share of untouched test texts that say the emotion": self.untouched["target"].mean(),
            "cost of steered texts, mean of the emotions": table["cost"].mean(),
            "relative depth of the chosen layers, mean": table["depth"].mean(),
            "chosen strength in units, mean": table["alpha"].mean(),
        }
        rows += [(name, float(value), NAN, NAN, NAN, len(self.untouched)) for name, value in whole.items()]
        return pd.DataFrame(rows, columns=["finding", "value", "low", "high", "null", "n"])


def trial(
    steered: SteeredModel,
    prompts: pd.DataFrame,
    size: SteeringSize,
    *,
    strengths: Sequence[float] = trials.STRENGTHS,
    store: Store | None = None,
    seed: int = 0,
) -> Trial:
    """Choose vector, window, layer and strength of each emotion on the select split; try them on the test split.

    All of them are screened without a text; the best few get texts, and the rule of :func:`choice.choose` takes one.

    Parameters
    ----------
    steered
    prompts
        Whose neutral ones are steered: with the splits ``select`` and ``test``, which the vectors have not seen.
    size
        How much is run at most; what the model's budget pays is in ``plan``.
    strengths
        That are screened.
    store
        Keeps the texts.
    seed
        Of the controls.
    """
    planned = plan(steered, size)
    chosen_on, tested_on = (
        neutral_contexts(prompts, split, n, SET)
        for split, n in (("select", planned["choice"]), ("test", planned["test"]))
    )
    found, summary, sweep = _chosen_from(steered, chosen_on, planned, strengths, store, seed)
    chosen = choose(summary, random_share(steered, chosen_on.head(FEW), planned["random"], seed))
    settings = trials.chosen_settings(steered, chosen)
    beside = [c for setting in settings for c in control_settings(steered, setting, size.controls, seed)]
    plain = trials.chosen_settings(steered, chosen, [0.0])
    drawn = trials.run(steered, tested_on, [*settings, *plain], store=store)
    texts = trials.outcomes(steered, drawn, cost=(drawn["prompt"] < planned["priced"]).to_numpy())
    turned, untouched = texts[texts["alpha"] != 0], texts[texts["alpha"] == 0]
    tried = tested_on.head(planned["tried"])
    controls = trials.run(steered, tried, beside, how=trials.judged_length(steered), store=store)
    controls = trials.outcomes(steered, controls, cost=False)
    return Trial(planned, found, sweep, summary, chosen, turned, untouched, controls)


def _chosen_from(
    steered: SteeredModel,
    contexts: pd.DataFrame,
    planned: Plan,
    strengths: Sequence[float],
    store: Store | None,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The screen, and shares and texts of its best settings."""
    settings = trials.grid(steered, strengths, planned.screened)
    found = screened(steered, contexts, settings, min(PAIRS, len(contexts)))
    entered = screening.settings_of(steered, screening.finalists(found))
    sweep = trials.outcomes(steered, trials.run(steered, contexts, entered, store=store))
    return found, trials.sweep_summary(sweep, seed=seed), sweep


def shown_map(
    steered: SteeredModel,
    prompts: pd.DataFrame,
    trial: Trial,
    *,
    store: Store | None = None,
) -> pd.DataFrame:
    """Texts over layers and strengths, with the chosen kind of vector and window of each emotion: the map to look at.

    Returns
    -------
    As :attr:`Trial.sweep`, on the contexts and layers of the plan, the chosen setting and untouched texts among them.
    """
    contexts = neutral_contexts(prompts, "select", trial.plan["map"], SET)
    settings = []
    for emotion, row in trial.chosen.items():
        layers = sorted({*trial.plan.shown, int(row["layer"])})
        for layer in layers:
            at = row.copy()
            at["layer"] = layer
            alphas = sorted({*trial.plan.map, float(row["alpha"])})
            settings += trials.chosen_settings(steered, {emotion: at}, alphas)
    return trials.outcomes(steered, trials.run(steered, contexts, settings, store=store))


def overview(
    models: Sequence[str],
    prompts: pd.DataFrame,
    size: SteeringSize,
    store: Store,
    known: tuple[SteeredModel, Trial] | None = None,
    *,
    fresh: bool = True,
    also: Callable[[SteeredModel, Mapping[str, pd.Series]], object] | None = None,
    **options: Unpack[Options],
) -> pd.DataFrame:
    """The summary of the trial of several models, each computed once per store.

    What :func:`by_context` gives is computed and kept with it, if it is wanted. Every model pays its trial from its own
    budget.

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
    known
        A model and its trial that was made with these prompts, size and seed, so that it is not made twice.
    fresh
        Whether fresh contexts are run too, for all models; else :func:`by_context` runs them when it is asked.
    also
        What else is done with a model and what was chosen for it, while it is loaded.
    options
        The model to begin with (``first``), ``device`` and ``dtype`` of the models, ``seed``.

    Returns
    -------
    The rows of :meth:`Trial.summary` with ``model`` before them.
    """
    asked = Comparison(models, prompts, size, store, **options)

    def compute(name: str) -> pd.DataFrame:
        if known is not None and known[0].name == name:
            steered, tried = known
        else:
            steered = _prepared(name, asked)
            tried = trial(steered, prompts, size, store=store, seed=asked.seed)

        def beside(_: str) -> pd.DataFrame:
            n = tried.plan.beside
            return scored_contexts(steered, tried.chosen, n, store=store, seed=asked.seed)

        if fresh:
            asked.tables(BY_CONTEXT, beside, __name__, [name])
        if also is not None:
            also(steered, tried.chosen)
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
        steered = _prepared(name, asked)
        return scored_contexts(steered, rows, plan(steered, size).beside, store=store, seed=asked.seed)

    return asked.tables(BY_CONTEXT, compute, __name__)


def _prepared(name: str, asked: Comparison) -> SteeredModel:
    return prepare(asked.load(name), asked.prompts, asked.store, seed=asked.seed)


def corrected(table: pd.DataFrame) -> pd.DataFrame:
    """:func:`overview` with ``q``, p after Benjamini-Hochberg over all its rows, by which ``beyond_random`` is told."""
    q = adjusted(table["p"].to_numpy(), "fdr_bh")
    return table.assign(q=q, beyond_random=q <= LEVEL)


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
