"""Figures and tables for the book and for JupyterLab, each through one helper.

In the book a figure is a `<div>` and its data; the drawing libraries are loaded once per site, from the site itself.
In JupyterLab the same object shows through Plotly's own renderer. Nothing here imports a model.
"""

from emotion_utils.core.lazy import attach

EXPORTS = {
    "explorer": "text_explorer",
    "Shown": "figure",
    "show": "figure",
    "DIVERGING": "style",
    "EMOTION_COLOURS": "style",
    "PALETTE": "style",
    "SEQUENTIAL": "style",
    "emotion_colour": "style",
    "template": "style",
    "table": "tables",
    "attention": "viewers",
    "tokens": "viewers",
}

__getattr__, __dir__ = attach(__name__, EXPORTS)
