"""Which vector, layer and strength is taken for each emotion, on contexts that are not used again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from emotion_utils.engine.interventions import UNTOUCHED
from emotion_utils.engine.teacher_forcing import continuation_log_probs
from emotion_utils.scoring.replies import splice
from emotion_utils.steering import screening
from emotion_utils.steering.controls import KINDS, control_settings
from emotion_utils.steering.subject import SteeredModel
from emotion_utils.steering.trials import (
    BUDGET,
    GOAL,
    SteeringSetting,
    chosen_settings,
    conditions_of,
    described,
    judged_length,
    outcomes,
    run,
)

RANDOM_AT_MOST = 0.05
"""Share of contexts that random vectors may turn on average."""
FEW = 4
"""Contexts on which random vectors are tried before a setting is chosen: one turns nearly all of them or none."""


def screened(
    steered: SteeredModel, contexts: pd.DataFrame, settings: Sequence[SteeringSetting], pairs: int
) -> pd.DataFrame:
    """Read genuine replies of the emotion under every setting; of an own label its texts, and those it stands against.

    Own texts do not follow from the scenes, so that a push which only leaves the scene makes all of them more probable,
    and one that breaks the text makes all improbable, some less than others. So the score is the smaller of two
    changes: of the label's texts, and of these less that of the others.

    Parameters
    ----------
    steered, contexts, settings, pairs
        As of :func:`screening.screen`.

    Returns
    -------
    As :func:`screening.screen`.
    """
    if steered.own is None:
        return screening.screen(steered, contexts, settings, pairs)
    parts = []
    for label in dict.fromkeys(setting.emotion for setting in settings):
        conditions = conditions_of([setting for setting in settings if setting.emotion == label])
        named = list({UNTOUCHED.name: UNTOUCHED, **conditions}.values())
        sides, gains = (steered.own.of(label, pairs), steered.own.against(label, pairs)), []
        for i, context in enumerate(contexts["context"].head(pairs)):
            texts = [splice(context, side[i % len(side)]) for side in sides]
            read = continuation_log_probs(steered.model, [steered.ids(context)], texts, named)
            wide = read.pivot(index="condition", columns="continuation", values="log_prob")
            gains.append(wide - wide.loc[UNTOUCHED.name])
        mean = sum(gains[1:], gains[0]) / len(gains)
        parts.append(np.minimum(mean[0], mean[0] - mean[1]))
    score = pd.concat(parts).rename("score")
    return described(settings).join(score[~score.index.duplicated()], on="condition")


def choose(summary: pd.DataFrame, random: Callable[[pd.Series], float] | None = None) -> dict[str, pd.Series]:
    """The vector, layer and strength that is taken for each emotion: the one furthest inside both limits.

    Parameters
    ----------
    summary
        From :func:`trials.sweep_summary` on the select split.
    random
        The share of contexts that random vectors of the same length turn at a setting. Settings that reach the goal
        within the budget are tried from the best one on, and the first at which random vectors turn few contexts is
        taken: where any push brings the emotion about, no vector can be special.

    Returns
    -------
    By emotion its row, with ``margin``, the smaller of share / goal and budget / cost (among equals the cheapest is
    taken), and ``random`` where that was measured. Where random vectors turn many contexts at all settings that reach
    the goal, and where none reaches it, the best one.
    """
    strong = summary[summary["alpha"] > 0].copy()
    strong["margin"] = np.minimum(strong["share"] / GOAL, (BUDGET / strong["cost"]).fillna(0.0))
    ordered = strong.sort_values(["margin", "cost"], ascending=[False, True], kind="stable")
    return {
        str(emotion): _first_special(rows, random) for emotion, rows in ordered.groupby("emotion", sort=False)
    }


def _first_special(rows: pd.DataFrame, random: Callable[[pd.Series], float] | None) -> pd.Series:
    best = rows.iloc[0]
    if random is None:
        return best
    for _, row in rows[rows["margin"] >= 1].iterrows():
        share = random(row)
        if share <= RANDOM_AT_MOST:
            return pd.concat([row, pd.Series({"random": share})])
    return best


def random_share(
    steered: SteeredModel, contexts: pd.DataFrame, n: int, seed: int
) -> Callable[[pd.Series], float]:
    """Measure what random vectors turn at a setting, for :func:`choose`.

    Parameters
    ----------
    steered
    contexts
        Of the select split; a few are enough, since one vector turns nearly all of them or none.
    n
        Random vectors.
    seed
        They are others than those that the chosen setting is tested with.
    """
    other = int(np.random.SeedSequence([seed, 1]).generate_state(1)[0])

    def share(row: pd.Series) -> float:
        setting = chosen_settings(steered, {str(row["emotion"]): row})[0]
        drawn = [c for c in control_settings(steered, setting, n, other) if c.kind in KINDS]
        texts = run(steered, contexts, drawn, how=judged_length(steered))
        return float(outcomes(steered, texts, cost=False)["target"].mean())

    return share


def summarise_choice(chosen: Mapping[str, pd.Series], n_layers: int) -> str:
    """What was chosen for each emotion, and for how many the rule of the random vectors found one."""
    told = [
        f"*{emotion}*: {row['made']}, at the {row['where']}, layer {int(row['layer'])} (relative depth "
        f"{(int(row['layer']) + 1) / n_layers:.2f}), strength {row['alpha']:g}"
        for emotion, row in chosen.items()
    ]
    kept = sum("random" in row and pd.notna(row["random"]) for row in chosen.values())
    return (
        f"Chosen: {'; '.join(told)}. For **{kept} of {len(chosen)}** emotions a setting lies inside both limits at "
        "which random vectors turn few contexts."
    )


def summarise_screen(ways: pd.DataFrame) -> str:
    """How far the screen's choice falls behind that of a sweep, beside other ways of choosing.

    Parameters
    ----------
    ways
        Columns ``way, close`` (share of cells at most five points behind), ``regret, largest`` (shares of texts),
        ``cells, tokens`` (of the screen's, in those of the sweep); the screen first.
    """
    own, rest = ways.iloc[0], ways.iloc[1:]
    others = "; ".join(f"{r.way}: {r.regret:.1%} and {r.close:.0%}" for r in rest.itertuples())
    return (
        f"In {int(own['cells'])} cells (emotion and model) the screen's choice turns **{own['regret']:.1%}** of texts "
        f"fewer than that of the sweep, at most {own['largest']:.0%}; in **{own['close']:.0%}** of cells five points "
        f"or less. It took at most {own['tokens']:.1%} of the sweep's tokens. Beside it, mean regret and cells "
        f"that are as close: {others}."
    )
