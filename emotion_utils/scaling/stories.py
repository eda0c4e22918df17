"""Short stories of several emotions, and what a model makes of each: the mean residual stream over its tokens.

A folder holds ``stories/<emotion>.jsonl``, one story a line with its ``text`` and perhaps the ``topic`` that it is
about, and may hold ``emotions.json`` with ``clusters``: names to lists of emotions. Stories of different emotions
on one topic are not independent of each other: where topics are given, they are a unit that can be resampled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from sklearn.feature_extraction.text import TfidfVectorizer

from emotion_utils.activations.extraction import extract, points
from emotion_utils.core.errors import UserError, listing
from emotion_utils.core.files import read_bytes, read_json
from emotion_utils.models.positions import encode
from emotion_utils.models.registry import short_name
from emotion_utils.scaling.published import VectorSet

if TYPE_CHECKING:
    from emotion_utils.core.store import Store
    from emotion_utils.models.model import Model

FIRST = 24
"""Stories of each emotion that are read where nothing else is asked for: about 58,000 tokens with 20 emotions."""
WORDS = "TF-IDF of the same stories"


@dataclass(frozen=True, eq=False)
class Stories:
    """The first stories of each emotion, as many of each.

    Attributes
    ----------
    emotions
        By name.
    texts, topics
        Of each emotion; a topic is empty where a story has none.
    clusters
        Names to emotions; empty where the folder says nothing.
    """

    emotions: tuple[str, ...]
    texts: Mapping[str, tuple[str, ...]] = field(repr=False)
    topics: Mapping[str, tuple[str, ...]] = field(repr=False)
    clusters: Mapping[str, tuple[str, ...]] = field(repr=False, default_factory=dict)

    @property
    def n(self) -> int:
        """Stories of each emotion."""
        return len(self.texts[self.emotions[0]])

    @property
    def sha256(self) -> str:
        """Of the emotions and their stories, as they are used."""
        told = json.dumps([[emotion, *self.texts[emotion]] for emotion in self.emotions])
        return hashlib.sha256(told.encode()).hexdigest()

    def shared_topics(self) -> tuple[str, ...]:
        """The topic of each story, where the stories of all emotions have the same topics in the same order."""
        own = {self.topics[emotion] for emotion in self.emotions}
        only = next(iter(own))
        return only if len(own) == 1 and all(only) else ()

    def frame(self) -> pd.DataFrame:
        """One row per story: ``id, emotion, text``, emotion by emotion."""
        rows = [
            (f"{emotion}/{number}", emotion, text)
            for emotion in self.emotions
            for number, text in enumerate(self.texts[emotion])
        ]
        return pd.DataFrame(rows, columns=["id", "emotion", "text"])

    def words(self) -> Float[np.ndarray, "emotion word"]:
        """What a bag of words knows: TF-IDF with sublinear counts, one document per emotion, its stories joined."""
        documents = [" ".join(self.texts[emotion]) for emotion in self.emotions]
        weighed = TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform(documents)
        found: np.ndarray = weighed.toarray()
        return found

    def word_set(self) -> VectorSet:
        """The same as a set of one layer."""
        return VectorSet(WORDS, self.emotions, (0,), self.words()[None])


def read_stories(folder: str | Path, n: int = FIRST, emotions: Sequence[str] | None = None) -> Stories:
    """Read the first stories of each emotion.

    Parameters
    ----------
    folder
        That holds ``stories/``; see `published.stories_folder`.
    n
        Stories of each emotion.
    emotions
        By default all that have a file, by name.

    Raises
    ------
    UserError
        Where a file is missing, has fewer stories than asked for, a damaged line (with its number) or a blank text.
    """
    folder = Path(folder)
    if n < 1:
        raise UserError(f"{n} stories of each emotion were asked for: ask for one at least.")
    there = sorted(path.stem for path in (folder / "stories").glob("*.jsonl"))
    names = tuple(there if emotions is None else emotions)
    if len(names) < 2:
        raise UserError(
            f"{folder} has stories of {listing(names)}: name a folder that holds stories/<emotion>.jsonl of two "
            "emotions at least."
        )
    rows = {emotion: _first(folder / "stories" / f"{emotion}.jsonl", n) for emotion in names}
    texts = {emotion: tuple(row["text"] for row in own) for emotion, own in rows.items()}
    topics = {emotion: tuple(str(row.get("topic") or "") for row in own) for emotion, own in rows.items()}
    return Stories(names, texts, topics, _clusters(folder / "emotions.json", names))


def _first(path: Path, n: int) -> list[dict[str, Any]]:
    lines = read_bytes(path).split(b"\n")
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        if len(rows) == n:
            break
        if line.strip():
            rows.append(_row(line, f"line {number} of {path}"))
    if len(rows) < n:
        raise UserError(
            f"{path} has {len(rows)} stories, and {n} were asked for: ask for fewer, or add stories."
        )
    return rows


def _row(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{where} is damaged, it is no JSON object ({error}): copy the file again."
        ) from error
    text = row.get("text") if isinstance(row, dict) else None
    if not isinstance(text, str):
        raise UserError(f'{where} has no "text": every line is an object such as {{"text": "..."}}.')
    if not text.strip():
        raise UserError(f"{where} is a blank story: write it, or leave the line out.")
    return row


def _clusters(path: Path, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Clusters of the emotions that there are stories of; none without the file."""
    if not path.is_file():
        return {}
    found = read_json(path)
    clusters = found.get("clusters", {}) if isinstance(found, dict) else None
    if not isinstance(clusters, dict) or not all(isinstance(own, list) for own in clusters.values()):
        raise UserError(
            f'{path} has no "clusters" of names to lists of emotions: correct it, or take it away.'
        )
    kept = {
        str(name): tuple(emotion for emotion in own if emotion in names) for name, own in clusters.items()
    }
    return {name: own for name, own in kept.items() if own}


