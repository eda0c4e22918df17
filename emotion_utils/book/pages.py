"""What a page needs beyond what its notebook says: provenance, tabs between models, no label twice."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat

from emotion_utils.book.hourglass import answer_cells, fold_asides
from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import OUTPUT, PROJECT_ROOT, cache_folder, expanded
from emotion_utils.models.registry import short_name, world_of
from emotion_utils.runtime.schema import CHAPTERS

# Data that only JupyterLab draws; the page has the same figure as HTML.
LAB_ONLY = ("application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json")
LABELS = [
    (re.compile(r"^\([^()\s]+\)=\s*$", re.MULTILINE), ""),
    (re.compile(r"^:(?:name|label): .*\n", re.MULTILINE), ""),
    (re.compile(r"^(\$\$[ \t]*)\([^()\s]+\)[ \t]*$", re.MULTILINE), r"\1"),
    (re.compile(r"\{#[\w:-]+\}"), ""),
]
DECIDES = "claims.write_measurements("
DECIDED = '<span id="decided"></span>'
RECORDS = ".beside_record("
RECORD = '<span id="record"></span>'
MODELS = "This chapter on other models"
SHOWN = ("profile", "seed", "device", "dtype")
PATHS = ("run_dir", "prompts")
"""Parameters that may be paths of this machine."""
OPEN = "show"
"""The tag of a cell whose code a reader should read; all other code is folded on the page, never in JupyterLab."""
FOLDED = {"hide-cell", "hide-input", "remove-cell", "remove-input"}
SOLUTION = {"code_prompt_show": "Show solution", "code_prompt_hide": "Hide solution"}
DETAILS = {"code_prompt_show": "Show table", "code_prompt_hide": "Hide table"}


def read_executed(path: Path) -> nbformat.NotebookNode:
    """An executed notebook, refused where it is missing, torn, or holds a cell that raised."""
    try:
        notebook = nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise UserError(
            f"The executed notebook {path} is missing: run `make book`, which makes it."
        ) from None
    except (ValueError, KeyError, AttributeError) as error:
        raise UserError(
            f"The executed notebook {path} is damaged ({error}): delete it and run `make book`."
        ) from None
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                raise UserError(
                    f"A cell of {path} raised {output['ename']}: {output['evalue']}: mend it and run `make book`."
                )
    return notebook


def without_paths(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with no path of this machine: a local model goes by its last part, the project by nothing.

    Parameters
    ----------
    notebook
        An executed notebook, with its provenance.
    """
    given = notebook.metadata.get("provenance", {}).get("parameters", {})
    named = [given.get("model", ""), *given.get("models", "").split(",")]
    replaced = {f"{folder}/": "" for folder in (PROJECT_ROOT, OUTPUT, cache_folder())}
    for name in (name.strip() for name in named):
        if name and world_of(name) == "local":
            written = [name] if "/" in name else []
            places = (expanded(name), PROJECT_ROOT / name)
            replaced |= dict.fromkeys(
                [*written, *(str(place.resolve()) for place in places)], short_name(name)
            )
    for kept in (expanded(given.get(name, "")) for name in PATHS):
        if kept.is_absolute():
            replaced |= dict.fromkeys((str(kept), str(kept.resolve())), kept.name)
    text = nbformat.writes(notebook)
    for path in sorted(replaced, key=len, reverse=True):
        text = text.replace(_in_json(path), _in_json(replaced[path]))
    notebook = nbformat.reads(text, as_version=4)
    notebook.metadata.pop("papermill", None)
    return notebook


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def prepare(
    notebook: nbformat.NotebookNode,
    *,
    siblings: Sequence[tuple[str, str]] = (),
    stem: str = "",
    first: bool = True,
    about: str = MODELS,
) -> nbformat.NotebookNode:
    """The notebook as the book shows it; it is changed in place and returned.

    Parameters
    ----------
    notebook
        An executed notebook.
    siblings
        All pages of its chapter as (file stem, model as a reader calls it), for the tabs.
    stem
        The file stem of this page.
    first
        Whether this is the chapter's main page, the only one that keeps its labels.
    about
        What the tabs are called aloud.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            _strip(output.get("data", {}))
        if cell.cell_type == "markdown" and not first:
            cell.source = drop_labels(cell.source)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.metadata["tags"] = [*cell.metadata["tags"], "remove-cell"]
        if cell.cell_type == "code":
            _fold(cell)
    _mark(notebook, DECIDES, DECIDED)
    _mark(notebook, RECORDS, RECORD)
    notebook.metadata.pop("widgets", None)
    fold_asides(notebook)
    made_with = provenance_box(notebook.metadata.get("provenance", {}), stem.partition("--")[0])
    _insert_after_title(
        notebook, tabs(siblings, stem, about), made_with, "" if first else f" · {dict(siblings)[stem]}"
    )
    return notebook


def _fold(cell: nbformat.NotebookNode) -> None:
    """Put the code of a cell behind "Show code", unless its tags ask for something else."""
    tags = cell.metadata.get("tags", [])
    if "hide-cell" in tags:
        cell.metadata["mystnb"] = DETAILS if "details" in tags else SOLUTION
    if not {OPEN, *FOLDED} & set(tags):
        cell.metadata["tags"] = [*tags, "hide-input"]


def _mark(notebook: nbformat.NotebookNode, call: str, anchor: str) -> None:
    """An anchor before the first cell with a call: the one that judges the claims, or the one with the record."""
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and call in cell.source:
            notebook.cells.insert(i, nbformat.v4.new_markdown_cell(anchor))
            return


def _strip(data: dict[str, Any]) -> None:
    for mime in list(data):
        if mime.endswith(LAB_ONLY):
            del data[mime]


def drop_labels(text: str) -> str:
    """Markdown without its labels, so that a second copy of a chapter does not define them again."""
    for pattern, replacement in LABELS:
        text = pattern.sub(replacement, text)
    return text


def tabs(siblings: Sequence[tuple[str, str]], stem: str, about: str = MODELS) -> str:
    """Links between the pages of one chapter, one per model or run; empty for a single page."""
    if len(siblings) < 2:
        return ""
    here = {stem: ' aria-current="page"'}
    links = [
        f'<a href="{html.escape(name)}.html"{here.get(name, "")}>{html.escape(model)}</a>'
        for name, model in siblings
    ]
    return f'<nav class="emo-tabs" aria-label="{html.escape(about)}">{"".join(links)}</nav>\n'


def provenance_box(record: Mapping[str, Any], chapter: str = "") -> str:
    """One quiet line that unfolds: model, profile, seed, device, date, commit, parameters, packages.

    With a chapter also the command that makes the page again. Below it a sentence for each model whose weights are not
    the original ones.
    """
    if not record:
        return ""
    parameters = {name: _shown(name, value) for name, value in record.get("parameters", {}).items()}
    facts = [f"{name} {parameters[name]}" for name in SHOWN if name in parameters]
    if record.get("model"):
        facts.insert(0, f"{short_name(record['model'])} ({record.get('model_label')})")
    facts += [str(record.get("date", ""))[:10], f"commit {record.get('commit')}"]
    versions = {"python": record.get("python"), **record.get("packages", {})}
    rows = {name: json.dumps(value) for name, value in parameters.items()}
    rows |= {f"commit of {model}": commit for model, commit in record.get("revisions", {}).items()}
    rows |= {name: version for name, version in versions.items() if version}
    terms = "".join(f"<dt>{html.escape(str(k))}</dt><dd>{html.escape(str(v))}</dd>" for k, v in rows.items())
    summary = " · ".join(html.escape(fact) for fact in facts if fact)
    notes = "".join(f'<p class="emo-weights">{html.escape(note)}</p>' for note in record.get("weights", ()))
    again = f"<pre>{html.escape(command(chapter, parameters))}</pre>" if chapter in CHAPTERS else ""
    made = f"<summary><b>Made with</b> {summary}</summary>{again}<dl>{terms}</dl>"
    return f'<details class="emo-provenance">{made}</details>{notes}'


def command(chapter: str, parameters: Mapping[str, Any]) -> str:
    """What makes a page again by papermill: the parameters that differ from those of the notebook."""
    defaults = {parameter.name: parameter.default for parameter in CHAPTERS[chapter]}
    given = [
        f"-p {name} {shlex.quote(str(value))}"
        for name, value in parameters.items()
        if name in defaults and value != defaults[name] and name != "run_dir"
    ]
    return " ".join([f"papermill notebooks/{chapter}.ipynb out.ipynb", *given])


def _shown(name: str, value: Any) -> Any:
    """A parameter as a page shows it: models as a reader calls them, and the last part of a folder."""
    if name in ("model", "models"):
        return ", ".join(short_name(one.strip()) for one in str(value).split(","))
    return Path(value).name if name in PATHS and expanded(value).is_absolute() else value


def _insert_after_title(notebook: nbformat.NotebookNode, tabs: str, made_with: str, suffix: str) -> None:
    """Put tabs, the answer and its picture, and what made the page below the first heading.

    `suffix` tells the pages of one chapter apart in titles and search.
    """
    for at, cell in enumerate(notebook.cells):
        lines = cell.source.split("\n") if cell.cell_type == "markdown" else []
        title = next((i for i, line in enumerate(lines) if line.startswith("# ")), None)
        if title is None:
            continue
        raised = answer_cells(notebook)
        head = [*lines[:title], lines[title] + suffix, "", tabs]
        rest = [made_with, "", *lines[title + 1 :]]
        if raised:
            cell.source = "\n".join(head)
            below = nbformat.v4.new_markdown_cell("\n".join(rest))
            notebook.cells[at + 1 : at + 1] = [*raised, below]
        else:
            cell.source = "\n".join([*head, *rest])
        return
