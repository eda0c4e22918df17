"""What holds for the repository as a whole; `make lint` runs this file."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest
from clocks import asserted_times

from emotion_utils.book.pages import OPEN
from emotion_utils.core.paths import NOTEBOOKS, PROJECT_ROOT
from emotion_utils.runtime import doctor

TEXT = {
    ".py",
    ".md",
    ".yaml",
    ".yml",
    ".toml",
    ".txt",
    ".cfg",
    ".cff",
    ".sh",
    ".ipynb",
    ".json",
    ".jsonl",
    ".csv",
    "",
}
NOT_OURS = {".venv", ".git", "build", "_build", ".snakemake", "__pycache__", "_vendor"}
MAX_LINES = 330  # "about 300"
MAX_MODULES = 14  # of a room; most have fewer
ON_TOP = {"__init__.py", "__init__.pyi", "__main__.py", "cli.py"}
LAYOUT = [
    "README.md",
    "Makefile",
    "_config.yml",
    "_toc.yml",
    "requirements.txt",
    "pyproject.toml",
    "LICENSE",
    "CITATION.cff",
    "CONTRIBUTING.md",
    ".ci/run",
    "book/index.md",
    "data/claims.csv",
    "runs/small.yaml",
    "runs/smoke.yaml",
    "workflow/Snakefile",
]


@cache
def files() -> list[Path]:
    """The files that are, or would be, committed."""
    command = ["git", "-C", str(PROJECT_ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        found = [PROJECT_ROOT / name for name in listed.stdout.splitlines()]
    else:
        found = list(PROJECT_ROOT.rglob("*"))
    return [
        path for path in found if path.is_file() and not NOT_OURS & set(path.relative_to(PROJECT_ROOT).parts)
    ]


def requirement_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def unpinned(text: str) -> list[str]:
    """The lines of a requirements file that are not ``name==version``, with an optional marker and comment."""
    pinned = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[a-z,]+\])?==[0-9][0-9A-Za-z.]*(\s*;[^#]+)?(\s+#.*)?")
    return [line for line in requirement_lines(text) if not pinned.fullmatch(line)]


def notebooks() -> list[Path]:
    return [path for path in files() if path.suffix == ".ipynb"]


def name_of(path: Path) -> str:
    return str(path.relative_to(PROJECT_ROOT))


@pytest.mark.parametrize("name", LAYOUT)
def test_the_layout_is_as_the_readme_says(name):
    assert (PROJECT_ROOT / name).is_file()


def test_every_requirement_is_pinned_to_one_version_of_a_registry():
    for name in ("requirements.txt", "workflow/requirements-cluster.txt"):
        assert unpinned((PROJECT_ROOT / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    ["numpy", "numpy>=2", "numpy==2.*", "torch==2.13.0+cpu", "-e .", "x @ file:///y", "--find-links z"],
)
def test_a_loose_requirement_would_be_found(line):
    assert unpinned(f"a==1.0\n{line}\n") == [line]


def test_every_declared_dependency_is_pinned():
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=!~\[ ]", line)[0].lower() for line in declared}
    text = (PROJECT_ROOT / "requirements.txt").read_text(encoding="utf-8")
    pinned = {line.split("==")[0].lower() for line in requirement_lines(text)}
    assert names <= pinned


def test_every_imported_package_is_declared():
    declared = declared_dependencies()
    known = packages_distributions()
    peers = PROJECT_ROOT / "benchmarks" / "peers"  # which has an environment of its own
    imported = {name: path for path in files() if path.parent != peers for name in imports_of(path)}
    assert {"torch", "threadpoolctl", "pytest", "IPython"} <= set(imported)
    missing = {
        f"{name} ({path.relative_to(PROJECT_ROOT)})": known.get(name)
        for name, path in imported.items()
        if not {plain(distribution) for distribution in known.get(name, [])} & declared
    }
    assert not missing
    asked = (peers / "requirements.in").read_text(encoding="utf-8").splitlines()
    theirs = {plain(re.split("[<=]", line)[0]) for line in asked if not line.startswith("#")}
    pinned = (peers / "requirements.txt").read_text(encoding="utf-8")
    assert unpinned(pinned) == []
    assert theirs <= {plain(line.split("==")[0]) for line in requirement_lines(pinned)}
    named = {plain(name) for path in files() if path.parent == peers for name in imports_of(path)}
    assert named - set(map(plain, sys.stdlib_module_names)) <= theirs


def imports_of(path: Path) -> set[str]:
    """Top-level names of other people's packages that a source file, notebook or Snakefile imports."""
    text = path.read_text(encoding="utf-8") if path.suffix in {".py", ".ipynb"} else ""
    if path.suffix == ".ipynb":
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        lines = "\n".join("".join(cell["source"]) for cell in cells).splitlines()
        text = "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module))
    found = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names)
    return {name for name in found if not any(f.stem == name or name in f.parent.parts for f in files())}


