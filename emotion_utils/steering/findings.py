"""What the tables of the chapter say: small records of numbers for the page's sentences, and a few whole sentences."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from emotion_utils.statistics.in_words import span
from emotion_utils.statistics.permutations import LEVEL
from emotion_utils.steering.choice import RANDOM_AT_MOST
from emotion_utils.steering.dose import emotion_shares
from emotion_utils.steering.overview import passed
from emotion_utils.steering.readout import turns_round
from emotion_utils.steering.trials import BUDGET, GOAL

HALF = 0.5
"""Share of texts from which on a vector is said to turn them, or to break them."""


class Missed(NamedTuple):
    """An emotion that does not reach the goal within the budget: its share of texts, and their cost."""

    emotion: str
    share: float
    cost: float


class Reached(NamedTuple):
    """How many emotions reach the goal within the budget on one kind of contexts, which do not, and on how many units.

    ``different`` are the fewest and most different replies of an emotion.
    """

    contexts: str
    reached: int
    emotions: int
    missed: tuple[Missed, ...]
    units: int
    different: tuple[int, int]


class RandomShare(NamedTuple):
    """Contexts that random vectors turn to an emotion (mean, and of the best one), and texts that they break."""

    emotion: str
    mean: float
    highest: float
    broken: float


class BesideRandom(NamedTuple):
    """The emotion vectors beside ``controls`` random ones of each emotion.

    ``p`` is the largest of any emotion, after Holm over the emotions; ``beyond`` says whether every emotion's vector is
    beyond random ones, ``lucky`` for how many emotions some random vector turns half of the contexts or more.
    """

    by_emotion: tuple[RandomShare, ...]
    controls: int
    p: float
    beyond: bool
    lucky: int


class NegativeStrength(NamedTuple):
    """What texts say where a vector is subtracted.

    Attributes
    ----------
    strengths
        How many negative ones there are at the chosen layer.
    says
        Mean share over these of what is said, the most frequent first.
    highest
        Largest share of the emotion that is looked for at any of them.
    turns
        Whether that is half of the texts or more.
    highest_anywhere
        Over all layers, strengths and kinds of vector of the sweep.
    """

    strengths: int
    says: dict[str, float]
    highest: float
    turns: bool
    highest_anywhere: float


class Divergence(NamedTuple):
    """How far an emotion's vector moves the next-token distribution: at the first word, and per token of the text."""

    emotion: str
    first_word: float
    per_token: float


class WindowGain(NamedTuple):
    """What steering gives at one window: mean share, median cost, and how many emotions reach the goal within it."""

    where: str
    share: float
    cost: float
    reached: int
    emotions: int


class RealWorldGain(NamedTuple):
    """A score of steered real-world texts beside that of others, and whether its interval lies above 0."""

    emotion: str
    against: str
    steered: float
    reference: float
    difference: float
    low: float
    high: float
    above: bool


def reached_goal(tested: pd.DataFrame) -> list[Reached]:
    """Which emotions reach the goal within the budget, on each kind of contexts of :func:`trials.by_contexts`."""
    rows = []
    for contexts, part in tested.groupby("contexts", sort=False):
        good = (part["share"] >= GOAL) & (part["cost"] <= BUDGET)
        missed = tuple(Missed(*row) for row in part.loc[~good, list(Missed._fields)].itertuples(index=False))
        replies = int(part["different"].min()), int(part["different"].max())
        units = int(part["n_units"].min())
        rows.append(Reached(str(contexts), int(good.sum()), len(part), missed, units, replies))
    return rows


def beside_random(compared: pd.DataFrame) -> BesideRandom:
    """What random vectors do beside the emotions' own.

    Parameters
    ----------
    compared
        From :func:`controls.compare`.
    """
    random = compared[compared["against"] == "all random"]
    columns = random[["emotion", "control", "highest", "none of them"]]
    return BesideRandom(
        tuple(RandomShare(*row) for row in columns.itertuples(index=False)),
        int(random["controls"].max()),
        float(random["p_holm"].max()),
        bool((random["p_holm"] <= LEVEL).all()),
        int((random["highest"] >= HALF).sum()),
    )


def negative_strength(
    shares: pd.DataFrame, sweep: pd.DataFrame, emotion: str = "gratitude", opposite: str = "anger"
) -> NegativeStrength:
    """What texts say where an emotion's vector is subtracted, and how many of them say the opposite emotion.

    Parameters
    ----------
    shares
        From :func:`dose.emotion_shares`, at the chosen layer.
    sweep
        Texts of all layers, strengths and kinds of vector, with what they say.
    emotion, opposite
        Whose vector it is, and what its negative is called.
    """
    minus = shares[(shares["emotion"] == emotion) & (shares["alpha"] < 0)]
    wide = minus.pivot(index="alpha", columns="says", values="share").fillna(0.0)
    anywhere = emotion_shares(sweep, ["emotion", "made", "layer", "alpha"])
    kept = (anywhere["emotion"] == emotion) & (anywhere["alpha"] < 0) & (anywhere["says"] == opposite)
    highest = float(wide[opposite].max()) if opposite in wide else 0.0
    means = wide.mean().sort_values(ascending=False)
    return NegativeStrength(
        len(wide),
        {str(says): float(share) for says, share in means.items()},
        highest,
        highest >= HALF,
        float(anywhere.loc[kept, "share"].max()) if kept.any() else 0.0,
    )


