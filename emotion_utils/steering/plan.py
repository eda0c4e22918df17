"""What the chapter runs within its budget of tokens, and what it says of a reader's labels before any verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from emotion_utils.core.budget import Budget, Part, allot, allowance, by_depth
from emotion_utils.core.emotions import REFERENCE
from emotion_utils.core.errors import listing
from emotion_utils.core.layers import ALL, many
from emotion_utils.core.profiles import SteeringSize
from emotion_utils.scoring.agreement import own_accuracy, summarise_own_judges
from emotion_utils.scoring.replies import GENUINE, OWN_TOKENS
from emotion_utils.steering.screening import FINALISTS
from emotion_utils.steering.subject import FEW_NEUTRAL, FEW_REPLIES, REPLIES, SteeredModel
from emotion_utils.steering.trials import NEW_TOKENS, OPENING, SEARCHED, STRENGTHS, WINDOWS

MAP = (-1.0, 0.0, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Strengths of the map that is shown."""
FACTORS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)
"""Doses, in multiples of the chosen strength."""
FEW_MAP, FEW_FACTORS = (-1.0, 0.0, 0.2, 0.5, 1.0), (-2.0, -1.0, 0.0, 1.0, 2.0)
"""The same of models with many layers."""
PAIRS = 3
"""Contexts of the screen, each with another reply."""
TEXT = 2 * NEW_TOKENS
"""Tokens of a text that is written and then read for its cost; its context is read once for all of them."""
REPLY = 10
"""Tokens of a genuine reply."""
CONTEXT = 25
VECTORS = 8000
"""Tokens of the prompts that vectors are made from and of those whose states give the unit of strength."""
MAP_LAYERS = 5
"""Layers of the map, at even steps of depth, where a model has many."""
SCREENED = 6
"""Layers of the screen at least."""
POSTS, FEW_POSTS = 35, 16
"""Real-world texts that are continued; fewer in a model with many layers."""
PRICED = 9
"""Contexts of the test whose texts are read for their cost at least."""
TRIED = 4
"""Contexts on which control vectors are tried at least."""
UNITS = 6
"""Contexts of the choice at least."""
EVENTS = 9
"""Fresh contexts at least, each of another kind of event: with fewer than eight kinds there is no interval."""
BESIDE = 60
"""Random vectors of an emotion beside a bias on first words."""
TURNS, MANY_TURNS = 3, 9
"""Of them: each is tried on a third of the contexts; with many layers on a ninth."""
ALREADY = 0.5
"""Share of untouched texts that say a label from which on there is nothing to steer to."""


@dataclass(frozen=True)
class Plan:
    """The sizes of one model's chapter.

    Attributes
    ----------
    size
        What is asked for at most.
    budget
        What each part gets.
    n_layers
        Of the model.
    """

    size: SteeringSize
    budget: Budget
    n_layers: int

    def __getitem__(self, name: str) -> int:
        return self.budget.sizes[name]

    @cached_property
    def screened(self) -> list[int]:
        """Layers that are screened."""
        return by_depth(self.n_layers, self["screen"])

    @property
    def thinned(self) -> bool:
        """Whether the model has more layers than are shown."""
        return many(self.n_layers)

    @property
    def map(self) -> tuple[float, ...]:
        """Strengths of the map."""
        return FEW_MAP if self.thinned else MAP

    @property
    def factors(self) -> tuple[float, ...]:
        """Doses, in multiples of the chosen strength."""
        return FEW_FACTORS if self.thinned else FACTORS

    @property
    def beside(self) -> int:
        """Fresh contexts that chapter 8 reads; those of a model with many layers are run and paid for there."""
        return min(EVENTS, self.size.fresh) if self.thinned else self["beside"]

    @property
    def posts(self) -> int:
        """Real-world texts that are continued."""
        return FEW_POSTS if self.thinned else POSTS

    @cached_property
    def shown(self) -> list[int]:
        """Layers of the map and of the reports' sweep."""
        return by_depth(self.n_layers, MAP_LAYERS if self.thinned else self.n_layers)

    def summary(self) -> str:
        """The rule and what it came to, in a sentence or two."""
        left = [part.what for part in self.budget.parts if part.at(self.budget.share) < part.wanted]
        told = (
            f"The budget of this page is {self.budget.tokens:,} tokens of this model, positions of texts; "
            f"what is planned costs about {self.budget.planned:,}."
        )
        if self.thinned:
            told += (
                f" A model with more than {ALL} layers is shown at {MAP_LAYERS} of them and {len(FEW_MAP) - 1} "
                f"strengths, with {len(FEW_FACTORS) - 1} doses instead of {len(FACTORS) - 1} and log-odds of "
                f"{FEW_REPLIES} replies of each kind instead of {REPLIES}; its unit of strength rests on {FEW_NEUTRAL} "
                f"prompts, and {FEW_POSTS} real-world texts are continued instead of {POSTS}."
            )
        if not left:
            return f"{told} No section had to be smaller than it would like."
        return (
            f"{told} Every section gets the least that it needs and {self.budget.share:.0%} of what it would like "
            f"beyond that, so that {len(left)} of {len(self.budget.parts)} are smaller than in a small model."
        )

    def table(self) -> pd.DataFrame:
        """What is run and what is left out."""
        return self.budget.table()


