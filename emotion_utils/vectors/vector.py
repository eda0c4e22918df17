"""Emotion vectors: one direction per layer, as an object that one can add, scale, compare, save and read."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from emotion_utils.core.errors import UserError
from emotion_utils.core.store import Store, artefact_key
from emotion_utils.models.hooks import HookPoint

STEPS = 2000
"""Most steps of the fit of a logistic direction."""


@dataclass(frozen=True, eq=False)
class EmotionVector:
    """A direction at each of some layers of one model.

    ``a + b``, ``a - b``, ``-a``, ``2 * a`` and ``a / 2`` do what they say, layer by layer.

    Attributes
    ----------
    emotion
        What it stands for, such as ``gratitude``.
    method
        How it was made, such as ``difference of means, end``.
    model
        Of which model.
    layers
        Of each row of ``values``.
    values
        In the units of the activations, shape (layer, d_model).
    kind
        The hook that it was read at, and may be added to.
    n
        Number of emotional prompts behind it.

    Raises
    ------
    UserError
        For values that are not finite or not one row per layer, and where vectors of different models are combined.

    Examples
    --------
    >>> import torch
    >>> import emotion_utils as eu
    >>> one = eu.EmotionVector("anger", "by hand", "none", (0, 1), torch.tensor([[3.0, 4.0], [0.0, 2.0]]))
    >>> one.norm().tolist(), (2 * one).at(1).tolist(), one.cosine(-one).tolist()
    ([5.0, 2.0], [0.0, 4.0], [-1.0, -1.0])
    """

    emotion: str
    method: str
    model: str
    layers: tuple[int, ...]
    values: Float[Tensor, "layer d_model"] = field(repr=False)
    kind: str = "resid_post"
    n: int = 0

    def __post_init__(self) -> None:
        if len(self.layers) != len(self.values):
            raise UserError(f"{len(self.layers)} layers are named for {len(self.values)} rows of values.")
        if not bool(torch.isfinite(self.values).all()):
            raise UserError(f"The vector {self.emotion} ({self.method}) of {self.model} is not finite.")

    def __add__(self, other: EmotionVector) -> EmotionVector:
        return self._with(other, 1, "+")

    def __sub__(self, other: EmotionVector) -> EmotionVector:
        return self._with(other, -1, "-")

    def __neg__(self) -> EmotionVector:
        return replace(self, emotion=f"-{self.emotion}", values=-self.values)

    def __mul__(self, factor: float) -> EmotionVector:
        if not isinstance(factor, int | float):
            return NotImplemented
        return replace(self, values=self.values * factor)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> EmotionVector:
        return replace(self, values=self.values / divisor)

    def at(self, layer: int) -> Float[Tensor, " d_model"]:
        """The direction at one layer."""
        if layer not in self.layers:
            raise UserError(f"The vector {self.emotion} has the layers {self.layers}, not {layer}.")
        return self.values[self.layers.index(layer)]

    def norm(self) -> Float[Tensor, " layer"]:
        """Euclidean length at each layer."""
        return self.values.norm(dim=1)

    def unit(self) -> EmotionVector:
        """The same directions, of length 1.

        Raises
        ------
        UserError
            For a layer where the vector is zero and has no direction.
        """
        norms = self.norm()
        if bool((norms == 0).any()):
            where = [layer for layer, norm in zip(self.layers, norms.tolist(), strict=True) if norm == 0]
            raise UserError(
                f"The vector {self.emotion} is zero at the layers {where} and has no direction there."
            )
        return replace(self, values=self.values / norms[:, None])

    def cosine(self, other: EmotionVector) -> Float[Tensor, " layer"]:
        """Cosine with another vector of the same model, at each layer; NaN where one is zero."""
        self._check_alike(other)
        dots = (self.values * other.values).sum(dim=1)
        return dots / (self.norm() * other.norm())

    def check_model(self, name: str) -> None:
        """Refuse to be used on another model, whose coordinates have nothing to do with these.

        Raises
        ------
        UserError
            Naming both models.
        """
        if self.model != name:
            raise UserError(
                f'The vector {self.emotion} is of the model "{self.model}", and this is "{name}": make one of this '
                "model. One that was mapped or made by hand says in its field `model` whose it is."
            )

    def lens_hook(self, layer: int, alpha: float = 1.0) -> tuple[str, Callable[..., Tensor]]:
        """Name and function of a TransformerLens hook that adds ``alpha`` times the direction at every position.

        For ``bridge.hooks(fwd_hooks=[vector.lens_hook(3)])``, with what ``Model.bridge`` gives.
        """
        direction = alpha * self.at(layer)

        def add(found: Tensor, hook: object = None) -> Tensor:
            return found + direction.to(found)

        return HookPoint(layer, self.kind).lens_name, add

    def save(self, store: Store, made_from: Mapping[str, Any]) -> str:
        """Keep it in a store under a key made of what it was made from and of what it is; gives the key."""
        about = {
            k: v
            for k, v in asdict(replace(self, values=torch.zeros(len(self.layers), 0))).items()
            if k != "values"
        }
        about["layers"] = list(self.layers)
        content = hashlib.sha256(self.values.contiguous().numpy().tobytes()).hexdigest()
        parameters = {**made_from, "vector": about, "content": content}
        key = artefact_key("vector", parameters)
        store.put(key, {"values": self.values}, parameters)
        return key

    @classmethod
    def read(cls, store: Store, key: str) -> EmotionVector:
        """Read what :meth:`save` kept."""
        about = dict(store.manifest(key)["parameters"]["vector"])
        about["layers"] = tuple(about["layers"])
        return cls(values=store.get(key)["values"], **about)

    def _check_alike(self, other: EmotionVector) -> None:
        for name in ("model", "kind", "layers"):
            one, two = getattr(self, name), getattr(other, name)
            if one != two:
                raise UserError(
                    f"The vectors {self.emotion} and {other.emotion} differ in {name} ({one} and {two}): "
                    "only vectors of one model, hook and set of layers can be combined."
                )

    def _with(self, other: EmotionVector, factor: int, sign: str) -> EmotionVector:
        self._check_alike(other)
        values = self.values + factor * other.values
        method = self.method if self.method == other.method else f"{self.method} {sign} {other.method}"
        name = f"{self.emotion} {sign} {other.emotion}"
        return replace(self, emotion=name, method=method, values=values, n=min(self.n, other.n))


def difference_of_means(
    emotional: Float[Tensor, "prompt layer d_model"], neutral: Float[Tensor, "other layer d_model"]
) -> Float[Tensor, "layer d_model"]:
    """Mean over emotional prompts minus mean over neutral ones, summed in float64.

    Raises
    ------
    UserError
        Where one of the two is empty.
    """
    if not len(emotional) or not len(neutral):
        raise UserError(
            f"A difference of means needs prompts of both kinds: there are {len(emotional)} emotional "
            f"and {len(neutral)} neutral ones."
        )
    return (emotional.double().mean(dim=0) - neutral.double().mean(dim=0)).float()


def centred_class_means(
    values: Float[Tensor, "prompt layer d_model"], labels: Sequence[str]
) -> dict[str, Float[Tensor, "layer d_model"]]:
    """Mean of each class minus the mean of the class means, so that the classes add up to zero whatever their sizes."""
    names = list(dict.fromkeys(labels))
    chosen = np.asarray(labels, dtype=object)
    means = {name: values[torch.from_numpy(chosen == name)].double().mean(dim=0) for name in names}
    centre = torch.stack(list(means.values())).mean(dim=0)
    return {name: (mean - centre).float() for name, mean in means.items()}


def logistic_directions(
    values: Float[Tensor, "prompt layer d_model"], positive: Bool[np.ndarray, " prompt"], penalty: float = 1.0
) -> Float[Tensor, "layer d_model"]:
    """Weights of an L2-regularised logistic regression at each layer, in the units of the activations.

    Each layer is divided by the root mean square of its centred activations before the fit, so that the penalty means
    the same for a model whose activations are a hundred times larger. The direction gets the length that the
    difference of the class means has along it, which makes it comparable with :func:`difference_of_means`.

    Parameters
    ----------
    values
    positive
        Which prompts are of the emotion; both kinds must occur.
    penalty
        Inverse of scikit-learn's ``C``.

    Raises
    ------
    UserError
        Where only one class occurs, and where the fit does not settle.
    """
    if positive.all() or not positive.any():
        raise UserError(f"A logistic direction needs two classes: all {len(positive)} prompts are of one.")
    rows = []
    for layer in range(values.shape[1]):
        x = values[:, layer].double().numpy()
        x = x - x.mean(axis=0)
        scale = float(np.sqrt((x**2).mean())) or 1.0
        fit = LogisticRegression(C=1 / penalty, max_iter=STEPS)
        with warnings.catch_warnings():  # scikit-learn only warns, and the direction would be anything
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                fit.fit(x / scale, positive)
            except ConvergenceWarning:
                raise UserError(
                    f"The logistic direction of layer {layer} (counted from 0) is not settled after {STEPS} steps at "
                    f"penalty {penalty:g}: choose a larger penalty, or the difference of means."
                ) from None
        unit = fit.coef_[0] / max(float(np.linalg.norm(fit.coef_[0])), 1e-300)
        gap = float((x[positive].mean(axis=0) - x[~positive].mean(axis=0)) @ unit)
        rows.append(torch.from_numpy(unit * gap))
    return torch.stack(rows).float()
