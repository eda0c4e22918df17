"""How a model reads a text: as it is, after a separator, or as a turn of a chat.

The first position of a sequence is an attention sink, whatever stands there. Where a tokenizer adds no token of its own
in front, that is the first word of the text; a separator takes its place. A chat template puts the text into the
user's turn. What is put around a text has empty character spans, so that no word is looked for in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from emotion_utils.core.errors import UserError, listing
from emotion_utils.models.registry import resolve_model

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SEPARATORS = ("auto", "off")
CHATS = ("auto", "on", "off")
DOCUMENT = "<|endoftext|>"
"""Between documents in the training of GPT-2, GPT-NeoX, Qwen and SmolLM2, where the BOS may be something else."""
_MARK = "\ue000"
"""Stands for the text in a template; of the private use area, so that no template has it."""

BLANKS = ("\u2581", "\u0120")
"""What stands for a blank in vocabularies, as a token of its own before a word that has none with it."""

Span = tuple[int, int]
_SPECIALS: WeakKeyDictionary[Any, tuple[object, dict[int, str]]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Reading:
    """What stands around a text.

    Attributes
    ----------
    separator
        Token before each text; None adds nothing to what the tokenizer does.
    chat
        Whether a text is the user's turn in the chat template.
    bos
        Whether a text that is to be continued begins with BOS also where the tokenizer adds none, as documents did in
        the training of the bundled models.
    """

    separator: int | None = None
    chat: bool = False
    bos: bool = True

    def tokens(
        self, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
    ) -> tuple[list[list[int]], list[list[Span]]]:
        """Ids of texts, and the characters of each token; ``(0, 0)`` for what is not of the text.

        Raises
        ------
        UserError
            For a text that the chat template refuses or changes.
        """
        if self.chat:
            return self._in_template(tokenizer, texts)
        ids, spans = tokenized(tokenizer, texts)
        if self.separator is None:
            return ids, spans
        pairs = [self._separated(own, at) for own, at in zip(ids, spans, strict=True)]
        return [own for own, _ in pairs], [at for _, at in pairs]

    def _separated(self, ids: list[int], spans: list[Span]) -> tuple[list[int], list[Span]]:
        """One separator in front, also where the tokenizer has put one, or the text begins with it, or both."""
        there = next((i for i, token in enumerate(ids) if token != self.separator), len(ids))
        return [int(self.separator or 0), *ids[there:]], [(0, 0), *spans[there:]]

    def _in_template(
        self, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
    ) -> tuple[list[list[int]], list[list[Span]]]:
        before, after = _frame(tokenizer)
        _refuse_rendered(tokenizer, texts, before + after)
        lead = [_lead(tokenizer, text, before, after) for text in texts]
        kept = [text if skipped is None else text.strip() for text, skipped in zip(texts, lead, strict=True)]
        # the template has written its own BOS
        ids, spans = tokenized(tokenizer, [before + text + after for text in kept], add_special_tokens=False)
        moved = [
            _content(own, len(before), len(text), skipped or 0)
            for own, text, skipped in zip(spans, kept, lead, strict=True)
        ]
        if self.separator is not None and not before:
            pairs = [self._separated(own, at) for own, at in zip(ids, moved, strict=True)]
            return [own for own, _ in pairs], [at for _, at in pairs]
        return ids, moved


AS_IT_IS = Reading()


def reading_of(name: str, tokenizer: PreTrainedTokenizerBase, separator: str, chat: str) -> Reading:
    """Say how a model of the registry reads.

    A bundled model reads as in its training, whatever is asked for. ``auto`` of the separator puts one in front of
    every text of other models. ``auto`` of the chat is ``off``: the prompts are stories to be continued, and in a
    template a model answers a story in place of continuing it; and models with and without a template stand beside
    each other.

    Parameters
    ----------
    name
        Of the registry.
    tokenizer
        Of this model.
    separator
        ``auto`` or ``off``.
    chat
        ``auto``, ``on`` or ``off``.

    Raises
    ------
    UserError
        For another word, and for ``chat="on"`` where the tokenizer has no template.
    """
    for what, value, choices in (("separator", separator, SEPARATORS), ("chat", chat, CHATS)):
        if value not in choices:
            raise UserError(
                f'The {what} of "{PurePath(name).name}" cannot be {value!r}: choose {listing(choices)}.'
            )
    if resolve_model(name).source == "bundled":
        return Reading()
    if chat == "on" and not has_template(tokenizer):
        raise UserError(
            f'The tokenizer of "{PurePath(name).name}" has no chat template: set chat to "off" or "auto".'
        )
    return Reading(find_separator(tokenizer) if separator == "auto" else None, chat == "on", bos=False)


def manner(tokenizer: PreTrainedTokenizerBase, reading: Reading) -> str:
    """Say what stands around the texts that a model reads: the rest of a sentence after its name and a colon."""
    if reading.chat:
        return (
            "each prompt is read as the user's turn in the chat template. What the template writes is no content: no "
            "word is looked for in it, means leave it out, and the end of a prompt is the end of its own text."
        )
    plain = "each prompt is read as plain text"
    if has_template(tokenizer):
        plain += " to be continued, without the chat template,"
    if own := own_start(tokenizer):
        return (
            f"{plain} after the `{tokenizer.convert_ids_to_tokens(own[0])}` that the tokenizer puts in front."
        )
    if reading.separator is not None:
        token = tokenizer.convert_ids_to_tokens(reading.separator)
        return (
            f"{plain} after the separator `{token}`, since the tokenizer puts nothing in front and the first word "
            "would stand at position 0, the attention sink."
        )
    return f"{plain} with nothing in front, so that the first word stands at position 0, the attention sink."


def has_template(tokenizer: Any) -> bool:
    """Whether a tokenizer can write a chat."""
    return bool(getattr(tokenizer, "chat_template", None))


def own_start(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The tokens that a tokenizer itself puts before a text."""
    ids, spans = _raw(tokenizer, ["a"])
    return ids[0][: next((i for i, (start, end) in enumerate(spans[0]) if start < end), 0)]


