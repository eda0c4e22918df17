"""A mixed model beside the paired test: whether an effect stands where templates and prompts have some of their own."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped
from scipy.stats import t as student
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from emotion_utils.statistics.resampling import ENDS, FEWEST_UNITS
from emotion_utils.statistics.units import unit_codes


class Mixed(NamedTuple):
    """The fixed effect of the intervention, and how much of the differences' variance lies between units.

    Attributes
    ----------
    effect, low, high
        In the outcome's unit, with the 95 % interval.
    p
        Two-sided.
    between
        Share of the variance that lies between units, 0 to 1.
    n, n_units
        Pairs and units.
    converged
        Whether the fit ended where it should.
    """

    effect: float
    low: float
    high: float
    p: float
    between: float
    n: int
    n_units: int
    converged: bool


def mixed_model(
    differences: Float[np.ndarray, " pair"],
    units: Shaped[np.ndarray, " pair"],
    prompts: Shaped[np.ndarray, " pair"] | None = None,
) -> Mixed:
    """Fit ``difference ~ 1 + (1 | unit) + (1 | unit:prompt)`` by restricted maximum likelihood.

    Differences of pairs leave the prompt's own level out already; the random intercepts are those of the *effect*. The
    interval and the p value have Student's t with one degree of freedom fewer than there are units.

    Parameters
    ----------
    differences
        Changed minus untouched, NaN where a side is missing.
    units
        Template group of each pair.
    prompts
        Prompt of each pair, where a prompt has more than one (several samples, several directions).

    Returns
    -------
    With NaN and ``converged`` false where there are fewer units than `resampling.FEWEST_UNITS`, or no variance.
    """
    table = pd.DataFrame({"difference": np.asarray(differences, dtype=np.float64), "unit": np.asarray(units)})
    if prompts is not None:
        table["prompt"] = np.asarray(prompts).astype(str)
    unit_codes(np.asarray(units))
    table = table.dropna(subset=["difference"])
    n, n_units = len(table), table["unit"].nunique()
    if n_units < FEWEST_UNITS or table["difference"].std() == 0:
        nan = float("nan")
        return Mixed(nan, nan, nan, nan, nan, n, n_units, False)
    repeated = prompts is not None and table["prompt"].nunique() < n
    # in units of their own spread, so that the optimiser sees numbers near 1 whatever the outcome
    scale = float(table["difference"].std())
    model = MixedLM.from_formula(
        "scaled ~ 1",
        groups="unit",
        re_formula="1",
        vc_formula={"prompt": "0 + C(prompt)"} if repeated else None,
        data=table.assign(scaled=table["difference"] / scale),
    )
    with warnings.catch_warnings():
        # a variance of 0 between units is a result here, not a mishap
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        # its gradient fails where a variance nears 0: a search without one
        fit = model.fit(reml=True, method="powell")
    effect, error = float(fit.fe_params.iloc[0]) * scale, float(fit.bse_fe.iloc[0]) * scale
    half = float(student.ppf(ENDS[1], n_units - 1)) * error
    p = 2 * float(student.sf(abs(effect) / error, n_units - 1))
    between = float(np.asarray(fit.cov_re)[0, 0])
    whole = between + float(np.sum(fit.vcomp)) + float(fit.scale)
    share = between / whole if whole > 0 else float("nan")
    return Mixed(
        effect, effect - half, effect + half, p, share, n, n_units, bool(fit.converged) and whole > 0
    )
