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

from emotion_utils.core.errors import listing
from emotion_utils.models import registry
from emotion_utils.models.model import load
from emotion_utils.scoring.classifier import UNDECIDED, trained_classifier
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
        said = self.verdicts(texts)[RULE]
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
        said = [_majority(row) for row in rows]
        return table.assign(**{RULE: np.where(loops(texts), UNDECIDED, np.array(said, dtype=object))})

    @property
    def names(self) -> list[str]:
        """Of the judges, and of their rule after them."""
        return [*self.judges, RULE]


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
    others = [name for name in registry.PACKAGED if name != Path(model).name]
    reader = next(filter(registry.fetched, others), None)
    if reader is None:
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


def _majority(said: Mapping[str, str]) -> str:
    emotion, votes = Counter(said.values()).most_common(1)[0]
    return emotion if votes > 1 else said[MARKERS]
