"""What of a vector's effect is left once what random vectors and a bias on first words reach is taken off."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from emotion_utils.baselines.arms import RANDOM, UNTOUCHED, VECTOR
from emotion_utils.baselines.logit_bias import KIND as BIAS
from emotion_utils.baselines.logit_bias import NEARLY_ALL
from emotion_utils.core.errors import listing
from emotion_utils.statistics.corrections import adjusted
from emotion_utils.statistics.in_words import between
from emotion_utils.statistics.nulls import against_null
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.statistics.resampling import exact_share_interval, grouped_mean_interval

NATS, TEXTS = "shift", "says_it"
BOUNDS: dict[str, tuple[float, float] | None] = {NATS: None, TEXTS: (-1.0, 1.0)}
"""Of a difference between two arms."""
MATTERS = 0.1
"""Share of the vector's own effect: a rival reaches as much where surely less than that is left beyond it."""


def by_arm(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Mean of every arm with its interval over kinds of events.

    Parameters
    ----------
    table
        From :func:`emotion_utils.baselines.arms.arms`.
    seed
        Of the bootstrap.

    Returns
    -------
    One row per emotion, arm and outcome (:data:`NATS`, :data:`TEXTS`): ``emotion, arm, outcome, value, low, high, cost,
    n_units``; of random vectors the mean of all of them. The interval is empty with fewer than eight units, but where
    no text or every text says the emotion, in which case it is exact.
    """
    rows = []
    for (emotion, arm), part in table.groupby(["emotion", "arm"], sort=False):
        each = part.groupby("prompt").agg({NATS: "mean", TEXTS: "mean", "unit": "first", "nats": "mean"})
        cost = float(np.exp(each["nats"].mean())) if each["nats"].notna().any() else np.nan
        units = each["unit"].to_numpy()
        ends = {
            NATS: grouped_mean_interval(each[NATS].to_numpy(), units, seed=seed),
            TEXTS: exact_share_interval(each[TEXTS].to_numpy(), units, seed=seed),
        }
        for outcome, (low, high) in ends.items():
            value = float(each[outcome].mean())
            if arm == UNTOUCHED and outcome == NATS:
                low = high = np.nan  # 0 by definition
            rows.append((emotion, arm, outcome, value, low, high, cost, each["unit"].nunique()))
    columns = ["emotion", "arm", "outcome", "value", "low", "high", "cost", "n_units"]
    return pd.DataFrame(rows, columns=columns)


def remaining(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """The vector minus random vectors, and minus the bias, in the same contexts.

    Parameters
    ----------
    table
        From :func:`emotion_utils.baselines.arms.arms`.
    seed
        Of the bootstrap.

    Returns
    -------
    One row per emotion, outcome and rival (``against``): ``vector, rival, difference, low, high`` (over kinds of
    events), ``left`` (difference over the vector's own), ``n_units``; against random vectors in nats ``p`` with vectors
    as units and ``p_holm``, corrected over the emotions; ``vectors`` (random ones); ``beats``: by ``p_holm`` against
    random vectors in nats, else True where the interval lies above 0, and False (the rival reaches as much) where it
    lies below :data:`MATTERS` of the vector's own effect. None is open: neither of them, no interval, or too few
    vectors for a small p.
    """
    rows = []
    for emotion, own in table.groupby("emotion", sort=False):
        for outcome in (NATS, TEXTS):
            rows += [_row(str(emotion), own, outcome, rival, seed) for rival in (RANDOM, BIAS)]
    found = pd.DataFrame(rows)
    found["p_holm"] = adjusted(found["p"].to_numpy(), "holm")
    least = found["p"].notna().sum() / (1 + found["vectors"])
    found["beats"] = [_beats(row, low) for row, low in zip(found.itertuples(), least, strict=True)]
    return found


def _row(emotion: str, own: pd.DataFrame, outcome: str, rival: str, seed: int) -> dict[str, object]:
    contexts = own.groupby(["arm", "prompt"])[outcome].mean().unstack("arm")
    units = own.groupby("prompt")["unit"].first().reindex(contexts.index).to_numpy()
    gap = (contexts[VECTOR] - contexts[rival]).to_numpy()
    low, high = grouped_mean_interval(gap, units, seed=seed, bounds=BOUNDS[outcome])
    vector, other = float(contexts[VECTOR].mean()), float(contexts[rival].mean())
    p = np.nan
    if rival == RANDOM and outcome == NATS:
        p = _rank(own, contexts[VECTOR])
    return {
        "emotion": emotion, "outcome": outcome, "against": rival, "vector": vector, "rival": other,
        "difference": vector - other, "low": low, "high": high,
        "left": (vector - other) / vector if vector > 0 else np.nan, "n_units": len(np.unique(units)), "p": p,
        "vectors": int(own.loc[own["arm"] == RANDOM, "number"].nunique()),
    }  # fmt: skip


def _rank(own: pd.DataFrame, vector: pd.Series) -> float:
    """P with vectors as units: the share of them, the emotion's included, that do as much in their contexts."""
    random = own[own["arm"] == RANDOM]
    ahead = (random[NATS] - random["prompt"].map(vector)).groupby(random["number"]).mean()
    return against_null(0.0, ahead.to_numpy()).p


def _beats(row: object, least: float) -> bool | None:
    """By the corrected p where there is one and so many vectors can make it small, else by the interval."""
    p = row.p_holm  # type: ignore[attr-defined]
    if not np.isnan(p):
        return bool(p <= LEVEL) if least <= LEVEL else None
    return beyond(row.low, row.high, row.vector)  # type: ignore[attr-defined]


def beyond(low: float, high: float, vector: float) -> bool | None:
    """Whether a vector reaches more than a rival: True, False where the rival surely reaches as much, None if open.

    Parameters
    ----------
    low, high
        Interval of what the vector reaches beyond the rival; NaN where there is none.
    vector
        What it reaches itself, in the same unit.
    """
    if low > 0:
        return True
    return False if high < MATTERS * abs(vector) else None


def of_models(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """:func:`remaining` of every model, ``model`` first; ``q`` are p values after Benjamini-Hochberg over all of them.

    Parameters
    ----------
    table
        From :func:`emotion_utils.baselines.arms.arms_of_models`.
    seed
        Of the bootstrap.
    """
    parts = [remaining(part, seed).assign(model=model) for model, part in table.groupby("model", sort=False)]
    found = pd.concat(parts, ignore_index=True)
    found["q"] = adjusted(found["p"].to_numpy(), "fdr_bh")
    return found[["model", *found.columns.drop("model")]]


def title(found: pd.DataFrame) -> str:
    """What the figure of the arms shows, from :func:`remaining` of one model."""
    total = counted(found)
    if not total.decided:
        return "Steering, random vectors and a bias on first words"
    if total.beyond_bias == total.emotions:
        return "In nats steering reaches more than a bias on first words"
    left = f"; open for {len(total.open_beside_bias)}" if total.open_beside_bias else ""
    if total.not_beyond_bias:
        reached = len(total.not_beyond_bias)
        return f"In nats a bias on first words reaches what steering does, for {reached} of {total.emotions}{left}"
    if total.beyond_bias:
        more = f"{total.beyond_bias} of {total.emotions}"
        return f"In nats steering reaches more than a bias on first words, for {more}{left}"
    return "In nats steering cannot be told from a bias on first words"


class Left(NamedTuple):
    """How many emotions stay beyond their rivals.

    Attributes
    ----------
    emotions
    beyond_random
        In nats, corrected.
    beyond_bias, beyond_bias_in_texts
        By the interval.
    not_beyond_bias
        The emotions for which the bias reaches as much in nats: surely less than :data:`MATTERS` is left.
    open_beside_bias
        Those for which neither is sure.
    decided
        Whether there were units enough for intervals.
    """

    emotions: int
    beyond_random: int
    beyond_bias: int
    beyond_bias_in_texts: int
    not_beyond_bias: tuple[str, ...]
    open_beside_bias: tuple[str, ...]
    decided: bool

    @property
    def beside_bias(self) -> str:
        """In words, for how many the bias reaches as much and for how many that is open."""
        return (
            f"for {len(self.not_beyond_bias)} the bias reaches as much (surely less than {MATTERS:.0%} is left), for "
            f"{len(self.open_beside_bias)} that is open"
        )


def counted(found: pd.DataFrame) -> Left:
    """Count what :func:`remaining` found, of one model or of several."""

    def some(outcome: str, against: str) -> pd.DataFrame:
        return found[(found["outcome"] == outcome) & (found["against"] == against)]

    bias, texts, random = some(NATS, BIAS), some(TEXTS, BIAS), some(NATS, RANDOM)
    return Left(
        len(bias),
        int(random["beats"].eq(True).sum()),
        int(bias["beats"].eq(True).sum()),
        int(texts["beats"].eq(True).sum()),
        tuple(bias.loc[bias["beats"].eq(False), "emotion"]),
        tuple(bias.loc[bias["beats"].isna(), "emotion"]),
        bool(bias["low"].notna().all()),
    )


def summarise(found: pd.DataFrame, table: pd.DataFrame) -> str:
    """Say in Markdown what is left of each emotion's effect, and where steering does not beat the bias.

    Parameters
    ----------
    found
        From :func:`remaining`, of one model.
    table
        From :func:`emotion_utils.baselines.arms.arms`, for the sizes of the biases.
    """
    sizes = table.drop_duplicates("emotion").set_index("emotion")
    lines = [
        _line(str(emotion), part, sizes.loc[emotion])
        for emotion, part in found.groupby("emotion", sort=False)
    ]
    total = counted(found)
    if not total.decided:
        return "\n".join(lines) + "\n\nToo few kinds of events for intervals: what is left cannot be said."
    missed = (
        f" **In nats the bias reaches as much for {listing(list(total.not_beyond_bias))}.**"
        if total.not_beyond_bias
        else ""
    )
    if total.open_beside_bias:
        missed += f" For {listing(list(total.open_beside_bias))} it is open which of them reaches more."
    return "\n".join(lines) + (
        f"\n\nBeyond random vectors in nats (p after Holm): **{total.beyond_random} of {total.emotions}** emotions. "
        f"Beyond the bias: **{total.beyond_bias} of {total.emotions}** in nats, "
        f"{total.beyond_bias_in_texts} in texts; {total.beside_bias} in nats.{missed}"
    )


def _line(emotion: str, part: pd.DataFrame, size: pd.Series) -> str:
    rows = part.set_index(["outcome", "against"])
    nats, texts = rows.loc[(NATS, BIAS)], rows.loc[(TEXTS, BIAS)]
    random, said = rows.loc[(NATS, RANDOM)], rows.loc[(TEXTS, RANDOM)]
    p = f" (p = {random['p']:.3f}, {random['p_holm']:.3f} after Holm)"
    largest = (
        ""
        if size["kl_reached"] >= NEARLY_ALL * size["kl"]
        else ", the most that a bias on these words reaches"
    )
    return (
        f"- *{emotion}*: of {nats['vector']:+.1f} nats random vectors give {random['rival']:+.1f}{p} and the bias "
        f"{nats['rival']:+.1f} (a constant of {size['constant']:.1f}, divergence {size['kl_reached']:.2f} beside "
        f"{size['kl']:.2f} of the vector{largest}); over the bias {apart(nats, '+.1f', ' nats')} is left. Texts that "
        f"say it: vector {texts['vector']:.0%}, bias {texts['rival']:.0%}, random vectors {said['rival']:.0%}."
    )


def apart(row: pd.Series, spec: str, unit: str) -> str:
    """A difference with its interval in brackets, where there is one."""
    return f"{row['difference']:{spec}}{unit}{between(row['low'], row['high'], spec)}"


def summarise_models(found: pd.DataFrame, blind: str) -> str:
    """How many emotions of the trained models, and of the blind one, stay beyond random vectors and the bias.

    Parameters
    ----------
    found
        From :func:`of_models`.
    blind
        The model that has nothing to carry.
    """
    parts = {
        "the trained models": found[found["model"] != blind],
        "the blind model": found[found["model"] == blind],
    }
    return " ".join(_told(name, part) for name, part in parts.items() if len(part))


def _told(name: str, part: pd.DataFrame) -> str:
    total = counted(part)
    if not total.decided:
        return f"Of {name} nothing can be said: too few kinds of events."
    random = part[(part["outcome"] == NATS) & (part["against"] == RANDOM)]
    of = f"{total.emotions} emotions"
    return (
        f"Of {name} the vector is beyond random vectors in nats for **{int((random['q'] <= LEVEL).sum())} of {of}** "
        f"(Benjamini-Hochberg over all models), beyond the bias for **{total.beyond_bias}** in nats and "
        f"**{total.beyond_bias_in_texts}** in texts; {total.beside_bias} in nats."
    )
