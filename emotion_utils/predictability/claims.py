"""What the report's claims are judged by, from a study."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Shaped

from emotion_utils.novelty.resampled import PositionCurve, Resampled, document_weights, error_curve
from emotion_utils.novelty.surprisal_correlation import exchanged_curves
from emotion_utils.parts.error_sums import Errors, positions_from
from emotion_utils.parts.r2 import r2
from emotion_utils.predictability.probing import Probed
from emotion_utils.predictability.study import PREDICTOR, Study
from emotion_utils.reports.predictability import Measured
from emotion_utils.statistics.resampling import effective_units

POOLED = "pooled"


def measured(one: Study, curves: Mapping[int, PositionCurve], domain: Probed, kind: Probed) -> Measured:
    """Gather what the report's claims are about, all resampled over the same test documents.

    Parameters
    ----------
    one
    curves
        From :func:`emotion_utils.predictability.tables.correlations`.
    domain, kind
        The probes of both tasks.
    """
    documents, n, seed = one.test.document, one.sizes.resamples, one.seed
    errors = {
        layer: error_curve(
            own.novel.double().square().mean(dim=-1).numpy(), documents, n_resamples=n, seed=seed
        )
        for layer, own in one.parts.items()
    }
    asked = (n, seed)
    return Measured(
        one.model.n_layers,
        len(np.unique(documents)),
        {layer: pooled_r2(own, documents, one.sizes.first, *asked) for layer, own in one.errors.items()},
        errors,
        curves,
        {layer: domain.gap_of(layer, *asked) for layer in one.layers},
        {layer: kind.gap_of(layer, *asked) for layer in one.layers},
        {layer: domain.trivial_gap_of(layer, *asked) for layer in one.layers},
        {layer: kind.trivial_gap_of(layer, *asked) for layer in one.layers},
        _rho_null(one),
        one.sizes.first,
    )


def pooled_r2(
    errors: Errors, documents: Shaped[np.ndarray, " window"], first: int, resamples: int, seed: int
) -> Resampled:
    """R2 of the predictor over the positions from ``first`` on, pooled as published, with its draws over documents.

    Parameters
    ----------
    errors
        Of test windows, summed by document.
    documents
        Of each of these windows: draws are those of all statistics of the same windows.
    first, resamples, seed
    """
    columns = positions_from(first, errors.variances[POOLED].shape[1])
    total = errors.variances[POOLED][:, columns].sum(axis=1)
    error = errors.errors[PREDICTOR][POOLED][:, columns].sum(axis=1)
    weights = document_weights(errors.documents, resamples, seed)
    return Resampled(
        float(r2(error, total)), r2(weights * error, weights * total), effective_units(documents)
    )


def _rho_null(one: Study) -> float:
    """Mean correlation over layers and positions where surprisals are exchanged between documents."""
    drawn = [
        exchanged_curves(lengths, one.surprisal, one.test.document, one.sizes.permutations, one.seed)
        for lengths in one.norms.values()
    ]
    return float(np.nanmean(np.stack(drawn)[..., one.sizes.first - 1 :]))
