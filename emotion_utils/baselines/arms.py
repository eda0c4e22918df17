"""The same contexts untouched, under random vectors, under a bias on first words, and under the emotion's vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd

from emotion_utils.baselines.logit_bias import KIND as BIAS
from emotion_utils.baselines.logit_bias import Sized, bias_settings, by_joint, sized_bias
from emotion_utils.core.profiles import SteeringSize
from emotion_utils.steering.contexts import fresh_contexts
from emotion_utils.steering.controls import KINDS, isotropic
from emotion_utils.steering.overview import Trial, overview
from emotion_utils.steering.plan import BESIDE, EVENTS, turns
from emotion_utils.steering.readout import reply_log_odds
from emotion_utils.steering.subject import SteeredModel, prepare
from emotion_utils.steering.trials import (
    GREEDY,
    SteeringSetting,
    chosen_settings,
    judged_length,
    outcomes,
    run,
)
from emotion_utils.vectors.comparison import Comparison, Options

if TYPE_CHECKING:
    from emotion_utils.core.store import Store

UNTOUCHED, RANDOM, VECTOR = "untouched", KINDS[0], "emotion vector"
ARMS = (UNTOUCHED, RANDOM, BIAS, VECTOR)
ARTEFACT = "steering_arms"
SIZES = ["constant", "kl", "kl_reached"]
COLUMNS = ["emotion", "arm", "number", "prompt", "unit", "shift", "says_it", "nats"]


def arms(
    steered: SteeredModel,
    chosen: Mapping[str, pd.Series],
    n: int,
    n_random: int,
    *,
    store: Store | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure every arm on the same fresh contexts, by log-odds of genuine replies and by texts.

    Parameters
    ----------
    steered
    chosen
        By emotion, with ``made, where, layer, alpha``.
    n, n_random
        Contexts of :func:`emotion_utils.steering.contexts.fresh_contexts`, and random vectors of each emotion, each of
        which is tried on some of the contexts, in turn: :func:`emotion_utils.steering.plan.turns`.
    store
        Keeps the texts.
    seed
        Of contexts and vectors.

    Returns
    -------
    One row per emotion, arm of :data:`ARMS`, vector (``number``) and context (``prompt``) with its ``unit``: ``shift``
    (of the log-odds of genuine replies of the emotion against neutral ones, nats), ``says_it`` (whether the text says
    the emotion), ``nats`` (cost: log of the perplexity beside genuine replies, per token; NaN for random vectors), and
    ``constant, kl, kl_reached`` (of the bias: its constant, the divergence of the vector, and its own).
    """
    contexts, settings = fresh_contexts(n, seed), chosen_settings(steered, chosen)
    sizes = [sized_bias(steered, contexts, setting) for setting in settings]
    groups = min(turns(len(steered.layers)), n_random, n)
    drawn = [random_settings(steered, setting, n_random, seed) for setting in settings]
    random = [[one for own in drawn for one in own[group::groups]] for group in range(groups)]
    plain = chosen_settings(steered, chosen, [0.0])
    parts = [
        _measured(steered, contexts, [*settings, *plain], store),
        *(
            _measured(steered, contexts.iloc[group::groups], some, store, priced=False)
            for group, some in enumerate(random)
        ),
        *(
            _measured(steered, part, bias_settings(steered, part["context"].iloc[0], sizes), store)
            for part in by_joint(contexts)
        ),
    ]
    table = pd.concat(parts, ignore_index=True).rename(columns={"kind": "arm"})
    table.loc[table["alpha"] == 0, "arm"] = UNTOUCHED
    return _with_sizes(table[COLUMNS], sizes)


def random_settings(
    steered: SteeredModel, setting: SteeringSetting, n: int, seed: int
) -> list[SteeringSetting]:
    """Isotropic vectors as long as the emotion's at the same layer and positions; the first are the trial's own."""
    layer = setting.layer
    rng = np.random.default_rng(np.random.SeedSequence([seed, layer]))
    vectors = isotropic(n, len(setting.vector), rng)
    return [
        replace(setting, vector=(vector * steered.unit[layer]).float(), kind=RANDOM, number=number)
        for number, vector in enumerate(vectors)
    ]


