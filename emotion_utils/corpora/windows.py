"""Documents cut to windows of tokens, without padding, and split so that no group stands on two sides."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from emotion_utils.core.errors import UserError, listing
from emotion_utils.corpora.documents import Document
from emotion_utils.corpora.sides import SHARES, sides

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SHORTEST = 2
"""Positions of a window at least: the first target is position 1."""
BATCH = 256
"""Documents that are tokenised at once."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of equally many tokens, of one tokenizer.

    Attributes
    ----------
    ids
        Token ids; consecutive tokens of a document stand in each window.
    document
        Number of the document in the sequence that was cut: the unit of every interval.
    domain, group
        Of the document.
    split
        ``train``, ``validation`` or ``test``.
    names
        Of the documents, by number.
    left_out
        How many documents, windows or tokens were dropped, by reason.
    notes
        Sentences on the split.
    """

    ids: Int[Tensor, "window position"]
    document: Int[np.ndarray, " window"]
    domain: Shaped[np.ndarray, " window"]
    group: Shaped[np.ndarray, " window"]
    split: Shaped[np.ndarray, " window"]
    names: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, split: str) -> Windows:
        """The windows of a split.

        Raises
        ------
        UserError
            Where it has none.
        """
        return self.take(np.flatnonzero(self.split == split), f'the split "{split}"')

    def take(self, windows: Int[np.ndarray, " chosen"], called: str = "this choice") -> Windows:
        """Some windows, by number; ``called`` names them in the error where there are none."""
        if not len(windows):
            known = listing(
                f"{name} ({count})"
                for name, count in zip(*np.unique(self.split, return_counts=True), strict=True)
            )
            raise UserError(
                f"There is no window in {called}; there are {known}: choose one of these, a shorter "
                "length, or more text."
            )
        parts = {name: getattr(self, name)[windows] for name in ("document", "domain", "group", "split")}
        return replace(self, ids=self.ids[torch.from_numpy(windows)], **parts)

    def hash(self) -> str:
        """SHA-256 of ids, documents, labels and splits, in hexadecimal: a name for what was read from them."""
        found = hashlib.sha256(repr(tuple(self.ids.shape)).encode())
        found.update(self.ids.numpy().astype("<i8").tobytes())
        found.update(self.document.astype("<i8").tobytes())
        for labels in (self.domain, self.group, self.split):
            found.update("\0".join(map(str, labels)).encode() + b"\1")
        return found.hexdigest()


def cut(
    documents: Sequence[Document],
    tokenizer: PreTrainedTokenizerBase,
    length: int,
    *,
    split: Mapping[str, float] = SHARES,
    seed: int = 0,
    limit_tokens: int | None = None,
    start: int | None = None,
) -> Windows:
    """Cut documents to consecutive windows of tokens, from the first token on; what is left over is dropped.

    Parameters
    ----------
    documents
    tokenizer
        Of the model. It adds nothing around a text; between the short texts of one document stands its end of text.
    length
        Tokens of a window.
    split
        Shares of train, validation and test, for documents whose source does not say where they belong. Groups are
        placed whole; the only group of a domain is split by document, and a note says so.
    seed
        Of the placing of groups.
    limit_tokens
        Of a document: what comes after is dropped, so that long documents do not dominate.
    start
        A token at position 0 of every window, before ``length - 1`` tokens of text, for models that need one (Gemma).

    Returns
    -------
    In the order of the documents. Windows of nothing but special tokens are left out.

    Raises
    ------
    UserError
        Where no document is long enough, for one document, and where three splits cannot be made of so few.
    """
    _check(documents, length, limit_tokens)
    rows, document, left_out = _cut_all(documents, tokenizer, length - (start is not None), limit_tokens)
    if not rows and left_out["windows of special tokens"]:
        raise UserError(
            f"No document has a window of text: all {left_out['windows of special tokens']} windows hold special "
            "tokens alone, such as the end of a text. Give texts with words."
        )
    if not rows:
        raise UserError(
            f"No document has {length} tokens (the longest of {len(documents)} has {left_out['longest']}): choose a "
            "shorter length, or give longer texts."
        )
    ids = torch.from_numpy(np.stack(rows))
    if start is not None:
        ids = torch.cat([torch.full((len(ids), 1), start), ids], dim=1)
    numbers = np.array(document, dtype=np.int64)
    of_document, notes = sides(documents, np.bincount(numbers, minlength=len(documents)), split, seed)
    labels = np.array([[d.domain, d.group] for d in documents], dtype=str)
    return Windows(
        ids,
        numbers,
        labels[numbers, 0],
        labels[numbers, 1],
        of_document[numbers],
        tuple(d.name for d in documents),
        {name: count for name, count in left_out.items() if name != "longest"},
        notes,
    )


def _check(documents: Sequence[Document], length: int, limit_tokens: int | None) -> None:
    if length < SHORTEST:
        raise UserError(
            f"A window of {length} tokens has nothing to predict: choose {SHORTEST} tokens or more."
        )
    if limit_tokens is not None and limit_tokens < length:
        raise UserError(
            f"limit_tokens is {limit_tokens}, less than a window of {length}: choose {length} or more, or None."
        )
    if len(documents) < 2:
        what = f'one document ("{documents[0].name}")' if documents else "no document"
        raise UserError(
            f"This is {what}; held-out windows and intervals over documents need several: give a folder or a file of "
            "more texts, or cut the text into documents first."
        )


def _cut_all(
    documents: Sequence[Document], tokenizer: PreTrainedTokenizerBase, length: int, limit: int | None
) -> tuple[list[np.ndarray], list[int], dict[str, int]]:
    special = np.array(sorted(tokenizer.all_special_ids), dtype=np.int64)
    rows: list[np.ndarray] = []
    document: list[int] = []
    left = dict.fromkeys(
        ("documents too short", "tokens after the last window", "tokens beyond the limit"), 0
    )
    left |= {"windows of special tokens": 0, "longest": 0}
    for number, ids in enumerate(_tokens(documents, tokenizer)):
        own = ids[:limit]
        windows = own[: len(own) // length * length].reshape(-1, length)
        empty = np.isin(windows, special).all(axis=1)
        rows += list(windows[~empty])
        document += [number] * int((~empty).sum())
        left["longest"] = max(left["longest"], len(ids))
        left["documents too short"] += len(own) < length
        left["tokens after the last window"] += len(own) - windows.size
        left["tokens beyond the limit"] += len(ids) - len(own)
        left["windows of special tokens"] += int(empty.sum())
    return rows, document, left


def _tokens(documents: Sequence[Document], tokenizer: PreTrainedTokenizerBase) -> list[np.ndarray]:
    """Ids of each document; between its short texts stand the end of one and the beginning of the next."""
    ends = (tokenizer.eos_token_id, tokenizer.bos_token_id)
    between = [int(token) for token in ends if token is not None]
    if any(document.breaks for document in documents) and not between:
        raise UserError(
            "The tokenizer has no end-of-text token to stand between short texts: set tokenizer.eos_token."
        )
    pieces = [piece for document in documents for piece in document.pieces]
    owner = np.repeat(np.arange(len(documents)), [len(document.breaks) + 1 for document in documents])
    found: list[list[int]] = [[] for _ in documents]
    for first in range(0, len(pieces), BATCH):
        texts = pieces[first : first + BATCH]
        encoded = tokenizer(texts, add_special_tokens=False, return_attention_mask=False, verbose=False)[
            "input_ids"
        ]
        for number, ids in zip(owner[first : first + BATCH], encoded, strict=True):
            found[number] += [*between, *ids] if found[number] else ids
    return [np.array(ids, dtype=np.int64) for ids in found]
