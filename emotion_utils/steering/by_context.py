"""The chosen settings on fresh contexts, one by one: what each text scores, steered, untouched and under controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from emotion_utils.steering.contexts import fresh_contexts
from emotion_utils.steering.controls import KINDS, control_settings
from emotion_utils.steering.dose import STYLE, styled
from emotion_utils.steering.readout import reply_log_odds
from emotion_utils.steering.subject import SteeredModel
from emotion_utils.steering.trials import chosen_settings, outcomes, run

if TYPE_CHECKING:
    from emotion_utils.core.store import Store

UNTOUCHED = "untouched"
COST = "nats"
SHIFT = "log_odds"
SCORES = (SHIFT, "target", *STYLE, COST)
"""What a text, and the log-odds before it, are measured by; untouched log-odds are 0."""
KEYS = ["emotion", "kind", "number", "prompt"]


def scored_contexts(
    steered: SteeredModel,
    chosen: Mapping[str, pd.Series],
    n: int,
    *,
    store: Store | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Continue fresh contexts under the chosen settings, untouched, and under one control of each kind.

    Parameters
    ----------
    steered
    chosen
        By emotion, with ``made, layer, alpha``.
    n
        Contexts of :func:`contexts.fresh_contexts`.
    store
        Keeps the texts.
    seed
        Of the contexts and of the controls.

    Returns
    -------
    One row per emotion, kind (``emotion vector``, ``untouched``, or that of a control) and context: ``emotion, kind,
    number, layer, alpha, prompt`` (number of the context), ``unit`` and the columns of :data:`SCORES`: ``log_odds``
    (shift of the log-odds of genuine replies of the emotion against neutral ones by teacher forcing, nats), ``target``,
    scores of style, and ``nats`` (log of the perplexity beside genuine replies, per token; not of controls, and NaN
    where there is no reply).
    """
    contexts, settings = fresh_contexts(n, seed), chosen_settings(steered, chosen)
    plain = chosen_settings(steered, chosen, [0.0])
    controls = [c for setting in settings for c in control_settings(steered, setting, len(KINDS), seed)]
    drawn = run(steered, contexts, [*settings, *plain], store=store)
    texts = [
        outcomes(steered, drawn).assign(**{COST: lambda t: np.log(t["relative_perplexity"])}),
        outcomes(steered, run(steered, contexts, controls, store=store), cost=False),
    ]
    table = styled(pd.concat(texts, ignore_index=True))
    odds = reply_log_odds(steered, contexts, [*settings, *controls])
    table = table.merge(odds[[*KEYS, "shift"]].rename(columns={"shift": SHIFT}), on=KEYS, how="left")
    still = table["alpha"] == 0
    table.loc[still, "kind"], table.loc[still, SHIFT] = UNTOUCHED, 0.0
    return table[[*KEYS[:3], "layer", "alpha", "prompt", "unit", *SCORES]]
