"""What can be said next, by emotion: the ways in which a reaction may open, as text and as tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from transformers import PreTrainedTokenizerFast

from emotion_utils.smallworld.grammar import Document, Grammar
from emotion_utils.smallworld.languages import LANGUAGES

Opening = tuple[str, str]  # text, emotion
ENDS = "".join(language.ends for language in LANGUAGES.values())


def openings(blind: Grammar, document: Document) -> list[Opening]:
    """Every opening of a reaction that any cause could bring about at this point of ``document``.

    ``blind`` is the blind grammar: it allows every cause everywhere, so the four emotions are all among them.
    """
    return [(text, emotion) for text, emotion, _ in blind.reactions(document)]


def classify(continuation: str, known: Iterable[Opening]) -> str | None:
    """The emotion of the longest known opening that ``continuation`` begins with; None where there is none."""
    found = [(len(text), emotion) for text, emotion in known if continuation.startswith(text)]
    return max(found)[1] if found else None


def starting_ids(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    """``text`` as the models saw documents begin: after one BOS, which every bundled family has."""
    bos = tokenizer.bos_token_id
    return [*([] if bos is None else [bos]), *tokenizer(text, add_special_tokens=False)["input_ids"]]


def context_ids(tokenizer: PreTrainedTokenizerFast, document: Document) -> list[int]:
    """The tokens of ``document`` that end before its reaction begins, after one BOS.

    A blank before the reaction belongs to the reaction's first token in most families, so the context is cut out
    of the encoded whole.
    """
    encoded = tokenizer(document.text, add_special_tokens=False, return_offsets_mapping=True)
    end = document.reaction_start or 0
    pairs = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
    return [tokenizer.bos_token_id, *(token for token, (_, stop) in pairs if stop <= end)]


def emotion_prefixes(
    tokenizer: PreTrainedTokenizerFast, document: Document, known: Iterable[Opening]
) -> list[tuple[tuple[int, ...], str]]:
    """Shortest token sequences after the context that settle the emotion.

    No sequence begins with another one, so their probabilities add up to that of the emotion.
    """
    context = context_ids(tokenizer, document)
    sequences: dict[tuple[int, ...], str] = {}
    for text, emotion in _with_endings(document, known):
        whole = starting_ids(tokenizer, document.context + text)
        if whole[: len(context)] == context:
            sequences[tuple(whole[len(context) :])] = emotion
    return _settle(list(sequences.items()), 0)


def _with_endings(document: Document, known: Iterable[Opening]) -> list[Opening]:
    """Each opening, and where it is a whole sentence also with what follows the reaction in ``document``.

    A full stop may share its token with the quotation mark after it.
    """
    after = document.text[document.reaction_end : (document.reaction_end or 0) + 1]
    out = []
    for text, emotion in known:
        out.append((text, emotion))
        if after and text[-1] in ENDS:
            out.append((text + after, emotion))
    return out


def _settle(sequences: list[tuple[tuple[int, ...], str]], depth: int) -> list[tuple[tuple[int, ...], str]]:
    ended = [(tokens, emotion) for tokens, emotion in sequences if len(tokens) == depth]
    by_token: dict[int, list[tuple[tuple[int, ...], str]]] = defaultdict(list)
    for tokens, emotion in sequences:
        if len(tokens) > depth:
            by_token[tokens[depth]].append((tokens, emotion))
    if ended:
        return ended[:1]
    out = []
    for group in by_token.values():
        if len({emotion for _, emotion in group}) == 1:
            out.append((group[0][0][: depth + 1], group[0][1]))
        else:
            out += _settle(group, depth + 1)
    return out