@dataclass(frozen=True, eq=False)
class StoryStates:
    """What a model makes of each story.

    Attributes
    ----------
    model
        Its name.
    emotions, layers
        Of the second and the first axis; layer l is the residual stream after block l.
    values
        Mean of ``resid_post`` over the tokens of a story, the first position left out.
    topics
        Of the stories, where all emotions share them; see :meth:`Stories.shared_topics`.
    parameters, blocks
        Of the model.
    cut, tokens
        Share of the stories that were longer than the model's room and were cut there; tokens that were read.
    """

    model: str
    emotions: tuple[str, ...]
    layers: tuple[int, ...]
    values: Float[np.ndarray, "layer emotion story d_model"] = field(repr=False)
    topics: tuple[str, ...] = ()
    parameters: float | None = None
    blocks: int | None = None
    cut: float = 0.0
    tokens: int = 0

    def means(self) -> VectorSet:
        """Mean over the stories of each emotion."""
        values = self.values.mean(axis=2, dtype=np.float64)
        return VectorSet(
            short_name(self.model),
            self.emotions,
            self.layers,
            values,
            parameters=self.parameters,
            blocks=self.blocks,
        )

    def in_words(self) -> str:
        """What was read, and how much of it did not fit into the model, in one sentence."""
        n = self.values.shape[1] * self.values.shape[2]
        told = f"{short_name(self.model)} read {n:,} stories, {self.tokens:,} tokens"
        return (
            f"{told}; {self.cut:.0%} of the stories were longer than its room and were cut."
            if self.cut
            else f"{told}."
        )


def read_states(
    model: Model, stories: Stories, *, store: Store | None = None, progress: bool = False
) -> StoryStates:
    """Let a model read stories; the mean state of each, after every block.

    Parameters
    ----------
    model
        A story that is longer than its room is cut there, and the share of such stories is kept.
    stories
        Of :func:`read_stories`.
    store
        Keeps what was read, so that a second call costs nothing.
    progress
        Show a bar.

    Raises
    ------
    UserError
        For what `extraction.extract` refuses.
    """
    frame, cut = _within_context(model, stories.frame())
    found = extract(model, frame, points(model), ("mean",), store=store, progress=progress)
    ids, states = found.at("mean")  # (story, layer, d_model)
    order = pd.Index(ids).get_indexer(pd.Index(frame["id"]))
    values = states[order].numpy().transpose(1, 0, 2)
    shape = (len(values), len(stories.emotions), stories.n, values.shape[2])
    lengths = encode(model.tokenizer, frame["text"].tolist(), None, model.reading).ids.lengths
    return StoryStates(
        model=model.label,
        emotions=stories.emotions,
        layers=tuple(found.layers()),
        values=np.ascontiguousarray(values.reshape(shape)),
        topics=stories.shared_topics(),
        parameters=float(sum(weight.numel() for weight in model.network.parameters())),
        blocks=model.n_layers,
        cut=cut,
        tokens=int(lengths.sum()),
    )


def _within_context(model: Model, frame: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Stories cut where the model has no more room, after a whole token; and the share that was cut."""
    texts, cut = frame["text"].tolist(), set[int]()
    while True:
        encoded = encode(model.tokenizer, texts, None, model.reading)
        beyond = encoded.ids.lengths - model.context
        rows = np.flatnonzero(beyond > 0).tolist()
        if not rows:
            return frame.assign(text=texts), len(cut) / max(len(texts), 1)
        first, last = encoded.text_tokens()
        for row in rows:
            kept = int(last[row] - beyond[row])
            if kept <= first[row] + 1:
                raise UserError(f"{model.label} has room for {model.context} tokens, too few for a story.")
            texts[row] = texts[row][: int(encoded.spans[row][kept - 1][1])]
            cut.add(row)
