"""The parameters of a notebook, checked before anything expensive happens.

papermill injects whatever it is given: it only warns about a name that the notebook does not know and never
checks a type. The second cell of each notebook therefore hands its namespace to :func:`validate`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.core.paths import expanded, output_folder
from emotion_utils.models.loading import check_device
from emotion_utils.runtime.schema import Parameter, chapter_schema

if TYPE_CHECKING:
    import pandas as pd

    from emotion_utils.runtime.own_prompts import OwnPrompts


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
        """`run_dir` as an absolute path; a relative one is taken from the project, not the working directory.

        Where ``EMOTION_CIRCUITS_OUTPUT`` names another folder for what is made, it is taken from there.
        """
        return output_folder() / expanded(self._values["run_dir"])

    @property
    def own(self) -> OwnPrompts | None:
        """The texts of the reader's own file, or None where the chapter is about the book's prompts."""
        from emotion_utils.runtime.own_prompts import read_own

        return read_own(self._values)

    @property
    def set(self) -> str:
        """Name of the prompts that the chapter is about: the profile, or the file without its ending."""
        own = self.own
        return self._values["profile"] if own is None else own.name

    def sets(self, *others: str) -> dict[str, pd.DataFrame]:
        """Those prompts by name, and other sets of the book beside them; beside a reader's own texts there are none.

        Parameters
        ----------
        others
            Keys of ``prompts.loading.SETS``.
        """
        from emotion_utils.prompts.loading import load_profile

        own = self.own
        if own is not None:
            return {own.name: own.table}
        profile = self._values["profile"]
        return {
            name: load_profile(name) for name in ((*others,) if profile in others else (profile, *others))
        }

    @property
    def loading(self) -> dict[str, str]:
        """What :func:`emotion_utils.load` is told beside the name of a model."""
        return {name: self._values[name] for name in ("device", "dtype", "separator", "chat")}


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
    params = Parameters(values)
    if "prompts" in schema:
        own = params.own
        if own is not None or "In" in namespace:
            from emotion_utils.runtime.own_prompts import install

            install(own)
    return params


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
