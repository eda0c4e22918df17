"""What chapter 05 asks of its model: the parts of its budget of tokens, in the cells that spend them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from emotion_utils.core.budget import allot, allowance
from emotion_utils.core.layers import many
from emotion_utils.core.profiles import STEERING_SIZES, SteeringSize
from emotion_utils.engine.generation import BATCH_ROWS, CPU_BATCH_ROWS
from emotion_utils.engine.teacher_forcing import BATCH_ROWS as READ_ROWS
from emotion_utils.models.registry import PACKAGED, knows_small_world
from emotion_utils.planning.chapters import EMOTIONS, REST, Asked, Section
from emotion_utils.planning.passes import Passes
from emotion_utils.planning.shapes import Shape, shape_of
from emotion_utils.planning.texts import Texts
from emotion_utils.steering.plan import BESIDE, CONTEXT, EVENTS, REPLY, TEXT, parts, turns
from emotion_utils.steering.subject import FEW_REPLIES, MADE, NEW_TOKENS, REPLIES
from emotion_utils.steering.trials import OPENING as OPENINGS

JUDGED = Texts(1586, 17_460)
"""What a probe that judges texts learns from."""
OUTSIDE = Texts(1122, 14_696)
"""Labelled texts on which the judges are judged."""
TOO_MUCH = 16
"""Texts of the vector that is too strong, and without it."""
DEEPEST, USUAL = 0.625, 0.5
"""Share of the blocks of the model that reads for it: while it learns, and afterwards."""
OPENING = 20
"""Tokens of a text that it reads."""
OPENED = OPENINGS.new_tokens
"""Tokens of a text under a random vector."""
JOINTS = 2
"""Ways in which the replies of so few contexts are set."""
CELLS: dict[str, tuple[str, tuple[str, ...]]] = {
    "trial": ("steering.overview.trial(", ("screen", "choice", "random", "test", "priced", "tried")),
    "map": ("steering.overview.shown_map(", ("map",)),
    "doses": ("steering.dose.dose_texts(", ("fresh", "sampled")),
    "prompted": ("steering.controls.prompted(", ("prompted",)),
    "arms": ("baselines.arms.arms_here(", ("left",)),
    "moved": ("steering.readout.text_divergence(", ("moved",)),
    "windows": ("steering.trials.elsewhere(", ("windows",)),
    "posts": ("steering.real_world.steered_texts(", ("posts",)),
    "published": ("published_steering.sweep_as_published(", ("published",)),
}
"""The cell of each section, and the parts of the budget that it spends."""
STORED = ("trial", "arms")
"""Sections that the page of another model computes as well, where it shows this one beside its own."""


@dataclass(frozen=True)
class _Budget:
    """Tokens of each part."""

    tokens: dict[str, float]
    odds: float
    size: SteeringSize

    @property
    def screened(self) -> float:
        """Tokens of replies in the screen, which are read alone, through the blocks above a layer: half of all."""
        return self.tokens["screen"]

    @classmethod
    def of(cls, asked: Asked) -> _Budget:
        size, shape = STEERING_SIZES[asked.profile], asked.shape
        found = parts(size, shape.n_layers, EMOTIONS, len(MADE), asked.own is not None)
        budget = allot(found, allowance(size.tokens, shape.parameters))
        tokens = {part.name: part.price * part.at(budget.share) for part in budget.parts}
        read = (FEW_REPLIES if many(shape.n_layers) else REPLIES) * REPLY
        return cls(tokens, read / (NEW_TOKENS + read + 2), size)


def steering(asked: Asked) -> list[Section]:
    """Chapter 05."""
    budget, first = _Budget.of(asked), asked.pays("steering", asked.model)
    sections = [_prepared(asked, budget)]
    for name, (marker, own) in CELLS.items():
        tokens = sum(budget.tokens.get(part, 0.0) for part in own)
        tokens -= budget.odds * budget.tokens["fresh"] if name == "doses" else 0.0
        spent = tokens if first or name not in STORED else 0.0
        if name == "arms":
            sections.append(_arms(asked, marker, budget) if spent else Section(name, marker))
            continue
        sections.append(_texts(asked, name, marker, spent, budget.screened if name == "trial" else 0.0))
    odds = budget.odds * budget.tokens["fresh"]
    return [
        *sections,
        Section("odds", "by_strength = steering.readout.reply_log_odds(", odds, ((asked.shape, _half_read(odds)),)),
        Section("in a chat", "steering.readout.in_a_chat(", passes=_in_a_chat(asked)),
        Section("judges", 'told = "The texts of this model are judged', passes=_judged_outside(asked)),
        _texts(asked, "too much", "alpha in (0.0, 4.0)", TOO_MUCH * TEXT),
        Section("beside", "baselines.arms.beside_models(", len(asked.unpaid("steering"))),
        Section(REST, "", 1.0),
    ]  # fmt: skip


def _prepared(asked: Asked, budget: _Budget) -> Section:
    """Vectors and the unit of strength, and the training of what judges the texts."""
    tokens = budget.tokens["vectors"]
    passes = [(asked.shape, Passes(tokens, tokens / asked.batch_tokens, CONTEXT))]
    reader = _reader(asked.model)
    if reader is not None and asked.pays("reader", reader):
        passes.append((shape_of(reader), Passes(DEEPEST * JUDGED.tokens, JUDGED.tokens / 768, JUDGED.length)))
    return Section("prepare", "steering.subject.prepare(", 1.0, tuple(passes))


def _reader(model: str) -> str | None:
    """The packaged model that judges the texts of another one; those of the small world need none."""
    if knows_small_world(model):
        return None
    return next(name for name in PACKAGED if name != model)


def _judged_outside(asked: Asked) -> tuple[tuple[Shape, Passes], ...]:
    """How good the judges are is seen on labelled texts, which one of them reads with its model."""
    reader = _reader(asked.model)
    if reader is None:
        return ()
    return ((shape_of(reader), Passes(USUAL * OUTSIDE.tokens, USUAL * OUTSIDE.tokens / 768, OUTSIDE.length)),)


def _in_a_chat(asked: Asked) -> tuple[tuple[Shape, Passes], ...]:
    """Log-odds once more where contexts are turns: every context with its template, and every reply."""
    shape = asked.shape
    if not shape.template:
        return ()
    replies = 2 * (FEW_REPLIES if many(shape.n_layers) else REPLIES) * REPLY
    tokens = EMOTIONS * EVENTS * (CONTEXT + shape.template + 1.5 * replies)
    return ((shape, Passes(tokens, EMOTIONS * EVENTS, CONTEXT + shape.template, logits=tokens)),)


def _texts(asked: Asked, name: str, marker: str, tokens: float, halved: float = 0.0) -> Section:
    """Texts that are written and read for their cost, and judged; of the tokens, some are replies read half way."""
    if not tokens:
        return Section(name, marker)
    rows = (tokens - halved) / TEXT
    passes: list[tuple[Shape, Passes]] = [(asked.shape, _written(asked, rows))]
    passes.append((asked.shape, _reading(NEW_TOKENS * rows)))
    if halved:
        passes.append((asked.shape, _half_read(halved)))
    return Section(name, marker, tokens / TEXT, (*passes, *_judged(asked, rows)))


def _judged(asked: Asked, rows: float) -> tuple[tuple[Shape, Passes], ...]:
    """Texts as the model that judges them reads them."""
    reader = _reader(asked.model)
    if reader is None:
        return ()
    read = Passes(USUAL * OPENING * rows, USUAL * max(1.0, OPENING * rows / 768), OPENING)
    return ((shape_of(reader), read),)


def _arms(asked: Asked, marker: str, budget: _Budget) -> Section:
    """Few contexts in many small batches: with vectors and without, under each joint's bias, and random vectors."""
    layers, vectors = asked.shape.n_layers, min(BESIDE, budget.size.controls)
    groups = min(turns(layers), EVENTS)
    whole, opened = 3 * EMOTIONS * EVENTS, EMOTIONS * vectors * EVENTS / groups
    tokens = whole * NEW_TOKENS + opened * OPENED
    steps = (1 + JOINTS) * NEW_TOKENS + groups * OPENED
    written = Passes(tokens, steps, CONTEXT + NEW_TOKENS / 2, logits=tokens, cached=tokens)
    replies = (whole + opened) * (FEW_REPLIES if many(layers) else REPLIES) * REPLY
    passes = [written, _reading(whole * NEW_TOKENS), _half_read(replies)]
    own = tuple((asked.shape, one) for one in passes)
    return Section("arms", marker, whole + opened, (*own, *_judged(asked, whole + opened)))


def _written(asked: Asked, rows: float) -> Passes:
    most = CPU_BATCH_ROWS if asked.on_cpu else BATCH_ROWS
    steps = NEW_TOKENS * -(-rows // most)
    return Passes(
        rows * NEW_TOKENS, steps, CONTEXT + NEW_TOKENS / 2, logits=rows * NEW_TOKENS, cached=rows * NEW_TOKENS
    )


def _half_read(tokens: float) -> Passes:
    """Replies that are read through the blocks above a layer: half of all tokens, and the logits of every one."""
    return replace(_reading(tokens), logits=2 * tokens)


def _reading(tokens: float) -> Passes:
    """Continuations whose probabilities are read."""
    rows = tokens / NEW_TOKENS
    return Passes(tokens, max(1.0, rows / READ_ROWS), CONTEXT + NEW_TOKENS / 2, logits=tokens)
