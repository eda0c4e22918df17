"""The committed record of emotion geometry from 135 M to 8 B parameters, ``data/scaling/``.

The stories and the published vectors are not part of the project, and reading the stories takes minutes. What was found
is therefore kept: the means of the two real models over the first stories of each emotion, after every block and
centred over emotions (``means.safetensors``, float16), and the tables that need single stories or the published files
(``record.json``), with hashes. ``python -m emotion_utils.scaling.record --stories FOLDER`` makes it anew.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from emotion_utils.core.errors import UserError
from emotion_utils.core.files import read_bytes, write_atomically
from emotion_utils.core.hashing import read_sealed, write_sealed
from emotion_utils.core.paths import BUILD, DATA
from emotion_utils.core.store import Store, from_columns, to_columns
from emotion_utils.core.versions import commit, versions
from emotion_utils.models.model import load
from emotion_utils.record.kept_tables import command
from emotion_utils.scaling.axes import (
    FITS,
    axes_of,
    coordinates,
    first_component,
    follows_length,
    held_out_axis,
    held_out_table,
)
from emotion_utils.scaling.curves import (
    RESAMPLES,
    across_halves,
    scaling_curve,
    similarities_of,
    split_halves,
)
from emotion_utils.scaling.geometry import PERMUTATIONS, RECIPES, depth_map
from emotion_utils.scaling.published import PUBLISHED, VectorSet, published_set, stories_folder
from emotion_utils.scaling.stories import FIRST, WORDS, Stories, StoryStates, read_states, read_stories
from emotion_utils.wider.real_lengths import real_lengths

FOLDER = DATA / "scaling"
MEANS, RECORD = "means.safetensors", "record.json"
SCHEMA = 1
MODELS = ("smollm2-135m", "gemma3-270m")
MINIATURES = ("small-gpt2", "small-llama3", "small-gpt2-blind")
"""They know no English but that of the small world, the last not even its emotions: what they share is no emotion."""
ALL = 150
"""Stories of each emotion that the published vectors were made from."""
RECIPE = (
    "mean of resid_post over all tokens but the first, mean over stories, centred over emotions; cosines; Spearman "
    "over the pairs of emotions; largest over pairs of layers, inside the null too; TF-IDF (sublinear, words of two "
    "emotions at least) of the same stories, one document per emotion; layers of the models that were read count "
    "blocks from 0, those of published sets are as their files count them"
)
_MEND = "restore it from git, or make it again with `python -m emotion_utils.scaling.record --stories FOLDER`"
_ABOUT = ("date", "commit", "recipe", "stories", "models")


class Sizes(NamedTuple):
    """Permutations of labels and of what maps are fitted to, and resamples of stories: the cost of the tables."""

    permutations: int = PERMUTATIONS
    fits: int = FITS
    resamples: int = RESAMPLES

    def counts(self) -> dict[str, int]:
        """Of comparisons."""
        return {"n_permutations": self.permutations, "n_resamples": self.resamples}


FULL = Sizes()


@dataclass(frozen=True, eq=False)
class ScalingRecord:
    """What was found.

    Attributes
    ----------
    date, commit, recipe
        Of the record.
    stories
        ``n`` of each emotion, ``sha256`` of them, ``emotions``.
    models
        By name of a model that read them: ``title, layers, parameters, blocks, cut, tokens``.
    tables
        ``similarities``, ``without_last`` (the same without the last blocks of the models that read), ``all_stories``
        (of published sets, and the words of all stories), ``halves, curve, ceilings, axes, held_out, lengths,
        follows, depths, emotion_lengths``, and those of `real_pair`; empty where nothing was at hand.
    sets
        Means of the models, by title, centred over emotions; from float16.
    words
        A set whose cosines are those of the words of the stories.
    """

    date: str
    commit: str
    recipe: str
    stories: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]
    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    sets: Mapping[str, VectorSet] = field(repr=False)
    words: VectorSet = field(repr=False)


def make_record(
    folder: Path, store: Store | None, *, n: int = FIRST, read_all: Sequence[str] = (), sizes: Sizes = FULL
) -> ScalingRecord:
    """Let the models read the stories, and compare them with each other and with the published sets that are there.

    Parameters
    ----------
    folder
        With the stories, and perhaps the published vectors.
    store
        Keeps what was read.
    n
        Stories of each emotion.
    read_all
        Models that read all stories as well, for the table ``all_stories``.
    sizes
        Of nulls and intervals.

    Raises
    ------
    UserError
        As `stories.read_stories`, and where a model is not on this machine.
    """
    stories = read_stories(folder, n)
    states = {
        name: read_states(load(name), stories, store=store, progress=True) for name in (*MODELS, *MINIATURES)
    }
    published = [own for name in PUBLISHED if (own := published_set(name, folder)) is not None]
    whole = _all_stories(folder, published, read_all, store, sizes) if published else pd.DataFrame()
    told = {own.means().name: own for own in states.values()}  # by title, as tables have it
    sets = [*(own.means() for own in states.values()), *published]
    about = {
        name: {"title": own.means().name, "layers": list(own.layers), "parameters": own.parameters}
        | {"blocks": own.blocks, "cut": own.cut, "tokens": own.tokens}
        for name, own in states.items()
    }
    return ScalingRecord(
        date=datetime.now(UTC).date().isoformat(),
        commit=commit(),
        recipe=f"{RECIPE}; torch {versions()['torch']}, transformers {versions()['transformers']}",
        stories={"n": stories.n, "sha256": stories.sha256, "emotions": list(stories.emotions)},
        models=about,
        tables={"all_stories": whole, **tables_of(sets, stories, told, sizes)},
        sets={own.name: replace(own, values=own.centred()) for own in sets if own.name in told},
        words=VectorSet(WORDS, stories.emotions, (0,), coordinates(stories.words())[None]),
    )


def tables_of(
    sets: Sequence[VectorSet], stories: Stories, states: Mapping[str, StoryStates], sizes: Sizes = FULL
) -> dict[str, pd.DataFrame]:
    """All tables about some sets, by name.

    Parameters
    ----------
    sets
        The last one is the reference of the curve; miniatures are in similarities, halves, ceilings and curve only.
    stories
        Their words are partialled out, their clusters are the axes.
    states
        Those whose stories were read here, by name of the set.
    sizes
        Of nulls and intervals.
    """
    grown = [own for own in sets if own.name not in MINIATURES]
    words, pairs, axes = stories.word_set(), [*combinations(grown, 2)], axes_of(stories.clusters)
    counts = sizes.counts()
    halves = [split_halves(own, standardise=std) for own in states.values() for std in RECIPES]
    orders = [held_out_axis(own, axis, n_permutations=sizes.permutations) for own in grown for axis in axes]
    depths = [depth_map(one, other, standardise=std) for one, other in pairs for std in RECIPES]
    positive = next((axis.high for axis in axes if axis.name == "valence"), None)
    fewer = [own.without_last() if own.name in states else own for own in grown]
    similar = similarities_of(sets, words, states, **counts)
    return {
        "similarities": similar,
        "without_last": similarities_of(fewer, words, states, **counts),
        "halves": halves_table(similar, states),
        "curve": scaling_curve(sets, sets[-1], words, states=states, **counts),
        "ceilings": pd.concat(halves),
        "axes": pd.DataFrame(orders),
        "held_out": held_out_table(pairs, sizes.fits),
        "lengths": first_component(grown, positive) if positive else pd.DataFrame(),
        "follows": follows_length(grown, positive) if positive else pd.DataFrame(),
        "depths": pd.concat(depths),
        "emotion_lengths": real_lengths({own.name: (own.layers, own.values) for own in sets}),
    }


def halves_table(similar: pd.DataFrame, states: Mapping[str, StoryStates]) -> pd.DataFrame:
    """`curves.across_halves` of the pairs whose stories were both read here, at their best layers."""
    both = similar[similar["one"].isin(states) & similar["other"].isin(states)]
    standardised = {name: std for std, name in RECIPES.items()}
    return pd.DataFrame(
        across_halves(
            states[row.one],
            states[row.other],
            (row.layer_one, row.layer_other),
            standardise=standardised[row.recipe],
        )
        for row in both.itertuples()
    )


def _all_stories(
    folder: Path, published: Sequence[VectorSet], names: Sequence[str], store: Store | None, sizes: Sizes
) -> pd.DataFrame:
    """The published sets with the words of all their stories, and models that read all of them."""
    stories = read_stories(folder, ALL)
    states = [read_states(load(name), stories, store=store, progress=True) for name in names]
    sets = [*(own.means() for own in states), *published]
    known = {own.means().name: own for own in states}
    return similarities_of(sets, stories.word_set(), known, **sizes.counts())


def write_record(record: ScalingRecord, folder: Path = FOLDER) -> Path:
    """Write the record, each file whole or not at all, the means first: the table names their hash."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: torch.from_numpy(own.values.astype(np.float16)) for name, own in record.sets.items()}
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise UserError(f"The means of {name} do not fit into float16: keep them in another unit.")
    words = torch.from_numpy(record.words.values[0].astype(np.float32))
    data = save_tensors({**tensors, WORDS: words})
    write_atomically(folder / MEANS, data)
    content: dict[str, Any] = {"means": hashlib.sha256(data).hexdigest()}
    content |= {name: getattr(record, name) for name in _ABOUT}
    content["tables"] = {name: to_columns(table) for name, table in record.tables.items()}
    return write_sealed(folder / RECORD, content, SCHEMA)


