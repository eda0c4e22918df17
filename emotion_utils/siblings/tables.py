"""Tables of the studies of some siblings: what a page shows, and what a record keeps.

Each has a column ``model``: the sibling as a reader calls it.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from scipy.stats import spearmanr

from emotion_utils.classification.baseline import Baseline
from emotion_utils.classification.macro_f1 import macro_f1_difference, macro_f1_interval
from emotion_utils.models.registry import reader_name, short_name
from emotion_utils.siblings.circuit import MEAN, MEASURES, ZERO
from emotion_utils.siblings.depth import EARLY, LATE, SIZE, TOTAL, CircuitNumbers, circuit_numbers
from emotion_utils.siblings.patching import depth_shares
from emotion_utils.siblings.study import PUBLISHED, Study

WORDS = "TF-IDF + SVC"
"""What a language model has to beat, as tables call it."""
RUN_MEASURES = (
    *("F1, first test", "F1, last test", SIZE, TOTAL, EARLY, LATE),
    *("sufficiency, zero", "necessity, zero", "sufficiency, mean", "necessity, mean", "CPR", "CMD"),
)
"""Of one training, in the order of :func:`run_of`."""


def scores(studies: Mapping[str, Study], baseline: Baseline, *, seed: int = 0) -> pd.DataFrame:
    """Macro F1 of every sibling and of TF-IDF with a support vector machine, on every test.

    Returns
    -------
    Columns ``model, test, value, low, high, posts``, and ``gain, gain_low, gain_high`` over :data:`WORDS` on the same
    posts (NaN in its own rows).
    """
    rows = []
    posts = next(iter(studies.values())).posts
    for test, held in posts.tests.items():
        words = list(baseline.pipeline.predict(list(held.texts)))
        own = macro_f1_interval(held.labels, words, seed=seed)
        rows.append((WORDS, test, own.value, own.low, own.high, own.n, *(float("nan"),) * 3))
        for name, one in studies.items():
            said = one.tests[test].table["predicted"].tolist()
            f1, gain = (
                macro_f1_interval(held.labels, said, seed=seed),
                macro_f1_difference(held.labels, said, words, seed=seed),
            )
            rows.append(
                (short_name(name), test, f1.value, f1.low, f1.high, f1.n, gain.value, gain.low, gain.high)
            )
    columns = ["model", "test", "value", "low", "high", "posts", "gain", "gain_low", "gain_high"]
    return pd.DataFrame(rows, columns=columns)


def between_tests(studies: Mapping[str, Study], *, seed: int = 0) -> pd.DataFrame:
    """Macro F1 of the second sibling minus that of the first, on the same posts of every test.

    Returns
    -------
    Columns ``test, value, low, high, posts``.
    """
    first, second = list(studies.values())[:2]
    rows = []
    for test, held in first.posts.tests.items():
        said = [one.tests[test].table["predicted"].tolist() for one in (second, first)]
        rows.append((test, *_values(macro_f1_difference(held.labels, *said, seed=seed))))
    return pd.DataFrame(rows, columns=["test", "value", "low", "high", "posts"])


def _values(found: object) -> tuple[float, ...]:
    return tuple(getattr(found, name) for name in ("value", "low", "high", "n"))


def circuits(studies: Mapping[str, Study]) -> pd.DataFrame:
    """Effects of every component, with what one gradient estimates in their place (``attributed``)."""
    return _each({name: one.effects.assign(attributed=one.attributed) for name, one in studies.items()})


def agreement(studies: Mapping[str, Study]) -> pd.DataFrame:
    """Rank correlation of what gradients estimate and what patching finds: columns ``model, rho, components``."""
    rows = [
        (
            short_name(name),
            float(spearmanr(one.attributed, one.effects["share"]).statistic),
            len(one.attributed),
        )
        for name, one in studies.items()
    ]
    return pd.DataFrame(rows, columns=["model", "rho", "components"])


def numbers_of(one: Study) -> CircuitNumbers:
    """The report's numbers of the circuit of one training."""
    return circuit_numbers(one.patched, one.n_layers, n_resamples=one.sizes.resamples, seed=one.seed)


