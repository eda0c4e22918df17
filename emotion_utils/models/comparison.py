"""One table per model, each computed once per store, so that each page can show its model beside the others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from emotion_utils.core.errors import listing
from emotion_utils.core.hashing import digest, fingerprint
from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.core.sources import code_of
from emotion_utils.core.store import Store
from emotion_utils.core.versions import versions
from emotion_utils.models.registry import BUNDLED, HUB_ALIASES, HUB_ID, PACKAGED, model_files, resolve_model

CONTROL = "small-gpt2-blind"
"""Trained on the same words, with reactions that do not follow from the causes."""
FIRST = "small-gpt2"
"""The bundled model that stands beside one of another origin."""
REAL = {"smollm2-135m": "SmolLM2 135M", "gemma3-270m": "Gemma 3 270M"}
"""The pretrained models that come as packages, as a reader calls them."""
MANY = 3
"""More models than these are counted, not listed."""


def companions(model: str, profile: str) -> list[str]:
    """The models to stand beside one, the control last; in a smoke run only the control.

    Beside a bundled model stand all bundled ones. Beside another one, which costs more, stand one bundled model and
    the control.
    """
    if profile == "smoke":
        return list(dict.fromkeys([model, CONTROL]))
    if model not in BUNDLED:
        return [model, FIRST, CONTROL]
    return list(dict.fromkeys([*(name for name in BUNDLED if name != CONTROL), model, CONTROL]))


def reader_name(models: str) -> str:
    """A model, or several, as a reader calls them: with the world that they come from, and never with a path.

    Parameters
    ----------
    models
        A name of the registry, a hub id or the path of a model; or several, between commas or tildes.

    Examples
    --------
    >>> reader_name("small-gpt2")
    'small-gpt2, small world'
    >>> reader_name("smollm2-135m~gemma3-270m")
    'SmolLM2 135M and Gemma 3 270M, pretrained'
    """
    names = [name.strip() for name in re.split("[,~]", models) if name.strip()]
    if len({world_of(name) for name in names}) > 1:
        return listing(f"{short_name(name)} ({world_of(name)})" for name in names)
    shown = [short_name(name) for name in names]
    told = f"{len(shown)} models" if len(shown) > MANY else listing(shown)
    return f"{told}, {world_of(names[0])}"


def short_name(model: str) -> str:
    """One model as a reader calls it, without a word on where it comes from."""
    if model in REAL:
        return REAL[model]
    return Path(model).expanduser().absolute().name if world_of(model) == "local" else model


def world_of(model: str) -> str:
    """``small world`` for bundled models, ``pretrained`` for packaged and hub models, ``local`` for a path."""
    if model in BUNDLED:
        return "small world"
    if model in REAL or model in HUB_ALIASES:
        return "pretrained"
    return "local" if _is_path(model) else "pretrained"


def weights_note(model: str) -> str:
    """What a page has to say of a model whose weights are not the original ones; empty where they are."""
    reference = resolve_model(model) if world_of(model) == "local" else None
    if model in PACKAGED:
        kept, original = (
            f"4-bit, {PACKAGED[model].quantisation}",
            f"the original ones of {PACKAGED[model].hub}",
        )
    elif reference and reference.quantisation:
        kept, original = reference.quantisation, "those that it was trained with"
    else:
        return ""
    return (
        f"The weights of {short_name(model)} are quantised ({kept}) and read back as float32: they are not {original}, "
        "and numbers of the original differ."
    )


def _is_path(model: str) -> bool:
    folders = (Path(model).expanduser(), PROJECT_ROOT / model)
    return not HUB_ID.fullmatch(model) or any(folder.exists() for folder in folders)


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
