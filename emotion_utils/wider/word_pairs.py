"""What the reports compare with wider models (Phase 8): differences at the emotion word, by their own options."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Int

from emotion_utils.core.errors import UserError, listing
from emotion_utils.core.layers import layers_in_words
from emotion_utils.reports.published_alignment import Case
from emotion_utils.subspaces.readings import ModelStates, PromptPairs
from emotion_utils.vectors.contrasts import Contrasts, contrasts

Matching = Literal["number", "depth"]
"""Which layer of the target stands beside one of the source: that of its number, or the nearest in relative depth."""
FEWEST_SAMPLES = 3
FAMILIES = {"llama3-8b": "llama", "qwen3-8b": "qwen", "gemma3-12b": "gemma"}
"""By the reports' wider model, what the names of its family have in them."""
_RANGE = re.compile(r"(\d+)(?:\s*-\s*(\d+))?")


@dataclass(frozen=True)
class Options:
    """The reports' options, with their values.

    Attributes
    ----------
    layers
        Of the source, by number; None for all.
    n_components
        Dimensions of the subspaces, where the rarest emotion allows them.
    max_samples_per_emotion
        Prompts of each emotion, the first ones; and neutral ones.
    """

    layers: tuple[int, ...] | None = None
    n_components: int = 8
    max_samples_per_emotion: int = 70

    def __post_init__(self) -> None:
        if self.n_components < 1:
            raise UserError(f"n_components is {self.n_components}: a subspace needs 1 dimension at least.")
        if self.max_samples_per_emotion < FEWEST_SAMPLES:
            raise UserError(
                f"max_samples_per_emotion is {self.max_samples_per_emotion}: a subspace and a map need "
                f"{FEWEST_SAMPLES} prompts at least."
            )
        if self.layers is not None and not self.layers:
            raise UserError("layers is empty: name at least one, or none at all for all of them.")
        if self.layers is not None and len(set(self.layers)) < len(self.layers):
            raise UserError(f"layers names one twice ({listing(map(str, self.layers))}): name each once.")


def read_layers(option: str) -> tuple[int, ...] | None:
    """Layers as a reader writes them: ``0, 1, 2`` or ``0-11``; nothing for all.

    Raises
    ------
    UserError
        For a part that is neither a number nor a range.
    """
    numbers: list[int] = []
    for part in filter(None, (part.strip() for part in option.replace(",", " , ").split(","))):
        for one in re.sub(r"\s*-\s*", "-", part).split():
            found = _RANGE.fullmatch(one)
            if not found or int(found[2] or found[1]) < int(found[1]):
                raise UserError(f'layers has the part "{one}": write numbers or ranges, as in 0, 1, 4-7.')
            numbers += range(int(found[1]), int(found[2] or found[1]) + 1)
    return tuple(numbers) or None


def stand_ins(names: Sequence[str]) -> dict[str, str]:
    """Which model stands for each of the reports' wider ones: the first whose name has the family's.

    Examples
    --------
    >>> stand_ins(["small-gemma3", "small-llama3", "small-neo"])
    {'llama3-8b': 'small-llama3', 'gemma3-12b': 'small-gemma3'}
    """
    found = {model: next((n for n in names if family in n.lower()), "") for model, family in FAMILIES.items()}
    return {model: name for model, name in found.items() if name}


def matched(
    source: Sequence[int], target: Sequence[int], wanted: Sequence[int] | None, by: Matching = "number"
) -> list[tuple[int, int]]:
    """Which layers are compared.

    Parameters
    ----------
    source, target
        Layers of both models.
    wanted
        Of the source; None for all that have a counterpart.
    by
        See :data:`Matching`.

    Raises
    ------
    UserError
        For a layer that the source lacks or that has no counterpart.
    """
    if wanted is not None and (lacking := sorted(set(wanted) - set(source))):
        raise UserError(f"The source has no {layers_in_words(lacking)}: it has {layers_in_words(source)}.")
    if by == "depth":
        own, other = ((np.array(layers) + 1) / (max(layers) + 1) for layers in (source, target))
        nearest = dict(zip(source, np.abs(own[:, None] - other).argmin(axis=1), strict=True))
        return [(layer, target[int(nearest[layer])]) for layer in wanted or source]
    if wanted is not None and (lacking := sorted(set(wanted) - set(target))):
        raise UserError(
            f"The target has no {layers_in_words(lacking)}: it has {layers_in_words(target)}; name others, or match "
            "layers by depth."
        )
    return [(layer, layer) for layer in wanted or source if layer in target]


