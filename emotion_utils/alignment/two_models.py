"""Two models compared in one call, with null and ceiling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from emotion_utils.alignment.all_pairs import align_pairs
from emotion_utils.core.errors import UserError
from emotion_utils.models.model import Model
from emotion_utils.prompts.loading import labelled_set
from emotion_utils.subspaces.readings import rows_of, states_of

if TYPE_CHECKING:
    from emotion_utils.core.store import Store


def align_models(
    source: Model,
    target: Model,
    prompts: str | pd.DataFrame = "baseline",
    k: int = 5,
    n_permutations: int = 199,
    seed: int = 0,
    *,
    store: Store | None = None,
) -> pd.DataFrame:
    """Ask how much two models have in common: ``eu.align(source, target)``.

    A linear map is fitted on neutral prompts and scored on emotions that it never saw, for all pairs of layers; the
    best pair is held against the best pair of every other pairing of the rows, so that looking at many pairs costs
    what it should. Emotional prompts of the source and of the target are of different units.

    Parameters
    ----------
    source, target
        From `emotion_utils.load`; their names differ.
    prompts
        Name of a prompt set, or a table of prompts; where they have no neutral partners they are paired by lot, see
        `prompts.partners.loosely_paired`.
    k
        Dimensions of the emotion subspaces.
    n_permutations, seed
        Of the pairing; the seed also of the halves of the units.
    store
        Keeps the activations.

    Returns
    -------
    One row per score: ``r2`` (of neutral prompts held out), ``overlap`` (of the mapped emotion subspaces with the
    target's own, 0 to 1) and ``probe`` (AUROC of the mapped emotion vectors). Columns ``source, target, score,
    source_layer, target_layer, value, null, null_high, p``, ``ceiling`` (the target with itself), ``calibrated`` (0 is
    the null, 1 the ceiling) and ``excess`` (value minus null).

    Raises
    ------
    UserError
        For two models of one name, too few texts to pair, and what :func:`align.align` refuses.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> one, other = eu.load("small-gpt2"), eu.load("small-neo")
    >>> table = eu.align(one, other, "baseline", n_permutations=99).set_index("score")
    >>> float(table.loc["r2", "p"])
    0.01
    >>> table.index[table["value"] > table["null"]].tolist()
    ['r2', 'overlap', 'probe']
    """
    if source.name == target.name:
        raise UserError(
            f'Both models are called "{source.name}": with itself a model reaches its ceiling, take two.'
        )
    table = labelled_set(prompts)
    states = {model.name: states_of(model, table, store) for model in (source, target)}
    found = align_pairs(
        states, [target.name], rows_of(table, seed).halves(seed), k, n_permutations, seed
    ).best()
    return found[found["source"] == source.name].reset_index(drop=True)
