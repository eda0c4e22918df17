"""Prompts: the schema of a row, the project's own profiles, and anybody's CSV, TSV or JSON Lines file."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.core.paths import PROMPTS
from emotion_utils.prompts.files import Row, read_rows
from emotion_utils.prompts.labels import AUTO, check_labels, read_labels
from emotion_utils.prompts.schema import complete

SETS: dict[str, str] = {
    "smoke": "a handful per emotion, for tests of the machinery",
    "baseline": "the size of the first report",
    "extended": "the larger set of the first report",
    "powered": "enough unique prompts to detect a small paired effect",
    "implicit": "what happened, told up to the moment before somebody speaks; no emotion word, a matched neutral",
    "unfamiliar": "vignettes without an emotion word, of events that the bundled models never read about",
    "minimal_pairs": "the same frame, only the emotional word changes",
    "real_world": "in the manner of social posts, product reviews and business mail",
}

JAPANESE_SETS: dict[str, str] = {
    "ja": "short everyday sentences in Japanese, of the size of the first report",
    "ja_implicit": "the Japanese small world, told up to the moment before somebody speaks; a matched neutral",
}
"""What chapters that read English leave out."""

EVERY_SET = SETS | JAPANESE_SETS

INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\ufe0e\ufe0f"))

CountTokens = Callable[[list[str]], Sequence[int]]
"""Number of tokens of each text."""


def prompt_set(
    source: str | Path | Sequence[str] | pd.DataFrame | None = None, **options: Any
) -> pd.DataFrame:
    """Prompts by the name of a set, from a file, or from texts; without a source, the sets there are.

    Parameters
    ----------
    source
        A key of :data:`EVERY_SET`, such as ``implicit``; the path of a CSV, TSV or JSON Lines file; a list of texts;
        or a table of prompts, which is given back as it is.
    options
        Of :func:`load_prompts`, for a file: ``text``, ``label``, ``label_map`` and others.

    Returns
    -------
    One row per prompt, columns as in ``schema.SCHEMA``; of texts only ``id`` and ``text``. Without a source one row per
    set: ``name, prompts`` (their number) and ``what``.

    Raises
    ------
    UserError
        For an unknown name, with the near miss, and what :func:`load_prompts` refuses.

    Examples
    --------
    >>> import emotion_utils as eu
    >>> eu.prompts("implicit")["emotion"].value_counts(sort=False).to_dict()
    {'gratitude': 72, 'anger': 72, 'apology': 72, 'neutral': 216}
    >>> eu.prompts(["Tom said to Anna:"])["text"].tolist()
    ['Tom said to Anna:']
    """
    if source is None:
        sizes = [(name, len(load_profile(name)), what) for name, what in EVERY_SET.items()]
        return pd.DataFrame(sizes, columns=["name", "prompts", "what"])
    if isinstance(source, pd.DataFrame):
        return source
    if isinstance(source, str | Path):
        is_file = str(source) not in EVERY_SET and Path(source).suffix
        return load_prompts(source, **options) if is_file else load_profile(str(source))
    ids = [f"text {number}" for number in range(len(source))]
    return pd.DataFrame({"id": ids, "text": list(source)})


def labelled_set(source: str | Path | Sequence[str] | pd.DataFrame) -> pd.DataFrame:
    """Prompts as of :func:`prompt_set` that say which emotion they have, in which split and beside which partner.

    Raises
    ------
    UserError
        For texts alone, and for a table without these columns.
    """
    table = prompt_set(source)
    if missing := [name for name in ("emotion", "split", "pair_id") if name not in table]:
        raise UserError(
            f'The prompts have no column "{missing[0]}": name a prompt set, or read a file with emotions by '
            "load_prompts, which completes it."
        )
    check_labels(table, "The table" if isinstance(source, pd.DataFrame) else str(source), splits=False)
    return table


def load_profile(name: str) -> pd.DataFrame:
    """Load one of the project's own prompt sets.

    Parameters
    ----------
    name
        A key of `EVERY_SET`.

    Returns
    -------
    One row per prompt, columns as in `SCHEMA`.
    """
    if name not in EVERY_SET:
        raise UserError(f'There is no profile "{name}": {suggestion(str(name), EVERY_SET)}')
    return load_prompts(PROMPTS / f"{name}.jsonl")


def load_prompts(
    path: str | Path,
    text: str = "text",
    label: str = "emotion",
    label_map: Mapping[Any, str | None] | None = None,
    *,
    reference: str | None = AUTO,
    encoding: str = "utf-8",
    separator: str | None = None,
    file_format: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Load prompts from a CSV, TSV or JSON Lines file and complete them to the schema.

    Columns of the schema that the file has are kept. A missing `id` is numbered, `group` falls back to `template`
    and then to the text, `split` is assigned by `grouped_splits`, and the emotion word and its match in the
    neutral partner are looked up in the keyword list.

    Parameters
    ----------
    path
        The file, UTF-8 unless `encoding` says otherwise.
    text, label
        The columns that hold the prompt and its label: an emotion of the book, or anything that texts can be told
        apart by.
    label_map
        From the file's labels to others; rows of a label that maps to None are left out.
    reference
        The label that the others are compared with; tables call it ``neutral``. ``auto`` takes ``neutral`` where the
        file has it. With None, or without such a label, each label stands against all others.
    encoding, separator, file_format
        Passed to `files.read_rows`.
    seed
        Of the split, where the file brings none.

    Returns
    -------
    One row per prompt, columns as in `SCHEMA`.

    Raises
    ------
    UserError
        With the value, the line and what to do.
    """
    name = Path(path).name
    columns, rows = read_rows(path, encoding=encoding, separator=separator, file_format=file_format)
    _check_columns(columns, {"text": text, "label": label}, name)
    texts = _texts(rows, text, name)
    lines = [line for line, _ in rows]
    emotions = read_labels(
        [fields.get(label) for _, fields in rows], lines, label, name, label_map, reference
    )
    kept = [i for i, emotion in enumerate(emotions) if emotion is not None]
    if not kept:
        raise UserError(f"label_map leaves out all {len(rows)} rows of {name}: keep at least one label.")
    # as objects: a column of whole numbers and gaps would become one of floating-point numbers, which merges long ids
    table = pd.DataFrame([rows[i][1] for i in kept], columns=columns, dtype=object)
    table = table.assign(text=[texts[i] for i in kept], emotion=[emotions[i] for i in kept])
    return complete(table, [lines[i] for i in kept], name, seed)


