"""The same score for several models, kept in the store, so that each page can show its model beside the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypedDict

import numpy as np
import pandas as pd
import torch

from emotion_utils.activations.extraction import Activations, extract, points
from emotion_utils.activations.prompt_sets import PromptSetActivations, read_sets
from emotion_utils.core.store import Store
from emotion_utils.models.comparison import CONTROL, by_model, content
from emotion_utils.models.loading import dtype_of
from emotion_utils.models.model import Model, load
from emotion_utils.models.reading import has_template, reading_of
from emotion_utils.prompts.lexical_baseline import folded_log_odds
from emotion_utils.statistics.nulls import are_means
from emotion_utils.statistics.resampling import interval
from emotion_utils.vectors.held_out import Probes, effective, held_out, mean_draws


def overview(
    models: Sequence[str],
    sets: Mapping[str, pd.DataFrame],
    profile: str,
    store: Store,
    *,
    method: str = "sentence end",
    own: Model | None = None,
    device: str = "cpu",
    dtype: str = "float32",
    separator: str = "off",
    chat: str = "off",
    seed: int = 0,
) -> pd.DataFrame:
    """Held-out scores of one method for several models, each computed once per store.

    Parameters
    ----------
    models
        Names of the registry.
    sets
        Prompts by name, the profile among them.
    profile
        The set that vectors are made from.
    store
        Where the scores are kept.
    method
        A key of `probing.METHODS`.
    own
        One of the models where it is loaded already, as in :func:`load_once`.
    device, dtype, separator, chat
        Of the models; see :func:`emotion_utils.load`.
    seed

    Returns
    -------
    The rows of `held_out.held_out`, models in the order given; those of the mean over emotions also have ``draws``, the
    bootstrap draws of their value, and ``effective``, the effective number of units.
    """
    asked = {
        "prompts": {name: content(table) for name, table in sets.items()},
        "profile": profile,
        "method": method,
        "device": device,
        "dtype": dtype,
        "separator": separator,
        "chat": chat,
        "seed": seed,
    }

    def score(name: str) -> pd.DataFrame:
        model = load_once(own, name, device, dtype, separator, chat)
        activations = read_sets(model, sets, profile, store)
        probes, others = Probes(activations, profile, seed), [other for other in sets if other != profile]
        table = held_out(probes, others, methods=[method], seed=seed)
        table["draws"], table["effective"] = None, np.nan
        for i, row in table[are_means(table) & (table["note"] == "")].iterrows():
            scored = (probes.score(row["set"], method, emotion) for emotion in probes.emotions(row["set"]))
            made = [one for one in scored if one is not None]
            table.at[i, "draws"] = mean_draws(made, seed)[0].tolist()
            table.at[i, "effective"] = effective(made)
        return table

    return by_model("overview", models, score, asked, __name__, store)


class Options(TypedDict, total=False):
    """How the models of a :class:`Comparison` are run."""

    first: str
    own: Model | None
    device: str
    dtype: str
    separator: str
    chat: str
    seed: int


@dataclass(frozen=True, eq=False)
class Comparison:
    """What is asked of several models on the same prompts.

    Attributes
    ----------
    models
        Names of the registry.
    prompts
    size
        How much is run; its text is part of what a stored table depends on.
    store
        Where the tables are kept.
    first
        The model to begin with; see :func:`by_model`.
    own
        One of the models where it is loaded already, as in :func:`load_once`.
    device, dtype, separator, chat
        Of the models; see :func:`emotion_utils.load`.
    seed
    """

    models: Sequence[str]
    prompts: pd.DataFrame = field(repr=False)
    size: object
    store: Store = field(repr=False)
    first: str = ""
    own: Model | None = field(default=None, repr=False)
    device: str = "cpu"
    dtype: str = "float32"
    separator: str = "off"
    chat: str = "off"
    seed: int = 0

    def load(self, name: str) -> Model:
        """Load a model, unless it is :attr:`own`."""
        return load_once(self.own, name, self.device, self.dtype, self.separator, self.chat)

    def tables(
        self,
        artefact: str,
        function: Callable[[str], pd.DataFrame],
        module: str,
        models: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """:func:`by_model` with the name of the model before the rows; of all models, or of some."""

        def named(name: str) -> pd.DataFrame:
            table = function(name)
            table.insert(0, "model", name)
            return table

        asked = {
            "size": repr(self.size),
            **{name: getattr(self, name) for name in ("device", "dtype", "separator", "chat", "seed")},
        }
        asked["prompts"] = content(self.prompts)
        return by_model(artefact, models or self.models, named, asked, module, self.store, self.first)


def load_once(own: Model | None, name: str, device: str, dtype: str, separator: str, chat: str) -> Model:
    """Load a model, unless it is at hand: a large one need not be in memory twice.

    Parameters
    ----------
    own
        A model at hand, if there is one. It is taken where it came from :func:`emotion_utils.load` under the name, and
        has the kind of device, the dtype and the reading that are asked for.
    name, device, dtype, separator, chat
        As of :func:`emotion_utils.load`.
    """
    if own is None or not own.loaded or own.name != name or own.device.type != torch.device(device).type:
        return load(name, device, dtype, separator, chat)
    reading = reading_of(name, own.tokenizer, separator, chat)
    same = own.reading == reading and own.dtype == dtype_of(name, device, dtype)
    return own if same else load(name, device, dtype, separator, chat)


def beside_control(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Difference of each model's mean score to the control's, prompts resampled together.

    Parameters
    ----------
    table
        From :func:`overview`.
    name
        The prompt set.

    Returns
    -------
    Columns ``model, value, p, control, difference, low, high``; empty where nothing was scored.
    """
    rows = table[(table["set"] == name) & are_means(table) & table["draws"].notna()].set_index("model")
    columns = ["model", "value", "p", "control", "difference", "low", "high"]
    if CONTROL not in rows.index:
        return pd.DataFrame(columns=columns)
    base = rows.loc[CONTROL]
    differences = []
    for model, row in rows.drop(index=CONTROL).iterrows():
        draws, difference = np.asarray(row["draws"]) - np.asarray(base["draws"]), row["value"] - base["value"]
        ends = interval(draws, row["effective"], difference, (-1.0, 1.0))
        differences.append((model, row["value"], row["p"], base["value"], difference, *ends))
    return pd.DataFrame(differences, columns=columns)