def depth_by_model(studies: Mapping[str, Study]) -> dict[str, dict[str, float]]:
    """Share of each circuit's effects by third of the depth, as published, by model."""
    return {short_name(name): depth_shares(one.effects, one.n_layers) for name, one in studies.items()}


def numbers(studies: Mapping[str, Study]) -> pd.DataFrame:
    """The report's numbers of each circuit: columns ``model, quantity, value, low, high``."""
    return _each({name: numbers_of(one).table() for name, one in studies.items()})


def pairs(studies: Mapping[str, Study]) -> pd.DataFrame:
    """How pairs were found: columns ``model, pairs, reach, lowest, telling, smallest`` (the least gap, in nats)."""
    rows = [
        (
            short_name(name),
            len(one.patched.pairs),
            one.similar.reach,
            one.similar.lowest,
            int(one.patched.telling().sum()),
            float(abs(one.patched.gap).min()),
        )
        for name, one in studies.items()
    ]
    return pd.DataFrame(rows, columns=["model", "pairs", "reach", "lowest", "telling", "smallest"])


def summarise_pairs(table: pd.DataFrame, cosine: float) -> str:
    """Say in Markdown how pairs were found.

    Parameters
    ----------
    table
        From :func:`pairs`.
    cosine
        That was asked for.
    """
    lines = []
    for row in table.itertuples():
        how = f"the most alike ones (cosine {row.lowest:.2f} or more; {row.reach} reach {cosine:g})"
        if pd.isna(row.lowest):
            how = f"drawn among {row.reach:,} with a cosine of {cosine:g} or more"
        lines.append(
            f"- {row.model}: {row.pairs} pairs, {how}; in {row.telling} the logits differ by a nat or more, in one by "
            f"{row.smallest:.1g}."
        )
    return "\n".join(lines)


def ablations(studies: Mapping[str, Study]) -> pd.DataFrame:
    """Sufficiency and necessity of circuits beside random ones; see :attr:`Study.ablated`."""
    return _each({name: one.ablated[0] for name, one in studies.items()})


def faithfulness(studies: Mapping[str, Study]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Curves and their integrals; see :attr:`Study.faithful`."""
    points, integrals = zip(*(one.faithful for one in studies.values()), strict=True)
    return tuple(_each(dict(zip(studies, tables, strict=True))) for tables in (points, integrals))


def run_of(one: Study) -> dict[str, float]:
    """The numbers of one training that siblings are compared by, under the names of :data:`RUN_MEASURES`."""
    f1 = [
        macro_f1_interval(
            found.table["label"].tolist(), found.table["predicted"].tolist(), n_resamples=2
        ).value
        for found in (one.tests[one.posts.first], one.tests[one.posts.hardest])
    ]
    circuit, kept = numbers_of(one).value, one.ablated[1][PUBLISHED]
    ablated = [float(of(kept[way])[0]) for way in (ZERO, MEAN) for of in MEASURES.values()]
    integrals = one.faithful[1].set_index("measure")["value"]
    values = [
        *f1,
        *(circuit[name] for name in (SIZE, TOTAL, EARLY, LATE)),
        *ablated,
        *integrals[["CPR", "CMD"]],
    ]
    return dict(zip(RUN_MEASURES, map(float, values), strict=True))


def beside(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Tables of several models under one another, the name of the model before each row."""
    named = [
        table.assign(model=name)[["model", *(column for column in table if column != "model")]]
        for name, table in tables.items()
    ]
    return pd.concat(named, ignore_index=True)


def with_record(live: Mapping[str, pd.DataFrame], real: str, recorded: pd.DataFrame | None) -> pd.DataFrame:
    """Tables of models under one another, by names for readers, that of the recorded real model last.

    Parameters
    ----------
    live
        By registry name.
    real
        Registry name of the recorded model.
    recorded
        Its table; None without a record, or where the model is live.
    """
    every = {reader_name(name): table for name, table in live.items()}
    if recorded is not None:
        every[f"{reader_name(real)} (record)"] = recorded
    return beside(every)


def _each(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    return beside({short_name(name): table for name, table in tables.items()})
