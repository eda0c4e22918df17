"""Which features are taken out for a label, and which other ones stand beside them as a control.

Features that a label makes fire often and strongly are many of the state's strongest ones in its posts. To take any
features out that fire as often there and carry as much energy may do as much harm: random features, which the report
takes, hardly fire there at all. Controls are matched feature by feature, each in a random half of the others, so that
draws differ. They may tell of the label as well, only less than the top ones: what is left beyond them is a lower
bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from emotion_utils.core.errors import UserError
from emotion_utils.dictionaries.dictionary import Dictionary
from emotion_utils.features.label_effects import cohens_d, memberships
from emotion_utils.features.reading import MEAN, RATE, SQUARE, TextActivations

TOP = 20
"""Features that are taken out, as published."""
KINDS = (MEAN, RATE, SQUARE)
"""What has to be read of the posts that choose."""
Features = Int[np.ndarray, " _"]


@dataclass(frozen=True, eq=False)
class Chosen:
    """What is taken out for one label.

    Attributes
    ----------
    label
        Its number.
    top
        The features with the largest d, the largest first.
    matched, random
        Other sets of as many features.
    rate, energy
        Of every feature in the label's posts that choose: share of tokens at which it fires, and what it writes there,
        squared norm averaged over tokens.
    """

    label: int
    top: Features
    matched: Sequence[Features] = field(repr=False)
    random: Sequence[Features] = field(repr=False)
    rate: Float[np.ndarray, " feature"] = field(repr=False)
    energy: Float[np.ndarray, " feature"] = field(repr=False)

    def ratio(self, values: Float[np.ndarray, " feature"]) -> float:
        """Sum over matched controls, on average over draws, in units of that over the top features; NaN without any."""
        own = float(values[self.top].sum())
        others = [float(values[one].sum()) for one in self.matched]
        return float(np.mean(others)) / own if own > 0 and others else float("nan")


def energies(
    dictionary: Dictionary, square: Float[np.ndarray, "text feature"]
) -> Float[np.ndarray, "text feature"]:
    """Mean squared norm of what each feature writes at the tokens of texts, in units of the model's states."""
    norms = (dictionary.decoder.norm(dim=1) / dictionary.scale).double().cpu().numpy()
    found: np.ndarray = square.astype(np.float64) * norms**2
    return found


def choose(
    dictionary: Dictionary,
    read: TextActivations,
    label: Int[np.ndarray, " text"],
    n_labels: int,
    *,
    top: int = TOP,
    matched: int = 9,
    random: int = 9,
    seed: int = 0,
) -> list[Chosen]:
    """Choose the features of every label and their controls, on posts that nothing is tested on.

    Parameters
    ----------
    dictionary
    read
        Of the posts that choose, with :data:`KINDS`.
    label
        Number of each post's label.
    n_labels
    top
        Features of a label; fewer where not so many have a d above 0.
    matched, random
        Sets of controls.
    seed

    Raises
    ------
    UserError
        Where a label has no feature with a d above 0, and where fewer features are left than twice as many as a
        control takes.
    """
    if dictionary.n_features < 3 * top:
        raise UserError(
            f"Controls for {top} features take {3 * top} or more, and the dictionary has {dictionary.n_features}: "
            "take out fewer."
        )
    d = cohens_d(read[MEAN].astype(np.float64), memberships(label, n_labels))
    energy = energies(dictionary, read[SQUARE])
    found = []
    for one in range(n_labels):
        rng = np.random.default_rng([seed, one])
        own = top_features(d[one], top)
        if not len(own):
            raise UserError(
                f"No feature has a d above 0 for label {one}: the dictionary does not fire there."
            )
        rest = np.setdiff1d(np.arange(dictionary.n_features), own)
        posts = label == one
        weights = read.tokens[posts] / read.tokens[posts].sum()
        rate, carried = weights @ read[RATE][posts].astype(np.float64), weights @ energy[posts]
        features = _places(rate, carried, float(read.tokens[posts].sum()))
        sets = [_matched(features, own, rest, rng) for _ in range(matched)]
        others = [np.sort(rng.choice(rest, len(own), replace=False)) for _ in range(random)]
        found.append(Chosen(one, own, sets, others, rate, carried))
    return found


def top_features(d: Float[np.ndarray, " feature"], top: int = TOP) -> Features:
    """Features with the largest d, the largest first; only those above 0."""
    known = np.where(np.isnan(d), -np.inf, d)
    order = np.argsort(-known, kind="stable")[:top]
    return order[known[order] > 0]


def _places(
    rate: Float[np.ndarray, " feature"], energy: Float[np.ndarray, " feature"], tokens: float
) -> Float[np.ndarray, "feature 2"]:
    """Logarithms of both, those of features that never fire below all others."""
    firing = energy[energy > 0]
    least = float(firing.min()) / 2 if len(firing) else 1.0
    return np.stack([np.log(rate + 0.5 / tokens), np.log(energy + least)], axis=1)


def _matched(
    places: Float[np.ndarray, "feature 2"], own: Features, rest: Features, rng: np.random.Generator
) -> Features:
    """Other features nearest to some, one to one, among a random half."""
    some = rng.choice(rest, len(rest) // 2, replace=False)
    cost = ((places[own][:, None] - places[some]) ** 2).sum(axis=2)
    return np.sort(some[linear_sum_assignment(cost)[1]])
