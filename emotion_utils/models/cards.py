"""The cards of the bundled models as tidy tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import MODELS
from emotion_utils.models.registry import BUNDLED, HUB_ALIASES, PACKAGED, fetched

# What a bundled model has to reach: (at least, at most).
BARS: dict[str, tuple[float | None, float | None]] = {
    "loss over entropy": (None, 1.10),
    "grammatical completions": (0.90, None),
    "total variation from the posterior": (None, 0.15),
    "steered to gratitude": (0.80, None),
    "steered to anger": (0.80, None),
    "steered to apology": (0.80, None),
    "random vectors of equal norm": (None, 0.05),
}
EACH = 2
"""Completions of each model that are shown."""


def read_cards(folder: Path = MODELS) -> list[dict[str, Any]]:
    """Every card in ``folder``, by model name.

    Raises
    ------
    UserError
        Where there is none.
    """
    cards = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*/card.json"))]
    if not cards:
        raise UserError(
            f"There is no model card in {folder}: restore data/models from git, or run `make models`."
        )
    return cards


def known_models() -> pd.DataFrame:
    """List the models that have a name, without loading any: ``eu.models()``.

    Returns
    -------
    One row per model: ``model`` (what to pass to `load`), ``source`` (``bundled`` with the project, ``packaged`` in the
    package index, or ``hub``: loaded from there at first use), ``what`` (a sentence, or the hub id), ``here`` (whether
    its files are on this machine; of hub models not asked), and of bundled and packaged ones ``family``, ``parameters``
    and ``vocabulary`` (tokens). Any other hub id, or the path of a model directory or GGUF file, can be loaded as well.

    Raises
    ------
    UserError
        Where the cards of the bundled models are missing.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> eu.models().set_index("model").loc["small-gpt2", ["source", "family"]].tolist()
    ['bundled', 'gpt2']
    """
    named: list[tuple[str, str, str, bool | None]]
    named = [(name, "bundled", what, True) for name, what in BUNDLED.items()]
    named += [(name, "packaged", model.what, fetched(name)) for name, model in PACKAGED.items()]
    named += [(name, "hub", location, None) for name, location in HUB_ALIASES.items()]
    sizes = pd.concat([overview(read_cards()), packaged_models()])[
        ["model", "family", "parameters", "vocabulary"]
    ]
    table = pd.DataFrame(named, columns=["model", "source", "what", "here"]).merge(
        sizes, on="model", how="left"
    )
    return table.astype({"here": "boolean", "parameters": "Int64", "vocabulary": "Int64"})


def packaged_models() -> pd.DataFrame:
    """One row per packaged model: what it is, family, sizes, quantisation, licence, bytes to fetch, fetched or not."""
    return pd.DataFrame(
        {
            "model": name,
            "what": model.what,
            "family": model.family,
            "parameters": model.parameters,
            "vocabulary": model.vocabulary,
            "weights": f"4-bit ({model.quantisation})",
            "licence": model.licence,
            "bytes to fetch": model.download,
            "fetched": "yes" if fetched(name) else "no",
            "the original": model.hub,
        }
        for name, model in PACKAGED.items()
    )


def overview(cards: list[dict[str, Any]]) -> pd.DataFrame:
    """One row per model: family, parameters, vocabulary, training."""
    return pd.DataFrame(
        {
            "model": card["name"],
            "family": card["model_type"],
            "parameters": card["parameters"],
            "vocabulary": card["tokenizer"]["vocabulary"],
            "training tokens": card["data"]["tokens"],
            "steps": card["training"]["steps"],
            "minutes on one thread": round(card["training"]["seconds"] / 60, 1),
        }
        for card in cards
    )


def measurements(cards: list[dict[str, Any]]) -> pd.DataFrame:
    """One row per model and measurement, with its 95 % interval and n."""
    rows = []
    for card in cards:
        found = card["evaluation"]
        steering = found["steering"]
        measured = {
            "loss over entropy": found["loss"]["loss_over_entropy"],
            "loss (nats per token)": found["loss"]["nats_per_token"],
            "entropy (nats per token)": found["loss"]["entropy_per_token"],
            "grammatical completions": found["grammatical"]["temperature_1"],
            "total variation from the posterior": found["posterior"]["total_variation"],
            **{f"steered to {emotion}": value for emotion, value in steering["flipped"].items()},
            "random vectors of equal norm": steering["random"],
        }
        rows += [{"model": card["name"], "measure": name, **value} for name, value in measured.items()]
    return pd.DataFrame(rows)


def steering_settings(cards: list[dict[str, Any]]) -> pd.DataFrame:
    """One row per model and emotion: layer, strength, further positions, flips and those of random vectors."""
    return pd.DataFrame(
        {
            "model": card["name"],
            "emotion": emotion,
            "layer": at["layer"],
            "alpha": at["alpha"],
            "positions": at["after"] + 1,
            "flipped": card["evaluation"]["steering"]["flipped"][emotion]["value"],
            "random vectors": card["evaluation"]["steering"]["random_by_emotion"][emotion]["value"],
        }
        for card in cards
        for emotion, at in card["evaluation"]["steering"]["chosen"].items()
    )


def shortfall(cards: list[dict[str, Any]]) -> str:
    """In words: which of the planned models are not trained yet, and which miss a bar that was set for them."""
    names = {card["name"] for card in cards}
    waiting = [f"`{name}`" for name in BUNDLED if name not in names]
    table = measurements(cards).set_index(["model", "measure"])["value"]
    missed = [
        f"`{model}`: {measure} {table[model, measure]:.3f}, the bar is {low or high}"
        for model in sorted(names)
        for measure, (low, high) in BARS.items()
        if not blind_spot(model, measure) and not (low or 0.0) <= table[model, measure] <= (high or 9.0)
    ]
    said = [f"Not trained yet: {', '.join(waiting)}." if waiting else "All planned models are trained."]
    said.append(
        "Every bar that was set is met."
        if not missed
        else "Bars that are missed:\n\n- " + "\n- ".join(missed)
    )
    return "\n\n".join(said)


def blind_spot(model: str, measure: str) -> bool:
    """Whether a bar does not apply: the blind model has nothing to carry and nothing to be steered to."""
    return model.endswith("-blind") and measure not in ("loss over entropy", "grammatical completions")


def loss_curves() -> pd.DataFrame:
    """One row per model and look: tokens seen, loss on unseen documents and the generator's entropy."""
    logs = sorted(MODELS.glob("*/training_log.csv"))
    return pd.concat([pd.read_csv(path).assign(model=path.parent.name) for path in logs], ignore_index=True)


def completions(cards: list[dict[str, Any]]) -> pd.DataFrame:
    """The first sampled reactions of each card beside the end of their context."""
    return pd.DataFrame(
        {
            "model": card["name"],
            "context ends": "… " + sample["context"][-90:],
            "the model goes on": sample["completion"].strip(),
            "in the grammar": "yes" if sample["grammatical"] else "no",
        }
        for card in cards
        for sample in card["evaluation"]["samples"][:EACH]
    )