def divergences(texts: pd.DataFrame, first: pd.DataFrame) -> list[Divergence]:
    """Mean divergence from the untouched model by emotion (nats).

    Parameters
    ----------
    texts
        ``emotion`` and ``kl`` (nats per token) of whole texts.
    first
        The same of the first word of the reply, from :func:`readout.first_word` at the same settings.
    """
    along, at_once = (table.groupby("emotion", sort=False)["kl"].mean() for table in (texts, first))
    return [Divergence(str(emotion), float(at_once[emotion]), float(kl)) for emotion, kl in along.items()]


def window_gains(by_window: pd.DataFrame) -> list[WindowGain]:
    """What steering gives at each window, over the emotions.

    Parameters
    ----------
    by_window
        From :func:`trials.sweep_summary` by ``where`` and ``emotion``.
    """
    good = (by_window["share"] >= GOAL) & (by_window["cost"] <= BUDGET)
    counts = (
        by_window.assign(good=good)
        .groupby("where", sort=False)
        .agg(share=("share", "mean"), cost=("cost", "median"), good=("good", "sum"), n=("good", "size"))
    )
    return [WindowGain(*row) for row in counts.itertuples()]


def real_world_gains(apart: pd.DataFrame, score: str) -> list[RealWorldGain]:
    """What steering does to one score of real-world texts, from :func:`real_world.compared`."""
    rows = apart[apart["score"] == score].assign(above=lambda t: t["low"] > 0)
    return [RealWorldGain(*row) for row in rows[list(RealWorldGain._fields)].itertuples(index=False)]


def summarise_signs(wrong: pd.DataFrame) -> str:
    """One line per emotion on what the chosen strength up and down does, and in how many it works one way only.

    Parameters
    ----------
    wrong
        From :func:`readout.wrong_way`, strengths counted in chosen ones.
    """
    turns_by_emotion = turns_round(wrong)
    up, down = (wrong[wrong["alpha"] == sign].set_index("emotion") for sign in (1.0, -1.0))
    lines = [
        f"- *{emotion}*: at the chosen strength the log-odds change by {up.loc[emotion, 'shift']:+.1f} nats, and "
        f"{up.loc[emotion, 'wrong']:.0%} of the contexts go the wrong way; taken away, it changes them by "
        f"{down.loc[emotion, 'shift']:+.1f} and {down.loc[emotion, 'wrong']:.0%} go the wrong way: *{emotion}* "
        f"{'turns' if turns else 'does **not** turn'} round with the sign."
        for emotion, turns in turns_by_emotion.items()
    ]
    one_way = int((~turns_by_emotion).sum())
    last = f"The vector works one way only for **{one_way} of {len(turns_by_emotion)}** emotions."
    return "\n".join(lines) + f"\n\n{last}"


def summarise_specificity(compared: pd.DataFrame, unread: str = "open like no reply at all") -> str:
    """Whether another emotion's vector brings about the emotion asked for, and where it only breaks the text.

    Parameters
    ----------
    compared
        From :func:`controls.compare`.
    unread
        What a text is in which no emotion is found.
    """
    pairs = compared[compared["against"].str.startswith("vector of")]
    if pairs.empty:
        return "There is no other emotion whose vector could be tried."
    same, broken = pairs[pairs["control"] >= HALF], pairs[pairs["none of them"] > HALF]
    named = "; ".join(
        f"the {r.against} says {r.emotion} in {r.control:.0%} of them" for r in same.itertuples()
    )
    counted = (
        f"Of the {len(pairs)} pairs of another emotion's vector and this one's setting, {len(same)} say this emotion "
        f"all the same{': ' + named if named else ''}."
    )
    if broken.empty:
        return counted
    return counted + (
        f" But in **{len(broken)}** of these {len(pairs)} pairs more than half of the texts {unread}: "
        "there the other vector breaks the text, which is no test of whether the vector is specific."
    )


def summarise_models(beside: pd.DataFrame, control: str) -> str:
    """How many models reach the goal, in how many of these the vector is beyond random ones, and where it is not.

    Parameters
    ----------
    beside
        From :func:`overview.corrected`.
    control
        The blind model, which is left out.
    """
    trained = passed(beside).set_index("model").drop(index=control)
    full = trained[trained["steered"] == trained["emotions"]]
    beyond = full[full["beyond_random"] == full["emotions"]]
    kept = beside[beside["model"].isin(full.index) & ~beside["beyond_random"]]
    rest = ", ".join(f"{r.model} {r.emotion} (q = {r.q:.3f})" for r in kept.itertuples())
    of = f"of {len(trained)}** models"
    return (
        f"Every emotion reaches the goal within the budget in **{len(full)} {of} ({', '.join(full.index) or 'none'}). "
        f"In **{len(beyond)} {of} it does so with every q at most {LEVEL:g}{'; not for ' + rest if rest else ''}. "
        f"Random vectors turn {span(trained['control'], '.1%')} of the contexts (mean of each model); in "
        f"**{trained['controls_fail'].sum()} {of} that is {RANDOM_AT_MOST:.0%} or less."
    )


def summarise_blind_model(beside: pd.DataFrame, control: str) -> str:
    """Whether the model that has nothing to carry is steered as well, which shows what steering does not show.

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
    not_understanding = (
        "That *steering moves what the model understands* does not follow: the blind model is steered "
        f"to {blind['steered']} of {blind['emotions']} emotions (mean share {blind['share']:.0%}), with vectors from "
        "states that tell it nothing of the reaction to come."
    )
    if blind["beyond_random"] == blind["emotions"]:
        return f"{not_understanding} Random vectors do not explain it (p {ps})."
    return (
        f"{not_understanding} But random vectors turn {blind['control']:.0%} of its contexts too, against "
        f"{span(trained['control'], '.0%')} elsewhere, so that its vectors are not beyond random ones for "
        f"{blind['emotions'] - blind['beyond_random']} of {blind['emotions']} emotions (p {ps})."
    )
