"""One sparse autoencoder in training: its weights, its optimiser, and which features have fired of late."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import relu

from emotion_utils.dictionaries.dictionary import Dictionary
from emotion_utils.dictionaries.settings import L1, BatchTopK, Recipe

FALL = 0.2
"""Share of the steps in which the learning rate of BatchTopK falls to zero."""


class Learner:
    """Weights in training; states come in units of the model.

    Parameters
    ----------
    mean
        Of the states, where the decoder's bias starts.
    square
        Mean square norm of the states.
    how
    steps
        Of the whole training.
    seed
        Of the directions at the start.
    device
    """

    def __init__(
        self,
        mean: Float[Tensor, " d_model"],
        square: float,
        how: Recipe,
        steps: int,
        seed: int,
        device: str = "cpu",
    ) -> None:
        self.how, self.steps, self.taken = how, steps, 0
        width = len(mean)
        self.scale = math.sqrt(width / square) if isinstance(how, BatchTopK) else 1.0
        n = how.features_of(width)
        drawn = torch.randn(n, width, generator=torch.Generator().manual_seed(seed))
        atoms = (drawn / drawn.norm(dim=1, keepdim=True)).to(device)
        self.decoder, self.encoder = atoms, atoms.T.contiguous()
        self.encoder_bias = torch.zeros(n, device=device)
        self.decoder_bias = (mean.float() * self.scale).to(device)
        trained = [
            self.encoder,
            self.encoder_bias,
            self.decoder_bias,
            *([] if how.frozen else [self.decoder]),
        ]
        for part in trained:
            part.grad = torch.zeros_like(part)
        self.optimiser = torch.optim.Adam(trained, lr=how.rate, fused=True)
        self.idle = torch.zeros(n, device=device)  # states since each feature fired
        self._rooms: dict[str, Tensor] = {}

    @property
    def dead(self) -> Tensor:
        """Whether each feature has not fired for ``dead_after`` states (L1: for 10,000)."""
        after = self.how.dead_after if isinstance(self.how, BatchTopK) else 10_000
        return self.idle >= after

    def pre(
        self, scaled: Float[Tensor, "row d_model"], out: Float[Tensor, "row feature"] | None = None
    ) -> Float[Tensor, "row feature"]:
        """What the encoder makes of scaled states, before any of it is kept."""
        # the bias of the decoder is taken off in the constant, which costs less than in every state
        return torch.addmm(
            self.encoder_bias - self.decoder_bias @ self.encoder, scaled, self.encoder, out=out
        )

    @torch.no_grad()
    def step(
        self, states: Float[Tensor, "row d_model"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, "row feature"]]:
        """One step of the optimiser.

        Returns
        -------
        Squared error, summed over dimensions and averaged over states, in squared units of scaled states; and the
        activations, which the next step overwrites.
        """
        missing, activations = self.gradients(states)
        error = missing.square().sum() / len(states)
        self._descend()
        self.idle = torch.where(activations.amax(dim=0) > 0, 0.0, self.idle + len(states))
        return error, activations

    @torch.no_grad()
    def gradients(
        self, states: Float[Tensor, "row d_model"]
    ) -> tuple[Float[Tensor, "row d_model"], Float[Tensor, "row feature"]]:
        """Put the gradient of the loss into the weights.

        Written out, in memory that is used again in each step: getting new memory for every product would take as long
        as the products.

        Returns
        -------
        The error, state minus reconstruction, in units of scaled states; and the activations.
        """
        x = states * self.scale if self.scale != 1 else states
        n, how = len(x), self.how
        activations = self.pre(x, self._room("activations", n))
        dead = self._nearest_dead(activations, how) if isinstance(how, BatchTopK) else None
        least = smallest_kept(activations, how.k * n) if isinstance(how, BatchTopK) else 0.0
        torch.threshold_(activations, least, 0.0)
        missing = x - torch.addmm(self.decoder_bias, activations, self.decoder)
        back = missing * (-2 / n)  # derivative of the error by the reconstruction
        by_activation = torch.mm(back, self.decoder.T, out=self._room("by_activation", n))
        if isinstance(how, L1):
            by_activation += how.coefficient / n
        by_activation.masked_fill_(activations == 0, 0.0)
        if self.decoder.grad is not None:
            torch.mm(activations.T, back, out=self.decoder.grad)
        if dead is not None and isinstance(how, BatchTopK):
            self._revive(*dead, missing, by_activation, how.auxiliary)
        constant = by_activation.sum(dim=0)
        self.encoder_bias.grad = constant
        self.decoder_bias.grad = back.sum(dim=0) - self.encoder @ constant
        gradient = torch.mm(x.T, by_activation, out=self.encoder.grad)
        gradient.addr_(self.decoder_bias, constant, alpha=-1)
        return missing, activations

    def _nearest_dead(self, pre: Tensor, how: BatchTopK) -> tuple[Tensor, Tensor] | None:
        """Numbers of dead features, and the activations that they would have, the largest of each state."""
        numbers = self.dead.nonzero()[:, 0]
        if not len(numbers) or not how.auxiliary:
            return None
        own, most = relu(pre[:, numbers]), max(1, self.decoder.shape[1] // 2)
        if len(numbers) > most:
            own = torch.where(own >= own.topk(most, dim=1).values[:, -1:], own, 0.0)
        return numbers, own

    def _revive(
        self, numbers: Tensor, own: Tensor, missing: Tensor, by_activation: Tensor, weight: float
    ) -> None:
        """Add the gradient of the second loss: dead features are to write what is missing."""
        atoms = self.decoder[numbers]
        back = (own @ atoms - missing) * (2 * weight / len(own))
        if self.decoder.grad is not None:
            self.decoder.grad.index_add_(0, numbers, own.T @ back)
        by_activation.index_add_(1, numbers, (back @ atoms.T).masked_fill_(own == 0, 0.0))

    def _room(self, name: str, rows: int) -> Tensor:
        found = self._rooms.get(name)
        if found is None or len(found) != rows:
            found = self._rooms[name] = torch.empty(rows, len(self.idle), device=self.idle.device)
        return found

    @torch.no_grad()
    def _descend(self) -> None:
        """Step along the gradient, atoms staying on the unit sphere."""
        if isinstance(self.how, BatchTopK):
            left = (self.steps - self.taken) / max(1.0, FALL * self.steps)
            self.optimiser.param_groups[0]["lr"] = self.how.rate * min(1.0, left)
        if self.decoder.grad is not None:
            along = (self.decoder.grad * self.decoder).sum(dim=1, keepdim=True)
            self.decoder.grad.addcmul_(along, self.decoder, value=-1)
        self.optimiser.step()
        if not self.how.frozen:
            self.decoder.div_(self.decoder.norm(dim=1, keepdim=True))
        self.taken += 1

    def finished(self, threshold: float = 0.0) -> Dictionary:
        """What has been learned, on the CPU."""
        parts = (self.encoder, self.encoder_bias, self.decoder, self.decoder_bias)
        encoder, encoder_bias, decoder, decoder_bias = (part.detach().cpu().clone() for part in parts)
        thresholds = torch.full_like(encoder_bias, threshold)
        return Dictionary(encoder, encoder_bias, decoder, decoder_bias, thresholds, self.scale)


def smallest_kept(pre: Float[Tensor, "row feature"], n: int) -> float:
    """Where to cut so that the n largest are kept: the largest that is not; 0 where fewer are positive."""
    flat = pre.detach().flatten()
    if n >= len(flat):
        return 0.0
    if flat.device.type == "cpu":  # several times as fast as what torch has
        place = len(flat) - n - 1
        return max(0.0, float(np.partition(flat.numpy(), place)[place]))
    return max(0.0, float(flat.topk(n + 1, sorted=False).values.min()))
