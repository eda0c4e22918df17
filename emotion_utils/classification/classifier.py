"""A language model with a classification head in place of its unembedding, as an object that interventions can act on.

The head reads the last token, in Transformers' own classes. What stands below it is the same transformer, so that
everything which reads from a :class:`Model` or writes to it through hook points does so here.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch.nn.utils import skip_init

from emotion_utils.core.errors import UserError
from emotion_utils.models.batches import similar_lengths
from emotion_utils.models.model import Model

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MAX_LENGTH = 512
"""Tokens of a text, as reported; what is beyond is cut at the end."""
BATCH = 32
"""Texts of a forward pass."""
CHUNK = 2000
"""Texts that are tokenized at once."""


@dataclass(frozen=True, eq=False)
class EncodedTexts:
    """Texts as token ids.

    Attributes
    ----------
    rows
        Ids of each text, special tokens included, cut at the end.
    truncated
        Texts that were cut.
    unknown
        Texts of which the tokenizer knows no character, so that all of them look alike.
    """

    rows: list[list[int]] = field(repr=False)
    truncated: int
    unknown: int

    def note(self) -> str:
        """Say in Markdown how many texts were cut or are unknown; empty where none is."""
        told = [
            f"{self.truncated:,} of {len(self.rows):,} texts were cut at the end." if self.truncated else "",
            f"{self.unknown:,} texts have no character that the tokenizer knows: to the model they are all the same."
            if self.unknown
            else "",
        ]
        return " ".join(filter(None, told))


@dataclass(frozen=True, eq=False)
class TextClassifier:
    """A model that tells labels apart.

    Attributes
    ----------
    model
        Its network gives a logit per label in place of one per token; hook points, encoding and padding are those of
        any model, and its last token is where the head reads.
    labels
        In the order of the logits.
    max_length
        Tokens of a text, at most.
    """

    model: Model
    labels: tuple[str, ...]
    max_length: int = MAX_LENGTH

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Token ids of texts, cut where they are longer than ``max_length`` or the model's context.

        Raises
        ------
        UserError
            For a text without tokens, and for tokens that the model does not know.
        """
        room = min(self.max_length, self.model.context)
        tokenizer, reading = self.model.tokenizer, self.model.reading
        whole: list[list[int]] = []
        spans: list[list[tuple[int, int]]] = []
        for start in range(0, len(texts), CHUNK):
            found, at = reading.tokens(tokenizer, texts[start : start + CHUNK])
            whole += found
            spans += at
        empty = next((text for text, ids in zip(texts, whole, strict=True) if not ids), None)
        if empty is not None:
            raise UserError(f"The text {empty[:40]!r} has no tokens: leave it out.")
        rows = [ids[:room] for ids in whole]
        self.model.check_tokens([token for ids in rows for token in ids])
        unknown = sum(self._is_unknown(ids, at) for ids, at in zip(whole, spans, strict=True))
        return EncodedTexts(rows, sum(len(ids) > room for ids in whole), unknown)

    def _is_unknown(self, ids: Sequence[int], spans: Sequence[tuple[int, int]]) -> bool:
        own = [token for token, (start, stop) in zip(ids, spans, strict=True) if start < stop]
        return all(token == self.model.tokenizer.unk_token_id for token in own)

    def logits(self, texts: Sequence[str]) -> Float[np.ndarray, "text label"]:
        """A logit for each label (nats), in float32; raises what :meth:`encode` and :meth:`logits_of` raise."""
        return self.logits_of(self.encode(texts))

    @torch.no_grad()
    def logits_of(self, encoded: EncodedTexts) -> Float[np.ndarray, "text label"]:
        """The same of texts that are encoded.

        Raises
        ------
        UserError
            In training mode, and for logits that are not finite.
        """
        self.model.check_mode()
        rows = encoded.rows
        found = np.zeros((len(rows), len(self.labels)), dtype=np.float32)
        for together in similar_lengths([len(ids) for ids in rows], BATCH):
            inputs = self.model.padded([rows[row] for row in together.tolist()])
            found[together] = self.model.network(**inputs, use_cache=False).logits.float().cpu().numpy()
        wrong = np.flatnonzero(~np.isfinite(found).all(axis=1))
        if len(wrong):
            raise UserError(
                f"The logits of {self.model.label} for text {wrong[0] + 1} of {len(rows)} are not finite: train it in "
                "float32, or with a smaller rate."
            )
        return found

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The label with the highest logit for each text."""
        return self.named(self.logits(texts))

    def named(self, logits: Float[np.ndarray, "text label"]) -> list[str]:
        """The labels with the highest logits."""
        return [self.labels[at] for at in logits.argmax(axis=1).tolist()]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a classifier says of labelled texts.

    Attributes
    ----------
    table
        Columns `label, predicted`.
    logits
        In nats, labels in the classifier's order.
    encoded
        The texts as it read them.
    """

    table: pd.DataFrame = field(repr=False)
    logits: Float[np.ndarray, "text label"] = field(repr=False)
    encoded: EncodedTexts


def predictions(classifier: TextClassifier, texts: Sequence[str], labels: Sequence[str]) -> Predictions:
    """Classify labelled texts.

    Raises
    ------
    UserError
        For another number of labels than texts, and what the classifier refuses to read or to give.
    """
    if len(texts) != len(labels):
        raise UserError(
            f"There are {len(texts)} texts and {len(labels)} labels: give one label for each text."
        )
    encoded = classifier.encode(texts)
    logits = classifier.logits_of(encoded)
    table = pd.DataFrame({"label": list(labels), "predicted": classifier.named(logits)}, dtype="str")
    return Predictions(table, logits, encoded)


def with_head(
    model: Model, labels: Sequence[str], *, seed: int = 0, max_length: int = MAX_LENGTH
) -> TextClassifier:
    """Put an untrained classification head on a copy of a model's transformer, in float32.

    Parameters
    ----------
    model
        A causal language model of any family.
    labels
        In the order that logits are to have.
    seed
        Of the head's weights, which are drawn as the configuration says for linear maps.
    max_length
        Tokens of a text, at most.

    Raises
    ------
    UserError
        For fewer than two labels or one that stands there twice, and for a length without room for a token.
    """
    names = tuple(labels)
    if len(set(names)) < max(2, len(names)):
        raise UserError(
            f"There are {len(names)} labels, {len(set(names))} of them different: give two or more, each once."
        )
    if max_length < 1:
        raise UserError(f"A text has at most {max_length} tokens: give it room for one at least.")
    network = _with_head(model, names, seed).eval()
    named = Model(network, model.tokenizer, model.name, reading=model.reading)
    return TextClassifier(named, names, max_length)


def _with_head(model: Model, labels: tuple[str, ...], seed: int) -> PreTrainedModel:
    """The class of transformers that belongs to the model's configuration, around a copy of its own transformer."""
    from transformers import AutoModelForSequenceClassification

    body: Any = copy.deepcopy(model.network.base_model).float()
    config = body.config
    config.get_text_config().pad_token_id = model.pad
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: at for at, label in enumerate(labels)}
    config.problem_type = "single_label_classification"
    with torch.device("meta"):  # weights of a second transformer would be drawn, only to be thrown away
        network = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    head = skip_init(torch.nn.Linear, network.score.in_features, len(labels), bias=False)
    with torch.no_grad():
        std = float(getattr(config.get_text_config(), "initializer_range", 0.02))
        head.weight.normal_(0.0, std, generator=torch.Generator().manual_seed(seed))
    network.score = head.to(next(body.parameters()).device)
    setattr(network, network.base_model_prefix, body)
    network.config = config
    return network
