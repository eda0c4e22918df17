"""Prompts laid along emotion vectors: where each class lies, and whether a vector is of its emotion or of any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from emotion_utils.core.emotions import EMOTIONAL, EMOTIONS
from emotion_utils.statistics.auc import auroc, grouped_auc_interval
from emotion_utils.statistics.resampling import resampling_units
from emotion_utils.vectors.held_out import Probes
from emotion_utils.vectors.probing import best_layer
from emotion_utils.vectors.vector import centred_class_means


def projections(probes: Probes, sets: Sequence[str]) -> pd.DataFrame:
    """Place held-out prompts of all classes along each vector, at the layer that the select split chooses.

    Two kinds of vector are compared: ``minus neutral``, the difference of means of the reports, whose layer is chosen
    against neutral prompts; and ``centred``, the class mean minus the mean of all class means, whose layer is chosen
    against all other prompts. The unit is the vector's own length: 0 is the mean of the neutral prompts shown.

    Parameters
    ----------
    probes
    sets
        Prompt sets; of the profile the test split is shown, of others what the layer was not chosen on.

    Returns
    -------
    Columns ``made, vector, set, layer, id, emotion, unit, value``.
    """
    tables = [_along(probes, name, made) for name in sets for made in ("minus neutral", "centred")]
    columns = ["made", "vector", "set", "layer", "id", "emotion", "unit", "value"]
    whole = [table for part in tables for table in part]
    return pd.concat(whole, ignore_index=True)[columns] if whole else pd.DataFrame(columns=columns)


def _along(probes: Probes, name: str, made: str) -> list[pd.DataFrame]:
    """The places of one set along one kind of vector, a table per emotion."""
    prompts, (ids, values) = probes.activations.prompts[name], probes.activations.found[name].at("end")
    about = prompts.assign(unit=resampling_units(prompts)).set_index("id").loc[ids].reset_index()
    scored = about["split"].isin(["test"] if name == probes.profile else ["build", "test"]).to_numpy()
    select, layers, centred = (about["split"] == "select").to_numpy(), probes.layers, _centred(probes)
    tables = []
    for emotion in probes.emotions(name):
        if made == "centred":
            directions, chosen = centred[emotion], select
        else:
            directions = probes.vector("sentence end", emotion).values
            chosen = select & about["emotion"].isin([emotion, "neutral"]).to_numpy()
        along = torch.einsum("rld,ld->rl", values, directions).numpy()
        positive = (about["emotion"] == emotion).to_numpy()
        if len(set(positive[chosen])) < 2 or not positive[scored].any():
            continue
        at = int(best_layer(along[chosen], positive[chosen]))
        place = along[:, at] / float(directions[at].norm() ** 2)
        place = place - place[scored & (about["emotion"] == "neutral").to_numpy()].mean()
        kept = about.loc[scored, ["id", "emotion", "unit"]].assign(value=place[scored], layer=layers[at])
        tables.append(kept.assign(vector=emotion, set=name, made=made))
    return tables


def _centred(probes: Probes) -> dict[str, torch.Tensor]:
    """Centred class means of the profile's build split, each of shape (layer, d_model)."""
    prompts, (ids, values) = (
        probes.activations.prompts[probes.profile],
        probes.activations.found[probes.profile].at("end"),
    )
    about = prompts.set_index("id").loc[ids]
    build = np.flatnonzero(about["split"] == "build")
    return centred_class_means(values[torch.from_numpy(build)], about["emotion"].iloc[build].tolist())


def specificity(placed: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """How well each vector tells its own emotion from neutral prompts and from the other emotions.

    Parameters
    ----------
    placed
        From :func:`projections`.
    seed
        Of the bootstrap.

    Returns
    -------
    Columns ``set, made, vector``, the mean place of each class, ``against, value, low, high`` (AUROC,
    chance 1/2; no interval below eight units), ``holds`` (whether the interval lies above chance; empty without one),
    ``n, n_units``.
    """
    rows = []
    for (name, made, vector), part in placed.groupby(["set", "made", "vector"], sort=False):
        means = part.groupby("emotion")["value"].mean().reindex(list(EMOTIONS))
        for against, others in (
            ("neutral", ["neutral"]),
            ("other emotions", [e for e in EMOTIONAL if e != vector]),
        ):
            use = part[part["emotion"].isin([vector, *others])]
            positive, units = (use["emotion"] == vector).to_numpy(), use["unit"].to_numpy()
            scores, n_units = use["value"].to_numpy(dtype=np.float64), len(set(units))
            low, high = grouped_auc_interval(scores, positive, units, seed=seed)
            holds = "" if np.isnan(low) else {True: "yes", False: "no"}[bool(low > 0.5)]
            value = auroc(scores, positive)
            rows.append((name, made, vector, *means, against, value, low, high, holds, len(use), n_units))
    columns = ["set", "made", "vector", *EMOTIONS, "against", "value", "low", "high", "holds", "n", "n_units"]
    return pd.DataFrame(rows, columns=columns)