def beside_rival(table: pd.DataFrame, probes: Probes, name: str, seed: int = 0) -> pd.DataFrame:
    """Difference of each model's mean score to a bag of words that was trained on the set itself.

    Parameters
    ----------
    table
        From :func:`overview`.
    probes
        Of one model: which prompts are scored.
    name
        The prompt set.
    seed
        The one of `table`, so that prompts are resampled together; also of the folds.

    Returns
    -------
    Columns ``model, value, rival, difference, low, high``; empty where nothing was scored.
    """
    rows = table[(table["set"] == name) & are_means(table) & table["draws"].notna()]
    words = folded_log_odds(probes.activations.prompts[name], seed=seed)
    scored = {emotion: probes.score(name, "sentence end", emotion) for emotion in probes.emotions(name)}
    made = [
        replace(one, words=words.loc[one.part.prompts["id"], emotion].to_numpy())
        for emotion, one in scored.items()
        if one is not None
    ]
    columns = ["model", "value", "rival", "difference", "low", "high"]
    if not made or len(made) < len(scored):
        return pd.DataFrame(columns=columns)
    theirs, rival = mean_draws(made, seed)[1], float(np.mean([one.aurocs()[2] for one in made]))
    differences = []
    for row in rows.itertuples():
        difference = row.value - rival
        ends = interval(np.asarray(row.draws) - theirs, row.effective, difference, (-1.0, 1.0))
        differences.append((row.model, row.value, rival, difference, *ends))
    return pd.DataFrame(differences, columns=columns)


def chat_effect(
    model: Model,
    activations: PromptSetActivations,
    profile: str,
    store: Store | None = None,
    seed: int = 0,
    name: str = "implicit",
) -> pd.DataFrame | None:
    """What a chat template changes in the score on one set, vectors being made and scored in the same reading.

    A template is longer than most prompts. To keep the cost down, vectors are made from the build split of the profile,
    as always, and of the other set the select and test splits alone are read, under both readings.

    Parameters
    ----------
    model
    activations
        Of the profile and the other set, in the reading of the model.
    profile
    store
        Keeps those in the other reading.
    seed
    name
        The set.

    Returns
    -------
    One row per reading, columns ``prompts`` (``as plain text`` or ``in the chat template``), ``value, low, high, null,
    null_high, p, words, n, n_units`` of the mean over emotions (:func:`held_out.held_out`). None for a model without a
    chat template.
    """
    if not has_template(model.tokenizer):
        return None
    asked = {
        profile: activations.prompts[profile].query("split == 'build'").reset_index(drop=True),
        name: activations.prompts[name].query("split != 'build'").reset_index(drop=True),
    }
    rows = []
    for chat, told in ((False, "as plain text"), (True, "in the chat template")):
        own = replace(model, reading=replace(model.reading, chat=chat))
        found = {
            key: _at_end(activations.found[key], table["id"])
            if chat == model.reading.chat
            else extract(own, table, points(own), ("end",), store=store)
            for key, table in asked.items()
        }
        probes = Probes(PromptSetActivations(own.name, profile, asked, found), profile, seed)
        table = held_out(probes, [name], methods=["sentence end"], seed=seed)
        row = table[(table["set"] == name) & are_means(table)].iloc[0]
        columns = ["value", "low", "high", "null", "null_high", "p", "words", "n", "n_units"]
        rows.append({"prompts": told, **row[columns].to_dict()})
    return pd.DataFrame(rows)


def _at_end(found: Activations, ids: pd.Series) -> Activations:
    """What was read at the end of some prompts."""
    kept = np.flatnonzero((found.reads["position"] == "end") & found.reads["id"].isin(ids))
    values = {point: found.values[point][torch.from_numpy(kept)] for point in found.values}
    return Activations(values, found.reads.iloc[kept].reset_index(drop=True))


def summarise_chat(table: pd.DataFrame | None, name: str) -> str:
    """Say in Markdown what :func:`chat_effect` found."""
    if table is None:
        return f"The tokenizer of {name} has no chat template: all its prompts are plain text."
    if table["value"].isna().any():
        return "With this profile there are too few prompts to say what the chat template changes."
    plain, chat = (row for _, row in table.iterrows())
    ends = [
        "" if np.isnan(row["low"]) else f" ({row['low']:.2f} to {row['high']:.2f})" for row in (plain, chat)
    ]
    return (
        f"As plain text {name} scores **{plain['value']:.2f}**{ends[0]}, in its chat template "
        f"**{chat['value']:.2f}**{ends[1]}; the bag of words {plain['words']:.2f} in both, exchanged labels at most "
        f"{max(plain['null_high'], chat['null_high']):.2f} in 19 of 20 draws."
    )
