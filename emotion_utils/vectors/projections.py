"""Prompts laid along emotion vectors: where each class lies, whether a vector is of its emotion or of any, by layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from emotion_utils.core.emotions import EMOTIONS, emotions_of, has_reference, labels_of, others_of
from emotion_utils.statistics.auc import auroc, grouped_auc_interval
from emotion_utils.statistics.resampling import resampling_units
from emotion_utils.vectors.held_out import Probes, enough
from emotion_utils.vectors.probing import best_layer, project
from emotion_utils.vectors.vector import centred_class_means

NEUTRAL, OTHERS, CENTRED = "minus neutral", "minus the others", "centred"
"""How a vector was made: against neutral prompts, against all other labels, against the mean of the class means."""


def curves(probes: Probes, sets: Sequence[str], *, seed: int = 0) -> pd.DataFrame:
    """AUROC at every layer, for a picture: no layer is chosen here.

    Returns
    -------
    Columns ``method, emotion, set, layer, value, low, high, words``.
    """
    columns = ["method", "emotion", "set", "layer", "value", "low", "high", "words"]
    rows = []
    for method in probes.methods:
        for name in (probes.profile, *sets):
            for emotion in probes.emotions(name):
                scored = probes.parts(name, method, emotion)[1]
                if not enough(probes.built(method, emotion), scored):
                    continue
                scores = project(scored, probes.vector(method, emotion).values)
                words = auroc(probes.words_on(name, scored), scored.positive)
                units = scored.prompts["unit"].to_numpy()
                for i, layer in enumerate(scored.layers):
                    low, high = grouped_auc_interval(scores[:, i], scored.positive, units, seed=seed)
                    value = auroc(scores[:, i], scored.positive)
                    rows.append((method, emotion, name, layer, value, low, high, words))
    return pd.DataFrame(rows, columns=columns)


def projections(probes: Probes, sets: Sequence[str]) -> pd.DataFrame:
    """Place held-out prompts of all classes along each vector, at the layer that the select split chooses.

    Two kinds of vector are compared: ``minus neutral``, the difference of means of the reports, whose layer is chosen
    against neutral prompts; and ``centred``, the class mean minus the mean of all class means, whose layer is chosen
    against all other prompts. The unit is the vector's own length: 0 is the mean of the neutral prompts shown. Without
    a reference label the vectors are ``minus the others``, which but for the sizes of the classes are the centred ones,
    and 0 is the mean of the other prompts shown.

    Parameters
    ----------
    probes
    sets
        Prompt sets; of the profile the test split is shown, of others what the layer was not chosen on.

    Returns
    -------
    Columns ``made, vector, set, layer, id, emotion, unit, value``.
    """
    kinds = {name: (NEUTRAL, CENTRED) if _reference(probes, name) else (OTHERS,) for name in sets}
    tables = [_along(probes, name, made) for name in sets for made in kinds[name]]
    columns = ["made", "vector", "set", "layer", "id", "emotion", "unit", "value"]
    whole = [table for part in tables for table in part]
    return pd.concat(whole, ignore_index=True)[columns] if whole else pd.DataFrame(columns=columns)


def _reference(probes: Probes, name: str) -> bool:
    return all(has_reference(probes.activations.prompts[one]) for one in (probes.profile, name))


def _along(probes: Probes, name: str, made: str) -> list[pd.DataFrame]:
    """The places of one set along one kind of vector, a table per emotion."""
    prompts, (ids, values) = probes.activations.prompts[name], probes.activations.found[name].at("end")
    about = prompts.assign(unit=resampling_units(prompts)).set_index("id").loc[ids].reset_index()
    scored = about["split"].isin(["test"] if name == probes.profile else ["build", "test"]).to_numpy()
    select, layers = (about["split"] == "select").to_numpy(), probes.layers
    centred = _centred(probes) if made == CENTRED else {}
    tables = []
    for emotion in probes.emotions(name):
        positive, others = (about["emotion"] == emotion).to_numpy(), others_of(about, emotion)
        if made == CENTRED:
            directions, chosen = centred[emotion], select
        else:
            directions = probes.vector("sentence end", emotion).values
            chosen = select & (positive | others)
        along = torch.einsum("rld,ld->rl", values, directions).numpy()
        if len(set(positive[chosen])) < 2 or not positive[scored].any():
            continue
        at = int(best_layer(along[chosen], positive[chosen]))
        place = along[:, at] / float(directions[at].norm() ** 2)
        place = place - place[scored & others].mean()
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
    ``n, n_units``. Of labels that are not the book's, the mean places are ``own`` and, with its name in ``nearest``,
    the largest of another label, ``next``.
    """
    rows = []
    present = labels_of(placed)
    for (name, made, vector), part in placed.groupby(["set", "made", "vector"], sort=False):
        means = part.groupby("emotion")["value"].mean()
        places = _by_emotion(means) if set(present) <= set(EMOTIONS) else _own_and_next(means, str(vector))
        others = [e for e in emotions_of(placed) if e != vector]
        for against, labels in (("neutral", {"neutral"} & set(present)), ("other emotions", others)):
            if not labels:
                continue
            use = part[part["emotion"].isin([vector, *labels])]
            row = {"set": name, "made": made, "vector": vector, **places, "against": against}
            rows.append(row | _told_apart(use, str(vector), seed))
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=["set", "made", "vector", "against", "value"])


def _by_emotion(means: pd.Series) -> dict[str, float]:
    return means.reindex(list(EMOTIONS)).to_dict()


def _own_and_next(means: pd.Series, vector: str) -> dict[str, object]:
    """The label's own mean place and the largest of another one: labels are free, and may not name columns."""
    others = means.drop(vector)
    return {"own": means[vector], "nearest": others.idxmax(), "next": others.max()}


def _told_apart(use: pd.DataFrame, vector: str, seed: int) -> dict[str, object]:
    positive, units = (use["emotion"] == vector).to_numpy(), use["unit"].to_numpy()
    scores, n_units = use["value"].to_numpy(dtype=np.float64), len(set(units))
    low, high = grouped_auc_interval(scores, positive, units, seed=seed)
    holds = "" if np.isnan(low) else {True: "yes", False: "no"}[bool(low > 0.5)]
    value = auroc(scores, positive)
    return {"value": value, "low": low, "high": high, "holds": holds, "n": len(use), "n_units": n_units}
