"""The report's claims about predictable and novel parts of hidden states, judged by rules stated here.

The report reads blocks 0, 6, 12, 18 and 23 of 24. In any model the first and the last block are its ends, the layers
read between them its middle, and the one nearest to the depth of block 18 stands in for that.

- *r2.mid*, *r2.last*: R² pooled over positions and dimensions, the mean of the middle layers, and the last layer.
- *r2.first*: low holds where the interval of middle minus first lies above 0.
- *mse.position*: the least-squares line of the error over positions, by how much it changes as a share of the mean, the
  first positions left out. Holds where the middle layers' interval lies below 0 and those of both ends lie within
  :data:`FLAT`; fails where one of the three is surely otherwise.
- *rho.ends*: rank correlation of ||r|| with surprisal, mean over positions; holds where the interval of both ends' mean
  minus the middle's lies above 0.
- *rho.l18*: the same in the last quarter of the window; no correlation, by the margin of the claim.
- *rho.trend*: how much its line over positions changes; holds where that of the first layer lies below 0 and that of
  the last above.
- *probe.domain*, *probe.type*: macro F1 of h_hat minus that of r, and of r minus that of h_hat, mean over the layers
  read; holds where the interval lies above 0. The note says what splits of h that need no predictor reach.

Intervals are over documents, and differences are paired by them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import NamedTuple

import pandas as pd

from emotion_utils.core.layers import layers_in_words
from emotion_utils.novelty.resampled import LEFT_OUT, PositionCurve, Resampled
from emotion_utils.reports.claims import Measurement, read_claims, too_few
from emotion_utils.reports.replication import Number, all_hold, lies_above, lies_below, nothing_holds
from emotion_utils.statistics.resampling import FEWEST_UNITS

DEPTH = 19 / 24
"""Relative depth of block 18 of 24."""
NEAR = 0.15
"""Another model's layer stands in for it where its depth differs by no more."""
FLAT = 0.1
"""An error that changes by less than a tenth of its mean is flat."""
FIRST, MIDDLE, LAST, LATE, ALL = "first", "middle", "last", "late layer", "all"
COLUMNS = ["quantity", "at", "value", "low", "high", "null"]


@dataclass(frozen=True)
class Roles:
    """Which layers stand for those of the report; none where they were not read.

    Attributes
    ----------
    first, last
        Of the model.
    middle
        Between them.
    late
        The middle layer at the depth of block 18 of 24.
    """

    first: int | None
    middle: tuple[int, ...]
    last: int | None
    late: int | None

    @classmethod
    def of(cls, layers: Sequence[int], n_layers: int) -> Roles:
        """Sort the layers that were read, of so many."""
        middle = tuple(sorted(layer for layer in layers if 0 < layer < n_layers - 1))
        near = [layer for layer in middle if abs((layer + 1) / n_layers - DEPTH) <= NEAR]
        late = min(near, key=lambda layer: abs((layer + 1) / n_layers - DEPTH), default=None)
        last = n_layers - 1
        return cls(0 if 0 in layers else None, middle, last if last in layers else None, late)


@dataclass(frozen=True, eq=False)
class Measured:
    """What a chapter has of one model, by layer, all resampled over the same documents.

    Attributes
    ----------
    n_layers
        Of the model.
    documents
        Behind the intervals.
    r2
        Pooled over positions and dimensions, as published.
    errors, rho
        By position: mean squared error, and rank correlation of ||r|| with surprisal.
    domain, kind
        Macro F1 of h_hat minus that of r for the domain, and of r minus that of h_hat for the type of token.
    trivial_domain, trivial_kind
        The same of a split that needs no predictor.
    rho_null
        Mean correlation where surprisals are exchanged between documents.
    first
        Position from which lines over positions are drawn.
    """

    n_layers: int
    documents: int
    r2: Mapping[int, Resampled]
    errors: Mapping[int, PositionCurve]
    rho: Mapping[int, PositionCurve]
    domain: Mapping[int, Resampled]
    kind: Mapping[int, Resampled]
    trivial_domain: Mapping[int, Resampled]
    trivial_kind: Mapping[int, Resampled]
    rho_null: float = nan
    first: int = LEFT_OUT


