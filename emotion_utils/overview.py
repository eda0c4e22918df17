"""The same score for several models, kept in the store, so that each page can show its model beside the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
import pandas as pd

from emotion_utils.canonical import digest, fingerprint
from emotion_utils.held_out import Probes, effective, held_out, mean_draws
from emotion_utils.models import BUNDLED, load_model, load_tokenizer, model_files
from emotion_utils.provenance import versions
from emotion_utils.reads import read_sets
from emotion_utils.resampling import interval
from emotion_utils.sources import code_of
from emotion_utils.store import Store

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = [
    "CONTROL",
    "Comparison",
    "Options",
    "beside_control",
    "by_model",
    "companions",
    "content",
    "overview",
    "reading",
]

CONTROL = "small-gpt2-blind"
"""Trained on the same words, with reactions that do not follow from the causes."""


def companions(model: str, profile: str) -> list[str]:
    """The models to stand beside one: all bundled ones, the control last; in a smoke run only the control."""
    others = [name for name in BUNDLED if name != CONTROL] if profile != "smoke" else []
    return list(dict.fromkeys([*others, model, CONTROL]))


def overview(
    models: Sequence[str],
    sets: Mapping[str, pd.DataFrame],
    profile: str,
    store: Store,
    *,
    method: str = "sentence end",
    device: str = "cpu",
    dtype: str = "float32",
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
    device, dtype
        Of the models.
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
        "seed": seed,
    }

    def score(name: str) -> pd.DataFrame:
        readings = read_sets(
            name, load_model(name, device, dtype), load_tokenizer(name), sets, profile, store
        )
        probes, others = Probes(readings, profile, seed), [other for other in sets if other != profile]
        table = held_out(probes, others, methods=[method], seed=seed)
        table["draws"], table["effective"] = None, np.nan
        for i, row in table[(table["emotion"] == "mean") & (table["note"] == "")].iterrows():
            scored = (probes.score(row["set"], method, emotion) for emotion in probes.emotions(row["set"]))
            made = [one for one in scored if one is not None]
            table.at[i, "draws"] = mean_draws(made, seed)[0].tolist()
            table.at[i, "effective"] = effective(made)
        return table

    return by_model("overview", models, score, asked, __name__, store)


def by_model(
    artefact: str,
    models: Sequence[str],
    function: Callable[[str], pd.DataFrame],
    asked: Mapping[str, Any],
    module: str,
    store: Store,
    first: str = "",
) -> pd.DataFrame:
    """Tables of several models below each other, each computed once per store.

    Parameters
    ----------
    artefact
        Its name in the store.
    models
        Names of the registry.
    function
        Computes the table of a model.
    asked
        What the tables depend on beside the model's files, the packages and the code.
    module
        Where ``function`` stands; the code is this module and all that it imports.
    store
        Where the tables are kept.
    first
        The model to begin with, so that two pages that need the same models compute different ones.

    Returns
    -------
    In the order of ``models``.
    """
    start, parts = models.index(first) if first in models else 0, {}
    for name in [*models[start:], *models[:start]]:
        files = fingerprint(model_files(name))
        key = {**asked, "packages": versions(), "code": code_of(module), "model": name, "files": files}
        parts[name] = store.compute(artefact, key, partial(function, name))
    return pd.concat([parts[name] for name in models], ignore_index=True)


class Options(TypedDict, total=False):
    """How the models of a :class:`Comparison` are run."""

    first: str
    device: str
    dtype: str
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
    device, dtype
        Of the models.
    seed
    """

    models: Sequence[str]
    prompts: pd.DataFrame = field(repr=False)
    size: object
    store: Store = field(repr=False)
    first: str = ""
    device: str = "cpu"
    dtype: str = "float32"
    seed: int = 0

    def load(self, name: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        """Load a model and its tokenizer."""
        return load_model(name, self.device, self.dtype), load_tokenizer(name)

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
            **{name: getattr(self, name) for name in ("device", "dtype", "seed")},
        }
        asked["prompts"] = content(self.prompts)
        return by_model(artefact, models or self.models, named, asked, module, self.store, self.first)


def content(table: pd.DataFrame) -> str:
    """Hash of all that scores depend on in a prompt set."""
    columns = [
        column for column in table if column not in ("register", "lang", "topic", "template", "keyword")
    ]
    return digest(json.loads(table[columns].to_json(orient="split")))


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
    rows = table[(table["set"] == name) & (table["emotion"] == "mean") & table["draws"].notna()].set_index(
        "model"
    )
    columns = ["model", "value", "p", "control", "difference", "low", "high"]
    if CONTROL not in rows.index:
        return pd.DataFrame(columns=columns)
    base = rows.loc[CONTROL]
    found = []
    for model, row in rows.drop(index=CONTROL).iterrows():
        draws, difference = np.asarray(row["draws"]) - np.asarray(base["draws"]), row["value"] - base["value"]
        ends = interval(draws, row["effective"], difference, (-1.0, 1.0))
        found.append((model, row["value"], row["p"], base["value"], difference, *ends))
    return pd.DataFrame(found, columns=columns)


def reading(
    others: pd.DataFrame, control: pd.Series, rival: float, above: int, apart: int, ahead: int
) -> str:
    """Say in Markdown what the comparison of models found.

    Parameters
    ----------
    others
        Mean rows of the models on one set.
    control
        That of the control.
    rival
        Area of a bag of words trained on the set itself.
    above, apart, ahead
        How many models are above the bag of words, above the control, and above the rival.
    """
    n, name = len(others), control["set"]
    return (
        f"On *{name}*, **{above} of {n}** models are above the bag of words by more than the interval of the "
        f"difference; they score {others['value'].min():.2f} to {others['value'].max():.2f}. The control scores "
        f"**{control['value']:.2f}** ({control['low']:.2f} to {control['high']:.2f}, p = {control['p']:.2g}), where "
        f"the bag of words reaches {control['words']:.2f}; **{apart} of {n}** models are above the control. A bag of "
        f"words trained on *{name}* itself reaches {rival:.2f}; the intervals of {ahead} of {n} models lie above."
    )
