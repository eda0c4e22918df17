"""The paired differences behind the results of chapters 05 to 07, so that all are tested once and the same way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from emotion_utils.effects.claims import measurements
from emotion_utils.effects.heads import head_effects, published_effects
from emotion_utils.effects.records import Effect
from emotion_utils.effects.steering import steering_effects
from emotion_utils.heads import screened
from emotion_utils.heads import sizes as head_sizes
from emotion_utils.heads.published import published_patching
from emotion_utils.overview import Options
from emotion_utils.prompts import load_profile
from emotion_utils.steering import overview
from emotion_utils.steering import sizes as steering_sizes

if TYPE_CHECKING:
    from emotion_utils.store import Store

__all__ = ["Effect", "collect", "measurements"]


def collect(models: Sequence[str], profile: str, store: Store, **options: Unpack[Options]) -> list[Effect]:
    """All effects of several models, read from what chapters 05 to 07 kept; what is missing is computed and kept.

    Parameters
    ----------
    models
        Names of the registry.
    profile
        As of the chapters: how much is run.
    store
        Of the run.
    options
        ``device``, ``dtype`` and ``seed`` as of the chapters; ``first``: the model to begin with where something has to
        be computed.

    Returns
    -------
    Steering, then heads taken out and transplanted, then the reports' experiment, each model by model.
    """
    implicit, named = load_profile("implicit"), "smoke" if profile == "smoke" else "baseline"
    size = head_sizes.SIZES[profile]
    steered = overview.by_context(models, implicit, steering_sizes.SIZES[profile], store, **options)
    heads = screened.by_pair(models, implicit, size, store, **options)
    published = published_patching(models, load_profile(named), size, store, **options)
    return [*steering_effects(steered), *head_effects(heads), *published_effects(published, named)]