def claim_numbers(measured: Measured) -> pd.DataFrame:
    """All numbers that the claims are judged by, as a small table that a record can keep.

    Returns
    -------
    Columns ``quantity, at, value, low, high, null``: at the ends, the middle, their difference, or over all layers;
    rows of layers that were not read are missing.
    """
    roles = Roles.of(list(measured.r2), measured.n_layers)
    rows: list[tuple[str, str, Resampled, float]] = []
    rows += _by_role("R²", measured.r2, roles, 0.0)
    change = {layer: curve.relative_change(measured.first) for layer, curve in measured.errors.items()}
    rows += _by_role("error change", change, roles, 0.0)
    mean = {layer: curve.over(measured.first) for layer, curve in measured.rho.items()}
    rows += _by_role("rho", mean, roles, measured.rho_null)
    slope = {layer: curve.slope(measured.first) for layer, curve in measured.rho.items()}
    rows += _by_role("rho change", slope, roles, 0.0)
    if roles.late is not None:
        curve = measured.rho[roles.late]
        late = curve.over(*curve.parts(measured.first)["late"])
        rows.append(("rho late", LATE, late, measured.rho_null))
    for name, own, trivial in (
        ("domain", measured.domain, measured.trivial_domain),
        ("type", measured.kind, measured.trivial_kind),
    ):
        gap, rival = Resampled.mean(list(own.values())), Resampled.mean(list(trivial.values()))
        rows += [(name, ALL, gap, nan), (f"{name}, trivial split", ALL, rival, nan)]
        rows.append((f"{name}, beyond it", ALL, gap - rival, nan))
    return pd.DataFrame([(q, at, one.value, *one.ends(), null) for q, at, one, null in rows], columns=COLUMNS)


def _by_role(
    quantity: str, by_layer: Mapping[int, Resampled], roles: Roles, null: float
) -> list[tuple[str, str, Resampled, float]]:
    """A quantity at the ends, in the middle, and their differences; a difference has no null but 0."""
    asked: dict[str, Sequence[int | None]]
    asked = {
        FIRST: [roles.first],
        MIDDLE: roles.middle,
        LAST: [roles.last],
        "ends": [roles.first, roles.last],
    }
    own = {}
    for name, layers in asked.items():
        known = [by_layer[layer] for layer in layers if layer is not None]
        if known and len(known) == len(layers):
            own[name] = Resampled.mean(known)
    ends = own.pop("ends", None)
    rows = [(quantity, name, one, null) for name, one in own.items()]
    if FIRST in own and MIDDLE in own:
        rows.append((quantity, "middle − first", own[MIDDLE] - own[FIRST], nan))
    if ends is not None and MIDDLE in own:
        rows.append((quantity, "ends − middle", ends - own[MIDDLE], nan))
    if FIRST in own and LAST in own:
        rows.append((quantity, "last − first", own[LAST] - own[FIRST], nan))
    return rows


class _Table:
    """The numbers of a model by quantity and place; None for one that is missing."""

    def __init__(self, numbers: pd.DataFrame) -> None:
        self._rows = {
            (row.quantity, row.at): Number(row.value, row.low, row.high, row.null) for row in numbers.itertuples()
        }  # fmt: skip

    def __call__(self, quantity: str, at: str) -> Number | None:
        found = self._rows.get((quantity, at))
        return None if found is None or isnan(found.value) else found


