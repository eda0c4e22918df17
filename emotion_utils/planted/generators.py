"""Pairs of simulated models that share nothing, or exactly as much as one says.

A model writes latent states in its own random coordinates: their variances fall as a power of the rank, as those of
real activations do, rows of one template family resemble each other, and all rows share a large mean. Both models of a
pair read the same prompts, so that the families are the same even where nothing else is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from emotion_utils.alignment.ridge import permute_pairing
from emotion_utils.core.errors import UserError
from emotion_utils.subspaces.readings import PairedStates

EMOTIONS = ("gratitude", "anger", "apology")


@dataclass(frozen=True)
class Recipe:
    """What two simulated models are like.

    Attributes
    ----------
    widths
        d_model of both.
    layers
        Of each.
    rows
        Paired neutral prompts.
    prompts
        Emotional prompts of each emotion, with as many partners.
    exponent
        Singular values fall as rank to the power of minus this.
    family
        Share of the variance that rows of one template family have in common.
    mean
        Length of the mean state in units of the root mean square deviation of one coordinate.
    shift
        Length of an emotion's shift in units of the latent standard deviation of one coordinate.
    strength
        Share of the variance that the two models have in common: 0 for models that share nothing.
    """

    widths: tuple[int, int] = (128, 128)
    layers: int = 2
    rows: int = 70
    prompts: int = 24
    exponent: float = 1.0
    family: float = 0.5
    mean: float = 30.0
    shift: float = 3.0
    strength: float = 0.0

    def __post_init__(self) -> None:
        for name in ("strength", "family"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(
                    f"The {name} is a share of variance: choose 0 to 1, not {getattr(self, name)}."
                )
        if self.rows < 3 or self.prompts < 2 or self.layers < 1 or min(self.widths) < 2:
            raise UserError(
                f"A pair of models needs 3 rows, 2 prompts, a layer and 2 dimensions at least: {self} has fewer."
            )


def spectrum(d: int, exponent: float) -> Float[np.ndarray, " d"]:
    """Singular values that fall as a power of the rank, scaled to a mean square of 1."""
    values = np.arange(1, d + 1, dtype=np.float64) ** -exponent
    return values * np.sqrt(d / (values**2).sum())


def random_basis(d: int, rng: np.random.Generator) -> Float[np.ndarray, "d d"]:
    """A uniformly random rotation or reflection, by the QR decomposition of a Gaussian matrix."""
    q, r = np.linalg.qr(rng.normal(size=(d, d)))
    return q * np.sign(np.diag(r))


def families(rows: int) -> np.ndarray:
    """Template family of each row: families of 3, 4 and 5 rows in turn, the last one cut short."""
    sizes = np.resize([3, 4, 5], rows // 3 + 1)
    return np.repeat(np.arange(len(sizes)), sizes)[:rows]


def _mixed(own: np.ndarray, common: np.ndarray, share: float) -> np.ndarray:
    return np.sqrt(1 - share) * own + np.sqrt(share) * common


def _clustered(rng: np.random.Generator, groups: np.ndarray, d: int, share: float) -> np.ndarray:
    own = rng.normal(size=(len(groups), d))
    return _mixed(own, rng.normal(size=(groups[-1] + 1, d))[groups], share)


def _latent(rng: np.random.Generator, recipe: Recipe, d: int) -> dict[str, np.ndarray]:
    """Standard normal states: of neutral rows, of partners, and of the shifts of all emotions."""
    return {
        "neutral": _clustered(rng, families(recipe.rows), d, recipe.family),
        "partners": rng.normal(size=(len(EMOTIONS), recipe.prompts, d)),
        "shifts": rng.normal(size=(len(EMOTIONS), 1, d)),
    }


def _model(
    rng: np.random.Generator, recipe: Recipe, name: str, d: int, common: Mapping[str, np.ndarray]
) -> PairedStates:
    """One model: what it shares and what it does not, at each layer in coordinates of its own."""
    layers: dict[str, list[np.ndarray]] = {"neutral": [], "partners": [], "emotional": []}
    own = _latent(rng, recipe, d)
    for _ in range(recipe.layers):
        fresh = _latent(rng, recipe, d)
        # half of what is not shared between models is shared between the layers of one
        states = {
            part: _mixed(_mixed(fresh[part], own[part], 0.5), common[part][..., :d], recipe.strength)
            for part in own
        }
        jitter = 0.3 * rng.normal(size=states["partners"].shape)
        states["emotional"] = states["partners"] + recipe.shift * states["shifts"] / np.sqrt(3) + jitter
        basis = spectrum(d, recipe.exponent)[:, None] * random_basis(d, rng)
        mean = recipe.mean * random_basis(d, rng)[0] if recipe.mean else np.zeros(d)
        for part, kept in layers.items():
            kept.append(states[part] @ basis + mean)
    stacked = {part: np.stack(kept) for part, kept in layers.items()}  # (layer, [emotion,] row, d)
    emotional, partners = (
        {emotion: stacked[part][:, i] for i, emotion in enumerate(EMOTIONS)}
        for part in ("emotional", "partners")
    )
    groups = families(recipe.rows)
    return PairedStates(name, tuple(range(recipe.layers)), stacked["neutral"], groups, emotional, partners)


def pair(recipe: Recipe, seed: int | np.random.SeedSequence) -> tuple[PairedStates, PairedStates]:
    """Two models of a recipe, as `alignment.align` takes them.

    With a strength of 0 every number of one is independent of every number of the other, beyond the recipe itself.
    """
    parts = np.random.SeedSequence(seed) if isinstance(seed, int) else seed
    shared, one, other = (np.random.default_rng(part) for part in parts.spawn(3))
    common = _latent(shared, recipe, max(recipe.widths))
    return (
        _model(one, recipe, "one", recipe.widths[0], common),
        _model(other, recipe, "other", recipe.widths[1], common),
    )


def shuffled(side: PairedStates, seed: int) -> PairedStates:
    """The same model with its neutral rows paired differently, families kept together."""
    order = permute_pairing(side.groups, 1, seed)[0]
    return replace(side, neutral=side.neutral[:, order])


def rescaled(side: PairedStates, factor: float) -> PairedStates:
    """The same model with all states multiplied by a number."""
    emotional, partners = (
        {emotion: factor * states for emotion, states in part.items()}
        for part in (side.emotional, side.partners)
    )
    return replace(side, neutral=factor * side.neutral, emotional=emotional, partners=partners)


def turned(side: PairedStates, seed: int, noise: float = 0.0) -> PairedStates:
    """The same model in other coordinates, with noise of so many standard deviations of its own states."""
    rng = np.random.default_rng(seed)
    bases = np.stack([random_basis(side.neutral.shape[2], rng) for _ in side.layers])
    deviation = (side.neutral - side.neutral.mean(axis=1, keepdims=True)).std(axis=(1, 2), keepdims=True)

    def seen(states: np.ndarray) -> np.ndarray:
        return states @ bases + noise * deviation * rng.normal(size=states.shape)

    emotional = {emotion: seen(states) for emotion, states in side.emotional.items()}
    partners = {emotion: seen(states) for emotion, states in side.partners.items()}
    return PairedStates(
        f"{side.model}, turned", side.layers, seen(side.neutral), side.groups, emotional, partners
    )
