"""The report's numbers of a circuit: how many components, where in the depth, and how much they add up to.

All follow from the same effects, so that they are resampled together, over clean posts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.siblings.patching import TAU, THIRDS, Patched, third
from emotion_utils.statistics.resampling import effective_units, interval, unit_weights

SIZE, TOTAL = "components", "summed effects"
EARLY, LATE = "first and middle layers", "last layers"
QUANTITIES = (SIZE, TOTAL, EARLY, LATE)
"""Components with an effect of tau or more; the sum of all effects; shares of the circuit's effects by depth."""


@dataclass(frozen=True, eq=False)
class CircuitNumbers:
    """What the report says of a circuit, with its draws.

    Attributes
    ----------
    value, draws
        By quantity. A share is NaN where the circuit is empty.
    units
        Effective number of clean posts.
    """

    value: dict[str, float]
    draws: dict[str, Float[np.ndarray, " draw"]] = field(repr=False)
    units: float

    def ends(self, quantity: str) -> tuple[float, float]:
        """Interval (95 %) of a quantity."""
        value = self.value[quantity]
        if np.isnan(value):
            return np.nan, np.nan
        return interval(self.draws[quantity], self.units, value)

    def table(self) -> pd.DataFrame:
        """Columns ``quantity, value, low, high``."""
        rows = [(name, self.value[name], *self.ends(name)) for name in QUANTITIES]
        return pd.DataFrame(rows, columns=["quantity", "value", "low", "high"])

    def ratio(self, other: CircuitNumbers, quantity: str = TOTAL) -> tuple[float, float, float]:
        """A quantity over that of another circuit, with its interval; both are resampled by themselves."""
        value = self.value[quantity] / other.value[quantity]
        draws = self.draws[quantity] / other.draws[quantity]
        return value, *interval(draws, min(self.units, other.units), value)


def circuit_numbers(
    found: Patched, n_layers: int, *, tau: float = TAU, n_resamples: int = 500, seed: int = 0
) -> CircuitNumbers:
    """The report's numbers of a circuit.

    Parameters
    ----------
    found
    n_layers
        Of the model.
    tau
        Effect from which a component is in the circuit.
    n_resamples, seed
        Of the bootstrap over clean posts.
    """
    ratio = found.published()
    weights = unit_weights(found.pairs.post, n_resamples, np.random.default_rng(seed))
    drawn = (weights @ ratio) / weights.sum(axis=1, keepdims=True)
    last = np.array([third(point.layer, n_layers) == THIRDS[-1] for point in found.where])
    value = {name: float(own[0]) for name, own in _quantities(ratio.mean(axis=0)[None], last, tau).items()}
    return CircuitNumbers(value, _quantities(drawn, last, tau), effective_units(found.pairs.post))


def _quantities(
    effects: Float[np.ndarray, "draw component"], last: np.ndarray, tau: float
) -> dict[str, Float[np.ndarray, " draw"]]:
    inside = effects >= tau
    kept = np.where(inside, effects, 0.0)
    total = kept.sum(axis=1)
    late = np.divide(kept[:, last].sum(axis=1), total, out=np.full(len(total), np.nan), where=total > 0)
    return {SIZE: inside.sum(axis=1).astype(float), TOTAL: effects.sum(axis=1), EARLY: 1 - late, LATE: late}
