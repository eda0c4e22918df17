"""One table per model, each computed once per store, so that each page can show its model beside the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from emotion_utils.core.hashing import digest, fingerprint
from emotion_utils.core.sources import code_of
from emotion_utils.core.store import Store
from emotion_utils.core.versions import versions
from emotion_utils.models.registry import MINIATURES, model_files

CONTROL = "small-gpt2-blind"
"""Trained on the same words, with reactions that do not follow from the causes."""
FIRST = "small-gpt2"
"""The bundled model that stands beside one of another origin."""


def companions(model: str, profile: str) -> list[str]:
    """The models to stand beside one, the control last; in a smoke run only the control.

    Beside a miniature stand all of them. Beside another model, which costs more, stand one miniature and the control.
    """
    if profile == "smoke":
        return list(dict.fromkeys([model, CONTROL]))
    if model not in MINIATURES:
        return [model, FIRST, CONTROL]
    return list(dict.fromkeys([*(name for name in MINIATURES if name != CONTROL), model, CONTROL]))


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


def content(table: pd.DataFrame) -> str:
    """Hash of all that scores depend on in a prompt set."""
    columns = [
        column for column in table if column not in ("register", "lang", "topic", "template", "keyword")
    ]
    return digest(json.loads(table[columns].to_json(orient="split")))
