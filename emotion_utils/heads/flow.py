"""The way of information through a circuit on one prompt: which tokens its heads look at, seen from the last."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from emotion_utils.activations.forward import head_outputs
from emotion_utils.heads.pairs import Head, Pairs

LEAST = 0.3
"""Share of a head's attention that is drawn."""


def flow(pairs: Pairs, row: int, heads: Sequence[Head], least: float = LEAST) -> pd.DataFrame:
    """Follow the attention of some heads back from the last token of an emotional prompt.

    In the last layer only the last token counts. A token that a drawn head looks at counts in all layers below.

    Parameters
    ----------
    pairs
    row
        Of the pair.
    heads
        Of the circuit.
    least
        Smaller shares of a head's attention are left out.

    Returns
    -------
    One row per link: ``layer, head, query, key`` (positions), ``weight`` (share of the head's attention), the last
    layer first.
    """
    ids = list(pairs.emotional[row])
    pattern = head_outputs(pairs.model, [ids], "pattern").values[0]
    reached, rows = {len(ids) - 1}, []
    for layer in sorted({layer for layer, _ in heads}, reverse=True):
        seen: set[int] = set()
        for head in sorted(number for at, number in heads if at == layer):
            for query in sorted(reached):
                for key, weight in enumerate(pattern[layer, head, query, : query + 1].tolist()):
                    if weight >= least:
                        rows.append((layer, head, query, key, weight))
                        seen.add(key)
        reached |= seen
    return pd.DataFrame(rows, columns=["layer", "head", "query", "key", "weight"])
