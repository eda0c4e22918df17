r"""The eight types of a token that the report classifies, told by the token's text alone.

The report names the types and not the rule for a token of several characters. Here a token is of the type of its first
character that is no white space; white space alone is `newline` where it breaks a line, else `space`. So " the" is a
letter, " (x" an opening bracket, and "\n\n" a newline. Letters of every script count. Opening brackets are those of
Unicode that have a mirror image, which leaves out low quotation marks. What has no character of its own is `other`:
special tokens, control characters, and bytes of a character that later tokens finish.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from emotion_utils.core.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TYPES = (
    "newline", "space", "letter", "digit", "punctuation or symbol", "opening bracket", "closing bracket", "other",
)  # fmt: skip
OTHER = TYPES.index("other")
UNFINISHED = "\ufffd"
"""What stands for bytes that are no whole character."""
ANCHOR = "a"
"""A text before each token, since some tokenizers drop the blank that a text begins with."""
BREAKS = frozenset("\n\r\v\f\x85\u2028\u2029")
"""Characters that break a line."""
CATEGORIES = {"L": "letter", "N": "digit", "P": "punctuation or symbol", "S": "punctuation or symbol"}
"""By the first letter of a character's category in Unicode."""


def type_of(text: str) -> str:
    r"""The type of a token, one of :data:`TYPES`.

    Parameters
    ----------
    text
        Of the token, with the blank that it begins with.

    Examples
    --------
    >>> [type_of(text) for text in (" the", "\n\n", "  ", "2026", " (", "]", "...", "")]
    ['letter', 'newline', 'space', 'digit', 'opening bracket', 'closing bracket', 'punctuation or symbol', 'other']
    """
    told = text.strip()
    if not text or UNFINISHED in text:
        return "other"
    if not told:
        return "newline" if BREAKS.intersection(text) else "space"
    first = told[0]
    category = unicodedata.category(first)
    if category in ("Ps", "Pe") and unicodedata.mirrored(first):
        return "opening bracket" if category == "Ps" else "closing bracket"
    return CATEGORIES.get(category[0], "other")


def token_texts(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The text of every token of a vocabulary, as it stands inside a text: with its blank, empty for special tokens.

    Marks of byte-level and of SentencePiece tokenizers are undone by the tokenizer itself; a byte that is no whole
    character is :data:`UNFINISHED`.

    Raises
    ------
    UserError
        Where the tokenizer cannot write an ordinary letter.
    """
    anchor = tokenizer(ANCHOR, add_special_tokens=False)["input_ids"]
    before = tokenizer.decode(anchor, clean_up_tokenization_spaces=False)
    if not before.endswith(ANCHOR):
        raise UserError(
            f"The tokenizer writes {before!r} for the text {ANCHOR!r}: the type of its tokens cannot be told."
        )
    special = set(tokenizer.all_special_ids)
    rows = [[*anchor, token] for token in range(len(tokenizer))]
    texts = tokenizer.batch_decode(rows, clean_up_tokenization_spaces=False)
    return ["" if token in special else text[len(before) :] for token, text in enumerate(texts)]


def token_types(tokenizer: PreTrainedTokenizerBase) -> Int[np.ndarray, " token"]:
    """The type of every token of a vocabulary, as its number in :data:`TYPES`; made once per tokenizer."""
    known = {name: number for number, name in enumerate(TYPES)}
    return np.array([known[type_of(text)] for text in token_texts(tokenizer)], dtype=np.int64)


def types_at(
    ids: Int[np.ndarray, "window position"], types: Int[np.ndarray, " token"]
) -> Int[np.ndarray, "window position"]:
    """The type of each token of windows; ids beyond the tokenizer, which some models have room for, are `other`.

    Parameters
    ----------
    ids
        Token ids.
    types
        From :func:`token_types`.
    """
    if ids.size and ids.min() < 0:
        raise UserError(f"Token ids are 0 or more, not {int(ids.min())}.")
    inside = ids < len(types)
    return np.where(inside, types[np.where(inside, ids, 0)], OTHER)
