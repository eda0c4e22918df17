"""The reports' claims about extraction: rebuilt as published, with the variants that their text leaves open.

One report says that residual streams and MLP outputs of all layers were stored for all samples of three models with 12
layers of width 768, about 431 MB together; the other says that there was one file per prompt and model. Neither says in
which precision, nor whether the 431 MB are those of one profile or of both: a public report of their author lists the
twelve files, which are those of the baseline profile (`data/claims.csv`, column ``settled``).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from math import nan

import numpy as np
import pandas as pd

from emotion_utils.activations.residual_norms import SINK
from emotion_utils.activations.throughput import ONE_AT_A_TIME
from emotion_utils.reports.claims import Measurement
from emotion_utils.statistics.resampling import grouped_mean_interval, resampling_units

MODELS, LAYERS, WIDTH = 3, 12, 768
REPORTED_MB = 431.0
REPORTED_TOKENS = 7.1
TENSORS = {"residual and MLP": 2, "residual alone": 1}
STORED = {"both profiles": ("baseline", "extended"), "baseline": ("baseline",), "extended": ("extended",)}
BYTES = {"float32": 4, "float16": 2}
AS_STATED = ("residual and MLP", "both profiles", "float32", "these prompts")
"""What the report's sentence says when it is taken by the letter, in the precision that nobody has to mention."""
AS_LISTED = ("residual and MLP", "baseline", "float32", "these prompts")
"""What the author's list of files says: those of the baseline profile."""


