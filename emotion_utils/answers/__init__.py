"""What each chapter answers: its question, what came out, and whether what would have shown it wrong has happened.

`answer` is the form; the other modules fill it, a chapter each, from what the chapter computed. The book puts the
short form on top of the page.
"""

from emotion_utils.core.lazy import attach

EXPORTS = {"Answer": "answer", "Falsifier": "answer"}

__getattr__, __dir__ = attach(__name__, EXPORTS)
