"""What each chapter asks of its models, section by section: passes that are counted, and units of what is measured.

A section is a cell of the notebook, found by a piece of its code. Its forward passes follow from the numbers of
prompts and the batches that the chapter uses; the rest of its time, statistics and figures, is proportional to units
that the section names, such as layers, and what a unit costs is measured on the bundled models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from emotion_utils.activations.attention_sinks import SHOWN
from emotion_utils.activations.batch_invariance import DOUBLE_PARAMETERS, SIZES
from emotion_utils.activations.extraction import BATCH_TOKENS, CPU_BATCH_TOKENS
from emotion_utils.activations.findings import SEPARATED
from emotion_utils.activations.findings import TOKENS as SEPARATED_TOKENS
from emotion_utils.activations.forward import BATCH
from emotion_utils.activations.prompt_sets import LOOKED_AT
from emotion_utils.activations.throughput import BUDGET, FEWEST
from emotion_utils.core.budget import allowance
from emotion_utils.core.profiles import PERMUTATIONS
from emotion_utils.models.comparison import companions
from emotion_utils.planning.passes import Passes
from emotion_utils.planning.shapes import Shape, shape_of
from emotion_utils.planning.texts import Texts, of_set

EMOTIONS = 3
FEW = 8
"""Prompts of the checks of chapter 02."""
TURNS, WAYS = 6, 3
"""Of its measurement of speed: turns, one of them to warm up, and ways of reading."""
ELSEWHERE = ("implicit", "unfamiliar")
UNIT = "baseline"
"""The set whose pairs of prompts are the unit of what grows with all pairs."""
REST = "rest"
"""The section of all cells that no other one names."""


@dataclass(frozen=True)
class Section:
    """A part of a chapter.

    Attributes
    ----------
    name
        Of what a unit costs, in the constants.
    marker
        Code that stands in one cell of the notebook.
    units
        Of what is not a forward pass.
    passes
        Through which models.
    """

    name: str
    marker: str
    units: float = 0.0
    passes: tuple[tuple[Shape, Passes], ...] = ()


@dataclass(eq=False)
class Asked:
    """What a job asks for.

    Attributes
    ----------
    models
        Names; the first is the one that the page is about.
    profile
    own
        A reader's texts, or None for those of the profile.
    on_cpu
        Whether batches are as small as on a CPU.
    paid
        What earlier jobs of the run have left in the store; what this one leaves is added.
    sizes
        Of models for which :func:`shapes.shape_of` is not to be asked.
    """

    models: list[str]
    profile: str
    own: Texts | None = None
    on_cpu: bool = True
    paid: set[tuple[str, str]] = field(default_factory=set)
    sizes: Mapping[str, Shape] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The one that the page is about."""
        return self.models[0]

    @property
    def shape(self) -> Shape:
        """Of that model."""
        return self.shape_of(self.model)

    def shape_of(self, name: str) -> Shape:
        """The sizes of a model."""
        return self.sizes[name] if name in self.sizes else shape_of(name)

    @property
    def texts(self) -> Texts:
        """What the page is about."""
        return of_set(self.profile) if self.own is None else self.own

    @property
    def elsewhere(self) -> dict[str, Texts]:
        """Other sets that are read beside."""
        return {} if self.own else {name: of_set(name) for name in ELSEWHERE}

    @property
    def batch_tokens(self) -> int:
        """Tokens of a batch of the extraction."""
        return CPU_BATCH_TOKENS if self.on_cpu else BATCH_TOKENS

    def pays(self, what: str, model: str) -> bool:
        """Whether this job computes what later ones read from the store; it does so once."""
        new = (what, model) not in self.paid
        self.paid.add((what, model))
        return new

    def unpaid(self, what: str) -> list[str]:
        """The models beside this one for which something is computed here."""
        return [
            name for name in companions(self.model, self.profile)
            if name != self.model and self.pays(what, name)
        ]  # fmt: skip


