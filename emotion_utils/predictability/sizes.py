"""How much is read and trained, by profile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from emotion_utils.parts.learner import FITTING, Fitting


class Planted(NamedTuple):
    """Windows that are drawn of a planted process, and steps of training on them."""

    windows: int
    steps: int


PLANTED = Planted(8000, 2000)
"""Enough to find the R2 of the process within 0.02."""


@dataclass(frozen=True)
class Sizes:
    """How much is read and trained.

    Attributes
    ----------
    length
        Tokens of a window. An emotional prompt is one window, so that it also bounds those.
    training, probing, validation, test
        Windows, at most: the first two are different windows of the texts for training, so that probes do not learn
        from states that the predictor has seen.
    places
        Positions of a window at which the type of the token is probed.
    fitting
        Of the predictors.
    permutations, resamples
        Of nulls and intervals.
    scenes, vectors
        Of steering: held-out scenes, and random vectors beside each part.
    tokens
        Of a document, at most: what comes after is not read. None for all.
    planted
        Of the process whose R2 is known.
    """

    length: int
    training: int
    probing: int
    validation: int
    test: int
    places: int
    fitting: Fitting
    permutations: int = 199
    resamples: int = 200
    scenes: int = 12
    vectors: int = 100
    tokens: int | None = None
    planted: Planted = PLANTED

    @property
    def first(self) -> int:
        """The first position that counts where the start of a window is left out: an eighth of it, as in the report."""
        return max(1, self.length // 8)


SMOKE = Sizes(
    48, 64, 48, 24, 48, 2, replace(FITTING, steps=12, every=6), 19, 50, 6, 6, planted=Planted(200, 20)
)
BASELINE = Sizes(48, 1500, 400, 150, 400, 4, replace(FITTING, batch=16, steps=400))
EXTENDED = replace(
    BASELINE, training=2000, probing=1000, validation=300, test=1000, resamples=500, fitting=FITTING
)
POWERED = Sizes(
    256, 20_000, 4000, 500, 2000, 4, replace(FITTING, steps=6000, every=500), 999, 1000, 36, 400, 4096
)
RECORD = Sizes(
    256,
    700,
    250,
    80,
    220,
    4,
    replace(FITTING, batch=16, steps=240, every=40, patience=6, loss="per_dimension"),
    tokens=2048,
)
"""Of the committed record: a model of 135 million parameters in about an hour of one core."""
SIZES = {"smoke": SMOKE, "baseline": BASELINE, "extended": EXTENDED, "powered": POWERED}
