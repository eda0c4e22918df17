"""``import emotion_utils as eu``: what it costs, what it lists, what it says of itself, and examples that run."""

from __future__ import annotations

import ast
import doctest
import inspect
import pydoc
import re
import subprocess
import sys
import tomllib
from functools import cache

import pytest
from IPython.core.completer import IPCompleter, provisionalcompleter

import emotion_utils as eu
from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.models import model as models_model

HEAVY = "[m for m in ('numpy', 'pandas', 'torch', 'transformers', 'sklearn', 'plotly') if m in sys.modules]"
CHECKS = {
    "importing it": "",
    "listing what there is": "dir(eu), dir(eu.models), dir(eu.scoring)",
    "listing models": "eu.models(), eu.prompts(), eu.prompts('smoke')",
    "checking parameters": "eu.runtime.parameters.validate({}, '03_emotion_vectors')",
}
NEEDED = {"listing models": {"numpy", "pandas"}, "checking parameters": {"numpy", "pandas"}}
ROOMS = {path.parent.name for path in (PROJECT_ROOT / "emotion_utils").glob("*/__init__.py")}
CALLED = ROOMS & set(eu.EXPORTS)
SIX = ("activations", "probe", "steer", "screen_heads", "align", "paired_effects")
"""Whose examples show what one does with the package: at most six lines each."""
UNREFUSED = {"interval", "permutation_p", "scorers"}
"""They raise nothing of their own."""


@pytest.mark.parametrize("what", CHECKS)
def test_it_loads_no_more_than_it_must(what):
    code = f"import sys\nimport emotion_utils as eu\n{CHECKS[what]}\nprint(*{HEAVY})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= NEEDED.get(what, set())


def test_an_unknown_name_gets_the_near_miss():
    with pytest.raises(AttributeError, match=r"emotion_utils has no 'generat': did you mean \"generate\"\?"):
        _ = eu.generat


def test_names_and_rooms_are_listed_completed_and_described():
    assert {*ROOMS, *eu.EXPORTS} <= set(dir(eu))
    with provisionalcompleter():
        found = list(IPCompleter(namespace={"eu": eu}).completions("eu.scr", len("eu.scr")))
    assert [completion.text.rpartition(".")[2] for completion in found] == ["screen_heads", "scrutiny"]
    text = pydoc.render_doc(eu, renderer=pydoc.plaintext)
    assert all(f"    {room} (package)" in text for room in ROOMS)
    functions = {name: real(name) for name in eu.EXPORTS if name not in CALLED}
    assert {name for name, it in functions.items() if f"{it.__name__}(" not in text} == set()
    assert "alpha: 'float' = 1.0" in text
    assert list(inspect.signature(eu.prompts).parameters) == ["source", "options"]


def test_its_docstring_is_the_floor_plan():
    _, names, rooms = re.split(r"\n={5,} +=+\n(?=\w|`)", eu.__doc__)
    assert set(re.findall(r"`(\w+)`", names.partition("\n====")[0])) == set(eu.EXPORTS)
    listed = re.findall(r"^`(\w+)` ", rooms, flags=re.MULTILINE)
    floors = [re.findall(r"\w+", layer) for layer in layers()][::-1]
    assert listed == sorted(listed, key=lambda room: next(i for i, own in enumerate(floors) if room in own))
    assert sorted(listed) == sorted(ROOMS)


def layers() -> list[str]:
    """The floors that the import contracts know, from the top down, without the command line."""
    settings = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return next(c["layers"] for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers")[
        1:
    ]


def test_the_stub_gives_editors_the_same_names():
    tree = ast.parse((PROJECT_ROOT / "emotion_utils" / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    given = {alias.asname: (node.module or "", alias.name) for node in imports for alias in node.names}
    assert ast.literal_eval(tree.body[-1].value) == sorted(given)
    handed = {name: where.partition(":") for name, where in eu.EXPORTS.items() if name not in CALLED}
    expected = {name: (module, inner or name) for name, (module, _, inner) in handed.items()}
    assert given == {**expected, **{room: ("", room) for room in ROOMS}}


def real(name):
    """What is behind a name; behind a room that can be called, the function."""
    inner = eu.EXPORTS[name].partition(":")[2]
    return getattr(getattr(eu, name), inner) if name in CALLED else getattr(eu, name)


@pytest.mark.parametrize("name", eu.EXPORTS)
def test_a_name_is_described(name):
    """Parameters or attributes, what comes back with its shape or columns, errors, and an example."""
    it, doc = real(name), inspect.getdoc(real(name))
    sections = re.findall(r"^(\w+)\n-+$", doc, flags=re.MULTILINE)
    assert {"Examples"} | ({"Raises"} if name not in UNREFUSED else set()) <= set(sections)
    assert set(sections) & {"Returns", "Attributes"} or inspect.isclass(it)
    given = [p for p in inspect.signature(it).parameters.values() if p.kind is not p.VAR_POSITIONAL]
    described = doc.partition("\nReturns\n")[0]
    assert [
        p.name for p in given if not re.search(rf"^(\w+, )*{p.name}(, \w+)*$", described, re.MULTILINE)
    ] == []


@pytest.fixture(scope="module", autouse=True)
def loaded_once():
    """Each model is loaded once for all examples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models_model, "load", cache(models_model.load))
        yield


@pytest.mark.parametrize("name", eu.EXPORTS)
def test_its_example_runs(name):
    example = doctest.DocTestParser().get_doctest(inspect.getdoc(real(name)), {}, name, None, 0)
    assert example.examples
    told = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=told.append)
    assert "".join(told) == ""


@pytest.mark.parametrize("name", SIX)
def test_six_examples_are_six_short_lines(name):
    example = doctest.DocTestParser().get_examples(inspect.getdoc(real(name)))
    lines = [line for one in example for line in one.source.splitlines()]
    assert len(lines) <= 6
    assert max(map(len, lines)) <= 100, lines


def test_the_readme_shows_one_of_them():
    (shown,) = re.findall(
        r"```python\n(.*?)```", (PROJECT_ROOT / "README.md").read_text(encoding="utf-8"), re.S
    )
    example = doctest.DocTestParser().get_examples(inspect.getdoc(eu.steer))
    assert "".join(line.strip() + "\n" for line in shown.splitlines() if line.strip()) == "".join(
        one.source for one in example
    )
