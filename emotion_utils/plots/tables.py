"""Tables that scroll on a phone and read well aloud."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import pandas as pd

from emotion_utils.core.errors import UserError
from emotion_utils.plots.figure import Shown, require_text


def table(
    data: pd.DataFrame,
    caption: str,
    *,
    digits: int = 3,
    formats: Mapping[str, str] | None = None,
    index: bool = False,
    max_rows: int = 200,
) -> Shown:
    """A DataFrame as a captioned table, every cell escaped.

    Parameters
    ----------
    data
        Rows to show.
    caption
        What the table is; required.
    digits
        Decimals of float columns.
    formats
        Format specification per column, for example ``{"share": ".1%"}``.
    index
        Whether the index is shown, as row headers.
    max_rows
        Rows beyond this are left out, and the caption says so.

    Returns
    -------
    What JupyterLab and the book show; as text it is its caption and its rows.

    Raises
    ------
    UserError
        Without a caption, and for a format of a column that is not there.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> eu.table(eu.models()[["model", "parameters"]].head(1), "The first model")
    The first model:      model  parameters
    small-gpt2     1383168
    """
    caption = require_text(caption, "a caption", "A table")
    unknown = set(formats or {}) - set(map(str, data.columns))
    if unknown:
        raise UserError(
            f"The table {caption!r} has no column {sorted(unknown)[0]!r} to format; it has {list(data.columns)}."
        )
    shown = data.head(max_rows)
    note = f" (the first {max_rows:,} of {len(data):,} rows)" if len(data) > max_rows else ""
    label = html.escape(caption + note)
    markup = (
        f'<div class="emo-table" role="region" tabindex="0" aria-label="{label}"><table><caption>{label}</caption>'
        f"<thead>{_head(shown, index)}</thead><tbody>{_body(shown, index, digits, formats or {})}</tbody></table></div>"
    )
    return Shown(markup, shown.to_string(index=index), caption + note)


def _head(data: pd.DataFrame, index: bool) -> str:
    cells = [f'<th scope="col">{html.escape(str(data.index.name or ""))}</th>'] if index else []
    for column in data.columns:
        kind = ' class="num"' if pd.api.types.is_numeric_dtype(data[column]) else ""
        cells.append(f'<th scope="col"{kind}>{html.escape(str(column))}</th>')
    return f"<tr>{''.join(cells)}</tr>"


def _body(data: pd.DataFrame, index: bool, digits: int, formats: Mapping[str, str]) -> str:
    specs = [formats.get(str(column), f",.{digits}f") for column in data.columns]
    rows = []
    for name, *values in data.itertuples(name=None):
        head = f'<th scope="row">{html.escape(str(name))}</th>' if index else ""
        rows.append(f"<tr>{head}{''.join(map(_cell, values, specs))}</tr>")
    return "".join(rows)


def _cell(value: Any, spec: str) -> str:
    if pd.api.types.is_bool(value):
        return f"<td>{'yes' if value else 'no'}</td>"
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return '<td class="num">–</td>' if isinstance(value, float) else "<td>–</td>"
    if pd.api.types.is_float(value):
        return f'<td class="num">{html.escape(format(value, spec))}</td>'
    if pd.api.types.is_integer(value):
        return f'<td class="num">{value:,}</td>'
    return f"<td>{html.escape(str(value))}</td>"
