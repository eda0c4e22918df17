"""A circuit beside random sets of heads, in nats and in texts: the sets are the units of this question.

Whether *this* circuit does more than random sets of the same make is asked of sets, not of prompts: p is the share of
sets, the circuit among them, that do at least as much. That they do as well is a finding only where half of enough sets
reach it, or where the mean difference lies inside a bound {cite:p}`schuirmann1987`. Otherwise the circuit cannot be
told from them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from emotion_utils.heads.pairs import Pairs
from emotion_utils.statistics.equivalence import equivalence
from emotion_utils.statistics.permutations import LEVEL, TIE
from emotion_utils.statistics.resampling import grouped_mean_interval
from emotion_utils.statistics.units import unit_sums

NATS, TEXTS = "difference of log-odds that is kept (nats)", "replies that say the emotion (share)"
STRONG = "equal norm"
"""Kind of random sets that a circuit has to beat: as many heads that write as much."""
CLOSE = 0.1
"""Share of the whole difference, or of the replies: circuits and random sets that differ by less do the same."""
FEWEST_SETS = round(1 / LEVEL) - 1
"""With fewer random sets p cannot be as small as it has to be, and nothing is concluded from how many reach it."""
HALF = 1 / 2
"""Share of the random sets, ties counted half, from which on they do as well as the circuit."""
COLUMNS = ["measure", "kind", "circuit", "low", "high", "random", "least", "most", "sets", "as_much",
           "tied", "p", "gap", "gap_low", "gap_high", "bound", "p_equivalence", "n", "n_groups"]  # fmt: skip


def beside_sets(
    values: Float[np.ndarray, "pair set"],
    kinds: Sequence[str],
    units: np.ndarray,
    measure: str,
    bound: float,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Hold a circuit beside random sets, by one measure.

    Parameters
    ----------
    values
        Of each pair under each set, the circuit first.
    kinds
        Of the random sets.
    units
        Of the pairs.
    measure
        What the values are.
    bound
        Mean difference from random sets, in the unit of the values, below which they do the same.
    n_resamples, seed
        Of the bootstrap over units.

    Returns
    -------
    One row per kind: ``measure, kind, circuit`` (mean), ``low, high`` (95 %), ``random`` (mean of the sets), ``least,
    most`` (of them), ``sets``, ``as_much`` (sets that do at least as much), ``tied`` (those that do just as much),
    ``p``, ``gap`` (circuit minus random) with ``gap_low, gap_high`` (over pairs, for these sets), ``bound``,
    ``p_equivalence``, ``n`` (pairs) and ``n_groups``.
    """

    def ends_of(found: np.ndarray) -> tuple[float, float]:
        return grouped_mean_interval(found, units, n_resamples=n_resamples, seed=seed)

    own, named, rows = values[:, 0], np.array(kinds), []
    ends = ends_of(own)
    for kind in dict.fromkeys(kinds):
        each = values[:, 1:][:, named == kind]
        means, gap = each.mean(axis=0), own - each.mean(axis=1)
        reached, beyond = (int((means >= own.mean() + by).sum()) for by in (-TIE, TIE))
        alike = equivalence(unit_sums(gap[:, None], units), np.array([bound])).p[0] if bound > 0 else np.nan
        rows.append(
            (measure, kind, own.mean(), *ends, means.mean(), means.min(), means.max(), len(means), reached,
             reached - beyond, (1 + reached) / (1 + len(means)), gap.mean(), *ends_of(gap), bound,
             float(alike), len(own), len(set(units)))
        )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def in_nats(
    held: Pairs, kept: Float[np.ndarray, "pair set"], kinds: Sequence[str], **options: int
) -> pd.DataFrame:
    """What the circuit and random sets keep of the difference between partners: :func:`beside_sets`.

    Parameters
    ----------
    held
    kept
        From `faithfulness.differences`, the circuit first.
    kinds
        Of the random sets.
    options
        ``n_resamples`` and ``seed``.
    """
    whole = abs(float(np.subtract(*held.untouched).mean()))
    return beside_sets(kept, kinds, held.table["unit"].to_numpy(), NATS, CLOSE * whole, **options)


