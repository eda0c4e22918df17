"""What is compared of a model: its states at the end of the same prompts, whatever its tokenizer, width and depth.

Which prompts are used, and in which order, is one object for all models (:class:`PromptPairs`); leaving a unit out,
taking half of the units, or putting neutral prompts in the place of emotional ones are other rows of the same states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from sklearn.feature_extraction.text import TfidfTransformer

from emotion_utils.activations.extraction import Activations
from emotion_utils.activations.prompt_sets import read_sets
from emotion_utils.core.budget import allowance
from emotion_utils.core.emotions import emotions_of
from emotion_utils.core.errors import UserError
from emotion_utils.models.loading import (
    build_model,
    dtype_of,
    load_config,
    load_tokenizer,
    token_counter,
)
from emotion_utils.models.model import Model, load
from emotion_utils.models.reading import reading_of
from emotion_utils.prompts.bag_of_words import count_words
from emotion_utils.prompts.partners import partners
from emotion_utils.statistics.resampling import resampling_units
from emotion_utils.subspaces.pairing import with_pairs

if TYPE_CHECKING:
    from emotion_utils.core.store import Store

HALVINGS = 100
"""Random halves that are tried until both have two prompts of every emotion."""
TEXT = "text only"
TEXT_DIMENSIONS = 128
UNTRAINED_TOKENS = 100_000
"""Of all untrained models together, stated as in `core.budget`."""


@dataclass(frozen=True, eq=False)
class PromptPairs:
    """Which prompts are used, in which order.

    Attributes
    ----------
    neutral
        Columns ``id, unit``: the rows that maps are fitted on.
    pairs
        By emotion, columns ``id, partner, unit, family``: a prompt, its matched neutral one, what is resampled
        together, and the template family.
    """

    neutral: pd.DataFrame = field(repr=False)
    pairs: Mapping[str, pd.DataFrame] = field(repr=False)

    @property
    def units(self) -> np.ndarray:
        """The units of all rows, sorted."""
        return np.unique(np.concatenate([self.neutral["unit"], *(p["unit"] for p in self.pairs.values())]))

    @property
    def fewest(self) -> int:
        """Prompts of the rarest emotion."""
        return min(len(pairs) for pairs in self.pairs.values())

    def without(self, unit: int | np.integer) -> PromptPairs:
        """All rows but those of one unit."""
        pairs = {emotion: own[own["unit"] != unit] for emotion, own in self.pairs.items()}
        return PromptPairs(self.neutral[self.neutral["unit"] != unit], pairs)

    def halves(self, seed: int) -> tuple[PromptPairs, PromptPairs]:
        """Emotional prompts of one random half of the units and of the other; both with all neutral rows."""
        rng = np.random.default_rng(seed)
        for _ in range(HALVINGS):
            units = rng.permutation(self.units)
            one, other = (
                replace(self, pairs={e: own[own["unit"].isin(part)] for e, own in self.pairs.items()})
                for part in (units[::2], units[1::2])
            )
            if min(one.fewest, other.fewest) >= 2:
                return one, other
        raise UserError(
            f"There are {len(self.units)} units of prompts, and halves of them lack an emotion: take a larger profile "
            "or, of your own texts, more of the rarest label or none."
        )

    def no_emotion(self, seed: int) -> PromptPairs:
        """Neutral prompts of other units in the place of the emotional ones: what is left is no emotion."""
        rng = np.random.default_rng(seed)
        partners = self.neutral.rename(columns={"id": "partner"})
        ids = [str(rng.choice(self.neutral["id"][self.neutral["unit"] != unit])) for unit in partners["unit"]]
        made = partners.assign(id=ids, family=partners["unit"])
        kept = set().union(*(set(own["partner"]) for own in self.pairs.values()))
        return replace(self, pairs={"neutral": made[made["partner"].isin(kept)].reset_index(drop=True)})

    def emotional(self) -> pd.DataFrame:
        """All emotional prompts in one table, with the column ``emotion``."""
        parts = [own.assign(emotion=emotion) for emotion, own in self.pairs.items()]
        return pd.concat(parts, ignore_index=True)


def rows_of(prompts: pd.DataFrame, seed: int = 0) -> PromptPairs:
    """Order the prompts of a profile, or texts of one's own.

    Parameters
    ----------
    prompts
        With ``id, emotion, group, pair_id``, and ``text`` where labels lack pairs.
    seed
        Of :func:`emotion_utils.subspaces.pairing.with_pairs`, which finds partners where there are none.

    Raises
    ------
    UserError
        Where there are too few texts to pair.
    """
    prompts = with_pairs(prompts, seed)
    units = prompts["unit"].to_numpy() if "unit" in prompts else resampling_units(prompts)
    about = prompts[["id", "emotion", "pair_id"]].assign(unit=units, family=prompts["group"])
    neutral = about[about["emotion"] == "neutral"]
    paired = partners(about, ["id"]).rename(columns={"partner_id": "partner"})
    pairs = {}
    for emotion in emotions_of(prompts):
        of_emotion = paired[paired["emotion"] == emotion]
        pairs[emotion] = of_emotion[["id", "partner", "unit", "family"]].reset_index(drop=True)
    return PromptPairs(neutral[["id", "unit"]].reset_index(drop=True), pairs)


@dataclass(frozen=True, eq=False)
class ModelStates:
    """States of one model at the end of every prompt.

    Attributes
    ----------
    model
        Name.
    layers
        Of the second axis; ``resid_post`` of a layer is ``resid_pre`` of the next.
    ids
        Prompts.
    values
        Shape (prompt, layer, d_model), float64.
    activations
        All that was read, also at the emotion word; None where there are no tokens.
    """

    model: str
    layers: tuple[int, ...]
    ids: pd.Index = field(repr=False)
    values: Float[np.ndarray, "prompt layer d_model"] = field(repr=False)
    activations: Activations | None = field(default=None, repr=False)

    def at(self, ids: Sequence[str] | pd.Series) -> Float[np.ndarray, "layer prompt d_model"]:
        """States of some prompts, layers first."""
        rows = self.ids.get_indexer(pd.Index(ids))
        if (rows < 0).any():
            raise UserError(
                f'{self.model} was not read on "{list(ids)[int((rows < 0).argmax())]}": read it there too.'
            )
        return self.values[rows].transpose(1, 0, 2)


def _states(name: str, activations: Activations) -> ModelStates:
    ids, values = activations.at("end")
    return ModelStates(name, tuple(activations.layers()), pd.Index(ids), values.double().numpy(), activations)


def read_model(
    name: str,
    prompts: pd.DataFrame,
    store: Store | None = None,
    device: str = "cpu",
    dtype: str = "float32",
    separator: str = "off",
    chat: str = "off",
    *,
    half_depth: bool = False,
) -> ModelStates:
    """Load a model of the registry and read it: :func:`states_of`."""
    return states_of(load(name, device, dtype, separator, chat), prompts, store, half_depth=half_depth)


def states_of(
    model: Model, prompts: pd.DataFrame, store: Store | None = None, *, half_depth: bool = False
) -> ModelStates:
    """Read a model on prompts; the store is shared with the chapter on emotion vectors.

    At half depth only one layer is read, the nearest to relative depth 1/2, and no later one is run.
    """
    depths = (np.arange(model.n_layers) + 1) / model.n_layers
    layers = [int(np.abs(depths - 0.5).argmin())] if half_depth else None
    return _states(model.name, read_sets(model, {"own": prompts}, "baseline", store, layers).found["own"])


def read_untrained(
    name: str,
    prompts: pd.DataFrame,
    device: str = "cpu",
    dtype: str = "float32",
    seed: int = 0,
    separator: str = "off",
    chat: str = "off",
) -> ModelStates:
    """Read a model of the same architecture, tokenizer and dtype whose weights are random."""
    model = _untrained(name, device, dtype, seed, separator, chat)
    read = read_sets(model, {"own": prompts}, "baseline")
    return _states(f"{name}, untrained", read.found["own"])


def _untrained(name: str, device: str, dtype: str, seed: int, separator: str, chat: str) -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_model(load_config(name), dtype_of(name, device, dtype)).to(device).eval()
    tokenizer = load_tokenizer(name)
    return Model(network, tokenizer, name, reading=reading_of(name, tokenizer, separator, chat))


def untrained_choice(names: Sequence[str], prompts: pd.DataFrame, wanted: int = 3) -> tuple[str, int]:
    """The architecture that untrained models have, and how many of them may read some prompts.

    It is the first that all may have, by :data:`UNTRAINED_TOKENS`; else the first, with as many as it may have, or one.
    """
    affordable = {}
    for name in names:
        tokens = sum(token_counter(name)(prompts["text"].tolist()))
        with torch.device("meta"):
            network = build_model(load_config(name))
        affordable[name] = allowance(UNTRAINED_TOKENS, network.num_parameters()) // max(tokens, 1)
        if affordable[name] >= wanted:
            return name, wanted
    return names[0], max(1, affordable[names[0]])


def read_text(prompts: pd.DataFrame) -> ModelStates:
    """Put weighted word counts (TF-IDF) of the prompts in the place of states: one layer, no model.

    The counts are reduced to their first singular directions, so that they are as wide as a small model.
    """
    counts, _ = count_words(prompts["text"])
    weighted = TfidfTransformer(sublinear_tf=True).fit_transform(counts).toarray()
    left, singular, _ = np.linalg.svd(weighted, full_matrices=False)
    kept = min(TEXT_DIMENSIONS, int((singular > singular[0] * 1e-10).sum()))
    return ModelStates(TEXT, (0,), pd.Index(prompts["id"]), (left * singular)[:, None, :kept])


def paired_states(states: ModelStates, rows: PromptPairs, layer: int | None = None) -> PairedStates:
    """What :func:`emotion_utils.alignment.align.align` compares, of all layers or of one, by its place in order."""
    chosen = slice(None) if layer is None else slice(layer, layer + 1)
    emotional = {emotion: states.at(own["id"])[chosen] for emotion, own in rows.pairs.items()}
    partners = {emotion: states.at(own["partner"])[chosen] for emotion, own in rows.pairs.items()}
    neutral, groups = states.at(rows.neutral["id"])[chosen], rows.neutral["unit"].to_numpy()
    return PairedStates(states.model, states.layers[chosen], neutral, groups, emotional, partners)


@dataclass(frozen=True, eq=False)
class PairedStates:
    """What is compared of one model, all in float64.

    Attributes
    ----------
    model
        Registry name.
    layers
        Of the first axis of all arrays.
    neutral
        States of neutral prompts, shape (layer, row, d_model).
    groups
        Template family of each row.
    emotional, partners
        By emotion: states of emotional prompts and of their matched neutral ones, shape (layer, prompt, d_model).
    """

    model: str
    layers: tuple[int, ...]
    neutral: Float[np.ndarray, "layer row d_model"] = field(repr=False)
    groups: np.ndarray = field(repr=False)
    emotional: Mapping[str, Float[np.ndarray, "layer prompt d_model"]] = field(repr=False)
    partners: Mapping[str, Float[np.ndarray, "layer prompt d_model"]] = field(repr=False)
