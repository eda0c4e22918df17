"""The sections of all chapters by name; those of chapters that are counted in outline only stand here.

Chapters 02, 03 and 05 are counted section by section and checked against measured times. Of the others only what
grows with a model is counted: what their budgets of tokens pay, and the pairs of layers that are compared.
"""

from __future__ import annotations

from itertools import permutations

from emotion_utils.core.budget import allowance
from emotion_utils.core.profiles import HEADS_SIZES
from emotion_utils.heads.budget import EXACT_SHARE, WEIGHTS
from emotion_utils.models.registry import knows_small_world
from emotion_utils.planning.chapters import REST, Asked, Section, activations, extracted, vectors
from emotion_utils.planning.generating import steering
from emotion_utils.planning.passes import Passes
from emotion_utils.planning.shapes import Shape
from emotion_utils.planning.texts import Texts, of_set

CHECKED = ("02_activations", "03_emotion_vectors", "05_steering")
"""Chapters whose estimates were compared with measured times of models that no constant comes from."""
UNTRAINED = 3
"""Models with random weights that stand beside those of chapter 04."""
PAIR_TOKENS = 26
"""Tokens of a prompt of the pairs whose heads are ablated, its reply among them."""
PAIRS = 432
"""Such prompts at most."""
ABLATED = 32
"""Rows of a pass with heads taken out."""


def sections_of(chapter: str, asked: Asked) -> list[Section]:
    """What a chapter asks for, section by section; what it leaves in the store is added to ``asked.paid``."""
    if chapter == "02_activations":
        return activations(asked)
    if chapter == "03_emotion_vectors":
        return vectors(asked)
    if chapter == "04_alignment":
        return _alignment(asked)
    if chapter == "05_steering":
        return steering(asked)
    if chapter == "06_head_screening":
        return _heads(asked, "heads", "circuits.comparison.overview(")
    if chapter == "07_head_patching":
        return _heads(asked, "circuits", "circuits.comparison.circuits_of(")
    return [Section(REST, "", 1.0)]


def _alignment(asked: Asked) -> list[Section]:
    shapes = [asked.shape_of(name) for name in asked.models]
    texts = asked.texts + (Texts(0, 0) if asked.own else of_set("extended"))
    read = [(shape, extracted(asked, texts)) for shape in shapes]
    untrained: list[tuple[Shape, Passes]] = [(shapes[0], extracted(asked, asked.texts))] * UNTRAINED
    pairs = sum(one.n_layers * other.n_layers for one, other in permutations(shapes, 2))
    return [
        Section("pairs", "alignment.all_pairs.align_pairs(", pairs),
        Section("untrained", "subspaces.readings.untrained_choice(", UNTRAINED, tuple(untrained)),
        Section("similar", "alignment.rsa_cka.compare(states_of, bag, rows, n, params.seed, \"RSA\"", pairs),
        Section("k", "alignment.choice_of_k.possible_ks(", float(len(shapes) * (len(shapes) - 1))),
        Section(REST, "", 1.0, tuple(read)),
    ]  # fmt: skip


def _heads(asked: Asked, what: str, marker: str) -> list[Section]:
    """A chapter on heads: what its budget pays, at most what it would like to run."""
    shape = asked.shape
    blocks = shape.n_layers * shape.block_weights
    wanted = shape.n_layers * shape.n_heads * PAIRS * PAIR_TOKENS / 2 / EXACT_SHARE
    tokens = min(wanted, allowance(HEADS_SIZES[asked.profile].tokens, blocks, WEIGHTS))
    spent = Passes(tokens, tokens / (ABLATED * PAIR_TOKENS), PAIR_TOKENS, logits=tokens / PAIR_TOKENS)
    known = knows_small_world(asked.model) and not asked.pays(what, asked.model)
    return [
        Section("beside", marker, len(asked.unpaid(what))),
        Section(REST, "", 1.0, () if known else ((shape, spent),)),
    ]
