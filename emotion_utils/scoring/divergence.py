"""How far an intervention moves the next-token distribution."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from emotion_utils.core.errors import UserError

TOLERANCE = 1e-3


def kl_divergence(
    steered: Float[Tensor, "position vocabulary"], unsteered: Float[Tensor, "position vocabulary"]
) -> Float[Tensor, " position"]:
    """Kullback-Leibler divergence of the steered from the unsteered distribution, KL(steered || unsteered).

    Range 0 to infinity, in nats; higher is a larger change, whatever its direction, at this position alone. It is
    infinite where a token that steering allows was impossible before.

    Parameters
    ----------
    steered, unsteered
        Log-probabilities of the next token at each position.

    Raises
    ------
    UserError
        For rows that are no log-probabilities, such as logits.
    """
    p, q = steered.double(), unsteered.double()
    for name, rows in (("steered", p), ("unsteered", q)):
        off = (rows.logsumexp(dim=-1).abs() > TOLERANCE) | rows.isnan().any(dim=-1)
        if off.any():
            raise UserError(
                f"Row {int(off.nonzero()[0])} of the {name} distribution does not sum to 1: "
                "pass torch.log_softmax(logits, dim=-1)."
            )
    terms = p.exp() * (p - q)
    return terms.masked_fill(p == float("-inf"), 0.0).sum(dim=-1).clamp(min=0)
