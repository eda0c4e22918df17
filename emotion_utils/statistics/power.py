"""What a paired design can find: power, the n that is needed, the least effect; and the reports' rule of thumb.

Power is asked before the data. Power at the effect that was found says nothing that its p value does not
{cite:p}`hoenig2001`; it is computed here only to check the reports, under the name `post_hoc_as_published`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from statsmodels.stats.power import TTestPower

from emotion_utils.core.errors import UserError
from emotion_utils.statistics.permutations import LEVEL

POWER = 0.8
"""The chance of finding an effect that is asked for."""
RULE_OF_THUMB = 3.0
"""The reports' needed n is the square of this number over d."""


def power_of(d: float | Float[np.ndarray, " effect"], n: float) -> Float[np.ndarray, " effect"]:
    """Chance that a two-sided paired t test at 5 % with `n` independent pairs finds effects of size `d`.

    Parameters
    ----------
    d
        In standard deviations of the differences.
    n
        Independent pairs: units, where pairs come in units.
    """
    if n < 2:
        raise UserError(f"Power needs two pairs or more, not n = {n}: give the number of independent pairs.")
    sizes = np.atleast_1d(np.abs(np.asarray(d, dtype=np.float64)))
    return np.asarray(TTestPower().power(sizes, nobs=n, alpha=LEVEL), dtype=np.float64)


def needed_n(d: float, power: float = POWER) -> int:
    """Fewest independent pairs at which an effect of size `d` is found with this chance.

    Raises
    ------
    UserError
        Where `d` is 0, or the power is no share above the level of the test.
    """
    if not math.isfinite(d) or d == 0:
        raise UserError(f"No number of pairs finds an effect of d = {d}: give a size that is not 0.")
    if not LEVEL < power < 1:
        raise UserError(
            f"Power {power} at level {LEVEL} cannot be asked for: it is a share, and the larger of the two."
        )
    solved = TTestPower().solve_power(effect_size=abs(d), alpha=LEVEL, power=power)
    return max(math.ceil(float(np.squeeze(solved))), 2)


def least_effect(n: float) -> float:
    """Smallest d that `n` independent pairs find with a power of 80 %, in standard deviations of the differences."""
    if n < 2:
        raise UserError(f"Power needs two pairs or more, not n = {n}: give the number of independent pairs.")
    return float(np.squeeze(TTestPower().solve_power(nobs=n, alpha=LEVEL, power=POWER)))


def curves(sizes: Sequence[float], ns: Sequence[int]) -> pd.DataFrame:
    """Power of several effect sizes at several numbers of pairs: columns ``d, n, power``."""
    rows = [(d, n, float(power_of(d, n)[0])) for d in sizes for n in ns]
    return pd.DataFrame(rows, columns=["d", "n", "power"])


def needed_n_as_published(d: float) -> int:
    """The reports' needed n, which is (3 / d)² to the unit; its power is that of :func:`power_of`, not a stated one."""
    return round((RULE_OF_THUMB / d) ** 2)


def post_hoc_as_published(d: Float[np.ndarray, " effect"], n: float) -> float:
    """The reports' mean power at the effects that were found; see {cite:t}`hoenig2001` for why it is not used here."""
    return float(power_of(d, n).mean())
