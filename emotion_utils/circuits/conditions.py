"""Heads taken out, or given what they give in another text, as conditions of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import torch

from emotion_utils.circuits.ablation import means_of, without
from emotion_utils.circuits.patching import patching_conditions
from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.engine.interventions import Condition
from emotion_utils.heads.pairs import Head, Pairs, emotional_pairs, heads_of, name_of
from emotion_utils.models.hooks import HookPoint, shape_at
from emotion_utils.models.model import Model
from emotion_utils.prompts.loading import labelled_set

KINDS = ("mean", "zero")


def ablate(
    model: Model,
    heads: Sequence[Head | str],
    kind: str = "mean",
    prompts: str | pd.DataFrame = "implicit",
) -> Condition:
    """Take heads out, at every position: a condition for `generate` and `log_odds`.

    Parameters
    ----------
    model
        From `emotion_utils.load`.
    heads
        Pairs (layer, head), counted from 0, or their names, such as ``L1H4``.
    kind
        What is left of a head: its ``mean`` over the tokens of prompts, or ``zero``.
    prompts
        Whose build split the mean is taken over, emotional and neutral prompts.

    Returns
    -------
    A condition that is called after the kind and the heads.

    Raises
    ------
    UserError
        For an unknown kind, without a head, and for one that is named otherwise or that the model does not have.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> model = eu.load("small-gpt2")
    >>> eu.ablate(model, ["L1H4", (2, 0)], "zero").name
    'zero L1H4+L2H0'
    """
    if kind not in KINDS:
        raise UserError(f'There is no ablation "{kind}": {suggestion(str(kind), KINDS)}')
    chosen = heads_of(model, heads)
    pairs = emotional_pairs(model, labelled_set(prompts), reply=False).of("build")
    shape = shape_at(model.network, HookPoint(0, "z"))
    values = means_of(pairs) if kind == "mean" else torch.zeros(model.n_layers, *shape)
    return without(pairs, chosen, values, f"{kind} {'+'.join(map(name_of, chosen))}")


def patch(model: Model, source: str, target: str, heads: Sequence[Head | str], mode: str = "z") -> Condition:
    """Give heads what they give in another text, at the ending that both share: a condition for the target alone.

    Parameters
    ----------
    model
        From `emotion_utils.load`.
    source, target
        The text that is taken from, and the one that the condition is to be run on. They end in the same tokens.
    heads
        As of :func:`ablate`; they are patched together.
    mode
        One of ``patching.MODES``: ``z`` (what a head gives), ``pattern_v``, ``v_only``.

    Returns
    -------
    A condition that is called after the mode and the heads.

    Raises
    ------
    UserError
        Where the two texts do not end in the same token, for an unknown mode, without a head, and for one that is named
        otherwise or that the model does not have.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> model = eu.load("small-gpt2")
    >>> eu.patch(model, "Anna helped Tom. Tom said:", "Anna saw Tom. Tom said:", ["L1H4"]).name
    'z of L1H4'
    """
    chosen = heads_of(model, heads)
    ids = [[int(i) for i in row] for row in model.encode([source, target]).ids]
    table = pd.DataFrame({"pair": ["texts"], "emotion": [""], "unit": [0], "split": [""], "version": [0]})
    pair = Pairs(model, table, ids[:1], ids[1:], [{}])
    if not pair.shared[0]:
        raise UserError(
            f"The texts {source[-30:]!r} and {target[-30:]!r} do not end in the same token: end both alike."
        )
    conditions, _ = patching_conditions(pair, [0], [chosen], mode)
    return replace(conditions[1], name=f"{mode} of {'+'.join(map(name_of, chosen))}")
