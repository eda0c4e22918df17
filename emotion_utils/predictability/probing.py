"""What linear probes read from both parts of the states of a study: the domain of a text, and the type of a token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.novelty.probe_tasks import (
    LINEAR,
    LINEAR_REST,
    NEW,
    PREDICTED,
    TEXT_BEFORE,
    TOKEN_BEFORE,
    Task,
    domain_task,
    gap_table,
    last_place,
    probe_all,
    representations,
    several_places,
    token_before,
    tokens_before,
    type_task,
)
from emotion_utils.novelty.probes import SPLITS, ProbeScore, gap, score_table
from emotion_utils.novelty.resampled import Resampled
from emotion_utils.novelty.token_types import token_types
from emotion_utils.predictability.study import Study
from emotion_utils.predictability.tables import by_layer

DOMAIN, TYPE = "domain", "type"
TEXT = {DOMAIN: TEXT_BEFORE, TYPE: TOKEN_BEFORE}
"""By task the representation that needs no model."""
USES = {"train": "probing", "validation": "validation", "test": "test"}
"""By split of a probe the windows that it has; none of them was seen in the training of a predictor."""


@dataclass(frozen=True, eq=False)
class Probed:
    """The probes of one task.

    Attributes
    ----------
    task
        ``domain`` or ``type``.
    table
        `novelty.probes.score_table` by layer, with ``task`` and ``classes``; what texts alone give has the layer NaN.
    gaps
        `novelty.probe_tasks.gap_table` by layer.
    scores
        Layer to representation to probe.
    """

    task: str
    table: pd.DataFrame
    gaps: pd.DataFrame
    scores: Mapping[int, Mapping[str, ProbeScore]] = field(repr=False)

    def gap_of(self, layer: int, resamples: int, seed: int) -> Resampled:
        """The report's contrast: for the domain h_hat minus r, for the type r minus h_hat."""
        return gap(self.scores[layer], self._order(PREDICTED, NEW), "macro", resamples, seed)

    def trivial_gap_of(self, layer: int, resamples: int, seed: int) -> Resampled:
        """The same contrast between the parts of a linear autoregression."""
        return gap(self.scores[layer], self._order(LINEAR, LINEAR_REST), "macro", resamples, seed)

    def _order(self, past: str, new: str) -> tuple[str, str]:
        return (past, new) if self.task == DOMAIN else (new, past)


def probe_task(one: Study, name: str) -> Probed:
    """Probe the states, both parts, and what is trivial, at every layer.

    Parameters
    ----------
    one
    name
        ``domain``, read at the last position of a window as in the report, or ``type``, at several.

    Raises
    ------
    UserError
        For another task, and for texts of one domain.
    """
    if name not in TEXT:
        raise UserError(f'There is no probe of "{name}": {suggestion(name, TEXT)}')
    rows = np.concatenate([one.rows[USES[split]] for split in SPLITS])
    split = np.repeat(SPLITS, [len(one.rows[USES[split]]) for split in SPLITS])
    length = one.sizes.length
    places = last_place(length) if name == DOMAIN else several_places(length, one.sizes.places)
    task = _task(one, name, rows, split, places)
    ids = one.windows.ids[torch.from_numpy(rows)].numpy()
    text = tokens_before(ids, places) if name == DOMAIN else token_before(ids, places)
    alone = probe_all(task, text)
    scores = {layer: {**_scores(one, layer, rows, places, task), **alone} for layer in one.layers}
    counted = {"n_permutations": one.sizes.permutations, "n_resamples": one.sizes.resamples, "seed": one.seed}
    given = by_layer(
        {
            layer: score_table({k: s for k, s in own.items() if k not in alone}, **counted)
            for layer, own in scores.items()
        }
    )
    table = pd.concat([given, score_table(alone, **counted)], ignore_index=True)
    gaps = by_layer(
        {
            layer: gap_table(own, n_resamples=one.sizes.resamples, seed=one.seed)
            for layer, own in scores.items()
        }
    )
    return Probed(name, table.assign(classes=len(task.classes)), gaps, scores)


def _task(
    one: Study, name: str, rows: Int[np.ndarray, " row"], split: np.ndarray, places: Int[np.ndarray, " place"]
) -> Task:
    documents = one.windows.document[rows]
    if name == DOMAIN:
        return domain_task(one.windows.domain[rows], documents, split, places)
    types = token_types(one.model.tokenizer)
    return type_task(one.windows.ids[torch.from_numpy(rows)].numpy(), types, documents, split, places)


def _scores(
    one: Study, layer: int, rows: Int[np.ndarray, " row"], places: Int[np.ndarray, " place"], task: Task
) -> dict[str, ProbeScore]:
    h = one.states.at(rows)[layer]
    with torch.no_grad():
        predicted = one.trained.predictors[layer].predict(h)
        linear = one.baselines[layer].autoregression(h)
    given = representations(h.numpy(), predicted.numpy(), places, linear.numpy())
    return probe_all(task, given)
