"""What windows hold, by domain and split, and what did not come into them."""

from __future__ import annotations

import pandas as pd

from emotion_utils.corpora.windows import Windows

WHY = {
    "documents too short": "fewer tokens than a window",
    "tokens after the last window": "less than a window was left of the document",
    "tokens beyond the limit": "so that long documents do not dominate",
    "windows of special tokens": "nothing but end-of-text or other special tokens",
}


def counts(windows: Windows) -> pd.DataFrame:
    """Count groups, documents, windows and tokens.

    Returns
    -------
    Columns `domain, split, groups, documents, windows, tokens`, a row per domain and split, then one per split with
    the domain ``all``; tokens are those in windows.
    """
    table = pd.DataFrame({name: getattr(windows, name) for name in ("domain", "split", "group", "document")})
    every = pd.concat([table, table.assign(domain="all")])
    order = {name: at for at, name in enumerate((*sorted(set(windows.domain)), "all"))}
    found = every.groupby(["domain", "split"], as_index=False).agg(
        groups=("group", "nunique"), documents=("document", "nunique"), windows=("document", "size")
    )
    found["tokens"] = found["windows"] * windows.ids.shape[1]
    sides = {"train": 0, "validation": 1, "test": 2}
    keys = found["domain"].map(order) * len(sides) + found["split"].map(sides)
    return found.loc[keys.sort_values(kind="stable").index].reset_index(drop=True)


def left_out(windows: Windows) -> pd.DataFrame:
    """What was dropped when the documents were cut, and why: columns `what, number, why`."""
    rows = [(what, number, WHY[what]) for what, number in windows.left_out.items()]
    return pd.DataFrame(rows, columns=["what", "number", "why"])