def find_separator(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The token that stands before a text where one has to.

    What the tokenizer adds itself; else :data:`DOCUMENT` where it is a special token, since the BOS of a chat model
    begins a turn and no document; else BOS; else the end of a text; else none.
    """
    if own := own_start(tokenizer):
        return own[0]
    added = {content: number for number, content in _specials(tokenizer).items()}
    known = (added.get(DOCUMENT), tokenizer.bos_token_id, tokenizer.eos_token_id)
    return next((int(token) for token in known if token is not None), None)


def tokenized(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], **options: Any
) -> tuple[list[list[int]], list[list[Span]]]:
    """Ids of texts, and the characters that each token stands for.

    A text may begin with the very token that the tokenizer puts in front, as a rendered chat does: it stands there
    once. Special tokens that are written out in a text are no content, and neither is the mark of a blank that a
    tokenizer puts before a first word which has none: their spans are empty.

    Parameters
    ----------
    tokenizer
    texts
    options
        Of the tokenizer, such as ``add_special_tokens=False``.
    """
    rows, spans = _raw(tokenizer, texts, **options)
    special = _specials(tokenizer)
    marks = {tokenizer.convert_tokens_to_ids(mark) for mark in BLANKS} - {None, tokenizer.unk_token_id}
    cleaned = [
        _cleaned(text, ids, at, special, marks) for text, ids, at in zip(texts, rows, spans, strict=True)
    ]
    return [ids for ids, _ in cleaned], [at for _, at in cleaned]


def _raw(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], **options: Any
) -> tuple[list[list[int]], list[list[Span]]]:
    found = tokenizer(
        list(texts),
        return_offsets_mapping=True,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
        **options,
    )
    return found["input_ids"], found["offset_mapping"]


def _specials(tokenizer: PreTrainedTokenizerBase) -> dict[int, str]:
    """Special tokens, which a text can write out; some tokenizers have thousands, so that they are listed once."""
    state = (len(tokenizer), tuple(tokenizer.all_special_tokens))
    known = _SPECIALS.get(tokenizer)
    if known is None or known[0] != state:
        added = tokenizer.added_tokens_decoder.items()
        known = state, {number: token.content for number, token in added if token.special}
        _SPECIALS[tokenizer] = known
    return known[1]


def _cleaned(
    text: str, ids: list[int], spans: list[Span], special: dict[int, str], marks: set[int]
) -> tuple[list[int], list[Span]]:
    if len(ids) > 1 and ids[0] == ids[1] and ids[0] in special and spans[0] == (0, 0):
        first = next((i for i, token in enumerate(ids) if token != ids[0]), len(ids))
        ids, spans = [ids[0], *ids[first:]], [spans[0], *spans[first:]]
    empty = {
        i
        for i, (token, (a, b)) in enumerate(zip(ids, spans, strict=True))
        if (token in special and text[a:b].strip() == special[token])
        or (token in marks and text[a:b].strip(" \n\t" + "".join(BLANKS)))
    }
    return ids, [(0, 0) if i in empty else span for i, span in enumerate(spans)] if empty else spans


def _rendered(tokenizer: PreTrainedTokenizerBase, text: str) -> str:
    """A chat of one turn, up to where the model answers."""
    turn = [{"role": "user", "content": text}]
    try:
        return str(tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True))
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(
            f"The chat template of {tokenizer.name_or_path.rsplit('/', 1)[-1]} cannot be applied to "
            f"{text[:40]!r} ({reason}): set chat to off."
        ) from error


def _refuse_rendered(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], frame: str) -> None:
    """Refuse a text that brings a template of its own, which would be a turn within a turn."""
    marks = [content for content in _specials(tokenizer).values() if content in frame]
    for text in texts:
        if mark := next((mark for mark in marks if mark in text), None):
            raise UserError(
                f"The text {text[:40]!r} contains {mark!r}, with which the chat template marks a turn: give the words "
                "of the turn alone, or set chat to off."
            )


def _frame(tokenizer: PreTrainedTokenizerBase) -> tuple[str, str]:
    """What the template writes before the text, and after it."""
    parts = _rendered(tokenizer, _MARK).split(_MARK)
    if len(parts) != 2:
        raise UserError(
            f"The chat template writes the text {len(parts) - 1} times, so that no word has a place in it: set chat "
            "to off."
        )
    return parts[0], parts[1]


def _lead(tokenizer: PreTrainedTokenizerBase, text: str, before: str, after: str) -> int | None:
    """How many blanks at the beginning of a text its template leaves out; None where it takes the text as it is."""
    whole = _rendered(tokenizer, text)
    if whole == before + text + after:
        return None
    if whole == before + text.strip() + after:
        return len(text) - len(text.lstrip())
    raise UserError(
        f"The chat template changes the text {text[:40]!r}, so that its words are not found: set chat to off."
    )


def _content(spans: Sequence[Span], start: int, length: int, lead: int) -> list[Span]:
    """Spans in a rendered template as spans of the text in it."""
    cut = ((min(max(a - start, 0), length), min(max(b - start, 0), length)) for a, b in spans)
    return [(a + lead, b + lead) if a < b else (0, 0) for a, b in cut]
