"""What chapters 06 and 07 may cost on a model, and the sizes that follow from it: one rule for small and large models.

A chapter has a budget of tokens through the model. A model with fewer weights in its blocks than :data:`WEIGHTS` gets
in proportion more, so that it costs as much as one of that size. Where the exact ablation of all heads on all pairs is
paid by its share of the budget, everything is run. Otherwise pairs give way first, down to as many as leave enough
units for intervals, then heads: attribution screens all of them, and the exact run is for the first and a random
sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from emotion_utils.core.budget import allowance
from emotion_utils.core.profiles import HeadsSize
from emotion_utils.heads.pairs import Pairs, few
from emotion_utils.models.families import blocks
from emotion_utils.models.model import Model
from emotion_utils.statistics.resampling import FEWEST_UNITS

WEIGHTS = 100_000_000
"""In all blocks: from this size on the budget is what the profile says."""
EXACT_SHARE = 0.4
"""Of the budget: for the exact ablation of heads."""
OTHER_SHARE = 0.15
"""For other ways of taking them out."""
FIRST = 2 / 3
"""Share of the exact runs that is for heads that attribution puts first; the rest is a random sample."""
FEWEST_HEADS = 6
POINTS = 4
"""Sizes of circuits that are tried where the budget is small."""
LIMIT = 4
"""Heads of a circuit that are taken one by one then."""
SPOKEN = 2
"""Random sets of each kind that texts are generated with then."""
EVERY_SET, FEW_SETS = 19, 5
"""The same where the budget pays for it, of equal norm and of equal size: with 19 sets p can be 5 %."""
BUILD = 2
"""Times as many pairs of the build split, on which everything is chosen."""


@dataclass(frozen=True)
class Plan:
    """What is run on one model.

    Attributes
    ----------
    size
        Of the profile, with what gave way: pairs, random sets, steps and texts.
    tokens
        The budget.
    build
        Pairs of each emotion of the build split; those of the other splits are ``size.pairs``.
    heads
        Of the model.
    first, sample
        Heads that are run exactly: those that attribution puts first, and a random sample of the others.
    checked
        Heads of the sample that are taken out in other ways too.
    kept, every
        Pairs that are run, and those of the profile.
    untrained
        Models with random weights beside it.
    points
        Sizes of circuits that are tried; None is every second size.
    limit
        Heads of a circuit that are patched or left out one by one; None is all.
    compared
        Pairs of each emotion and split on which ways of patching are compared; None is all.
    spoken
        Random sets of equal norm that texts are generated with; of equal size there are :data:`FEW_SETS` at most.
    """

    size: HeadsSize
    tokens: int
    build: int
    heads: int
    first: int
    sample: int
    checked: int
    kept: int
    every: int
    untrained: int = 3
    points: int | None = None
    limit: int | None = None
    compared: int | None = None
    spoken: int = EVERY_SET

    @property
    def whole(self) -> bool:
        """Whether every head is run exactly."""
        return self.first + self.sample >= self.heads

    @property
    def said(self) -> dict[str, int]:
        """Random sets that texts are generated with, by kind."""
        return {"equal size": min(FEW_SETS, self.spoken), "equal norm": self.spoken}

    def pairs(self, every: Pairs) -> Pairs:
        """Those that are run."""
        return few(every, self.size.pairs, self.build)

    def to_compare(self, pairs: Pairs) -> Pairs:
        """Those on which ways of patching are compared."""
        return pairs if self.compared is None else few(pairs, self.compared)


def block_weights(model: Model) -> int:
    """Weights in all blocks: what a token costs, the unembedding left out, which is asked for the last token alone."""
    return sum(weight.numel() for block in blocks(model.network) for weight in block.parameters())


def planned(size: HeadsSize, every: Pairs) -> Plan:
    """What the budget of a profile pays for on a model.

    Parameters
    ----------
    size
        Of the profile.
    every
        All pairs of the model.
    """
    tokens, n = allowance(size.tokens, block_weights(every.model), WEIGHTS), len(every.heads)
    wanted = few(every, size.pairs)
    if n * ablation_tokens(wanted) <= EXACT_SHARE * tokens:
        return Plan(size, tokens, size.pairs, n, n, 0, n, len(wanted), len(wanted))
    own = min(size.pairs, _fewest_pairs(every))
    build = min(size.pairs, BUILD * own)
    kept = few(every, own, build)
    held = kept.where(kept.table["split"] != "build")
    # where pairs gave way some heads do too: a plan is whole, or estimates choose what is run
    exact = min(n - 1, max(FEWEST_HEADS, int(EXACT_SHARE * tokens / ablation_tokens(held))))
    first = max(1, round(FIRST * exact))
    checked = max(2, int(OTHER_SHARE * tokens / (2 * ablation_tokens(held))))
    smaller = replace(size, pairs=own, sets=min(size.sets, 4), steps=0, texts=min(size.texts, 6))
    sample = exact - first
    checked = min(checked, sample)
    return Plan(
        smaller, tokens, build, n, first, sample, checked, len(kept), len(wanted),
        untrained=1, points=POINTS, limit=LIMIT, compared=1, spoken=SPOKEN,
    )  # fmt: skip


def ablation_tokens(pairs: Pairs) -> float:
    """Tokens that an exact ablation of one head costs on average: blocks below the head are not computed again."""
    layers = pairs.model.n_layers
    return sum(map(len, pairs.ids)) * (layers + 1) / (2 * layers)


def _fewest_pairs(every: Pairs) -> int:
    """Pairs of each emotion and split that leave enough units for an interval of every emotion."""
    scored = every.where(every.table["split"] != "build")
    most = int(scored.table.groupby(["emotion", "split"]).size().max())
    for n in range(1, most + 1):
        if few(scored, n).table.groupby("emotion")["unit"].nunique().min() >= FEWEST_UNITS:
            return n
    return most


def told(plan: Plan, profile: HeadsSize) -> pd.DataFrame:
    """What the budget pays for, beside the size of the profile: ``what, run, left out``."""
    exact = plan.first + plan.sample
    rows: Sequence[tuple[str, int, int]] = (
        ("pairs of prompts", plan.kept, plan.every - plan.kept),
        ("heads, estimated by attribution", plan.heads, 0),
        ("heads, taken out exactly, on pairs that nothing is chosen on", exact, plan.heads - exact),
        ("  of these a random sample", plan.sample, 0),
        ("heads, also at zero and resampled", plan.checked, plan.heads - plan.checked),
        ("random sets of each kind", plan.size.sets, profile.sets - plan.size.sets),
        ("steps of learning a mask", plan.size.steps, profile.steps - plan.size.steps),
        ("sizes of circuits that are tried", *_fewer(plan.points, plan.heads // 2)),
        ("heads of a circuit, taken one by one", *_fewer(plan.limit, plan.heads)),
        ("pairs of each emotion and split, for ways of patching", *_fewer(plan.compared, plan.size.pairs)),
        ("random sets of equal norm, for texts", plan.spoken, EVERY_SET - plan.spoken),
        ("models with random weights", plan.untrained, 3 - plan.untrained),
    )
    return pd.DataFrame(rows, columns=["what", "run", "left out"])


def _fewer(run: int | None, every: int) -> tuple[int, int]:
    """What is run, and what is left out; None is everything."""
    chosen = every if run is None else min(run, every)
    return chosen, every - chosen
