"""Fine-tuning of a whole model with a classification head, by Transformers' ``Trainer``.

The report gives learning rate, weight decay, epochs, batch and length; what it leaves open is as ``Trainer`` has it:
AdamW, a rate that falls to zero in a straight line, no decay of norms, gradients cut at a length of 1. Order of the
texts, dropout and the head's weights follow from the seed and the step alone, so that a training that was killed goes
on to the very weights that it would have had. Its state lies in a store: nothing is unpickled, where the checkpoints of
``Trainer`` itself would be.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd
import torch

from emotion_utils.classification.classifier import EncodedTexts, TextClassifier, with_head
from emotion_utils.classification.settings import PUBLISHED, FineTuning
from emotion_utils.core.errors import UserError
from emotion_utils.core.hashing import digest
from emotion_utils.core.sources import code_of
from emotion_utils.core.store import Store
from emotion_utils.models.model import Model

COLUMNS = ("step", "loss", "rate")
"""Of the curve: steps done, mean cross-entropy (nats) since the row before, learning rate of the last step."""


@dataclass(frozen=True, eq=False)
class FineTuned:
    """A trained classifier and how it came to be.

    Attributes
    ----------
    classifier
        In evaluation mode.
    curve
        Columns :data:`COLUMNS`.
    encoded
        The training texts as they were read.
    """

    classifier: TextClassifier
    curve: pd.DataFrame = field(repr=False)
    encoded: EncodedTexts


def fine_tune(
    model: Model,
    texts: Sequence[str],
    labels: Sequence[str],
    how: FineTuning = PUBLISHED,
    *,
    store: Store | None = None,
    keep_seconds: float = 60.0,
    progress: bool = True,
) -> FineTuned:
    """Train a copy of a model to tell labels apart, all of its weights.

    Parameters
    ----------
    model
        A causal language model; it stays as it is. On an accelerator products are computed in bfloat16, sums and
        weights in float32; training needs about 16 bytes for each weight.
    texts, labels
        For training.
    how
    store
        Keeps the result, and where training is.
    keep_seconds
        Between two states that are kept, at least.
    progress
        Show a bar where it takes longer than two seconds.

    Raises
    ------
    UserError
        For another number of labels than texts, fewer than two labels, a text without tokens, a device that is not the
        first of its kind, and a loss that is not finite.

    Returns
    -------
    The classifier, whose labels are in alphabetical order. On one machine with one number of threads the same in every
    process; where it was killed in between, too.
    """
    from emotion_utils.classification.trainer import Kept, train  # which takes seconds

    if len(texts) != len(labels):
        raise UserError(
            f"There are {len(texts)} texts and {len(labels)} labels: give one label for each text."
        )
    if model.device.index:
        raise UserError(
            f"Fine-tuning takes the first device of its kind, not {model.device}: make it the first with "
            f"CUDA_VISIBLE_DEVICES={model.device.index}."
        )
    names = sorted(set(labels))
    made_from = {
        "model": model.identity,
        "texts": digest([list(texts), list(labels)]),
        "how": asdict(how),
        "code": code_of(__name__),
    }
    classifier = with_head(model, names, seed=how.seed, max_length=how.max_length)
    encoded = classifier.encode(texts)
    targets = [names.index(label) for label in labels]
    kept = None if store is None else Kept(store, made_from, keep_seconds)
    with _own_randomness():
        rows = train(classifier, encoded.rows, targets, how, kept, progress=progress)
    curve = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"step": int})
    classifier.model.network.eval().requires_grad_(False)
    return FineTuned(classifier, curve, encoded)


@contextmanager
def _own_randomness() -> Iterator[None]:
    """``Trainer`` seeds all generators of the process: afterwards they are as they were."""
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the one that Trainer seeds
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002