def extracted(asked: Asked, texts: Texts) -> Passes:
    """The passes of an extraction: batches of a number of tokens, stopped before the logits."""
    return Passes(texts.tokens, -(-texts.tokens // asked.batch_tokens), texts.length)


def forwarded(texts: Texts) -> Passes:
    """Those of the loop over batches of a number of texts, stopped before the logits."""
    return Passes(texts.tokens, -(-texts.n // BATCH), texts.length)


def activations(asked: Asked) -> list[Section]:
    """Chapter 02."""
    shape, texts = asked.shape, asked.texts
    few = texts.first(FEW * texts.length)
    part = texts.first(allowance(LOOKED_AT, shape.parameters), FEW)
    every = [texts, *asked.elsewhere.values()]
    spread = [one.n**2 / of_set(UNIT).n ** 2 for one in every]
    own, control = sum(spread[1:]) * (shape.n_layers + 1), sum(spread) * 5
    return [
        _read(asked, "read_sets(model, asked"),
        Section("batch invariance", "batch_invariance.batch_invariance(", passes=((shape, _ways(few)),)),
        Section("float64", "in_float64(", float(shape.parameters <= DOUBLE_PARAMETERS)),
        Section("hooks beside", "lens.hooks_beside(model,", shape.n_layers, ((shape, _all_logits(few, 4)),)),
        Section("other models", "lens.hooks_beside(eu.load(name)", 1.0),
        Section("traps", "batch_invariance.traps(", passes=((shape, _all_logits(few, 5, FEW + 4)),)),
        Section("norms", "residual_norms.token_norms(", shape.n_layers, ((shape, forwarded(part)),)),
        Section("separator", "findings.separator_effect(", passes=_separator(asked)),
        Section("anisotropy", "anisotropy.anisotropy(", shape.n_layers),
        Section("variance", "class_variance(model, chosen", shape.n_layers + 1),
        Section("control", "CONTROL = eu.models.comparison.CONTROL", own + control),
        Section("sinks", "attention_sinks.sink_shares(", shape.n_layers * shape.n_heads,
                ((shape, forwarded(part)),)),
        Section("shown", "attention_sinks.one_of_each(", shape.n_layers,
                ((shape, Passes(SHOWN * few.length, SHOWN, few.length)),)),
        Section("speed", "throughput.throughput(", shape.n_layers, ((shape, _speed(shape, texts)),)),
        Section("store", "from_store(model, some", shape.n_layers, ((shape, _stored(asked)),)),
        Section("damage", "throughput.damage(", shape.n_layers, ((shape, _all_logits(few, 2)),)),
        Section(REST, "", 1.0),
    ]  # fmt: skip


def _read(asked: Asked, marker: str) -> Section:
    """The reading of all sets, which the first of chapters 02 and 03 does."""
    texts = sum(asked.elsewhere.values(), asked.texts)
    new = asked.pays("activations", asked.model)
    return Section("read", marker, 1.0, ((asked.shape, extracted(asked, texts)),) if new else ())


def _all_logits(texts: Texts, times: float, passes: float | None = None) -> Passes:
    """Texts read so many times with the logits of every token."""
    tokens = times * texts.tokens
    return Passes(tokens, times if passes is None else passes, texts.length, logits=tokens)


def _ways(few: Texts) -> Passes:
    """One by one, and at both sides of the padding in batches of every size, with and without a cache."""
    batches = sum(-(-few.n // size) for size in SIZES)
    return _all_logits(few, 1 + 2 * 2 * len(SIZES), few.n + 2 * (1 + 2) * batches)


def _separator(asked: Asked) -> tuple[tuple[Shape, Passes], ...]:
    """What a separator changes is asked of models whose tokenizer puts nothing in front."""
    if asked.shape.starts:
        return ()
    few = asked.texts.first(SEPARATED * asked.texts.length)
    few = few.first(allowance(SEPARATED_TOKENS, asked.shape.parameters), FEW)
    return (asked.shape, forwarded(few)), (asked.shape, forwarded(few))


def _speed(shape: Shape, texts: Texts) -> Passes:
    few = texts.first(40 * texts.length)
    few = few.first(BUDGET / (shape.parameters * 3 * (TURNS - 1)), FEWEST)
    tokens = TURNS * few.tokens
    return Passes(WAYS * tokens, TURNS * (2 * few.n + 1), few.length, logits=tokens)


def _stored(asked: Asked) -> Passes:
    few = asked.texts.first(BUDGET / (2 * asked.shape.parameters), FEWEST)
    once = extracted(asked, few)
    return Passes(2 * once.tokens, 2 * once.passes, once.length)


def vectors(asked: Asked) -> list[Section]:
    """Chapter 03."""
    shape, layers = asked.shape, asked.shape.n_layers
    chat = _in_a_chat(asked)
    n = min(PERMUTATIONS[asked.profile].vectors, 199)
    logits = Passes(0.0, EMOTIONS, 1.0, logits=EMOTIONS * (n + 2))
    beside = asked.unpaid("overview")
    own = layers / 4 if asked.pays("overview", asked.model) else 0.0
    return [
        _read(asked, "read_sets(model, sets"),
        Section("held out", "vectors.held_out.held_out(probes", layers),
        Section("curves", "vectors.projections.curves(", layers),
        Section("chat", "vectors.comparison.chat_effect(", passes=chat),
        Section("overview", "vectors.comparison.overview(", len(beside) + own),
        Section("rivals", "vectors.comparison.beside_control(", layers),
        Section("places", "vectors.projections.projections(", layers),
        Section("angles", "vectors.geometry.cosines(one,", layers),
        Section("lengths", "vectors.geometry.residual_scale(", layers),
        Section("halves", "vectors.geometry.halves(", layers),
        Section("lens", "vectors.logit_lens.named_emotions(", shape.vocabulary, ((shape, logits),)),
        Section("neurons", "vectors.neurons.rank_neurons(", layers * shape.d_mlp,
                ((shape, extracted(asked, asked.texts)),)),
        Section(REST, "", 1.0),
    ]  # fmt: skip


def _in_a_chat(asked: Asked) -> tuple[tuple[Shape, Passes], ...]:
    if not asked.shape.template or asked.own:
        return ()
    read = of_set(asked.profile, ("build",)) + of_set(ELSEWHERE[0], ("select", "test"))
    return ((asked.shape, extracted(asked, read.longer(asked.shape.template))),)