def in_texts(spoken: pd.DataFrame, circuit: str, kinds: dict[str, str], **options: int) -> pd.DataFrame:
    """How many replies the circuit and random sets turn: :func:`beside_sets`.

    Parameters
    ----------
    spoken
        From `texts.scored`: columns ``pair, unit, set, target``.
    circuit
        Its name among the sets.
    kinds
        By set, of which kind the random ones are.
    options
        ``n_resamples`` and ``seed``.
    """
    wide = spoken.pivot(index="pair", columns="set", values="target")[[circuit, *kinds]]
    units = spoken.drop_duplicates("pair").set_index("pair")["unit"].loc[wide.index].to_numpy()
    return beside_sets(wide.to_numpy(dtype=float), list(kinds.values()), units, TEXTS, CLOSE, **options)


def to_draw(
    nats: pd.DataFrame, kept: Float[np.ndarray, "pair set"], kinds: Sequence[str], texts: pd.DataFrame,
    spoken: pd.DataFrame, of_kind: dict[str, str], whole: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Both measures as shares: of each random set, and of the circuit.

    Parameters
    ----------
    nats, kept, kinds
        From :func:`in_nats`, and what it was given.
    texts, spoken, of_kind
        From :func:`in_texts`, and what it was given.
    whole
        Difference between partners (nats).

    Returns
    -------
    ``measure, kind, share``, a row for each set; and ``measure, share, low, high``, a row for each measure.
    """
    said = spoken.groupby("set")["target"].mean()
    in_texts = pd.DataFrame({"kind": list(of_kind.values()), "share": said.loc[list(of_kind)].to_numpy()})
    names = ("difference that is kept", "replies that say the emotion")
    drawn = [each_set(kept, kinds, whole), in_texts]
    alone = [as_shares(nats, names[0], whole), as_shares(texts, names[1])]
    both = [own.assign(measure=name) for name, own in zip(names, drawn, strict=True)]
    return pd.concat(both, ignore_index=True), pd.concat(alone, ignore_index=True)


def for_readers(table: pd.DataFrame) -> pd.DataFrame:
    """The table of :func:`beside_sets` with the columns that a reader needs, and with words for their names."""
    names = {
        "measure": "measure", "kind": "random sets of", "circuit": "circuit", "random": "random", "least": "least",
        "most": "most", "as_much": "do as much", "sets": "of", "p": "p", "gap": "gap", "gap_low": "from",
        "gap_high": "to", "n": "pairs", "n_groups": "units",
    }  # fmt: skip
    return table[list(names)].rename(columns=names)


def each_set(values: Float[np.ndarray, "pair set"], kinds: Sequence[str], whole: float = 1.0) -> pd.DataFrame:
    """Mean of each random set, as a share of the whole: ``kind, share``; the circuit, the first set, is left out."""
    return pd.DataFrame({"kind": list(kinds), "share": values[:, 1:].mean(axis=0) / whole})


def as_shares(table: pd.DataFrame, measure: str, whole: float = 1.0) -> pd.DataFrame:
    """The circuit of :func:`beside_sets` as a share of the whole, one row: ``measure, share, low, high``."""
    first = table.iloc[0]
    return pd.DataFrame(
        [(measure, *(float(first[name]) / whole for name in ("circuit", "low", "high")))],
        columns=["measure", "share", "low", "high"],
    )


def verdict(row: pd.Series) -> str:
    """What one row of :func:`beside_sets` says of the circuit.

    Returns
    -------
    ``more`` than random sets; ``as much`` as they do on average, within the bound; ``as well``, where there are
    :data:`FEWEST_SETS` or more and half of them reach it; ``open``, where none of these can be said.
    """
    if row["p"] <= LEVEL:
        return "more"
    if row["p_equivalence"] <= LEVEL:
        return "as much"
    enough = row["sets"] >= FEWEST_SETS
    return "as well" if enough and row["as_much"] - row["tied"] / 2 >= HALF * row["sets"] else "open"


def does_no_more(row: pd.Series) -> bool | None:
    """Whether random sets do as well as the circuit; None where it cannot be told from them: :func:`verdict`."""
    return {"more": False, "open": None}.get(verdict(row), True)
