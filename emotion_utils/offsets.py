"""Which characters each token stands for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from emotion_utils.errors import UserError

__all__ = ["Offsets", "check_offsets", "covering"]

Offsets = Callable[[list[str]], list[list[tuple[int, int]]]]
"""From texts to the character spans of their tokens."""


def check_offsets(tokenizer: Any, name: str) -> None:
    """Refuse a tokenizer that does not say which characters a token stands for."""
    if not tokenizer.is_fast:
        raise UserError(
            f'The tokenizer of "{name}" gives no character offsets: choose a model with a tokenizer.json.'
        )


def covering(spans: Sequence[tuple[int, int]], start: Any, end: Any) -> list[int]:
    """The tokens that share a character with ``start <= c < end``; none where the ends are missing (NaN, None)."""
    if pd.isna(start) or pd.isna(end):
        return []
    return [i for i, (a, b) in enumerate(spans) if a < b and a < end and b > start]