def plan(steered: SteeredModel, size: SteeringSize) -> Plan:
    """Share the budget among the sections: one rule for all models, with smaller fixed sizes where layers are many.

    The 100 control vectors of an emotion and the contexts of the test are never cut.
    """
    tokens = allowance(size.tokens, steered.parameters)
    layers, own = len(steered.layers), steered.own is not None
    found = parts(size, layers, len(steered.emotions), len(steered.kinds), own)
    return Plan(size, allot(found, tokens), layers)


def parts(size: SteeringSize, n_layers: int, n: int, kinds: int, own: bool = False) -> Sequence[Part]:
    """The sections with their prices, for ``n`` emotions and so many kinds of vectors.

    With own labels genuine replies are texts of a reader, the screen reads those that a label stands against too,
    controls are written as far as other texts, and what needs the small world's own replies is left out.
    """
    reply = OWN_TOKENS if own else REPLY
    opening = NEW_TOKENS if own else OPENING.new_tokens
    thinned = many(n_layers)
    # a context with its genuine replies; with own labels, texts that are drawn and read in their place
    read = CONTEXT + GENUINE * (TEXT if own else n * reply)
    shown = MAP_LAYERS if thinned else n_layers
    grid = n * kinds * len(SEARCHED) * len(STRENGTHS)
    doses = (len(FEW_FACTORS if thinned else FACTORS) - 1) * n + 1
    strengths = len(FEW_MAP if thinned else MAP) - 1
    # every layer at six strengths, or at one raw vector and at three more at half depth, where texts are read too
    raw = shown * NEW_TOKENS + 3 * TEXT if thinned else 6 * shown * TEXT
    half = reply / 2  # a reply is read through the blocks above the layer only
    odds = 2 * (FEW_REPLIES if thinned else REPLIES) * half
    found = [
        Part("vectors", 1, 1, VECTORS, "prompts of the vectors and the unit of strength"),
        Part("screen", min(SCREENED, n_layers), n_layers, grid * PAIRS * half * (1 + own), "layers of the screen"),
        Part("choice", min(UNITS, size.select), size.select, n * FINALISTS * TEXT + read, "contexts of the choice"),
        Part("random", min(12, size.controls), size.controls, n * TRIED * opening,
             "random vectors of the choice"),
        Part("test", size.test, size.test, (n + 1) * NEW_TOKENS + CONTEXT, "contexts of the test"),
        Part("priced", min(PRICED, size.test), size.test, (n + 1) * NEW_TOKENS + read,
             "contexts of the test whose texts are read for their cost"),
        Part("tried", min(TRIED, size.tried), size.tried, n * (size.controls + n - 1) * opening,
             "contexts of the control vectors"),
        Part("map", 1, size.select, shown * strengths * n * TEXT + CONTEXT, "contexts of the map"),
        Part("fresh", EVENTS, size.fresh, doses * (NEW_TOKENS + odds + 2) + n * (NEW_TOKENS + odds) + read,
             "fresh contexts of the doses"),
        Part("sampled", 0, size.test, 4 * n * TEXT, "contexts with drawn texts"),
        Part("prompted", 4, size.test, 2 * n * (3 * CONTEXT + NEW_TOKENS), "contexts of prompting"),
        Part("windows", 4, size.test, (len(WINDOWS) - 1) * n * TEXT, "contexts of other windows"),
        Part("moved", 4, size.test, 2 * n * TEXT, "contexts of the divergence along texts"),
        Part("published", EVENTS, size.published, raw * n + read, "contexts of the reports' sweep"),
        Part("left", EVENTS, EVENTS,
             (2 * n + 1) * TEXT + read + n * min(BESIDE, size.controls) / turns(n_layers) * (opening + odds),
             "contexts beside random vectors and a bias on first words"),
        Part("posts", 1, max(1, size.tried), (FEW_POSTS if thinned else POSTS) * n * TEXT,
             "random vectors on real-world texts"),
    ]  # fmt: skip
    if own:
        return [part for part in found if part.name not in ("moved", "published", "posts")]
    if thinned:
        return found
    price = (n + 1) * TEXT + read + n * (n + 2) * NEW_TOKENS
    return [*found, Part("beside", EVENTS, size.fresh, price, "contexts kept for Chapter 8")]