@dataclass(frozen=True, eq=False)
class WordPairs:
    """What the reports compare of two models, at every pair of layers.

    Attributes
    ----------
    source, target
        The two models.
    rows
        Prompts, as many as the options allow.
    words
        Of both: differences between an emotion word and the word in its place.
    pairs
        Layers that are compared.
    k
        Dimensions that the rarest emotion allows.
    possible
        All pairs of layers that could be compared.
    """

    source: ModelStates = field(repr=False)
    target: ModelStates = field(repr=False)
    rows: PromptPairs = field(repr=False)
    words: tuple[Contrasts, Contrasts] = field(repr=False)
    pairs: tuple[tuple[int, int], ...]
    k: int
    possible: tuple[tuple[int, int], ...]

    @property
    def units(self) -> np.ndarray:
        """Units of the neutral rows and of the differences, sorted."""
        return np.union1d(self.rows.neutral["unit"], self.words[0].units)

    @property
    def sizes(self) -> Int[np.ndarray, " unit"]:
        """Rows of each unit: neutral ones and differences."""
        both = np.concatenate([self.rows.neutral["unit"], self.words[0].units])
        return (both == self.units[:, None]).sum(axis=1)

    def cases(self, without: int | None = None) -> Iterator[Case]:
        """Both models at each pair of layers, without one unit."""
        neutral = self.rows.neutral
        neutral = neutral if without is None else neutral[neutral["unit"] != without]
        rows = [states.at(neutral["id"]) for states in (self.source, self.target)]
        for pair in self.pairs:
            at = self.source.layers.index(pair[0]), self.target.layers.index(pair[1])
            own, other = (_by_emotion(w, place, without) for w, place in zip(self.words, at, strict=True))
            yield Case(rows[0][at[0]], rows[1][at[1]], own, other, neutral["unit"].to_numpy())


def _by_emotion(words: Contrasts, place: int, without: int | None) -> dict[str, np.ndarray]:
    values = words.values[:, place].double().numpy()
    kept = np.ones(len(values), dtype=bool) if without is None else words.units != without
    return {emotion: values[kept & (words.labels == emotion)] for emotion in words.emotions}


def word_pairs(
    source: ModelStates,
    target: ModelStates,
    prompts: pd.DataFrame,
    rows: PromptPairs,
    options: Options | None = None,
    by: Matching = "number",
) -> WordPairs:
    """Collect what is compared.

    Parameters
    ----------
    source, target
        Both read with their emotion words.
    prompts
        Those that were read.
    rows
        The same, from :func:`emotion_utils.subspaces.readings.rows_of`.
    options
        By default the reports'.
    by
        See :data:`Matching`.

    Raises
    ------
    UserError
        For prompts or states without emotion words, layers that are not there, and emotions with too few prompts.
    """
    options = options or Options()
    if prompts["match_start"].isna().all() or "unit" in prompts:  # loose partners have no word in its place
        raise UserError(
            "Phase 8 compares emotion words with the words in their place, and no prompt has both marked: "
            "take a profile of the book."
        )
    words = _words(source, prompts, options), _words(target, prompts, options)
    pairs, possible = (
        tuple(matched(source.layers, target.layers, wanted, by)) for wanted in (options.layers, None)
    )
    fewest = min(int((words[0].labels == emotion).sum()) for emotion in words[0].emotions)
    if fewest < FEWEST_SAMPLES:
        raise UserError(
            f"An emotion has {fewest} prompts with a marked word, at least {FEWEST_SAMPLES} are needed: "
            "take a larger profile."
        )
    k = min(options.n_components, fewest - 1)
    rows = limited(rows, options.max_samples_per_emotion)
    return WordPairs(source, target, rows, words, pairs, k, possible)


def limited(rows: PromptPairs, most: int) -> PromptPairs:
    """The first rows of each emotion, and the first neutral ones."""
    return PromptPairs(
        rows.neutral.head(most), {emotion: own.head(most) for emotion, own in rows.pairs.items()}
    )


def _words(states: ModelStates, prompts: pd.DataFrame, options: Options) -> Contrasts:
    if states.activations is None:
        raise UserError(f"{states.model} has no tokens, hence no emotion words: compare it at the end only.")
    found = contrasts(prompts, states.activations, "word")
    order = pd.Series(found.labels).groupby(found.labels, sort=False).cumcount().to_numpy()
    kept = order < options.max_samples_per_emotion
    return Contrasts(
        "word", found.layers, found.values[kept], found.labels[kept], found.units[kept], found.blocks[kept],
        found.emotions,
    )  # fmt: skip
