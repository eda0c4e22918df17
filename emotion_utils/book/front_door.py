"""The page of the front door: every name of ``import emotion_utils as eu`` with its signature, words and example."""

from __future__ import annotations

import html
import inspect
from typing import Any

import emotion_utils
from emotion_utils.core.errors import UserError

FOLDED = "Parameters and example"


def names() -> list[str]:
    """Names that the package hands on, in the order of its table."""
    return list(vars(emotion_utils)["EXPORTS"])


def in_html() -> str:
    """One entry a name: how it is called, its first paragraph, and the whole of its help folded below."""
    return "".join(_entry(name) for name in names())


def _entry(name: str) -> str:
    thing = getattr(emotion_utils, name)
    if inspect.ismodule(thing):  # a room that can be called stands for the function behind it
        thing = getattr(thing, thing.__dict__["_called"])
    text = inspect.getdoc(thing)
    if not text:
        raise UserError(f"eu.{name} has no docstring: say what it does, with an example.")
    first, _, rest = text.partition("\n\n")
    summary = html.escape(" ".join(first.split())).replace("``", "")
    return (
        f'<section class="emo-api" id="eu-{name}"><p><code>eu.{name}{_signature(thing)}</code></p>'
        f"<p>{summary}</p>"
        + (
            f"<details><summary>Parameters and example</summary><pre>{html.escape(rest)}</pre></details>"
            if rest
            else ""
        )
        + "</section>"
    )


def _signature(thing: Any) -> str:
    """Parameters without their types, which the folded help has in words."""
    called = inspect.signature(thing)
    plain = [one.replace(annotation=inspect.Parameter.empty) for one in called.parameters.values()]
    shown = called.replace(parameters=plain, return_annotation=inspect.Signature.empty)
    return html.escape(str(shown))