def turns(n_layers: int) -> int:
    """Groups that the random vectors beside a bias on first words are tried in."""
    return MANY_TURNS if many(n_layers) else TURNS


def about(steered: SteeredModel) -> str:
    """Say in Markdown what is steered to a reader's labels, what stands for genuine replies, and how good the judge is.

    Empty where the book's own emotions are steered.
    """
    if steered.own is None:
        return ""
    emotions, labels = steered.emotions, [label for label in steered.own.labels if label != REFERENCE]
    rest = [label for label in labels if label not in emotions]
    left = (
        f" Steered are the first {len(emotions)} labels by name, {listing(emotions)}; left out as targets, though "
        f"vectors and judge know them: {listing(rest)}."
        if rest
        else ""
    )
    told = (
        "\n\n**With texts of your own.** What is continued are the book's own neutral scenes: they are in English, end "
        f"before somebody speaks, and say nothing of these labels.{left} "
        f"Vectors are made {listing(steered.kinds)}. The unit of strength is measured on such "
        f"scenes too. In the place of genuine replies stand the first {OWN_TOKENS} tokens of your texts: those of the "
        "build split in the screen, those of the test split in the log-odds of the doses. A setting's score on the "
        "screen is the smaller of two changes in nats: of the label's own texts, and of these less that of the texts "
        "which the label stands against. After a scene your texts are improbable whatever one does, so that the cost "
        "of a text is its perplexity beside that of texts which the untouched model itself draws at temperature 1 in "
        "the same context."
    )
    table = judging(steered)
    if table is None:
        return told
    missing = getattr(steered.reader, "left_out", "")
    note = f" {missing}" if missing else ""
    return (
        f"{told}\n\nWhat a text says is told by a judge that learnt from your texts of the build and select split and "
        f"reads a text whole.{note} Here it reads as many tokens of the texts of the test split as are generated below:"
        f"\n\n{summarise_own_judges(table)}{doubt(steered)}"
    )


def judging(steered: SteeredModel) -> pd.DataFrame | None:
    """How often the judges of own labels are right, the last of them the one that decides; None without them."""
    if steered.judged is None:
        return None
    return own_accuracy(steered.judged, list(steered.judged.columns.drop(["text", "emotion", "unit"])))


def doubt(steered: SteeredModel) -> str:
    """A sentence for every verdict where the judge of own labels is none; else nothing."""
    table = judging(steered)
    if table is None or table["told"].iloc[-1]:
        return ""
    return (
        " **This cannot be read: what judges the texts is not told from always naming the largest class, so that "
        "shares of texts say nothing for or against steering.**"
    )


def caution(steered: SteeredModel, profile: str) -> str:
    """What stands behind every verdict of a page: that a smoke run is too small, and that a judge is none."""
    warning = " **This is a smoke run: the counts are far too small for any conclusion.**"
    return (warning if profile == "smoke" else "") + doubt(steered)


def already_said(steered: SteeredModel, untouched: pd.DataFrame) -> list[str]:
    """Own labels that half of the untouched texts say or more, so that steering cannot show anything for them.

    Parameters
    ----------
    steered
    untouched
        Judged texts of the untouched model, with ``emotion`` and ``target``.
    """
    if steered.own is None:
        return []
    shares = untouched.groupby("emotion", sort=False)["target"].mean()
    return [str(label) for label, share in shares.items() if share >= ALREADY]


def telling(table: pd.DataFrame, said: list[str]) -> pd.DataFrame:
    """The rows of labels that untouched texts do not say already; all where no label is left."""
    kept = ~table["emotion"].isin(said)
    return table[kept] if kept.any() else table


def summarise_untouched(steered: SteeredModel, untouched: pd.DataFrame) -> str:
    """What untouched texts say; of own labels one by one, and for which of them steering can show nothing."""
    if steered.own is None:
        return f"Untouched, {untouched['target'].mean():.0%} of the texts of the test split say the emotion."
    shares = untouched.groupby("emotion", sort=False)["target"].mean()
    listed = ", ".join(f"{label} {share:.0%}" for label, share in shares.items())
    said = already_said(steered, untouched)
    none = (
        f" **The judge finds {listing(said)} in the untouched texts already, so that a share of texts shows nothing "
        "there: counts of labels that reach the goal leave it out.**"
        if said
        else ""
    )
    return f"Untouched, this share of the texts of the test split says the label: {listed}.{none}"
