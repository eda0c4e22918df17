"""From executed notebooks to the book: `assemble` stages its sources, `render` builds and checks the pages."""

from __future__ import annotations

from emotion_utils.book.checks import check_site
from emotion_utils.book.rendering import render
from emotion_utils.book.staging import assemble
from emotion_utils.book.vendoring import vendor
from emotion_utils.core.lazy import attach

__all__ = ["assemble", "check_site", "render", "vendor"]

__getattr__, __dir__ = attach(__name__)
