"""Logits of a classifier under interventions: many texts and conditions in the rows of one batch.

A condition is data (:mod:`interventions`): what is set or added at a hook point, in a window of positions. With
``Window(0, 1, "end")`` that is the last token, where the head reads, so that patching what a block's attention
or MLP gives there is a condition with one edit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int

from emotion_utils.classification.classifier import BATCH, TextClassifier
from emotion_utils.core.errors import UserError
from emotion_utils.engine.backoff import in_pieces
from emotion_utils.engine.interventions import Condition, check_conditions
from emotion_utils.engine.packing import Packed
from emotion_utils.models.batches import similar_lengths
from emotion_utils.models.hooks import attached


def conditioned_logits(
    classifier: TextClassifier,
    rows: Sequence[Sequence[int]],
    conditions: Sequence[Condition],
    plan: Int[np.ndarray, "run 2"],
    *,
    batch: int = BATCH,
) -> Float[np.ndarray, "run label"]:
    """Run texts under conditions.

    Parameters
    ----------
    classifier
    rows
        Token ids of texts, from :meth:`TextClassifier.encode`.
    conditions
        Each under a name of its own; they change activations and add nothing to logits.
    plan
        Which text is run under which condition, by their numbers.
    batch
        Runs of a forward pass; one that does not fit into memory comes in parts.

    Raises
    ------
    UserError
        In training mode, for a plan with numbers of nothing, a bias of logits, and what
        :func:`interventions.check_conditions` refuses.

    Returns
    -------
    Logits (nats) of each run, labels in the classifier's order.
    """
    model = classifier.model
    model.check_mode()
    check_conditions(model, conditions)
    if biased := [condition.name for condition in conditions if condition.biases]:
        raise UserError(
            f'The condition "{biased[0]}" adds to logits of tokens, which a classifier has none of.'
        )
    if len(plan) and (plan.min() < 0 or (plan.max(axis=0) >= (len(rows), len(conditions))).any()):
        raise UserError(
            f"The plan names text {plan[:, 0].max()} and condition {plan[:, 1].max()}, and there are {len(rows)} texts "
            f"and {len(conditions)} conditions: count both from 0."
        )

    @torch.no_grad()
    def run(runs: Sequence[int]) -> Float[np.ndarray, "run label"]:
        own = [list(rows[text]) for text in plan[list(runs), 0].tolist()]
        packed = Packed(
            [conditions[at] for at in plan[list(runs), 1].tolist()], [len(ids) for ids in own], model.n_layers
        )
        inputs = model.padded(own)
        positions = torch.where(inputs["attention_mask"].bool(), inputs["position_ids"], -1).cpu()
        with attached(model.network, packed.functions(positions)):
            return model.network(**inputs, use_cache=False).logits.float().cpu().numpy()

    found = np.zeros((len(plan), len(classifier.labels)), dtype=np.float32)
    lengths = [len(rows[text]) for text in plan[:, 0].tolist()]
    for together in similar_lengths(lengths, batch):
        for piece, logits in in_pieces(together.tolist(), len(together), run):
            found[piece] = logits
    return found
