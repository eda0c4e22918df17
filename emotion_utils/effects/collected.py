"""The effects of chapters 05 to 07, collected: read from what they kept, or computed and kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from emotion_utils.circuits import comparison
from emotion_utils.circuits.published import published_patching
from emotion_utils.core import profiles
from emotion_utils.core.store import Store
from emotion_utils.effects.heads import head_effects, published_effects
from emotion_utils.effects.records import Effect
from emotion_utils.effects.steering import steering_effects
from emotion_utils.prompts.loading import load_profile
from emotion_utils.steering import overview
from emotion_utils.vectors.comparison import Options


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
    Steering, then heads taken out and patched, then the reports' experiment, each model by model.
    """
    implicit, named = load_profile("implicit"), "smoke" if profile == "smoke" else "baseline"
    size = profiles.HEADS_SIZES[profile]
    steered = overview.by_context(models, implicit, profiles.STEERING_SIZES[profile], store, **options)
    heads = comparison.per_pair_effects(models, implicit, size, store, **options)
    published = published_patching(models, load_profile(named), size, store, **options)
    return [*steering_effects(steered), *head_effects(heads), *published_effects(published, named)]
