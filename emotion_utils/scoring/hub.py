"""Classifiers that others trained, from the hub or a folder: an outside view of the same texts."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from emotion_utils.core.errors import UserError, listing
from emotion_utils.hub.refusals import Unreachable
from emotion_utils.hub.snapshots import snapshot
from emotion_utils.models.batches import similar_lengths
from emotion_utils.models.files import load_weights
from emotion_utils.models.loading import check_device
from emotion_utils.models.model import Model
from emotion_utils.models.registry import ModelRef, resolve_model
from emotion_utils.scoring.scorer import Rows, Scorer

GO_EMOTIONS = {"gratitude": "gratitude", "anger": "anger", "apology": "remorse", "neutral": "neutral"}
"""The label of GoEmotions {cite:p}`demszky2020` that comes closest to each emotion."""

HUB_CLASSIFIERS: dict[str, tuple[str, str | dict[str, str]]] = {
    "sentiment": ("distilbert/distilbert-base-uncased-finetuned-sst-2-english", "POSITIVE"),
    "politeness": ("Intel/polite-guard", "polite"),
    "emotions": ("SamLowe/roberta-base-go_emotions", GO_EMOTIONS),
}
"""A hub model and its label, or a label per emotion, by kind. The reports name the kinds; the models are our choice."""

PRETRAINING_HEADS = r"^(cls|lm_head|vocab_\w+|mask_predictions|generator_\w+|discriminator_predictions)\."
"""Names of heads that a classifier's file may keep from its pretraining; no label depends on them."""

OTHERWISE = (
    "Or give the path of a local copy; without either leave this scorer out, the others need no download."
)
BATCH = 32


@dataclass(frozen=True)
class HubClassifier:
    """A sequence classifier with its labels."""

    model: Model

    @property
    def name(self) -> str:
        """As the registry knows it."""
        return self.model.name

    @property
    def labels(self) -> list[str]:
        """Names of the classes, in the order of the logits."""
        return [str(label) for _, label in sorted(self.model.network.config.id2label.items())]

    def place(self, label: str) -> int:
        """Which logit a label is."""
        if label not in self.labels:
            raise UserError(f'"{self.name}" has no label "{label}": it has {listing(self.labels)}.')
        return self.labels.index(label)

    @torch.no_grad()
    def probabilities(self, texts: Sequence[str]) -> Float[np.ndarray, "text label"]:
        """Probability of each label; NaN for a blank text.

        A sigmoid for each label where the model says that a text may have several, a softmax over them otherwise.
        """
        said = np.flatnonzero([bool(text.strip()) for text in texts])
        out = np.full((len(texts), len(self.labels)), np.nan)
        for part in similar_lengths([len(texts[i]) for i in said.tolist()], BATCH):
            group = said[part].tolist()
            out[group] = self._batch([texts[i] for i in group]).double().numpy()
        return out

    def _batch(self, texts: list[str]) -> Float[Tensor, "text label"]:
        config, tokenizer = self.model.network.config, self.model.tokenizer
        limit = min(tokenizer.model_max_length, config.max_position_embeddings - 2)
        encoded = tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt")
        self.model.check_tokens(encoded["input_ids"].numpy())
        logits = self.model.network(**encoded.to(self.model.device)).logits.float().cpu()
        many = config.problem_type == "multi_label_classification" or logits.shape[1] == 1
        return logits.sigmoid() if many else logits.softmax(dim=-1)


def load_hub_classifier(name: str, device: str = "cpu") -> HubClassifier:
    """Load a sequence classifier from safetensors, running no code of its repository.

    Parameters
    ----------
    name
        A key of :data:`HUB_CLASSIFIERS`, a hub id or the path of a local folder.
    device
        `cpu`, `cuda` or `mps`.

    Raises
    ------
    UserError
        Without the files or a network, with what to do.
    """
    ref = resolve_model(HUB_CLASSIFIERS[name][0] if name in HUB_CLASSIFIERS else name)
    if ref.source == "bundled":
        raise UserError(f'"{name}" is a language model, not a classifier: name one from the hub or a folder.')
    check_device(device)
    return _loaded(ref, device)


def hub_probability(
    classifier: HubClassifier, label: str | Mapping[str, str], name: str | None = None
) -> Scorer:
    """Probability that a hub classifier gives to one label, or to the label of the row's emotion.

    Parameters
    ----------
    classifier
        From :func:`load_hub_classifier`.
    label
        A label, or a label per emotion.
    name
        Of the scorer; by default it is made from the label.
    """
    labels = dict.fromkeys(("",), label) if isinstance(label, str) else dict(label)
    places = {emotion: classifier.place(wanted) for emotion, wanted in labels.items()}
    limits = (
        f"As {classifier.name} learnt it on other texts, often social media; cuts a text that is too long; NaN for a "
        "blank text and for an emotion without a label."
    )

    def measure(rows: Rows) -> list[float]:
        found = classifier.probabilities(rows.texts)
        pairs = zip(found, rows.emotions, strict=True)
        return [float(p[places[e]]) if e in places else float("nan") for p, e in pairs]

    single = isinstance(label, str)
    return Scorer(
        name or (f"hub_{label}".lower() if single else "hub_emotion"),
        (0, 1),
        f'more probably "{label}"' if single else "more probably the row's emotion",
        limits,
        measure,
        ("text",) if single else ("text", "emotion"),
    )


@functools.lru_cache(maxsize=4)
def _loaded(ref: ModelRef, device: str) -> HubClassifier:
    import transformers

    model: Any = transformers.AutoModelForSequenceClassification
    try:
        hub = ref.source == "hub"
        folder = str(snapshot(ref.location, ref.revision, weights=True)) if hub else ref.directory
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        loaded = load_weights(model, folder, PRETRAINING_HEADS, called=ref.location)
    except Unreachable as error:
        raise UserError(f"{error} {OTHERWISE}") from error
    except UserError:
        raise
    except Exception as error:
        raise UserError(_why_not(ref, error)) from error
    return HubClassifier(Model(loaded.to(device).eval(), tokenizer, ref.name))


def _why_not(ref: ModelRef, error: Exception) -> str:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    found = f'The classifier "{ref.location}" could not be loaded ({type(error).__name__}: {reason}). '
    if ref.source == "local":
        return found + f"Copy {Path(ref.location).name} again, with its tokenizer and safetensors weights."
    return f"{found}{OTHERWISE}"