def declared_dependencies() -> set[str]:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return {plain(re.split(r"[<>=!~;\[ ]", line)[0]) for line in listed}


def plain(name: str) -> str:
    """The name of a distribution as registries compare them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_range_of_pythons_is_the_same_everywhere():
    oldest, newest = (".".join(map(str, version)) for version in (doctor.OLDEST, doctor.NEWEST))
    after = f"3.{doctor.NEWEST[1] + 1}"
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={oldest},<{after}"
    for name in ("README.md", "CONTRIBUTING.md", "Makefile", ".ci/environment"):
        assert f"Python {oldest} to {newest}" in (PROJECT_ROOT / name).read_text(encoding="utf-8"), name
    pinned_with = re.search(
        r"with Python (\S+)", (PROJECT_ROOT / "requirements.txt").read_text(encoding="utf-8")
    )
    assert pinned_with is not None
    assert pinned_with[1] == f"3.{doctor.TRIED[1]}"


@pytest.mark.parametrize(
    ("version", "suits"),
    [((3, 10, 9), False), ((3, 11, 2), False), ((3, 11, 5), True), ((3, 14, 0), True), ((3, 15, 0), False)],
)
def test_only_a_suitable_python_makes_the_environment(tmp_path, version, suits):
    """The stand-in answers the script's question as a Python of that version would, and fails to do anything else."""
    stand_in = tmp_path / "python"
    code = f"import sys; sys.version_info = {version}; exec(sys.argv[1])"
    stand_in.write_text(
        f'#!/bin/sh\n[ "$1" = -c ] && exec \'{sys.executable}\' -c \'{code}\' "$2"\necho asked to "$@"; exit 1\n'
    )
    stand_in.chmod(0o755)
    script = str(PROJECT_ROOT / ".ci" / "environment")
    done = subprocess.run(
        ["sh", script, str(tmp_path / "env"), str(stand_in)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert ("Python 3.11.5 to 3.14 is needed" in done.stderr) != suits
    assert ("asked to -m venv" in done.stdout) == suits


def test_import_contracts_are_kept():
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
    ]
    done = subprocess.run(
        [*command, "--no-cache"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


FORBIDDEN = {
    "runtime/parameters.py": ("import plotly", "emotion_utils.runtime.parameters -> plotly"),
    "smallworld/made.py": (
        "from emotion_utils import plots",
        "emotion_utils.smallworld.made -> emotion_utils.plots",
    ),
    "plots/made.py": (
        "from emotion_utils.models import families",
        "emotion_utils.plots.made -> emotion_utils.models.families",
    ),
    "figures/made.py": ("import torch", "emotion_utils.figures.made -> torch"),
    "engine/made.py": ("import notebooks", "emotion_utils.engine.made -> notebooks"),
    "runtime/runs.py": (
        "from emotion_utils.book import assemble",
        "emotion_utils.runtime.runs -> emotion_utils.book",
    ),
    "core/made.py": (
        "from emotion_utils.models import registry",
        "emotion_utils.core.made -> emotion_utils.models.registry",
    ),
    "heads/made.py": (
        "import emotion_utils.subspaces",
        "emotion_utils.heads.made -> emotion_utils.subspaces",
    ),
    "made/__init__.py": ("import json", "emotion_utils.made"),
}
"""By module: an import that no contract allows, or a room without a floor, and how the contracts name it."""


def test_forbidden_imports_would_be_found(tmp_path):
    shutil.copytree(PROJECT_ROOT / "emotion_utils", tmp_path / "emotion_utils")
    shutil.copy(PROJECT_ROOT / "pyproject.toml", tmp_path)
    for module, (line, _) in FORBIDDEN.items():
        path = tmp_path / "emotion_utils" / module
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as file:
            file.write(f"\n{line}\n")
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from importlinter.cli import lint_imports_command; "
    command = [sys.executable, "-c", script + "lint_imports_command()", "--no-cache"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    said = " ".join(done.stdout.split())
    assert [told for _, told in FORBIDDEN.values() if told not in said] == []


@pytest.mark.parametrize("path", notebooks(), ids=name_of)
def test_notebooks_are_committed_without_outputs_and_counts(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell for cell in code if cell["outputs"] or cell["execution_count"] is not None] == []
    assert not {"papermill", "provenance", "widgets"} & set(notebook["metadata"])


def test_notebooks_are_thin():
    long = []
    for path in notebooks():
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            lines = "".join(cell["source"]).splitlines()
            if cell["cell_type"] == "code" and len(lines) > 20:
                long.append(f"{name_of(path)}: a code cell of {len(lines)} lines")
    assert long == []


def links_printed(cell: dict) -> list[str]:
    """Links to notebooks and pages that a code cell writes: the book turns only those of text cells into its own."""
    found = re.findall(r"\]\(([^)\s]+\.(?:ipynb|md))\b", "".join(cell["source"]))
    return found if cell["cell_type"] == "code" else []


def test_no_cell_prints_a_link_that_the_book_would_not_turn():
    for path in notebooks():
        for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
            assert not links_printed(cell), f"{path.name}, cell {number}"


@pytest.mark.parametrize(
    ("kind", "source", "found"),
    [
        ("code", 'Markdown(f"see [chapter 6](06_head_screening.ipynb) of {n}")', ["06_head_screening.ipynb"]),
        ("markdown", "see [chapter 6](06_head_screening.ipynb)", []),
        ("code", 'table["a"](b)', []),
    ],
)
def test_a_printed_link_would_be_found(kind, source, found):
    assert links_printed({"cell_type": kind, "source": [source]}) == found


def test_the_book_leaves_little_code_open():
    """At most six cells a chapter, of at most ten lines of 88 columns: what teaches a reader to write the next one."""
    wrong = []
    for path in notebooks():
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        shown = ["".join(cell["source"]).splitlines() for cell in cells if is_shown(cell)]
        wrong += [f"{name_of(path)}: {len(shown)} open cells"] if len(shown) > 6 else []
        wrong += [f"{name_of(path)}: {lines[0]} ..." for lines in shown if len(lines) > 10]
        wrong += [f"{name_of(path)}: {line}" for lines in shown for line in lines if len(line) > 88]
    assert wrong == []


def is_shown(cell: dict) -> bool:
    return cell["cell_type"] == "code" and OPEN in cell["metadata"].get("tags", [])


def test_every_notebook_lies_in_its_folder():
    assert {path.parent for path in notebooks()} <= {NOTEBOOKS}


def test_no_file_names_a_path_of_somebodys_machine():
    machine = re.compile(r"/(?:work|home|Users|opt|mnt|root)/[A-Za-z0-9_.-]+|[A-Z]:\\\\?Users")
    found = []
    for path in files():
        if path.suffix in TEXT and path != Path(__file__).resolve():
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [f"{name_of(path)}: {match}" for match in machine.findall(text)]
    assert found == []


def test_source_files_stay_short():
    sources = [
        path
        for path in files()
        if path.suffix == ".py" and path.is_relative_to(PROJECT_ROOT / "emotion_utils")
    ]
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources}
    assert {name: n for name, n in lengths.items() if n > MAX_LINES} == {}


def test_rooms_stay_small_and_nothing_else_stands_on_top():
    package = PROJECT_ROOT / "emotion_utils"
    assert {path.name for path in files() if path.parent == package} == ON_TOP
    rooms = Counter(
        path.parent.name for path in files() if path.parent.parent == package and path.name != "__init__.py"
    )
    assert {room: n for room, n in rooms.items() if n > MAX_MODULES} == {}


def test_no_modules_import_each_other_in_a_circle():
    graph = grimp.build_graph("emotion_utils", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the modules of a circle
    with pytest.raises(CycleError, match=r"emotion_utils\.core\.errors"):
        TopologicalSorter(imports | {"emotion_utils.core.errors": {"emotion_utils.core.store"}}).prepare()


def test_no_committed_file_is_a_pickle():
    assert [name_of(path) for path in files() if path.suffix in {".pkl", ".pickle", ".pt", ".bin"}] == []


def test_no_test_asserts_a_time():
    tests = [path for path in files() if path.is_relative_to(PROJECT_ROOT / "tests") and path.suffix == ".py"]
    found = {name_of(path): asserted_times(path.read_text(encoding="utf-8")) for path in tests}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "body",
    [
        "began = time.process_time(); work(); assert time.process_time() - began < 3",
        "began = perf_counter(); work(); taken = perf_counter() - began; assert 0 < min(taken, 9) < 3",
        "code = 'print(time.process_time())'; out = float(run([sys.executable, code])); assert out < 3",
        "assert timeit.timeit(work) <= 3",
        "assert resource.getrusage(resource.RUSAGE_SELF).ru_utime < 3",
        "took = (datetime.now() - began).total_seconds()\n    if True:\n        assert took < 3",
    ],
)
def test_an_asserted_time_would_be_found(body):
    source = (
        f"def test_it():\n    {body}\n\n\ndef other(began, taken, out):\n    assert began < taken < out\n"
    )
    assert asserted_times(source) == [2 + body.count("\n")]