def check_lengths(
    prompts: pd.DataFrame, count_tokens: CountTokens, context: int, *, on_long: str = "raise"
) -> pd.DataFrame:
    """Count the tokens of every prompt and find those that do not fit the model's context.

    Parameters
    ----------
    prompts
        With `id` and `text`.
    count_tokens
        From texts to token counts, for example `models.loading.token_counter(name)`.
    context
        Positions that the model has.
    on_long
        `raise`, or `report` to get the table whatever it says.

    Returns
    -------
    Columns `id, n_tokens, context, fits`.
    """
    counts = list(count_tokens(prompts["text"].tolist()))
    report = pd.DataFrame({"id": prompts["id"].to_numpy(), "n_tokens": counts, "context": context})
    report["fits"] = report["n_tokens"] <= context
    long = report[~report["fits"]]
    if len(long) and on_long == "raise":
        worst = ", ".join(f"{row.id!r} ({row.n_tokens} tokens)" for row in long.head(3).itertuples())
        raise UserError(
            f"{len(long)} of {len(report)} prompts are longer than the context of {context} tokens: {worst}"
            f"{', ...' if len(long) > 3 else ''}. Shorten or leave them out, or choose a model with a longer context."
        )
    return report


def _check_columns(columns: Sequence[str], wanted: Mapping[str, str], name: str) -> None:
    if wanted["text"] == wanted["label"]:
        raise UserError(
            f"The column {wanted['text']!r} cannot be both text and label: pass text= and label=."
        )
    for role, column in wanted.items():
        if column in columns:
            continue
        near = difflib.get_close_matches(column, columns, n=1)
        hint = f" (for example {role}={near[0]!r})" if near else ""
        raise UserError(
            f"{name} has no column {column!r} for the {role}: its columns are {', '.join(map(repr, columns))}. "
            f"Pass {role}= with the right name{hint}."
        )


def _texts(rows: Sequence[Row], column: str, name: str) -> list[str]:
    texts = [fields.get(column) for _, fields in rows]
    blank = []
    for (line, _), text in zip(rows, texts, strict=True):
        if text is None or text == "":
            blank.append(line)
        elif not isinstance(text, str):
            raise UserError(
                f"{name}, line {line}: the text {text!r} is of type {type(text).__name__}, write a string."
            )
        elif not text.strip() or (not text.isascii() and not text.translate(INVISIBLE).strip()):
            blank.append(line)
        elif "\0" in text:
            raise UserError(f"{name}, line {line}: the text contains a NUL character; remove it.")
        elif not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise UserError(
                f"{name}, line {line}: the text contains half of a surrogate pair; write the whole character."
            )
    if blank:
        raise UserError(
            f"{name}: {len(blank)} of {len(rows)} rows have a blank text, the first in line {blank[0]}: "
            f"fill column {column!r} there or remove the rows."
        )
    return texts  # type: ignore[return-value]
