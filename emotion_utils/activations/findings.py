"""What chapter 02 finds, as the numbers that its sentences are filled with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

FLOAT16 = float(np.finfo(np.float16).max)
"""The largest number that float16 can write."""


class MarkedWords(NamedTuple):
    """Emotion words that prompts mark, over all sets."""

    words: int
    least_rate: float
    """Share whose tokens were found, in the set where it is lowest."""


def marked_words(rates: pd.DataFrame) -> MarkedWords:
    """Sum up :func:`inventory.match_rates`; sets without a marked word count in neither number."""
    return MarkedWords(int(rates["words"].sum()), float(rates["word_rate"].min()))


class PaddingTraps(NamedTuple):
    """How far the last layer moves under left padding, as a multiple of its size, and how large values are."""

    no_positions: float
    """Without explicit positions."""
    no_mask: float
    """Without a mask as well."""
    largest: float
    """Value of any layer."""
    of_float16: float
    """That value as a share of the largest number of float16."""


def padding_traps(traps: pd.DataFrame, layers: pd.DataFrame) -> PaddingTraps:
    """Sum up :func:`batch_invariance.traps` and :func:`batch_invariance.by_layer`."""
    moved = traps.set_index("trap")["relative"]
    largest = float(layers["largest"].max())
    return PaddingTraps(
        float(moved["left padding, no explicit positions"]),
        float(moved["left padding, no mask"]),
        largest,
        largest / FLOAT16,
    )


class StoredRequest(NamedTuple):
    """What a store saves: milliseconds of a request and of the same request again."""

    first: float
    again: float
    same: bool
    """Whether both gave the same numbers to the last bit."""


def stored_request(requests: pd.DataFrame) -> StoredRequest:
    """Sum up :func:`throughput.from_store`."""
    by_request = requests.set_index("request")
    first, again = by_request["seconds"][["first time", "again"]] * 1000
    return StoredRequest(float(first), float(again), bool(by_request.at["again", "same"]))
