"""Escaped HTML for figures: inert data blocks, captions, and the table behind every figure."""

from __future__ import annotations

import base64
import html
import json
import math
from typing import Any

import numpy as np
import pandas as pd

DIGITS = 6
MAX_ROWS = 1_000


def compact(value: Any, digits: int = DIGITS) -> Any:
    """Plain JSON values from arrays and numbers: floats to so many significant digits, NaN and infinity to null."""
    if isinstance(value, dict):
        if set(value) <= {"dtype", "bdata", "shape"} and "bdata" in value:
            return compact(_typed_array(value), digits)
        return {str(key): compact(item, digits) for key, item in value.items()}
    if isinstance(value, np.ndarray | pd.Series | pd.Index):
        return compact(value.tolist(), digits)
    if isinstance(value, list | tuple | set):
        return [compact(item, digits) for item in value]
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.generic):
        return compact(value.item(), digits)
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return _rounded(value, digits)
    return str(value)


def _typed_array(value: dict[str, str]) -> np.ndarray:
    """Plotly ships arrays as base64 of full precision; rounded text is shorter and can be read."""
    array = np.frombuffer(base64.b64decode(value["bdata"]), dtype=np.dtype(value["dtype"]).newbyteorder("<"))
    return array.reshape([int(n) for n in value["shape"].split(",")]) if "shape" in value else array


def _rounded(value: float, digits: int) -> float | int | None:
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def json_block(value: Any) -> str:
    """A `<script type="application/json">` that no text inside can close."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/json">{text}</script>'


def data_block(data: pd.DataFrame) -> str:
    """The data behind a figure as a folded block of CSV, which the book turns into a table with a download."""
    rows = data.head(MAX_ROWS).map(lambda value: compact(value, 5) if isinstance(value, float) else value)
    count = f"{len(data):,} row" + ("" if len(data) == 1 else "s")
    if len(data) > MAX_ROWS:
        count = f"the first {MAX_ROWS:,} of {len(data):,} rows"
    csv = html.escape(rows.to_csv(index=False).rstrip("\n"), quote=False)
    return f'<details class="emo-data"><summary>Data: {count}</summary><pre class="emo-csv">{csv}</pre></details>'


def figure_html(body: str, *, title: str, caption: str = "", data: pd.DataFrame | None = None) -> str:
    """One `<figure>`: title above, body, caption below, data folded away; all text escaped."""
    note = f'<p class="emo-caption">{html.escape(caption)}</p>' if caption else ""
    behind = data_block(data) if data is not None else ""
    heading = f'<figcaption class="emo-title">{html.escape(title)}</figcaption>'
    return f'<figure class="emo-figure">{heading}{body}{note}{behind}</figure>'
