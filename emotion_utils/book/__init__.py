"""From executed notebooks to the book: `assemble` stages its sources, `render` builds and checks the pages."""

from emotion_utils.core.lazy import attach

EXPORTS = {
    "check_site": "checks",
    "render": "rendering",
    "assemble": "staging",
    "vendor": "vendoring",
}

__getattr__, __dir__ = attach(__name__, EXPORTS)
