"""Vectors from elsewhere, scored as those that are made from prompts: same held-out prompts, same null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from emotion_utils.activations.prompt_sets import PromptSetActivations
from emotion_utils.core.errors import UserError, listing
from emotion_utils.vectors.held_out import Probes, held_out
from emotion_utils.vectors.probing import METHODS, Contrast
from emotion_utils.vectors.vector import EmotionVector

AT_END = next(iter(METHODS))
"""Prompts are read where this method reads them for vectors whose own method is not known here."""


class OutsideProbes(Probes):
    """Given vectors in the place of those that are made from the build split, each scored at its own layers.

    Parameters
    ----------
    activations, profile, seed
        As of :class:`Probes`; prompts of the build split give the threshold alone.
    given
        By emotion.
    """

    def __init__(
        self,
        activations: PromptSetActivations,
        profile: str,
        given: Mapping[str, EmotionVector],
        seed: int = 0,
    ) -> None:
        super().__init__(activations, profile, seed)
        self.given = given

    def emotions(self, name: str) -> list[str]:
        """Those of the set that there is a vector for."""
        return [emotion for emotion in super().emotions(name) if emotion in self.given]

    def _vector(self, method: str, emotion: str) -> EmotionVector:
        return self.given[emotion]

    def _contrast(self, name: str, emotion: str, place: str) -> Contrast:
        whole, layers = super()._contrast(name, emotion, place), self.given[emotion].layers
        values = whole.values[:, [whole.layers.index(layer) for layer in layers]]
        return replace(whole, layers=layers, values=values)


def beside_own(
    probes: Probes, given: Mapping[str, EmotionVector], sets: Sequence[str], seed: int = 0
) -> pd.DataFrame:
    """:func:`held_out.held_out` of given vectors, on the prompts of other probes; ``method`` begins with ``given``.

    Raises
    ------
    UserError
        For vectors of another model or hook, and where none stands for an emotion of the prompts.
    """
    for vector in given.values():
        vector.check_model(probes.activations.model)
        if vector.kind != "resid_post":
            raise UserError(f"Vectors of resid_post can be scored, and {vector.emotion} is of {vector.kind}.")
    known = OutsideProbes(probes.activations, probes.profile, given, seed).emotions(probes.profile)
    if not known:
        raise UserError(
            f"None of the vectors {listing(given)} stands for an emotion of the prompts, "
            f"{listing(probes.emotions(probes.profile))}: give them these names, as keys."
        )
    parts = []
    for method in dict.fromkeys(given[emotion].method for emotion in known):
        alike = {emotion: given[emotion] for emotion in known if given[emotion].method == method}
        outside = OutsideProbes(probes.activations, probes.profile, alike, seed)
        table = held_out(outside, sets, methods=[method if method in probes.methods else AT_END], seed=seed)
        parts.append(table.assign(method=f"given: {method}"))
    return pd.concat(parts, ignore_index=True)
