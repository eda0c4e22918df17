"""The parameters that every chapter declares, and the check of one value."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emotion_utils.core.errors import UserError, listing, suggestion
from emotion_utils.core.profiles import PROFILES
from emotion_utils.models.reading import CHATS, SEPARATORS

_KINDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True)
class Parameter:
    """One declared notebook parameter.

    Attributes
    ----------
    name, type, default, doc
        The assignment and the comment that stand in the notebook's parameters cell.
    choices
        The only values allowed, if they can be listed.
    minimum, maximum
        The inclusive range of a number.
    pattern
        A regular expression that a text has to match as a whole, with `hint` as its meaning in words.
    synonyms
        What is written instead of a value, with what was probably meant.
    """

    name: str
    type: type
    default: Any
    doc: str
    choices: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    hint: str = ""
    synonyms: Mapping[str, str] = field(default_factory=dict)

    def check(self, value: Any) -> Any:
        """Return `value` in the declared type.

        Raises
        ------
        UserError
            If the type is wrong (a bool is not a number), the value is out of range or no choice.
        """
        if not self._has_type(value):
            raise UserError(f'Parameter "{self.name}" must be {self.expected}, but it is {_shown(value)}.')
        if not self._in_range(value):
            if self.choices:
                near = suggestion(value, self.choices)
                raise UserError(f'Parameter "{self.name}" cannot be {_shown(value)}: {near}')
            meant = f' Did you mean "{self.synonyms[value]}"?' if value in self.synonyms else ""
            raise UserError(
                f'Parameter "{self.name}" must be {self.expected}, but it is {_text(value)}.{meant}'
            )
        return float(value) if self.type is float else value

    def _has_type(self, value: Any) -> bool:
        if isinstance(value, bool):
            return self.type is bool
        return isinstance(value, (int, float) if self.type is float else self.type)

    def _in_range(self, value: Any) -> bool:
        if isinstance(value, float) and not math.isfinite(value):
            return False
        if self.choices is not None and value not in self.choices:
            return False
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            return False
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        return isinstance(value, str) or low <= value <= high

    @property
    def expected(self) -> str:
        """The allowed values in words."""
        if self.choices is not None:
            return f"one of {listing(self.choices)}"
        if self.hint:
            return self.hint
        if self.minimum is not None and self.maximum is not None:
            return f"{_KINDS[self.type]} from {self.minimum:,} to {self.maximum:,}"
        if self.minimum is not None:
            return f"{_KINDS[self.type]} of at least {self.minimum:,}"
        return _KINDS[self.type]


_MODEL = Parameter(
    "model",
    str,
    "small-gpt2",
    "registry name, hub id or path",
    pattern=r"\S(.*\S)?",
    hint="a registry name, a hub id or the path of a local model",
)
_READING = (
    Parameter(
        "separator", str, "auto", "auto or off: whether a token stands before texts", choices=SEPARATORS
    ),
    Parameter("chat", str, "auto", "auto, on or off: whether texts are turns of a chat", choices=CHATS),
)
_COMMON = (
    Parameter("profile", str, "baseline", "smoke, baseline, extended or powered", choices=PROFILES),
    Parameter(
        "run_dir",
        str,
        "build/scratch",
        "where results are kept, relative to the project",
        pattern=r"\S(.*\S)?",
        hint="the path of a folder",
    ),
    Parameter(
        "device",
        str,
        "cpu",
        "cpu, cuda, cuda:1 or mps",
        pattern=r"cpu|mps|cuda(:\d+)?",
        hint="one of cpu, mps, cuda and cuda:<number>",
        synonyms={"gpu": "cuda", "GPU": "cuda", "CUDA": "cuda"},
    ),
    Parameter("dtype", str, "float32", "float32 or bfloat16", choices=("float32", "bfloat16")),
    Parameter("seed", int, 0, "the one number that all random draws come from", minimum=0, maximum=2**32 - 1),
)

_PROMPTS = (
    Parameter("prompts", str, "", "a file of your own texts; empty for those of the profile"),
    Parameter("text_column", str, "text", "the column of that file with the texts"),
    Parameter("label_column", str, "emotion", "the column of that file with their labels"),
    Parameter(
        "label_map",
        str,
        "",
        "other names for labels, as in glad: joy, sad: grief, odd: (which leaves odd out)",
    ),
    Parameter("reference", str, "auto", "the label that others are compared with; none for no such label"),
)

_MODELS = Parameter(
    "models",
    str,
    "small-gpt2, small-neo, small-pythia, small-llama3, small-qwen3, small-gemma3",
    "names or paths",
    pattern=r"[^\s,][^,]*(\s*,\s*[^\s,][^,]*)*",
    hint="names of models with commas between",
)

_SCALING = (
    Parameter(
        "models",
        str,
        "small-gpt2, small-llama3, small-qwen3, small-gemma3",
        "names or paths; the first as GPT-2",
        pattern=r"[^\s,][^,]*(\s*,\s*[^\s,][^,]*)+",
        hint="names of at least two models with commas between",
    ),
    Parameter(
        "stories", str, "", "a folder with stories and published vectors; empty for the committed record"
    ),
    Parameter("layers", str, "", "of the first model, as in 0, 1, 4-7; empty for all"),
    Parameter("n_components", int, 8, "dimensions of a subspace", minimum=1, maximum=4096),
    Parameter(
        "max_samples_per_emotion", int, 70, "prompts of each emotion, at most", minimum=3, maximum=100_000
    ),
)

_PREDICTABILITY = (
    Parameter(
        "models",
        str,
        "small-pythia, small-llama3",
        "names or paths",
        pattern=r"[^\s,][^,]*(\s*,\s*[^\s,][^,]*)*",
        hint="names of models with commas between",
    ),
    Parameter(
        "layers", str, "", "of every model, as in 0, 6-8; empty for the first, a middle one and the last"
    ),
    Parameter(
        "texts",
        str,
        "small world",
        "small world, packages, hub:name, or the path of a folder or file",
        pattern=r"\S(.*\S)?",
        hint="small world, packages, hub: with a name, or a path",
    ),
)

_SIBLINGS = (
    Parameter(
        "models",
        str,
        "small-gemma2, small-gemma2-jpn",
        "names or paths: a base, and its further training in Japanese",
        pattern=r"[^\s,][^,]*\s*,\s*[^\s,][^,]*",
        hint="names of two models with a comma between",
    ),
    Parameter(
        "posts",
        str,
        "communities",
        "communities, or the path of a file of your own texts with labels",
        pattern=r"\S(.*\S)?",
        hint="communities, or the path of a CSV, TSV or JSON Lines file",
    ),
    Parameter("text_column", str, "text", "the column of that file with the texts"),
    Parameter("label_column", str, "label", "the column of that file with their labels"),
)

#: Every chapter's parameters, by the name of its notebook.
CHAPTERS: dict[str, tuple[Parameter, ...]] = {
    "00_calibration": _COMMON,
    "01_dataset": (_MODEL, *_READING, *_COMMON, *_PROMPTS),
    "02_activations": (_MODEL, *_READING, *_COMMON, *_PROMPTS),
    "03_emotion_vectors": (_MODEL, *_READING, *_COMMON, *_PROMPTS),
    "04_alignment": (_MODELS, *_READING, *_COMMON, *_PROMPTS),
    "05_steering": (_MODEL, *_READING, *_COMMON, *_PROMPTS),
    "06_head_screening": (_MODEL, *_READING, *_COMMON, *_PROMPTS),
    "07_head_patching": (_MODEL, *_READING, *_COMMON, *_PROMPTS),
    "08_statistics": (_MODELS, *_READING, *_COMMON, *_PROMPTS),
    "09_scaling": (*_SCALING, *_COMMON),
    "10_predictability": (*_PREDICTABILITY, *_COMMON),
    "11_circuits": (*_SIBLINGS, *_COMMON),
    "12_features": (*_SIBLINGS, *_COMMON),
}


def chapter_schema(chapter: str) -> dict[str, Parameter]:
    """The declared parameters of `chapter` by name, or a `UserError` that lists the chapters."""
    if chapter not in CHAPTERS:
        raise UserError(f'There is no chapter "{chapter}": {suggestion(chapter, CHAPTERS)}')
    return {parameter.name: parameter for parameter in CHAPTERS[chapter]}


def _shown(value: Any) -> str:
    kind = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}.get(
        type(value), f"of type {type(value).__name__}"
    )
    return f"{_text(value)} ({kind})"


def _text(value: Any) -> str:
    return repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "..."
