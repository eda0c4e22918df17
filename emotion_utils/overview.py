"""The same score for several models, kept in the store, so that each page can show its model beside the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from emotion_utils.canonical import digest
from emotion_utils.dependencies import fingerprint, model_files
from emotion_utils.held_out import Probes, held_out
from emotion_utils.models import BUNDLED, load_model, load_tokenizer
from emotion_utils.provenance import versions
from emotion_utils.reads import read_sets
from emotion_utils.store import Store

__all__ = ["CONTROL", "companions", "overview"]

CONTROL = "small-gpt2-blind"
"""Trained on the same words, with reactions that do not follow from the causes."""
CODE = (
    "activations",
    "held_out",
    "hooks",
    "lexicality",
    "positions",
    "probing",
    "resampling",
    "vectors",
    "wordbags",
)


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
    The rows of `held_out.held_out`, models in the order given.
    """
    asked = {
        "prompts": {
            name: digest(table["text"].tolist() + table["split"].tolist()) for name, table in sets.items()
        },
        "profile": profile,
        "method": method,
        "device": device,
        "dtype": dtype,
        "seed": seed,
        "packages": versions(),
        "code": fingerprint(Path(__file__).parent / f"{module}.py" for module in CODE),
    }

    def score(name: str) -> pd.DataFrame:
        readings = read_sets(name, load_model(name, device, dtype), load_tokenizer(name), sets, profile)
        others = [other for other in sets if other != profile]
        return held_out(Probes(readings, profile, seed), others, methods=[method], seed=seed)

    parts = []
    for name in models:
        key = {**asked, "model": name, "files": fingerprint(model_files(name))}
        parts.append(store.compute("overview", key, lambda name=name: score(name)))  # type: ignore[misc]
    return pd.concat(parts, ignore_index=True)
