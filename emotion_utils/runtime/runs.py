"""Run files: one YAML says which chapters run, on which models, with which profile and device."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import chdir
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.core.paths import BUILD, NOTEBOOKS, OUTPUT, PROJECT_ROOT, expanded
from emotion_utils.runtime.parameters import model_names
from emotion_utils.runtime.run_yaml import load_yaml
from emotion_utils.runtime.schema import CHAPTERS, Parameter, chapter_schema

_SHARED = ("profile", "seed", "device", "dtype")
_OWN = ("prompts", "text_column", "label_column", "label_map", "reference")
_RUN_KEYS = ("name", *_SHARED, *_OWN, "models", "threads", "site", "chapters")
_THREADS = Parameter("threads", int, 1, "threads of torch in each notebook", minimum=1, maximum=1024)
_CHAPTER_KEYS = ("models", "profile", "parameters")
LEFT_OUT = "left_out.json"
"""In the directory of a run: why a packaged model could not be had, a sentence for each."""


@dataclass(frozen=True)
class Job:
    """One notebook to execute.

    Attributes
    ----------
    run
        The name of the run.
    chapter
        The name of the notebook without its ending.
    model
        The model as the run file writes it, or None where the chapter runs with its own default.
    parameters
        All values to pass to the notebook.
    """

    run: str
    chapter: str
    model: str | None
    parameters: dict[str, Any]

    @property
    def name(self) -> str:
        """``01_dataset--small-gpt2``: unique within a run, fit for a file name, and of a local model its last part."""
        if self.model is None:
            return self.chapter
        from emotion_utils.models.registry import short_name, world_of

        model = short_name(self.model) if world_of(self.model) == "local" else self.model
        return f"{self.chapter}--{re.sub(r'[^A-Za-z0-9._]+', '-', model).strip('-')}"

    @property
    def models(self) -> list[str]:
        """All models that the chapter is about: those given, or its defaults."""
        defaults = {name: parameter.default for name, parameter in chapter_schema(self.chapter).items()}
        given = {**self.parameters, "model": self.model or defaults.get("model")}
        return model_names({"models": defaults.get("models", ""), **given})

    @property
    def own_prompts(self) -> Path | None:
        """The file of a reader's own texts, or None where the chapter is about the book's prompts."""
        given = str(self.parameters.get("prompts", "")).strip()
        return PROJECT_ROOT / expanded(given) if given else None

    @property
    def notebook(self) -> Path:
        """The source of the chapter."""
        return NOTEBOOKS / f"{self.chapter}.ipynb"

    @property
    def output(self) -> Path:
        """The executed copy."""
        return BUILD / self.run / "notebooks" / f"{self.name}.ipynb"


@dataclass(frozen=True)
class Run:
    """A run file that has been read and checked.

    Attributes
    ----------
    name
        Names the folder under ``build/``; by default the stem of the file.
    threads
        How many threads torch may use in each notebook. Fixed, so that numbers do not depend on the machine.
    site
        The folder under which Jupyter Book puts ``_build/html``.
    chapters
        The jobs in the order of the file, but for those whose model could not be had.
    left_out
        A sentence for each packaged model that could not be had when the run was started.
    """

    name: str
    profile: str
    seed: int
    device: str
    dtype: str
    chapters: list[Job]
    threads: int = 1
    site: Path = OUTPUT
    path: Path = field(default=Path(), compare=False)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def directory(self) -> Path:
        """Where everything that this run makes is kept."""
        return BUILD / self.name

    @property
    def book(self) -> Path:
        """The staged sources of the book."""
        return self.directory / "book"

    @property
    def html(self) -> Path:
        """The rendered pages."""
        return self.site / "_build" / "html"


def read_run(path: str | Path, *, whole: bool = False) -> Run:
    """Read a run file and check every key, name, type and model in it; nothing is loaded.

    Parameters
    ----------
    path
        Of the run file.
    whole
        Whether jobs count whose packaged model could not be had (:func:`fetching.bring` says so in the directory of
        the run).

    Raises
    ------
    UserError
        One sentence with the file and the key.
    """
    run = _RunFile(Path(path)).read()
    left_out = {} if whole else read_left_out(run.directory)
    kept = [job for job in run.chapters if not set(left_out) & set(job.models)]
    return replace(run, chapters=kept, left_out=left_out)


def read_left_out(directory: Path) -> dict[str, str]:
    """Sentences about packaged models that could not be had for a run, by model; none where all were there.

    Raises
    ------
    UserError
        Where the file that says so is damaged.
    """
    path = directory / LEFT_OUT
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}): delete it and start the run again.") from error


class _RunFile:
    """The reader behind :func:`read_run`; keeps the path for its messages."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Run:
        content = self._mapping(load_yaml(self.path), "", _RUN_KEYS)
        name = self._name(content)
        known = {p.name: p for declared in CHAPTERS.values() for p in declared}
        shared = {
            name: self._checked(known[name], content.get(name, known[name].default), name) for name in _SHARED
        }
        own = {name: self._checked(known[name], content[name], name) for name in _OWN if name in content}
        models = self._models(content.get("models", []), "models")
        chapters = self._mapping(content.get("chapters", {}), "chapters", tuple(CHAPTERS), what="chapter")
        if not chapters:
            self._fail("chapters", f"there is no chapter to run; known chapters: {', '.join(CHAPTERS)}")
        jobs = [
            job
            for chapter, entry in chapters.items()
            for job in self._jobs(name, str(chapter), entry, models, shared | own)
        ]
        self._refuse_duplicates(jobs)
        site = self._site(content.get("site", "."))
        return Run(
            name=name,
            chapters=jobs,
            threads=self._checked(_THREADS, content.get("threads", _THREADS.default), "threads"),
            site=site,
            path=self.path.resolve(),
            **shared,
        )

    def _jobs(
        self, run: str, chapter: str, entry: Any, models: list[str], shared: dict[str, Any]
    ) -> Iterable[Job]:
        key = f"chapters.{chapter}"
        schema = chapter_schema(chapter)
        entry = self._mapping({} if entry is None else entry, key, _CHAPTER_KEYS)
        values = {name: value for name, value in shared.items() if name in schema}
        values["run_dir"] = str((BUILD / run).relative_to(OUTPUT))
        if "profile" in entry:
            values["profile"] = self._checked(schema["profile"], entry["profile"], f"{key}.profile")
        given = self._mapping(
            entry.get("parameters", {}), f"{key}.parameters", tuple(schema), what="parameter"
        )
        for name, value in given.items():
            if name != "models":  # it is read with the key of that name
                values[name] = self._checked(schema[name], value, f"{key}.parameters.{name}")
        if "run_dir" in given:
            self._fail(f"{key}.parameters.run_dir", "it follows from the name of the run; leave the key out")
        self._check_own(values, key)
        if "model" not in schema:
            return [Job(run, chapter, None, values | self._compared(entry, given, schema, key))]
        if "model" in given:
            self._fail(f"{key}.parameters.model", "write the model under the key models")
        chosen = self._models(entry.get("models", models), f"{key}.models")
        if not chosen:
            return [Job(run, chapter, None, values)]
        return [Job(run, chapter, model, {"model": model, **values}) for model in chosen]

    def _compared(
        self, entry: dict[str, Any], given: dict[str, Any], schema: Mapping[str, Parameter], key: str
    ) -> dict[str, str]:
        """The parameter ``models`` of a chapter that sets several side by side, from either place as a list or text."""
        if "models" in entry and "models" not in schema:
            self._fail(f"{key}.models", "this chapter takes no model; leave the key out")
        if "models" in entry and "models" in given:
            self._fail(f"{key}.models", f"{key}.parameters.models names models too; keep one")
        place = f"{key}.models" if "models" in entry else f"{key}.parameters.models"
        if (value := entry.get("models", given.get("models"))) is None:
            return {}
        names = (
            [name.strip() for name in value.split(",")]
            if isinstance(value, str)
            else self._models(value, place)
        )
        text = self._checked(schema["models"], ", ".join(names), place)
        try:
            model_names({"models": text})
        except UserError as error:
            self._fail(place, str(error))
        self._models(names, place)
        return {"models": text}

    def _models(self, value: Any, key: str) -> list[str]:
        from emotion_utils.models.registry import PACKAGED, resolve_model

        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            self._fail(key, f"must be a list of model names such as [small-gpt2], but it is {value!r}")
        for name in value:
            if name in PACKAGED:  # it is fetched when the run is started
                continue
            try:
                # A relative path means the same wherever the run is started.
                with chdir(PROJECT_ROOT):
                    resolve_model(name)
            except UserError as error:
                self._fail(key, str(error))
        return value

    def _mapping(self, value: Any, key: str, known: tuple[str, ...], what: str = "key") -> dict[str, Any]:
        if not isinstance(value, dict):
            self._fail(key, f"must be a mapping of names to values, but it is {value!r}")
        for name in value:
            if name not in known:
                self._fail(key, f'there is no {what} "{name}": {suggestion(str(name), known)}')
        return value

    def _checked(self, parameter: Parameter, value: Any, key: str) -> Any:
        if parameter.name == "label_map" and isinstance(value, dict):
            value = ", ".join(f"{old}={'' if new is None else new}" for old, new in value.items())
        try:
            return parameter.check(value)
        except UserError as error:
            self._fail(key, str(error))

    def _check_own(self, values: Mapping[str, Any], key: str) -> None:
        from emotion_utils.runtime.own_prompts import read_own

        try:
            read_own(values)
        except UserError as error:
            self._fail(key, str(error))

    def _name(self, content: Mapping[str, Any]) -> str:
        value = content.get("name", self.path.stem)
        if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value):
            return value
        problem = f"must be at most 100 letters, digits, dots, dashes and underscores, but it is {value!r}"
        if "name" not in content:
            problem += ", from the name of the file; write a name into it, or rename it"
        elif not isinstance(value, str):
            kind = {type(None): "nothing", bool: "true or false", date: "a date"}.get(type(value), "a number")
            problem = f'must be text, but YAML reads {value} as {kind}; write it in quotes, as in "{value}"'
        self._fail("name", problem)

    def _site(self, value: Any) -> Path:
        if not isinstance(value, str) or not value.strip():
            self._fail("site", f"must be the path of a folder, but it is {value!r}")
        try:
            site = (OUTPUT / expanded(value)).resolve()
        except (ValueError, OSError, RuntimeError) as error:  # a circle of links among them
            self._fail("site", str(error))
        if site.is_file():
            self._fail("site", f"must be the path of a folder, but {value!r} is a file")
        return site

    def _refuse_duplicates(self, jobs: list[Job]) -> None:
        seen: dict[str, Job] = {}
        for job in jobs:
            if job.name in seen:
                other = seen[job.name].model
                self._fail(
                    f"chapters.{job.chapter}.models",
                    f'"{other}" and "{job.model}" would write the same file; keep one',
                )
            seen[job.name] = job

    def _fail(self, key: str, problem: str) -> NoReturn:
        place = f"{self.path}, {key}" if key else str(self.path)
        raise UserError(f"{place}: {problem.rstrip('.')}.")
