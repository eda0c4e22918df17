"""The table behind a Plotly figure, read from its traces."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

MATRICES = {"heatmap", "contour"}


def data_of(figure: go.Figure) -> pd.DataFrame:
    """One row per drawn point or cell, columns named by the axis titles, with a `series` column for the trace."""
    tables = [_trace_table(figure, trace) for trace in figure.data]
    data = pd.concat([table for table in tables if len(table)] or [pd.DataFrame()], ignore_index=True)
    if "series" in data and data["series"].nunique() <= 1 and not data["series"].astype(bool).any():
        data = data.drop(columns="series")
    return data


def _trace_table(figure: go.Figure, trace: Any) -> pd.DataFrame:
    names = {letter: _axis_name(figure, trace, letter) for letter in "xy"}
    if trace.type in MATRICES:
        return _matrix_table(trace, names)
    columns = {names[letter]: _values(trace, letter) for letter in "xy"}
    columns |= {key: _values(trace, key) for key in ("labels", "values", "z", "text")}
    for letter in "xy":
        error = getattr(trace, f"error_{letter}", None)
        if error is not None and error.array is not None:
            columns[f"{names[letter]} ± "] = list(error.array)
    filled = {name.strip(): values for name, values in columns.items() if values}
    rows = pd.DataFrame(list(zip_longest(*filled.values())), columns=list(filled))
    rows.insert(0, "series", trace.name or "")
    return rows


def _matrix_table(trace: Any, names: dict[str, str]) -> pd.DataFrame:
    matrix = np.asarray(trace.z)
    x = _values(trace, "x") or list(range(matrix.shape[1]))
    y = _values(trace, "y") or list(range(matrix.shape[0]))
    value = trace.name or (trace.colorbar.title.text if trace.colorbar else None) or "value"
    rows = [(y[i], x[j], matrix[i, j]) for i in range(matrix.shape[0]) for j in range(matrix.shape[1])]
    return pd.DataFrame(rows, columns=[names["y"], names["x"], value])


def _axis_name(figure: go.Figure, trace: Any, letter: str) -> str:
    name = f"{letter}axis" + (getattr(trace, f"{letter}axis", None) or letter)[1:]
    axis = figure.layout[name] if name in figure.layout else None  # noqa: SIM401 (a layout has no get)
    return (axis.title.text if axis is not None else None) or letter


def _values(trace: Any, key: str) -> list[Any]:
    values = trace[key] if key in trace else None  # noqa: SIM401 (a trace has no get)
    return [] if values is None or isinstance(values, str) else list(values)
