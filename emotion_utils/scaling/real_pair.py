"""The two real models under the reports' formula by the length of states, and vectors that one lends to the other.

Both take minutes and need packages that a reader may not have: what they gave is a part of the record.
``python -m emotion_utils.scaling.real_pair`` adds it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from emotion_utils.alignment.all_pairs import affordable
from emotion_utils.alignment.map_scores import half_way
from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import BUILD
from emotion_utils.core.profiles import STEERING_SIZES
from emotion_utils.core.store import Store
from emotion_utils.models.registry import BUNDLED, short_name
from emotion_utils.prompts.loading import load_profile, prompt_set
from emotion_utils.reports.published_alignment import word_case
from emotion_utils.scaling.record import MODELS, read_record, write_record
from emotion_utils.scaling.transfer import REAL_PAIRS, TRANSFER_PAIRS, TRANSFER_SIZES, transfers
from emotion_utils.scaling.transfer_findings import (
    beside_rivals,
    costs,
    effect_sizes,
    power,
    shares,
    verdicts,
)
from emotion_utils.subspaces.readings import ModelStates, paired_states, read_model, rows_of
from emotion_utils.vectors.comparison import Comparison
from emotion_utils.wider.lengths import Sweep, SweepFindings, sweep, sweep_findings

if TYPE_CHECKING:
    from emotion_utils.subspaces.readings import PromptPairs

SWEEP, FINDINGS = "sweep", "sweep_findings"
DEPTH = 0.5
"""Where both models are compared, as in the reports' first comparison."""


def sweep_pair(
    source: ModelStates, target: ModelStates, prompts: pd.DataFrame, rows: PromptPairs, seed: int = 0
) -> Sweep:
    """:func:`emotion_utils.wider.lengths.sweep` of two models at half depth.

    Parameters
    ----------
    source, target
        Read on the prompts, emotion words included.
    prompts, rows
        Of both, from :func:`emotion_utils.subspaces.readings.rows_of`.
    seed
        Of wrong pairs and of the halves of units between which the sound scores are taken.

    Raises
    ------
    UserError
        For prompts without emotion words.
    """
    case = word_case(source, target, prompts, rows, DEPTH)
    if case is None:
        raise UserError("No prompt has a word in the place of its emotion word: take a profile of the book.")
    halves = rows.halves(seed)
    both = tuple(
        paired_states(states, half, half_way(states))
        for states, half in zip((source, target), halves, strict=True)
    )
    return sweep(case, (both[0], both[1]), k_sound=affordable(halves), seed=seed)


def sweep_tables(found: Sweep, pair: tuple[str, str]) -> dict[str, pd.DataFrame]:
    """A sweep as the record keeps it."""
    about = dict(zip(("source", "target"), pair, strict=True))
    return {
        SWEEP: found.table().assign(**about),
        FINDINGS: pd.DataFrame([sweep_findings(found)._asdict() | about]),
    }


def findings_of(table: pd.DataFrame) -> SweepFindings:
    """The findings back from the table that keeps them."""
    row = table.iloc[0]
    told = {name: row[name] for name in SweepFindings._fields}
    above = None if pd.isna(told["above"]) else bool(told["above"])
    return SweepFindings(**{**told, "above": above})


def transfer_tables(table: pd.DataFrame, seed: int = 0) -> dict[str, pd.DataFrame]:
    """What :func:`emotion_utils.scaling.transfer.transfers` gave, as tables by name."""
    return {
        "transfer_shares": shares(table, seed),
        "transfer_verdicts": verdicts(beside_rivals(table, seed)),
        "transfer_effects": effect_sizes(table, seed),
        "transfer_power": power(table),
        "transfer_costs": costs(table),
    }


def names_of(swept: pd.DataFrame) -> tuple[str, str]:
    """Source and target of a sweep, as the record names them."""
    return str(swept["source"].iloc[0]), str(swept["target"].iloc[0])


def with_record(
    tables: Mapping[str, pd.DataFrame], recorded: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Tables of transfers of this run, and below them those of the record, but for pairs that this run has itself.

    Parameters
    ----------
    tables
        From :func:`transfer_tables`.
    recorded
        Of the record; a table that it lacks adds nothing.
    """
    both = {}
    for name, own in tables.items():
        other = recorded.get(name, own.head(0))
        if len(other):
            ours = pd.MultiIndex.from_frame(own[["source", "target"]])
            other = other[~pd.MultiIndex.from_frame(other[["source", "target"]]).isin(ours)]
        parts = [part for part in (own, other) if len(part)]
        both[name] = pd.concat(parts, ignore_index=True) if parts else own
    return both


def pairs_of(names: Sequence[str], profile: str) -> list[tuple[str, str]]:
    """Between which models vectors are carried: the profile's of bundled models, else from the first to others."""
    if all(name in BUNDLED for name in names):
        return list(TRANSFER_PAIRS[profile])
    return [(names[0], name) for name in names[1:]]


def swept_tables(store: Store, profile: str = "baseline", seed: int = 0) -> dict[str, pd.DataFrame]:
    """The sweep of the two real models.

    Parameters
    ----------
    store
        Keeps states.
    profile, seed
        Of the prompts and of what is drawn.
    """
    everything = load_profile(profile)
    rows = rows_of(everything)
    source, target = (read_model(name, everything, store) for name in MODELS)
    return sweep_tables(
        sweep_pair(source, target, everything, rows, seed), (short_name(MODELS[0]), short_name(MODELS[1]))
    )


def carried_tables(store: Store, profile: str = "baseline", seed: int = 0) -> dict[str, pd.DataFrame]:
    """Vectors that the two real models lend each other, at settings that each target chooses as in Chapter 5."""
    size = TRANSFER_SIZES[profile]
    asked = Comparison((), prompt_set("implicit"), size, store, separator="auto", chat="auto", seed=seed)
    return transfer_tables(transfers(REAL_PAIRS, asked, STEERING_SIZES[profile]), seed)


def add_to_record(tables: Mapping[str, pd.DataFrame]) -> None:
    """Put tables into the committed record, in the place of those of the same names."""
    record = read_record()
    if record is None:
        raise UserError(
            "There is no record to add to: make it by `python -m emotion_utils.scaling.record --stories FOLDER`."
        )
    write_record(replace(record, tables={**record.tables, **tables}))


def main(argv: Sequence[str] | None = None) -> int:
    """Compute the tables and add them; what is missing ends in one sentence and status 2."""
    parser = argparse.ArgumentParser(prog="python -m emotion_utils.scaling.real_pair", description=__doc__)
    parser.add_argument(
        "--transfer", action="store_true", help="vectors that are carried over too: about an hour"
    )
    options, store = parser.parse_args(argv), Store(BUILD / "scaling")
    try:
        add_to_record(swept_tables(store) | (carried_tables(store) if options.transfer else {}))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
