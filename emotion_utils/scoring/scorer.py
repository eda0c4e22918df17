"""What a scorer is, and a table of texts with a column for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.core.errors import UserError, listing

COLUMNS = ("text", "context", "emotion")


class Rows(NamedTuple):
    """What is scored: generated texts, what stood before each, and the emotion it was meant to have.

    Columns that a scorer does not need are empty strings.
    """

    texts: list[str]
    contexts: list[str]
    emotions: list[str]


@dataclass(frozen=True)
class Scorer:
    """One number per generated text.

    Attributes
    ----------
    name
        Of the column.
    range
        Smallest and largest value.
    direction
        What a higher value means.
    limits
        What the number cannot tell, and where it is NaN, in one sentence.
    measure
        The computation on distinct rows.
    needs
        Columns that it reads: `text`, `context`, `emotion`.
    labels
        What the emotion of a row can be.
    """

    name: str
    range: tuple[float, float]
    direction: str
    limits: str
    measure: Callable[[Rows], Sequence[float] | np.ndarray]
    needs: tuple[str, ...] = ("text",)
    labels: tuple[str, ...] = EMOTIONS

    def __call__(
        self,
        texts: Iterable[Any],
        contexts: Iterable[Any] | None = None,
        emotions: Iterable[Any] | str | None = None,
    ) -> Float[np.ndarray, " text"]:
        """Score the texts; equal rows are measured once, in an order that does not depend on theirs.

        Parameters
        ----------
        texts
            What was generated. An empty string is a text; None and NaN are errors.
        contexts
            What the model had read before each text, where the scorer needs it.
        emotions
            The emotion each text is measured against, one for all or one each, where the scorer needs it.

        Raises
        ------
        UserError
            Naming the row and column that is missing or not a string.
        """
        words = _strings(texts, "text")
        keys = list(zip(words, *(self._column(name, words, contexts, emotions) for name in COLUMNS[1:])))  # noqa: B905 - all are as long as the texts
        distinct = sorted(set(keys))
        place = {key: i for i, key in enumerate(distinct)}
        if not distinct:
            return np.zeros(0)
        values = np.asarray(self.measure(Rows(*map(list, zip(*distinct, strict=True)))), dtype=float)
        return values[[place[key] for key in keys]]

    def _column(self, name: str, texts: list[str], contexts: Any, emotions: Any) -> list[str]:
        given = contexts if name == "context" else emotions
        if name not in self.needs:
            return [""] * len(texts)
        if given is None:
            raise UserError(f'The scorer "{self.name}" needs the {name} of each text: pass {name}s.')
        column = [given] * len(texts) if isinstance(given, str) and name == "emotion" else given
        return _aligned(column, name, len(texts), self.labels)


def per_text(measure: Callable[[str], float]) -> Callable[[Rows], list[float]]:
    """Lift a function of one text to rows."""
    return lambda rows: [measure(text) for text in rows.texts]


def score(table: pd.DataFrame, scorers: Sequence[Scorer]) -> pd.DataFrame:
    """Add one column per scorer to a table of generated texts.

    Parameters
    ----------
    table
        With `text` and, where a scorer needs them, `context` and `emotion`; it is not changed.
    scorers
        With names that differ from each other and from the columns.

    Returns
    -------
    A copy of the table with the scores.

    Raises
    ------
    UserError
        For a column that is missing or not of texts, and a scorer that is given twice.

    Examples
    --------
    >>> import pandas as pd
    >>> import emotion_utils as eu
    >>> texts = pd.DataFrame({"text": ["Thank you so much!", "I hate this."]})
    >>> eu.score(texts, [eu.scorers()["vader"]])["vader"].round(2).tolist()
    [0.42, -0.57]
    """
    _check_names(table, scorers)
    return table.assign(**{scorer.name: _scores(scorer, table) for scorer in scorers})


def scorer_table(scorers: Sequence[Scorer]) -> pd.DataFrame:
    """List range, direction and limits of scorers.

    Returns
    -------
    Columns `scorer, lowest, highest, higher_is, limits, needs`.
    """
    rows = [(s.name, *map(float, s.range), s.direction, s.limits, ", ".join(s.needs)) for s in scorers]
    return pd.DataFrame(rows, columns=["scorer", "lowest", "highest", "higher_is", "limits", "needs"])


def _scores(scorer: Scorer, table: pd.DataFrame) -> Float[np.ndarray, " text"]:
    missing = [name for name in ("text", *scorer.needs) if name not in table]
    if missing:
        raise UserError(
            f'The scorer "{scorer.name}" needs the column "{missing[0]}"; the table has {listing(map(str, table))}.'
        )
    given = {f"{name}s": table[name] for name in scorer.needs if name != "text"}
    return scorer(table["text"], **given)


def _check_names(table: pd.DataFrame, scorers: Sequence[Scorer]) -> None:
    taken = list(map(str, table))
    for scorer in scorers:
        if scorer.name in taken:
            raise UserError(
                f'There are two columns "{scorer.name}": give each scorer once, with a free name.'
            )
        taken.append(scorer.name)


def _aligned(column: Iterable[Any], name: str, n: int, labels: Sequence[str]) -> list[str]:
    values = _strings(column, name)
    if len(values) != n:
        raise UserError(f"There are {len(values)} {name}s for {n} texts: give one for each text.")
    unknown = sorted({value for value in values if name == "emotion" and value not in labels})
    if unknown:
        raise UserError(f'The emotion "{unknown[0]}" is not known: choose {listing(labels)}.')
    return values


def _strings(values: Iterable[Any], name: str) -> list[str]:
    if isinstance(values, str):
        raise UserError(f"One {name} was given where a list is expected: write [{values[:30]!r}].")
    found = list(values)
    for row, value in enumerate(found):
        if not isinstance(value, str):
            raise UserError(
                f"The {name} in row {row} is {value!r}, not a string: leave the row out, "
                "or give an empty string where nothing was generated."
            )
    return [str(value) for value in found]
