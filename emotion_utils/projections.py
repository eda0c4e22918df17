"""Prompts laid along emotion vectors: where each class lies, and whether a vector is of its emotion or of any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from emotion_utils.held_out import Probes
from emotion_utils.probing import EMOTIONAL
from emotion_utils.prompt_schema import EMOTIONS
from emotion_utils.resampling import area_under_curve, grouped_auc_interval, resampling_units

__all__ = ["projections", "specificity"]


def projections(probes: Probes, sets: Sequence[str], method: str = "sentence end") -> pd.DataFrame:
    """Place held-out prompts of all classes along each vector, at the layer that the select split chooses.

    The unit is the vector's own length: 0 is the mean of the neutral prompts shown, 1 is as far from it as the mean
    emotional prompt of the build split was from its neutral one.

    Parameters
    ----------
    probes
    sets
        Prompt sets; of the profile the test split is shown, of others what the layer was not chosen on.
    method
        One that reads at the end of a prompt.

    Returns
    -------
    Columns ``vector, set, layer, id, emotion, unit, value``.
    """
    tables = []
    for name in sets:
        prompts = probes.readings.prompts[name]
        splits = ("test",) if name == probes.profile else ("build", "test")
        kept = prompts["split"].isin(splits).to_numpy()
        ids, values = probes.readings.found[name].at("end")
        states = values[torch.tensor(pd.Index(ids).get_indexer(prompts.loc[kept, "id"]))]
        about = prompts.loc[kept, ["id", "emotion"]].assign(unit=resampling_units(prompts)[kept], set=name)
        for emotion in EMOTIONAL:
            made = probes.score(name, method, emotion)
            if made is None:
                continue
            vector = probes.vector(method, emotion).at(made.layer)
            along = states[:, list(probes.vector(method, emotion).layers).index(made.layer)] @ vector
            value = (along / vector.norm() ** 2).numpy()
            value = value - value[(about["emotion"] == "neutral").to_numpy()].mean()
            tables.append(about.assign(vector=emotion, layer=made.layer, value=value))
    columns = ["vector", "set", "layer", "id", "emotion", "unit", "value"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


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
    Columns ``set, vector``, the mean place of each class, ``against, value, low, high`` (area under the curve, chance
    1/2), ``n, n_units``.
    """
    rows = []
    for (name, vector), part in placed.groupby(["set", "vector"], sort=False):
        means = part.groupby("emotion")["value"].mean().reindex(list(EMOTIONS))
        for against, others in (
            ("neutral", ["neutral"]),
            ("other emotions", [e for e in EMOTIONAL if e != vector]),
        ):
            use = part[part["emotion"].isin([vector, *others])]
            positive, units = (use["emotion"] == vector).to_numpy(), use["unit"].to_numpy()
            scores = use["value"].to_numpy(dtype=np.float64)
            low, high = grouped_auc_interval(scores, positive, units, seed=seed)
            value = area_under_curve(scores, positive)
            rows.append((name, vector, *means, against, value, low, high, len(use), len(set(units))))
    columns = ["set", "vector", *EMOTIONS, "against", "value", "low", "high", "n", "n_units"]
    return pd.DataFrame(rows, columns=columns)
