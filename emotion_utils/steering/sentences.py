"""What the tables of the chapter say, in sentences whose numbers and verdicts are computed."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from emotion_utils.steering.choice import RANDOM_AT_MOST
from emotion_utils.steering.overview import P_AT_MOST, passed
from emotion_utils.steering.readout import turns_round

HALF = 0.5


def span(values: Sequence[float] | pd.Series, spec: str) -> str:
    """From the least to the largest value, or the one value where they read alike."""
    low, high = (format(float(end), spec) for end in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def with_intervals(table: pd.DataFrame) -> pd.DataFrame:
    """Shares and costs of :func:`trials.by_contexts`, each with its interval in one column of words."""
    joined = table.drop(columns=["low", "high", "cost_low", "cost_high"])
    for name, low, high in (("share", "low", "high"), ("cost", "cost_low", "cost_high")):
        joined[name] = [
            f"{value:.2f}" + ("" if pd.isna(a) else f" ({a:.2f}–{b:.2f})")
            for value, a, b in zip(table[name], table[low], table[high], strict=True)
        ]
    return joined.drop(columns="n_units")


def both_signs(wrong: pd.DataFrame) -> str:
    """One line per emotion on what one unit up and down does, and in how many the vector works one way only.

    Parameters
    ----------
    wrong
        From :func:`readout.wrong_way`.
    """
    round_ = turns_round(wrong)
    up, down = (wrong[wrong["alpha"] == sign].set_index("emotion") for sign in (1.0, -1.0))
    lines = [
        f"- *{emotion}*: at alpha = 1 the log-odds change by {up.loc[emotion, 'shift']:+.1f} nats, and "
        f"{up.loc[emotion, 'wrong']:.0%} of the contexts go the wrong way; at -1 they change by "
        f"{down.loc[emotion, 'shift']:+.1f} and {down.loc[emotion, 'wrong']:.0%} go the wrong way: *{emotion}* "
        f"{'turns' if turns else 'does **not** turn'} round with the sign."
        for emotion, turns in round_.items()
    ]
    one_way = int((~round_).sum())
    last = f"The vector works one way only for **{one_way} of {len(round_)}** emotions."
    return "\n".join(lines) + f"\n\n{last}"


def specific(compared: pd.DataFrame) -> str:
    """Whether another emotion's vector brings about the emotion asked for, and where it only breaks the text.

    Parameters
    ----------
    compared
        From :func:`controls.compare`.
    """
    pairs = compared[compared["against"].str.startswith("vector of")]
    same, broken = pairs[pairs["control"] >= HALF], pairs[pairs["none of them"] > HALF]
    named = "; ".join(
        f"the {r.against} says {r.emotion} in {r.control:.0%} of them" for r in same.itertuples()
    )
    told = (
        f"Of the {len(pairs)} pairs of another emotion's vector and this one's setting, {len(same)} say this emotion "
        f"all the same{': ' + named if named else ''}."
    )
    if broken.empty:
        return told
    return told + (
        f" But in **{len(broken)}** of these {len(pairs)} pairs more than half of the texts open like no reply at all: "
        "there the other vector breaks the text, which is no test of whether the vector is specific."
    )


def all_models(beside: pd.DataFrame, control: str) -> str:
    """How many models reach the goal, in how many of these the vector is beyond random ones, and where it is not.

    Parameters
    ----------
    beside
        From :func:`overview.overview`.
    control
        The blind model, which is left out.
    """
    trained = passed(beside).set_index("model").drop(index=control)
    full = trained[trained["steered"] == trained["emotions"]]
    beyond = full[full["beyond_random"] == full["emotions"]]
    kept = beside[beside["model"].isin(full.index) & ~beside["beyond_random"]]
    rest = ", ".join(f"{r.model} {r.emotion} (p = {r.p:.3f})" for r in kept.itertuples())
    of = f"of {len(trained)}** models"
    return (
        f"Every emotion reaches the goal within the budget in **{len(full)} {of} ({', '.join(full.index) or 'none'}). "
        f"In **{len(beyond)} {of} it does so with every p at most {P_AT_MOST:g}{'; not for ' + rest if rest else ''}. "
        f"Random vectors turn {span(trained['control'], '.1%')} of the contexts (mean of each model); in "
        f"**{trained['controls_fail'].sum()} {of} that is {RANDOM_AT_MOST:.0%} or less."
    )


def blind_model(beside: pd.DataFrame, control: str) -> str:
    """Whether the model that has nothing to carry is steered as well, which falsifies what steering is taken for.

    Parameters
    ----------
    beside
        From :func:`overview.overview`.
    control
        The blind model.
    """
    counts = passed(beside).set_index("model")
    blind, trained = counts.loc[control], counts.drop(index=control)
    if not blind["steered"]:
        return "The blind model cannot be steered with such vectors."
    ps = span([blind["p_low"], blind["p_high"]], ".3f")
    told = (
        "By the rule above, *steering moves what the model understands* is **falsified**: the blind model is steered "
        f"to {blind['steered']} of {blind['emotions']} emotions (mean share {blind['share']:.0%}), with vectors from "
        "states that tell it nothing of the reaction to come."
    )
    if blind["beyond_random"] == blind["emotions"]:
        return f"{told} Random vectors do not explain it (p {ps})."
    return (
        f"{told} But random vectors turn {blind['control']:.0%} of its contexts too, against "
        f"{span(trained['control'], '.0%')} elsewhere, so that its vectors are not beyond random ones for "
        f"{blind['emotions'] - blind['beyond_random']} of {blind['emotions']} emotions (p {ps})."
    )


def accuracy(counts: pd.DataFrame) -> str:
    """Share of texts on the diagonal of a table of :func:`scoring.confusion`, with their number.

    Texts that open like no reply have no true emotion and are left out.
    """
    known = counts.drop(index="undecided", errors="ignore")
    right, n = sum(int(known.loc[e, e]) for e in known.index), int(known.to_numpy().sum())
    return f"{right / n:.1%} of {n:,}" if n else "none of 0"
