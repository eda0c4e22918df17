"""The small world as a corpus: its registers are domains, its seeds are groups.

Texts of the small world are short, ten tokens for a bare utterance. A document is therefore several texts of one
register, one after another, as some rows were in the training of the bundled models. Train and validation are new
draws from the part of the world that the models were trained on; every test document tells its causes in wordings that
are held out of the training of every bundled model (``heldout_templates``). Utterances tell no cause, so that in their
register only the draws are new.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from emotion_utils.core.errors import UserError
from emotion_utils.corpora.documents import Corpus, Document, join
from emotion_utils.smallworld.content import load_content
from emotion_utils.smallworld.corpus import STREAMS
from emotion_utils.smallworld.grammar import Grammar

CHARACTERS = 1_600
"""A document is complete when it has so many: about 400 tokens of a bundled model."""
SPLITS = {"train": "train", "validation": "train", "test": "heldout_templates"}
"""Which part of the world writes the documents of a split."""
GROUPS = {"train": 24, "validation": 6, "test": 12}
"""Seeds of each split; every one writes a document of each register."""


def small_world(seed: int = 0, groups: dict[str, int] | None = None, characters: int = CHARACTERS) -> Corpus:
    """Documents of all registers of the small world.

    Parameters
    ----------
    seed
    groups
        How many seeds each split has, :data:`GROUPS` if not given.
    characters
        A document ends with the text in which it reaches so many.

    Returns
    -------
    A document per register and seed; the split is part of each.

    Raises
    ------
    UserError
        For another split, or numbers below 1.
    """
    counts = GROUPS if groups is None else groups
    if set(counts) != set(SPLITS) or min((*counts.values(), characters)) < 1:
        raise UserError(
            f"The groups of the small world are {counts} with {characters} characters a document: give train, "
            "validation and test at least one seed each, and a document at least one character."
        )
    documents = tuple(
        document
        for at, grammar in enumerate(_by_register())
        for document in _of(grammar, seed, at, counts, characters)
    )
    note = (
        "Train and validation are new draws from the part of the small world that the bundled models learnt; test "
        "documents tell every cause in wordings that are held out of their training."
    )
    return Corpus("small world", documents, (note,))


def _by_register() -> list[Grammar]:
    """A grammar for each register, which draws what the whole grammar draws there."""
    content = load_content()
    registers = sorted({form.register for form in content.forms})
    return [
        Grammar(replace(content, forms=[form for form in content.forms if form.register == register]))
        for register in registers
    ]


def _of(grammar: Grammar, seed: int, at: int, counts: dict[str, int], characters: int) -> Iterator[Document]:
    register = grammar.content.forms[0].register
    for number, (split, view) in enumerate(SPLITS.items()):
        for group in range(counts[split]):
            # a longer key than any stream of training: no draw is shared with it
            key = (STREAMS["validation"], number, group, at)
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
            pieces = _pieces(grammar, rng, view, characters)
            yield join(pieces, register, f"{split} {seed}.{group}", f"{register}, seed {seed}.{group}", split)


def _pieces(grammar: Grammar, rng: np.random.Generator, view: str, characters: int) -> list[str]:
    pieces: list[str] = []
    while sum(map(len, pieces)) < characters:
        pieces.append(grammar.sample(rng, view).text)
    return pieces
