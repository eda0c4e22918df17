"""How sparse autoencoders are trained: the recipe of the report, and one that is sound.

Both read what a state has beyond the decoder's bias, and start with the bias at the mean of the states and with an
encoder that is the decoder turned round. Atoms of the decoder are unit vectors; the part of the gradient along an atom
is taken off, since it would only change the length, and lengths are set to one after each step
{cite:p}`bricken2023`. Errors are squared, summed over dimensions and averaged over states; so are the terms beside
them. The optimiser is Adam, batches are drawn without replacement, and states that fill no batch are left out of an
epoch. The batches of an epoch follow from the seed alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from emotion_utils.core.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What both recipes have.

    Attributes
    ----------
    features
        Of the dictionary; None for ``multiple`` times d_model.
    multiple
    rate
        Learning rate.
    batch
        States of a step.
    epochs
        Times that each state is seen.
    frozen
        Whether the decoder keeps the random directions that it starts with, while encoder, biases and threshold are
        trained: the baseline of {cite:t}`korznikov2026`.

    Raises
    ------
    UserError
        For sizes below 1 and a learning rate that is not positive.
    """

    features: int | None = None
    multiple: int = 4
    rate: float = 1e-3
    batch: int = 512
    epochs: int = 10
    frozen: bool = False

    def __post_init__(self) -> None:
        sizes = {"multiple": self.multiple, "batch": self.batch, "epochs": self.epochs}
        for name, size in (
            sizes.items() if self.features is None else {"features": self.features, **sizes}.items()
        ):
            if size < 1:
                raise UserError(
                    f"Training of a dictionary with {name} = {size} does nothing: choose at least 1."
                )
        if not self.rate > 0:
            raise UserError(f"The learning rate is {self.rate}: choose a positive number.")

    def features_of(self, width: int) -> int:
        """Of a dictionary of states of this width."""
        return self.multiple * width if self.features is None else self.features


@dataclass(frozen=True, kw_only=True)
class L1(Schedule):
    """A ReLU dictionary with a penalty on the sum of activations, as the report has it.

    The report gives the number of features (4 times d_model), the coefficient, Adam with its rate, batch and epochs. It
    does not say the rest, which is as the head of this module says; states are taken as they are, and features that
    never fire are not revived.

    Attributes
    ----------
    coefficient
        Of the summed activations, beside the squared error summed over dimensions. It means nothing without the scale
        of the states: where they are twice as long, errors are four times as large and activations only twice, and the
        same coefficient asks for half as much sparsity. An implementation that averages the error over dimensions, as
        ``torch.nn.MSELoss`` does, has d_model times our coefficient.
    """

    coefficient: float = 0.03

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.coefficient >= 0:
            raise UserError(f"The L1 coefficient is {self.coefficient}: choose 0 or more.")


@dataclass(frozen=True, kw_only=True)
class BatchTopK(Schedule):
    """A dictionary that keeps the largest activations of a whole batch {cite:p}`bussmann2024`.

    States are scaled so that their mean square norm is d_model. After training one threshold takes the place of the
    batch: the mean, over batches of training states, of where a batch is cut, between its smallest activation that is
    kept and the largest that is not. The learning rate falls to zero in a straight line over the last fifth of the
    steps, as it does in {cite:t}`gao2024`.

    Attributes
    ----------
    k
        Activations that are kept of each state, on average over the batch.
    auxiliary
        Weight of the second loss {cite:p}`gao2024`: features that have not fired for a while are to write, together,
        the error that the others leave. At most ``d_model / 2`` of them do so for a state.
    dead_after
        States without firing after which a feature counts as dead.
    """

    k: int = 16
    auxiliary: float = 1 / 32
    dead_after: int = 10_000

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.k < 1 or self.dead_after < 1 or not self.auxiliary >= 0:
            raise UserError(
                f"BatchTopK keeps at least one activation of a state, calls no feature dead before a state, and has no "
                f"negative loss: k = {self.k}, dead_after = {self.dead_after}, auxiliary = {self.auxiliary}."
            )


Recipe = L1 | BatchTopK
PUBLISHED = L1()
"""As in the report."""
