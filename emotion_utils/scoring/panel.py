"""What a text says, where no grammar can tell: several judges of different kinds, of which most decide.

The texts of a model that knows the small world open like its replies, whose emotion is true by construction. Texts of
other models have no such truth, and each judge alone is easily fooled: a word classifier by words that it met in one
emotion only, a probe by what else its training texts have in common, sentiment by all that is pleasant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emotion_utils.core.errors import UserError, listing
from emotion_utils.models import registry
from emotion_utils.models.model import load
from emotion_utils.scoring.classifier import (
    UNDECIDED,
    EmotionClassifier,
    own_classifier,
    trained_classifier,
    unspaced,
)
from emotion_utils.scoring.fluency import word_ngrams
from emotion_utils.scoring.lexical import vader_sentiment
from emotion_utils.scoring.politeness import politeness_marker
from emotion_utils.scoring.probe import TextProbe, train_probe
from emotion_utils.scoring.replies import first_reply, reply_emotions

if TYPE_CHECKING:
    from emotion_utils.core.store import Store

RULE = "majority"
"""What at least two judges say, and where no two agree, markers and sentiment: so these decide alone where only words
are beside them. The name of a column."""
WORDS, MARKERS = "words", "markers and sentiment"
NEGATIVE = -0.05
"""Compound sentiment up to which VADER's authors call a text negative {cite:p}`hutto2014`."""
MARKED = {"gratitude": "gratitude", "apology": "apologising"}
"""The politeness strategy whose markers say an emotion."""
BOTH = "both"
"""What two judges of own labels say where they agree. The name of a column."""
BEGINNING, RUN, LOOPED = 12, 3, 0.5
"""A text says nothing where more than this share of the runs of three words in its first words have occurred before:
*I'm sorry, I'm sorry, I'm sorry* is what a push does to a model, and no apology."""

Predict = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True, eq=False)
class Panel:
    """Judges of texts; called with texts it gives what each says: an emotion, or None.

    Attributes
    ----------
    judges
        Name to judge: from texts to an emotion, or `undecided`, for each. :data:`MARKERS` is one of them.
    left_out
        Which judge is missing, and why, in one sentence; empty where none is.
    """

    judges: Mapping[str, Predict]
    left_out: str = ""

    def __call__(self, texts: Sequence[str]) -> list[str | None]:
        """What most judges say of each text by :data:`RULE`, None where that is nothing."""
        said = self.verdicts(texts)[self.rule]
        return [None if found == UNDECIDED else str(found) for found in said]

    def verdicts(self, texts: Sequence[str]) -> pd.DataFrame:
        """What each judge says.

        Returns
        -------
        Columns `text`, one for each judge, and :data:`RULE` (`undecided` in place of None, and where a text
        :func:`loops`).
        """
        table = pd.DataFrame({name: judge(texts) for name, judge in self.judges.items()}, dtype=object)
        table.insert(0, "text", list(texts))
        rows = table[list(self.judges)].to_dict("records")
        said = [self._decided(row) for row in rows]
        return table.assign(
            **{self.rule: np.where(self._loops(texts), UNDECIDED, np.array(said, dtype=object))}
        )

    @property
    def rule(self) -> str:
        """The column that decides."""
        return RULE

    @property
    def names(self) -> list[str]:
        """Of the judges, and of their rule after them."""
        return [*self.judges, *({self.rule} - self.judges.keys())]

    def _decided(self, said: Mapping[str, str]) -> str:
        return _majority(said)

    def _loops(self, texts: Sequence[str]) -> np.ndarray:
        return loops(texts)


@dataclass(frozen=True, eq=False)
class OwnPanel(Panel):
    """Judges of own labels: the word classifier alone, or what it and a probe both say.

    Attributes
    ----------
    words
        The word classifier.
    """

    words: EmotionClassifier | None = None

    @property
    def rule(self) -> str:
        """The column that decides."""
        return WORDS if len(self.judges) == 1 else BOTH

    def _decided(self, said: Mapping[str, str]) -> str:
        return next(iter(said.values())) if len(set(said.values())) == 1 else UNDECIDED

    def _loops(self, texts: Sequence[str]) -> np.ndarray:
        return loops(texts) | np.array([_loops_in_characters(text) for text in texts], dtype=bool)