def _measured(
    steered: SteeredModel,
    contexts: pd.DataFrame,
    settings: Sequence[SteeringSetting],
    store: Store | None,
    priced: bool = True,
) -> pd.DataFrame:
    """Log-odds and texts of settings on some contexts, numbered as these are."""
    how = GREEDY if priced else judged_length(steered)
    texts = outcomes(steered, run(steered, contexts, settings, how=how, store=store), cost=priced)
    texts["nats"] = np.log(texts["relative_perplexity"]) if priced else np.nan
    odds = reply_log_odds(steered, contexts, settings)
    keys = ["emotion", "kind", "number", "alpha", "prompt"]
    table = texts.rename(columns={"target": "says_it"}).merge(odds[[*keys, "shift"]], on=keys)
    return table.assign(prompt=contexts.index.to_numpy()[table["prompt"]])


def _with_sizes(table: pd.DataFrame, sizes: Sequence[Sized]) -> pd.DataFrame:
    """The table with what is known of the bias of each emotion."""
    known = {one.emotion: (one.constant, one.vector, one.bias) for one in sizes}
    for place, name in enumerate(SIZES):
        table = table.assign(**{name: [known[emotion][place] for emotion in table["emotion"]]})
    return table.reset_index(drop=True)


def arms_of_models(
    models: Sequence[str],
    prompts: pd.DataFrame,
    size: SteeringSize,
    store: Store,
    chosen: Mapping[str, Mapping[str, pd.Series]],
    prepared: Mapping[str, SteeredModel] | None = None,
    **options: Unpack[Options],
) -> pd.DataFrame:
    """:func:`arms` of several models, each computed once per store.

    Parameters
    ----------
    models
        Names of the registry.
    prompts, size, store
        As of :func:`emotion_utils.steering.overview.overview`.
    chosen
        By model and emotion, as that function gives it: :func:`chosen_of`.
    prepared
        Models that need not be prepared again, by name.
    options
        As of that function.

    Returns
    -------
    The rows of :func:`arms` with ``model`` before them.
    """
    asked = Comparison(models, prompts, size, store, **options)

    def compute(name: str) -> pd.DataFrame:
        steered = (prepared or {}).get(name) or prepare(asked.load(name), prompts, store, seed=asked.seed)
        return _sized_arms(steered, chosen[name], size, store, asked.seed)

    return asked.tables(ARTEFACT, compute, __name__)


def arms_here(
    steered: SteeredModel,
    chosen: Mapping[str, pd.Series],
    prompts: pd.DataFrame,
    size: SteeringSize,
    store: Store,
    **options: Unpack[Options],
) -> pd.DataFrame:
    """:func:`arms` of one prepared model; kept for :func:`arms_of_models` unless its labels are a reader's own."""
    if steered.own is not None:
        return _sized_arms(steered, chosen, size, store, options.get("seed", 0))
    own = {steered.name: steered}
    table = arms_of_models([steered.name], prompts, size, store, {steered.name: chosen}, own, **options)
    return table.drop(columns="model")


def _sized_arms(
    steered: SteeredModel, chosen: Mapping[str, pd.Series], size: SteeringSize, store: Store, seed: int
) -> pd.DataFrame:
    n, n_random = min(EVENTS, size.fresh), min(BESIDE, size.controls)
    return arms(steered, chosen, n, n_random, store=store, seed=seed)


def beside_models(
    models: Sequence[str],
    prompts: pd.DataFrame,
    size: SteeringSize,
    store: Store,
    known: tuple[SteeredModel, Trial] | None = None,
    *,
    fresh: bool = True,
    **options: Unpack[Options],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Summaries of the trials of several models, and their arms, each model loaded once.

    Parameters
    ----------
    models, prompts, size, store, known, fresh, options
        As of :func:`emotion_utils.steering.overview.overview`.

    Returns
    -------
    What that function gives, and what :func:`arms_of_models` gives.
    """

    def with_arms(steered: SteeredModel, chosen: Mapping[str, pd.Series]) -> None:
        arms_here(steered, chosen, prompts, size, store, **options)

    trials = overview(models, prompts, size, store, known, fresh=fresh, also=with_arms, **options)
    return trials, arms_of_models(models, prompts, size, store, chosen_of(trials), **options)


def chosen_of(trials: pd.DataFrame) -> dict[str, dict[str, pd.Series]]:
    """What was chosen for each model and emotion, from :func:`emotion_utils.steering.overview.overview`."""
    return {
        str(name): {str(row["emotion"]): row for _, row in part.iterrows()}
        for name, part in trials.groupby("model", sort=False)
    }
