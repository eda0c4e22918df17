"""Pieces of a derivation: what is left to write, where it may begin, and what it says of the emotion."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.smallworld.nodes import Choice, Draw, Lit, Styled
from emotion_utils.smallworld.sentences import Mark, React
from emotion_utils.smallworld.views import View
from emotion_utils.smallworld.world import Node, State

Stack = tuple[Node, Any] | None  # what is left to write: the next node and the rest
At = tuple[float, int, Stack, State]
"""How far a derivation has come: log-probability, place in the text, what is left to write, state."""


def push(nodes: tuple[Node, ...], stack: Stack) -> Stack:
    """The stack with ``nodes`` on top."""
    for node in reversed(nodes):
        stack = (node, stack)
    return stack


def still_has(stack: Stack, kind: type[Node]) -> bool:
    """Whether a node of this kind is still to come."""
    while stack is not None:
        if isinstance(stack[0], kind):
            return True
        stack = stack[1]
    return False


def reacts(stack: Stack, state: State) -> bool:
    """Whether this derivation has a reaction, begun or still to come."""
    return state.emotion is not None or still_has(stack, React)


def starts(view: View) -> list[tuple[float, Stack, State]]:
    """Every form, with its log-probability, before anything is written."""
    total = view.form_cumulative[-1]
    return [
        (
            math.log(f.weight / total),
            push(f.nodes, None),
            State(modes=f.modes, formality=f.formality, style=f.style),
        )
        for f in view.forms
    ]


def emotion_shares(view: View, state: State, told: bool = True) -> dict[str, float]:
    """P(emotion | state); before the cause is ``told`` it is the average over causes."""
    shares = dict.fromkeys(EMOTIONS, 0.0)
    if state.emotion is not None:
        return shares | {state.emotion: 1.0}
    for share, _, emotion in view.causes(state)[0] if told else view.every_cause:
        shares[emotion] += share
    return shares


def opening_texts(nodes: tuple[Node, ...], state: State, view: View) -> Iterator[tuple[str, float]]:
    """Beginnings of a reaction up to its first free word, with their shares."""
    todo: list[tuple[str, float, Stack, State]] = [("", 1.0, push(nodes, None), state)]
    while todo:
        text, share, stack, state = todo.pop()
        if stack is None or (isinstance(stack[0], Draw) and text):
            yield text.rstrip(" "), share
            continue
        node, rest = stack
        for branch in node.branches(state, view, "", 0):
            todo.append((text + branch.text, share * branch.prob, push(branch.push, rest), branch.state))


def literals(nodes: list[Node]) -> Iterator[str]:
    """All fixed texts, those inside wordings too."""
    for node in nodes:
        if isinstance(node, Lit):
            yield node.text
        elif isinstance(node, Styled):
            yield from (node.plain, node.polite)
        elif isinstance(node, Choice):
            for option in node.options:
                yield from literals(list(option))


def log_sum(found: list[float]) -> float:
    """Logarithm of the sum of exponentials; minus infinity for an empty list."""
    if not found:
        return -math.inf
    top = max(found)
    return top + math.log(sum(math.exp(v - top) for v in found))


def stops(at: At, text: str, whole: bool) -> bool:
    """Whether a derivation has written the text: nothing more than it, or as a beginning."""
    _, pos, stack, _ = at
    if stack is None:
        return pos >= len(text)
    return not whole and pos >= len(text) and not isinstance(stack[0], Mark)


def steps(at: At, view: View, text: str, whole: bool) -> Iterator[At]:
    """The derivation one node further, in every way that the text allows."""
    logp, pos, stack, state = at
    if stack is None:
        return
    node, rest = stack
    for branch in node.branches(state, view, text, pos):
        piece, step = branch.text, logp + math.log(branch.prob)
        if text.startswith(piece, pos):
            yield step, pos + len(piece), push(branch.push, rest), branch.state
        elif not whole and piece.startswith(text[pos:]):
            left = (Lit(piece[len(text) - pos :]), *branch.push)
            yield step, len(text), push(left, rest), branch.state
