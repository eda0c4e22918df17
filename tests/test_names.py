"""Every module and path of the package that is named anywhere, in code, prose or settings, exists.

What moves is renamed by hand or by a script; a string that was forgotten would fail late, or never.
"""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest
from test_repository import TEXT, files, name_of

from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.core.sources import PACKAGE, Modules

DOTTED = re.compile(rf"\b{PACKAGE}(?:\.[A-Za-z_]\w*)+")
PATHS = re.compile(rf"(?<![\w.-]){PACKAGE}(?:/\w+)+(?:\.\w+)?")
ROLES = re.compile(r":(?:func|class|mod|meth|attr|data):`~?([\w.]+)`")
MADE_UP = {"gone", "made"}
"""Tests that need a name that does not exist use one of these."""
ALWAYS = {"__init__", "__main__", "__file__", "__name__"}
MENTIONS = re.compile(r"(?<![`:\w])`([a-z_]\w*(?:\.\w+)+)(?:\([^`]*\))?`(?!`)")
FILES = {"csv", "js", "json", "jsonl", "md", "py", "yaml", "yml"}
"""Endings of what is a file, where it looks like a name."""
IMPORTERS = ("import_module", "__import__")


@cache
def known() -> Modules:
    return Modules()


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(known().files[module].read_text(encoding="utf-8"))


@cache
def names_of(module: str) -> frozenset[str]:
    """What can follow a module's name after a dot."""
    imports = (node for node in ast.walk(tree_of(module)) if isinstance(node, ast.Import | ast.ImportFrom))
    imported = {alias.asname or alias.name for node in imports for alias in node.names}
    return frozenset({*imported, *known().uses(module).defined, *known().exports(module), *ALWAYS})


def exists(name: str) -> bool:
    """Whether a dotted name is a module, or a name in one."""
    module = name
    while module not in known().files:
        module = module.rpartition(".")[0]
        if not module:
            return False
    after = name[len(module) + 1 :].split(".")[0]
    return not after or after in names_of(module)


def missing_names(text: str) -> list[str]:
    found = {name for name in DOTTED.findall(text) if not MADE_UP & set(name.split("."))}
    return sorted(name for name in found if not exists(name))


def missing_paths(text: str) -> list[str]:
    """Paths that are no file and no folder, with or without the ending of a module."""
    found = {path for path in PATHS.findall(text) if not MADE_UP & set(re.split(r"\W", path))}
    return sorted(
        path for path in found if not any((PROJECT_ROOT / one).exists() for one in (path, f"{path}.py"))
    )


def texts() -> dict[str, str]:
    read = TEXT - {".jsonl", ".csv"}
    found = (path for path in files() if path.suffix in read and path.name != "test_names.py")
    return {name_of(path): path.read_text(encoding="utf-8", errors="replace") for path in found}


def test_every_module_and_path_that_is_named_exists():
    told = {name: text for name, text in texts().items() if PACKAGE in text}
    assert {"Makefile", "pyproject.toml", "workflow/Snakefile", "CONTRIBUTING.md", "book/data.md"} <= set(
        told
    )
    assert {"data/calibration.json", "notebooks/01_dataset.ipynb", ".ci/chromium"} <= set(told)
    missing = {name: missing_names(text) + missing_paths(text) for name, text in told.items()}
    assert {name: some for name, some in missing.items() if some} == {}


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("python -m emotion_utils.nowhere", ["emotion_utils.nowhere"]),
        ('"emotion_utils.plots.nowhere -> *"', ["emotion_utils.plots.nowhere"]),
        ("see emotion_utils.core.paths.NOWHERE.", ["emotion_utils.core.paths.NOWHERE"]),
        ("emotion_utils.plots.** and emotion_utils.core.paths.DATA, emotion_utils.cli:main", []),
        ("`emotion_utils/nowhere.py`", ["emotion_utils/nowhere.py"]),
        ("emotion_utils/plots/** and emotion_utils/core/paths.py", []),
    ],
)
def test_a_name_of_nothing_would_be_found(text, missing):
    assert missing_names(text) + missing_paths(text) == missing