def own_panel(
    texts: pd.DataFrame, model: str, *, device: str = "cpu", store: Store | None = None, seed: int = 0
) -> OwnPanel:
    """The judge of a model's texts for own labels: words, and for a pretrained model a probe on another one beside.

    Parameters
    ----------
    texts
        What it learns from: ``text, emotion, group``, the latter what belongs together.
    model
        Whose texts are judged.
    device, store, seed
        As of :func:`text_judge`.
    """
    words = own_classifier(texts)
    reader = None if registry.knows_small_world(model) else _other_reader(model)
    if reader is None:
        return OwnPanel({WORDS: words.predict}, words=words)
    reading = load(reader, device, separator="auto")
    try:
        probe = train_probe(reading, texts, whole=True, store=store, seed=seed)
    except UserError as problem:
        return OwnPanel({WORDS: words.predict}, f"No probe reads the texts beside it. {problem}", words)
    best, largest = probe.folds.max(), texts["emotion"].value_counts(normalize=True).max()
    if best <= largest:
        told = f"A probe on {reader} is right on {best:.0%} of held-out texts, no more than always naming one label."
        return OwnPanel({WORDS: words.predict}, f"{told} It does not judge.", words)
    return OwnPanel(
        {WORDS: words.predict, f"probe on {Path(reading.label).name}": probe.predict}, words=words
    )


def _other_reader(model: str) -> str | None:
    """A packaged model that is fetched and another one."""
    others = [name for name in registry.PACKAGED if name != Path(model).name]
    return next(filter(registry.fetched, others), None)


def text_judge(
    model: str, *, device: str = "cpu", store: Store | None = None, seed: int = 0
) -> Callable[[Sequence[str]], list[str | None]]:
    """The judge of a model's texts: a function from texts to what each says, an emotion or None.

    Parameters
    ----------
    model
        Whose texts are judged. Of one that knows the small world the opening of a reply tells its emotion; of any
        other it is a :class:`Panel`, with a probe on a packaged model that is another one and fetched.
    device
        Of the model that reads.
    store
        Keeps its states of the training texts.
    seed
        Of training.
    """
    if registry.knows_small_world(model):
        return reply_emotions
    reader = _other_reader(model)
    if reader is None:
        others = [name for name in registry.PACKAGED if name != Path(model).name]
        ways = listing([f"`python -m emotion_utils fetch {name}`" for name in others])
        return make_panel(left_out=f"No other pretrained model is here to read the texts: {ways}.", seed=seed)
    reading = load(reader, device, separator="auto")
    return make_panel(train_probe(reading, store=store, seed=seed), seed=seed)


def make_panel(probe: TextProbe | None = None, *, left_out: str = "", seed: int = 0) -> Panel:
    """The judges of real text: words, markers and sentiment, and a probe where there is a model to read with.

    Parameters
    ----------
    probe
        From :func:`probe.train_probe`, on another model than the one whose texts are judged.
    left_out
        Why there is none.
    seed
        Of the word classifier.
    """
    judges: dict[str, Predict] = {WORDS: trained_classifier(seed).predict, MARKERS: marked_emotions}
    if probe is not None:
        judges[f"probe on {Path(probe.model.label).name}"] = probe.predict
    return Panel(judges, left_out)


def marked_emotions(texts: Sequence[str]) -> list[str]:
    """What markers of politeness and sentiment say of the first reply of each text, by a rule that learns nothing.

    Markers of gratitude or of apologising say so, the more frequent kind where there are both (`undecided` where they
    are as many). Without either, sentiment that VADER's authors call negative says anger, and any other neutral:
    pleasant sentiment is no emotion of this book. `undecided` where there is no reply.
    """
    replies = [first_reply(text) for text in texts]
    counts = {emotion: politeness_marker(name)(replies) for emotion, name in MARKED.items()}
    sentiment = vader_sentiment()(replies)
    thanks, sorry = counts["gratitude"], counts["apology"]
    found = np.where(sentiment <= NEGATIVE, "anger", "neutral").astype(object)
    found[thanks > sorry], found[sorry > thanks] = "gratitude", "apology"
    found[((thanks == sorry) & (thanks > 0)) | np.isnan(sentiment)] = UNDECIDED
    return [str(one) for one in found]


def loops(texts: Sequence[str]) -> np.ndarray:
    """Which texts repeat themselves from the beginning, whatever their emotion: of type bool.

    Only the first :data:`BEGINNING` words count, so that texts of 16 and of 30 tokens are judged alike.
    """
    beginnings = [word_ngrams(text, RUN)[: BEGINNING - RUN + 1] for text in texts]
    return np.array([len(set(runs)) < (1 - LOOPED) * len(runs) for runs in beginnings], dtype=bool)


def _loops_in_characters(text: str) -> bool:
    """Whether a text of hardly any spaces repeats itself, by runs of characters in twice as many as words."""
    if not unspaced(text):
        return False
    start = "".join(text.split())[: 2 * BEGINNING]
    runs = [start[i : i + RUN] for i in range(len(start) - RUN + 1)]
    return len(set(runs)) < (1 - LOOPED) * len(runs)


def _majority(said: Mapping[str, str]) -> str:
    emotion, votes = Counter(said.values()).most_common(1)[0]
    return emotion if votes > 1 else said[MARKERS]
