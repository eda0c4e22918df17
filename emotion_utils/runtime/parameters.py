"""The declared parameters of every chapter, and their check before anything expensive happens.

papermill injects whatever it is given: it only warns about a name that the notebook does not know and never
checks a type. The second cell of each notebook therefore hands its namespace to :func:`validate`.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emotion_utils.core.errors import UserError, listing, suggestion
from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.core.profiles import PROFILES
from emotion_utils.models.loading import check_device
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

_MODELS = Parameter(
    "models",
    str,
    "small-gpt2, small-neo, small-pythia, small-llama3, small-qwen3, small-gemma3",
    "names or paths",
    pattern=r"[^\s,][^,]*(\s*,\s*[^\s,][^,]*)*",
    hint="names of models with commas between",
)

#: Every chapter's parameters, by the name of its notebook.
CHAPTERS: dict[str, tuple[Parameter, ...]] = {
    "00_calibration": _COMMON,
    "01_dataset": (_MODEL, *_READING, *_COMMON),
    "02_activations": (_MODEL, *_READING, *_COMMON),
    "03_emotion_vectors": (_MODEL, *_READING, *_COMMON),
    "04_alignment": (_MODELS, *_READING, *_COMMON),
    "05_steering": (_MODEL, *_READING, *_COMMON),
    "06_head_screening": (_MODEL, *_READING, *_COMMON),
    "07_head_patching": (_MODEL, *_READING, *_COMMON),
    "08_statistics": (_MODELS, *_READING, *_COMMON),
}


class Parameters(Mapping[str, Any]):
    """The checked parameters of one notebook: read-only, by attribute or by key."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_values", dict(values))

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        values = object.__getattribute__(self, "__dict__").get("_values", {})
        if name not in values:
            raise AttributeError(f'there is no parameter "{name}"; {suggestion(name, values)}')
        return values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(
            f'parameters are read-only: change "{name}" in the parameters cell and run again'
        )

    def __repr__(self) -> str:
        return f"Parameters({', '.join(f'{name}={value!r}' for name, value in self._values.items())})"

    @property
    def run_path(self) -> Path:
        """`run_dir` as an absolute path; a relative one is taken from the project, not the working directory."""
        return PROJECT_ROOT / Path(self._values["run_dir"]).expanduser()

    @property
    def loading(self) -> dict[str, str]:
        """What :func:`emotion_utils.load` is told beside the name of a model."""
        return {name: self._values[name] for name in ("device", "dtype", "separator", "chat")}


def chapter_schema(chapter: str) -> dict[str, Parameter]:
    """The declared parameters of `chapter` by name, or a `UserError` that lists the chapters."""
    if chapter not in CHAPTERS:
        raise UserError(f'There is no chapter "{chapter}": {suggestion(chapter, CHAPTERS)}')
    return {parameter.name: parameter for parameter in CHAPTERS[chapter]}


def validate(namespace: Mapping[str, Any], chapter: str) -> Parameters:
    """Check a notebook's parameters against the schema of its chapter.

    Parameters
    ----------
    namespace
        The notebook's ``globals()``, or a plain mapping of parameter values.
    chapter
        The notebook's name without its ending, such as ``01_dataset``.

    Returns
    -------
    checked : Parameters
        The declared parameters; one that is missing has its default.

    Raises
    ------
    UserError
        On an unknown chapter, name, model or profile, a wrong type, a value out of range, or a device that
        this machine does not have. No model is loaded.
    """
    schema = chapter_schema(chapter)
    unknown = [name for name in _given_names(namespace, schema) if name not in schema]
    if unknown:
        raise UserError(
            f'Chapter {chapter} has no parameter "{unknown[0]}": {suggestion(unknown[0], schema)}'
        )
    values = {name: p.check(namespace.get(name, p.default)) for name, p in schema.items()}
    for name in model_names(values):
        from emotion_utils.models.registry import resolve_model

        resolve_model(name)
    check_device(values["device"])
    return Parameters(values)


def model_names(values: Mapping[str, Any]) -> list[str]:
    """The models that parameters name, under ``model`` or, with commas between, under ``models``.

    Raises
    ------
    UserError
        For a model that is named twice.
    """
    names = [values["model"]] if values.get("model") else []
    names += [name.strip() for name in values.get("models", "").split(",") if name.strip()]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f'Parameter "models" names "{twice}" twice: keep one.')
    return names


def _given_names(namespace: Mapping[str, Any], schema: Mapping[str, Parameter]) -> list[str]:
    """The names that were given as parameters.

    In IPython these are what the parameters cell and papermill's injected cell assign, as the last executed
    version of each says, so that a reader's own variables do not count. In a plain mapping all names count
    that hold a value papermill could have passed.
    """
    cells = namespace.get("In")
    if isinstance(cells, list):
        return _assigned_in_cells(cells, schema)
    plain = (str, int, float, list, dict, type(None))
    return [name for name, v in namespace.items() if not name.startswith("_") and isinstance(v, plain)]


def _assigned_in_cells(cells: Iterable[str], schema: Mapping[str, Parameter]) -> list[str]:
    declared: list[str] = []
    injected: list[str] = []
    for source in cells:
        names = list(assignments(source))
        if source.startswith("# Parameters\n"):
            injected = names
        elif set(names) & set(schema):
            declared = names
    return [*declared, *injected]


def assignments(source: str) -> dict[str, ast.expr]:
    """The names and value expressions that a cell assigns, if it does nothing else; otherwise nothing."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return {}
    assigned: dict[str, ast.expr] = {}
    for statement in body:
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
            return {}
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        assigned |= {target.id: statement.value for target in targets if isinstance(target, ast.Name)}
    return assigned


def _shown(value: Any) -> str:
    kind = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}.get(
        type(value), f"of type {type(value).__name__}"
    )
    return f"{_text(value)} ({kind})"


def _text(value: Any) -> str:
    return repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "..."