def read_record(folder: Path = FOLDER) -> ScalingRecord | None:
    """The record, or None where there is none.

    Raises
    ------
    UserError
        Where it is damaged, was edited, or has another format.
    """
    path = folder / RECORD
    if not path.is_file():
        return None
    content = read_sealed(path, SCHEMA, _MEND)
    data = read_bytes(folder / MEANS)
    if hashlib.sha256(data).hexdigest() != content["means"]:
        raise UserError(f"{MEANS} is not what was recorded, its hash differs: {_MEND}.")
    return _record(content, load_tensors(data))


def _record(content: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> ScalingRecord:
    emotions = tuple(content["stories"]["emotions"])
    sets = {
        name: VectorSet(
            name,
            emotions,
            tuple(own["layers"]),
            tensors[name].double().numpy(),
            parameters=own["parameters"],
            blocks=own["blocks"],
        )
        for own in content["models"].values()
        for name in [own["title"]]
    }
    tables = {name: from_columns(columns) for name, columns in content["tables"].items()}
    words = VectorSet(WORDS, emotions, (0,), tensors[WORDS].double().numpy()[None])
    return ScalingRecord(**{name: content[name] for name in _ABOUT}, tables=tables, sets=sets, words=words)


def main(argv: Sequence[str] | None = None) -> int:
    """Make the record; bad input ends in one sentence and status 2."""
    parser = argparse.ArgumentParser(prog="python -m emotion_utils.scaling.record", description=__doc__)
    parser.add_argument("--stories", help="folder with stories/<emotion>.jsonl and the published vectors")
    parser.add_argument("--all", nargs="*", default=[], metavar="MODEL", help="that reads all stories too")

    def make(options: argparse.Namespace) -> Path:
        folder = stories_folder(options.stories)
        if folder is None:
            raise UserError("No folder with stories is named: give it by --stories.")
        return write_record(make_record(folder, Store(BUILD / "scaling"), read_all=options.all))

    return command(parser, make, argv)


if __name__ == "__main__":
    sys.exit(main())
