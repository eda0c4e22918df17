"""Figures and tables for the book and for JupyterLab, each through one helper.

In the book a figure is a `<div>` and its data; the drawing libraries are loaded once per site, from the site itself.
In JupyterLab the same object shows through Plotly's own renderer. Nothing here imports a model.
"""

from __future__ import annotations

from emotion_utils.core.lazy import attach
from emotion_utils.plots.explorer import explorer
from emotion_utils.plots.figure import Shown, show
from emotion_utils.plots.style import (
    DIVERGING,
    EMOTION_COLOURS,
    PALETTE,
    SEQUENTIAL,
    emotion_colour,
    template,
)
from emotion_utils.plots.tables import table
from emotion_utils.plots.viewers import attention, tokens

__all__ = [
    "DIVERGING",
    "EMOTION_COLOURS",
    "PALETTE",
    "SEQUENTIAL",
    "Shown",
    "attention",
    "emotion_colour",
    "explorer",
    "show",
    "table",
    "template",
    "tokens",
]

__getattr__, __dir__ = attach(__name__)
