"""One spelling for one value, so that a hash of it means the value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from emotion_utils.errors import UserError

__all__ = ["canonical_json", "digest"]


def canonical_json(value: Any) -> bytes:
    """JSON with one spelling for one value.

    Raises
    ------
    UserError
        For a value that JSON does not have (NaN, sets, arrays, names that are no text): its spelling could differ
        between two runs.
    """
    _check_names(value)
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise UserError(
            f"only JSON values (text, finite numbers, true, false, lists, objects) have one spelling; {error}."
        ) from None


def digest(value: Any) -> str:
    """SHA-256 of a JSON value, in hexadecimal."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _check_names(value: Any) -> None:
    """Names that are no text would be sorted in one order now and, read back as text, in another one later."""
    if isinstance(value, Mapping):
        wrong = [name for name in value if not isinstance(name, str)]
        if wrong:
            raise UserError(f"only JSON values have one spelling; the name {wrong[0]!r} is not text.")
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            _check_names(item)