def chapter_measurements(
    model: str, numbers: pd.DataFrame, *, layers: Sequence[int], n_layers: int, documents: int
) -> list[Measurement]:
    """Measure the claims of the report.

    Parameters
    ----------
    model
        Registry name.
    numbers
        From :func:`claim_numbers`.
    layers, n_layers
        Those that were read, of so many.
    documents
        Of the windows that were tested on.

    Returns
    -------
    One per claim; without a value and with the reason where a layer was not read, or where documents are too few.
    """
    if documents < FEWEST_UNITS:
        return too_few("D.", model, documents)
    table, read = _Table(numbers), layers_in_words(layers)
    made = [
        *_explained(table),
        _error_over_positions(table),
        *_correlations(table),
        _probe("D.probe.domain", "domain", table),
        _probe("D.probe.type", "type", table),
    ]
    by_claim = {row.claim: row for row in made}
    ids = [claim for claim in read_claims()["id"] if claim.startswith("D.")]
    about = f"{read} of {n_layers} were read"
    return [_finished(by_claim[claim], model, documents, about) for claim in ids]


class _Judged(NamedTuple):
    """A claim with what is said of it, before the model's name is added."""

    claim: str
    number: Number | None
    holds: bool | None = None
    note: str = ""


def _finished(row: _Judged, model: str, documents: int, about: str) -> Measurement:
    number = row.number
    if number is None:
        note = f"{about}, and none stands in for a layer of this claim"
        return Measurement(row.claim, model, None, n=documents, note=note)
    note = "; ".join(part for part in (row.note, about) if part)
    return number.measured(row.claim, model, documents, row.holds, note)


def _explained(table: _Table) -> list[_Judged]:
    first, lead = table("R²", FIRST), table("R²", "middle − first")
    low, note = None, ""
    if first is not None and lead is not None:
        low, note = lies_above(lead.low, lead.high), f"middle minus first {lead.told}"
    null = "null: the mean of each position"
    return [
        _Judged("D.r2.mid", table("R²", MIDDLE), note=null),
        _Judged("D.r2.last", table("R²", LAST), note=null),
        _Judged("D.r2.first", None if lead is None else first, low, note),
    ]


def _error_over_positions(table: _Table) -> _Judged:
    middle, *ends = (table("error change", at) for at in (MIDDLE, FIRST, LAST))
    if middle is None or None in ends:
        return _Judged("D.mse.position", None)
    known = [one for one in ends if one is not None]
    flat = [_is_flat(one) for one in known]
    told = " and ".join(one.told for one in known)
    note = f"share of the mean by which the error changes; at the first and the last layer {told}"
    return _Judged("D.mse.position", middle, all_hold([lies_below(middle.low, middle.high), *flat]), note)


def _is_flat(change: Number) -> bool | None:
    """Whether a change lies within :data:`FLAT`; surely not where its interval lies outside of it."""
    if isnan(change.low):
        return None
    if change.low >= FLAT or change.high <= -FLAT:
        return False
    return True if nothing_holds(change.low, change.high, FLAT) else None


def _correlations(table: _Table) -> list[_Judged]:
    gap = table("rho", "ends − middle")
    ahead = None if gap is None else lies_above(gap.low, gap.high)
    first, last, apart = (table("rho change", at) for at in (FIRST, LAST, "last − first"))
    trend, note = None, ""
    if first is not None and last is not None:
        trend = all_hold([lies_below(first.low, first.high), lies_above(last.low, last.high)])
        note = f"change over the window at the first layer {first.told}, at the last {last.told}; value: last − first"
    null = "null: surprisals exchanged between documents"
    return [
        _Judged("D.rho.ends", gap, ahead, "mean of both ends minus that of the middle"),
        _Judged("D.rho.l18", table("rho late", LATE), note=f"last quarter of the window; {null}"),
        _Judged("D.rho.trend", apart, trend, note),
    ]


def _probe(claim: str, quantity: str, table: _Table) -> _Judged:
    gap, trivial, beyond = (
        table(f"{quantity}{what}", ALL) for what in ("", ", trivial split", ", beyond it")
    )
    if gap is None:
        return _Judged(claim, None)
    note = "mean over the layers read, macro F1"
    if trivial is not None and beyond is not None:
        note += f"; a split that needs no predictor gives {trivial.told}, the predictor {beyond.told} more"
    return _Judged(claim, gap, lies_above(gap.low, gap.high), note)
