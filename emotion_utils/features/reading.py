"""What the features of a dictionary do in texts: in every token, and in each text as a whole.

Token states are read after a block and encoded some at a time, so that a table of all tokens and all features never
stands in memory: of a text its sums are kept, of tokens the activations that are not zero. Special tokens, such as the
BOS that many models use as an attention sink, are left out; a character that the tokenizer does not know is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_matrix, vstack
from torch import Tensor

from emotion_utils.activations.forward import BATCH, forward_batches
from emotion_utils.core.errors import UserError, listing
from emotion_utils.dictionaries.dictionary import Dictionary
from emotion_utils.models.hooks import HookPoint

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

TokenIds = Sequence[Sequence[int]]
MEAN, MAX, RATE, SQUARE = "mean", "max", "rate", "square"
KINDS = (MEAN, MAX, RATE, SQUARE)
"""Of a text: mean and largest activation over its tokens, share of tokens at which a feature fires, mean square."""
TOP = 20
"""Features whose share of all activation is given, as published."""
AT_ONCE = 2**24
"""Activations (token times feature) that are held at a time."""


class Tokens(NamedTuple):
    """Tokens of some texts, special ones left out.

    Attributes
    ----------
    text
        Number of the text that each stands in.
    place
        Its position in the text, special tokens counted.
    token
        Its id.
    """

    text: Int[np.ndarray, " token"]
    place: Int[np.ndarray, " token"]
    token: Int[np.ndarray, " token"]


@dataclass(frozen=True, eq=False)
class TextActivations:
    """Activations of features in texts.

    Attributes
    ----------
    values
        By kind (:data:`KINDS`), those that were asked for: float32, in units of scaled states.
    tokens
        Of each text, special ones left out.
    active
        Features that fire at a token, on average over the tokens of each text (L0).
    top
        Share of a token's activation that its 20 most active features have, averaged over the tokens that have any;
        NaN of a text without.
    """

    values: Mapping[str, Float[np.ndarray, "text feature"]] = field(repr=False)
    tokens: Int[np.ndarray, " text"] = field(repr=False)
    active: Float[np.ndarray, " text"] = field(repr=False)
    top: Float[np.ndarray, " text"] = field(repr=False)

    def __getitem__(self, kind: str) -> Float[np.ndarray, "text feature"]:
        """Activations of one kind.

        Raises
        ------
        UserError
            For a kind that was not read.
        """
        if kind not in self.values:
            raise UserError(
                f'Of these texts {listing(list(self.values))} was read, not "{kind}": ask for it as one of kinds.'
            )
        return self.values[kind]


@dataclass(frozen=True, eq=False)
class TokenActivations:
    """Activations of features at tokens, those that are not zero.

    Attributes
    ----------
    tokens
    values
        Sparse, shape (token, feature), float32.
    features
        Number in the dictionary of each column.
    """

    tokens: Tokens = field(repr=False)
    values: csr_matrix = field(repr=False)
    features: Int[np.ndarray, " feature"] = field(repr=False)


def text_tokens(model: Model, ids: Sequence[int]) -> Bool[np.ndarray, " token"]:
    """Which tokens of a text are no special ones."""
    tokenizer = model.tokenizer
    # of some tokenizers, such as GPT-2's, the unknown token is the end of a text as well
    others = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}
    unknown = {tokenizer.unk_token_id} - others
    special = [token for token in tokenizer.all_special_ids if token not in unknown]
    found: np.ndarray = ~np.isin(np.asarray(ids), special)
    return found


def only(dictionary: Dictionary, features: Int[np.ndarray, " feature"]) -> Dictionary:
    """A dictionary of some features of another one, as they are there."""
    at = torch.from_numpy(np.asarray(features, dtype=np.int64)).to(dictionary.encoder.device)
    return Dictionary(
        dictionary.encoder[:, at],
        dictionary.encoder_bias[at],
        dictionary.decoder[at],
        dictionary.decoder_bias,
        dictionary.threshold[at],
        scale=dictionary.scale,
        centred=dictionary.centred,
    )


def pieces(tokens: int, features: int) -> list[slice]:
    """Runs of tokens whose activations fit into :data:`AT_ONCE`."""
    size = max(1, AT_ONCE // max(features, 1))
    return [slice(start, start + size) for start in range(0, tokens, size)]


def token_states(
    model: Model, ids: TokenIds, layers: Sequence[int], *, batch: int = BATCH
) -> Iterator[tuple[Tokens, dict[int, Float[Tensor, "token d_model"]]]]:
    """States after blocks at the tokens of texts, a batch of texts at a time.

    Parameters
    ----------
    model
        A language model, or the model of a classifier.
    ids
        Token ids of the texts.
    layers
        Counted from 0.
    batch
        Texts of a forward pass.

    Raises
    ------
    UserError
        For a text of special tokens alone, and for states that are not finite.

    Yields
    ------
    Tokens in the order of texts of similar length, and their states by layer, in float32 on the model's device.
    """
    own = [text_tokens(model, row) for row in ids]
    if (empty := next((text for text, kept in enumerate(own) if not kept.any()), None)) is not None:
        raise UserError(f"Text {empty + 1} of {len(own)} has no token but special ones: leave it out.")
    points = [HookPoint(layer, "resid_post") for layer in layers]
    for rows, _, caught in forward_batches(model, ids, points, batch=batch):
        places = [np.flatnonzero(own[row]) for row in rows.tolist()]
        within = np.repeat(np.arange(len(rows)), [len(one) for one in places])
        place = np.concatenate(places)
        token = np.concatenate([np.asarray(ids[row])[at] for row, at in zip(rows, places, strict=True)])
        states = {point.layer: hidden[within, place].float() for point, hidden in caught.items()}
        for layer, one in states.items():
            if not bool(torch.isfinite(one).all()):
                raise UserError(
                    f"States of {model.label} after layer {layer} are not finite: load it in bfloat16 or float32."
                )
        yield Tokens(rows[within], place, token), states


def states_of(
    model: Model, ids: TokenIds, layers: Sequence[int]
) -> dict[int, Float[Tensor, "token d_model"]]:
    """States after blocks at all tokens of texts but special ones, by layer."""
    parts: dict[int, list[Tensor]] = {layer: [] for layer in layers}
    with torch.no_grad():
        for _, states in token_states(model, ids, layers):
            for layer, own in states.items():
                parts[layer].append(own)
    return {layer: torch.cat(own) for layer, own in parts.items()}


def text_activations(
    model: Model,
    dictionaries: Mapping[int, Dictionary],
    ids: TokenIds,
    kinds: Sequence[str] = (MEAN,),
    *,
    batch: int = BATCH,
) -> dict[int, TextActivations]:
    """Activations of features in texts, at several layers in one reading.

    Parameters
    ----------
    model
        A language model, or the model of a classifier.
    dictionaries
        By layer, counted from 0.
    ids
        Token ids of the texts.
    kinds
        What is kept of each text and feature; see :data:`KINDS`.
    batch
        Texts of a forward pass.

    Raises
    ------
    UserError
        For an unknown kind, a dictionary of another width, and what :func:`token_states` refuses.
    """
    if wrong := [kind for kind in kinds if kind not in KINDS]:
        raise UserError(f'There is no kind "{wrong[0]}" of activation: choose of {listing(KINDS)}.')
    sums = {layer: _Sums(one, len(ids), kinds) for layer, one in dictionaries.items()}
    with torch.no_grad():
        for tokens, states in token_states(model, ids, list(dictionaries), batch=batch):
            for layer, own in states.items():
                sums[layer].add(tokens.text, own)
    return {layer: one.found() for layer, one in sums.items()}


class _Sums:
    """Sums over the tokens of each text, filled piece by piece."""

    def __init__(self, dictionary: Dictionary, texts: int, kinds: Sequence[str]) -> None:
        self.dictionary = dictionary
        self.values = {
            kind: np.zeros((texts, dictionary.n_features), dtype=np.float32) for kind in dict.fromkeys(kinds)
        }
        self.tokens, self.having = np.zeros(texts, dtype=np.int64), np.zeros(texts)
        self.active, self.top = np.zeros(texts), np.zeros(texts)

    def add(self, text: Int[np.ndarray, " token"], states: Tensor) -> None:
        for some in pieces(len(text), self.dictionary.n_features):
            activations = self.dictionary.encode(states[some])
            self._by_token(text[some], activations)
            for kind in self.values:
                self._by_text(kind, text[some], activations)

    def _by_token(self, text: np.ndarray, activations: Tensor) -> None:
        total = activations.sum(dim=1)
        largest = activations.topk(min(TOP, activations.shape[1]), dim=1).values.sum(dim=1)
        share = torch.where(total > 0, largest / total, 0.0).double().cpu().numpy()
        np.add.at(self.tokens, text, 1)
        np.add.at(self.active, text, (activations > 0).sum(dim=1).cpu().numpy())
        np.add.at(self.having, text, (total > 0).cpu().numpy())
        np.add.at(self.top, text, share)

    def _by_text(self, kind: str, text: np.ndarray, activations: Tensor) -> None:
        different, own = np.unique(text, return_inverse=True)
        at = torch.from_numpy(own).to(activations.device)
        empty = activations.new_zeros(len(different), activations.shape[1])
        if kind == MAX:
            index = at[:, None].expand_as(activations)
            most = empty.scatter_reduce(0, index, activations, "amax").cpu().numpy()
            self.values[kind][different] = np.maximum(self.values[kind][different], most)
            return
        given = {MEAN: activations, RATE: (activations > 0).float(), SQUARE: activations**2}[kind]
        self.values[kind][different] += empty.index_add(0, at, given).cpu().numpy()

    def found(self) -> TextActivations:
        for kind, values in self.values.items():
            if kind != MAX:
                values /= np.maximum(self.tokens, 1)[:, None].astype(np.float32)
        tokens = np.maximum(self.tokens, 1)
        top = np.divide(self.top, self.having, out=np.full(len(tokens), np.nan), where=self.having > 0)
        return TextActivations(self.values, self.tokens, self.active / tokens, top)


def token_activations(
    model: Model,
    dictionary: Dictionary,
    layer: int,
    ids: TokenIds,
    features: Int[np.ndarray, " feature"] | None = None,
    *,
    batch: int = BATCH,
) -> TokenActivations:
    """Activations of features at every token of texts, as a sparse matrix.

    Parameters
    ----------
    model, dictionary
    layer
        After which the dictionary reads, counted from 0.
    ids
        Token ids of the texts.
    features
        Which; by default all. What is held grows with the number of activations that are not zero.
    batch
        Texts of a forward pass.

    Raises
    ------
    UserError
        As :func:`token_states`, and for a dictionary of another width.
    """
    which = np.arange(dictionary.n_features) if features is None else np.asarray(features, dtype=np.int64)
    read = dictionary if features is None else only(dictionary, which)
    found, parts = [], []
    with torch.no_grad():
        for tokens, states in token_states(model, ids, [layer], batch=batch):
            found.append(tokens)
            for some in pieces(len(tokens.text), read.n_features):
                parts.append(csr_matrix(read.encode(states[layer][some]).cpu().numpy()))
    if not found:
        nothing = np.zeros(0, dtype=np.int64)
        empty = csr_matrix((0, len(which)), dtype=np.float32)
        return TokenActivations(Tokens(nothing, nothing, nothing), empty, which)
    joined = Tokens(*(np.concatenate(one) for one in zip(*found, strict=True)))
    order = np.lexsort((joined.place, joined.text))
    in_order = Tokens(*(one[order] for one in joined))
    return TokenActivations(in_order, vstack(parts, format="csr")[order], which)