def files_as_published(sets: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Files that one per prompt and model make: ``profile, prompts, models, files``."""
    rows = [(name, len(sets[name]), MODELS, len(sets[name]) * MODELS) for name in ("baseline", "extended")]
    return pd.DataFrame(rows, columns=["profile", "prompts", "models", "files"])


def bytes_as_published(counts: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Size of the published layout under every interpretation of the text.

    Parameters
    ----------
    counts
        Of `baseline` and `extended`: tokens of each prompt, shape (prompt,).

    Returns
    -------
    Columns ``tensors, prompts, precision, tokens`` (lengths of our prompts in this tokenizer, or the mean that the
    report states), ``MB`` (10^6 bytes) and ``times`` (of the reported size), nearest first.
    """
    rows = []
    for (tensors, n), (prompts, names), (precision, size) in product(
        TENSORS.items(), STORED.items(), BYTES.items()
    ):
        ours = sum(int(counts[name].sum()) for name in names)
        theirs = sum(len(counts[name]) for name in names) * REPORTED_TOKENS
        for tokens, total in (("these prompts", ours), (f"{REPORTED_TOKENS} each", theirs)):
            rows.append(
                (tensors, prompts, precision, tokens, total * MODELS * LAYERS * WIDTH * n * size / 1e6)
            )
    table = pd.DataFrame(rows, columns=["tensors", "prompts", "precision", "tokens", "MB"])
    table["times"] = table["MB"] / REPORTED_MB
    return table.sort_values("times", key=lambda t: np.abs(np.log(t)), kind="stable", ignore_index=True)


def summarise_bytes(table: pd.DataFrame) -> str:
    """Say in Markdown which interpretation comes near the reported size: :func:`bytes_as_published`."""
    stated, listed = _size(table, AS_STATED), _size(table, AS_LISTED)
    return (
        f"Taken by the letter (residual stream and MLP output, all prompts of both profiles, float32) the layout takes "
        f"**{stated:,.0f} MB**, {stated / REPORTED_MB:.1f} times the reported {REPORTED_MB:g}. The author's public "
        f"report of Phase 2 lists twelve files that sum to it, all of the baseline profile; with the lengths of these "
        f"prompts that profile takes **{listed:,.0f} MB**, {listed / REPORTED_MB:.2f} times as much. *All samples* is "
        "a slip of words, and the figure belongs to prompts that are not ours."
    )


def _size(table: pd.DataFrame, as_read: tuple[str, str, str, str]) -> float:
    keys = ["tensors", "prompts", "precision", "tokens"]
    return float(table.set_index(keys).loc[as_read, "MB"])


def chapter_measurements(
    sets: Mapping[str, pd.DataFrame],
    counts: Mapping[str, np.ndarray],
    speed: pd.DataFrame,
    model: str,
    *,
    seed: int = 0,
) -> list[Measurement]:
    """Measure the four claims of Phase 2.

    Parameters
    ----------
    sets
        With the keys `baseline` and `extended`.
    counts
        Tokens of their prompts, as for :func:`bytes_as_published`.
    speed
        From `throughput.throughput`.
    model
        That was timed and whose tokens were counted.
    seed
        Of the bootstrap of the mean length.
    """
    single = speed.set_index("method").loc[ONE_AT_A_TIME]
    rows = [
        Measurement(
            "P2.throughput",
            model,
            float(single["per_second"]),
            float(single["slowest"]),
            float(single["fastest"]),
            n=int(single["prompts"]),
            note="One prompt a pass on this machine; slowest and fastest turn. It depends on the machine.",
        )
    ]
    for row in files_as_published(sets).itertuples():
        note = f"{row.prompts} prompts of ours times {row.models} models"
        rows.append(
            Measurement(
                f"P2.files.{row.profile}", model, row.files, row.files, row.files, n=row.prompts, note=note
            )
        )
    table = bytes_as_published(counts)
    listed, lengths = _size(table, AS_LISTED), np.asarray(counts["baseline"], dtype=float)
    units = resampling_units(sets["baseline"])
    low, high = (end / lengths.mean() * listed for end in grouped_mean_interval(lengths, units, seed=seed))
    note = (
        "The baseline profile, as the author lists the files: residual stream and MLP output, float32, our prompts' "
        f"lengths. By the letter of the report {_size(table, AS_STATED):,.0f} MB."
    )
    rows.append(Measurement("P2.bytes", model, listed, low, high, n=len(lengths), note=note))
    return rows


def chapter_findings(
    first: pd.DataFrame,
    cosines: pd.DataFrame,
    control: pd.DataFrame,
    looked: pd.DataFrame,
    rates: pd.DataFrame,
    about: tuple[str, str],
) -> pd.DataFrame:
    """The main numbers of chapter 02, for the record of real models.

    Parameters
    ----------
    first
        From :func:`residual_norms.sinks`.
    cosines
        From :func:`anisotropy.anisotropy`.
    control
        From :func:`class_separation.beside_control`.
    looked
        From :func:`attention_sinks.sink_shares`.
    rates
        From :func:`inventory.match_rates`.
    about
        Model and profile of the page.

    Returns
    -------
    Columns ``finding, value, low, high, null, n``.
    """
    model, profile = about
    most, word = first.loc[first["ratio"].idxmax()], rates.set_index("set").loc[profile]
    rows: list[tuple[str, float, float, float, float, float]] = [
        ("Emotion words at position 0, share", word["at_start"], nan, nan, nan, word["words"]),
        (
            "Position 0, times as long as later tokens, at most",
            *most[["ratio", "low", "high"]], 1.0, most["n_groups"],
        ),
        (
            "Layers where position 0 is a sink, share",
            _share(first["low"] > SINK, first["low"]), nan, nan, nan, len(first),
        ),
    ]  # fmt: skip
    for version, told in (("raw", "as they are"), ("centred", "a mean taken away")):
        own = cosines[cosines["version"] == version]
        top = own.loc[own["value"].idxmax()]
        told = f"Cosine of two random prompts, {told}, at most"
        rows.append((told, *top[["value", "low", "high", "chance", "n_groups"]]))
    shares = control[control["model"] == model].set_index("set")
    for name, told in ((profile, "keyword prompts"), ("implicit", "*implicit*")):
        told = f"Variance between the emotions, {told}, at most"
        rows.append((told, *shares.loc[name, ["value", "low", "high", "null", "n_groups"]]))
    more = _share(looked["low"] > looked["even"], looked["low"])
    rows.append(("Heads that give the first token more than an even share", more, nan, nan, nan, len(looked)))
    return pd.DataFrame(rows, columns=["finding", "value", "low", "high", "null", "n"])


def _share(found: pd.Series, low: pd.Series) -> float:
    """Share of what was found; NaN where too few units give an interval to find it by."""
    return float(found.mean()) if low.notna().any() else nan