def methods_of(module: str) -> set[str]:
    return {node.name for node in ast.walk(tree_of(module)) if isinstance(node, ast.FunctionDef)}


def leads_somewhere(reference: str, module: str) -> bool:
    """Whether a cross-reference in a module is a name in it, a module, or a name in a module, however short."""
    above, _, name = reference.rpartition(".")
    if reference.startswith(f"{PACKAGE}."):
        return exists(reference)
    if reference.split(".")[0] in names_of(module) | methods_of(module):
        return True
    ends = [f".{other}" for other in known().files]
    if any(other.endswith(f".{reference}") for other in ends):
        return True
    return any(other.endswith(f".{above}") and name in names_of(other[1:]) for other in ends if above)


def test_every_cross_reference_of_a_docstring_leads_somewhere():
    found = {}
    for module, path in known().files.items():
        told = set(ROLES.findall(path.read_text(encoding="utf-8")))
        if missing := sorted(name for name in told if not leads_somewhere(name, module)):
            found[module] = missing
    assert found == {}
    assert leads_somewhere("paths.DATA", "emotion_utils.core.errors")
    assert not leads_somewhere("paths.NOTHING", "emotion_utils.core.errors")
    assert not leads_somewhere("nothing", "emotion_utils.core.errors")


def test_every_module_that_a_docstring_mentions_by_a_name_in_it_exists():
    """In words such as: from `class_separation.plane`."""
    found = {}
    for module, path in known().files.items():
        told = set(MENTIONS.findall(path.read_text(encoding="utf-8")))
        told = {name for name in told if name.rpartition(".")[2] not in FILES}
        if missing := sorted(
            name for name in told if not leads_somewhere(re.sub(r"^eu\b", PACKAGE, name), module)
        ):
            found[module] = missing
    assert MENTIONS.findall("From `nowhere.thing(x)`, not ``code.here`` or :func:`a.b`.") == ["nowhere.thing"]
    sealed = {"emotion_utils.calibration.paired": ["statistics.shapes"]}  # means `statistics.paired.shapes`
    assert found == sealed


def test_what_a_package_hands_on_exists_and_has_the_name_of_no_module_in_it():
    """Importing the module would put it in the place of the name; a package that can be called is both."""
    handed = {room: known().exports(room) for room in known().files if known().is_package(room)}
    assert {f"{PACKAGE}.{room}" for room in ("scoring", "plots")} <= {
        room for room, own in handed.items() if own
    }
    wrong = set()
    for room, own in handed.items():
        wrong |= {(room, name) for name, (module, inner) in own.items() if not defines(module, inner)}
        wrong |= {
            (room, name) for name in own if f"{room}.{name}" in known().files and not called(f"{room}.{name}")
        }
    assert wrong == set()


def defines(module: str, name: str) -> bool:
    """Whether a module makes a name itself, rather than importing it."""
    return name in known().uses(module).defined


def called(module: str) -> bool:
    """Whether a package says what it does when it is called."""
    calls = (node for node in ast.walk(tree_of(module)) if isinstance(node, ast.Call))
    return any(word.arg == "call" for call in calls for word in call.keywords)


def test_modules_are_imported_by_a_name_that_can_be_read():
    """Only a package's `__init__`, which hands on what its table names, may import by a name that it computes."""
    found = set()
    for module in known().files:
        calls = (node for node in ast.walk(tree_of(module)) if isinstance(node, ast.Call))
        importing = [call for call in calls if ast.unparse(call.func).rpartition(".")[2] in IMPORTERS]
        if any(not isinstance(call.args[0], ast.Constant) for call in importing):
            found.add(module)
    assert {module for module in found if not known().is_package(module)} == {"emotion_utils.core.lazy"}
