"""Rooms that open when they are touched, tried on a package made for it, in processes of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

FILES = {
    "house/__init__.py": 'EXPORTS = {"build": "attic.tools", "knock": "door:open_it", "attic": "attic:tidy"}',
    "house/door.py": "print('door')\n\ndef open_it(): return 'open'",
    "house/attic/__init__.py": 'EXPORTS = {"tidy": "tools:build"}',
    "house/attic/tools.py": "print('tools')\n\ndef build(of, n=1): return f'{n} of {of}'",
}
FACE = (
    "\nfrom emotion_utils.core.lazy import attach\n__getattr__, __dir__ = attach(__name__, EXPORTS{more})\n"
)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("house")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        more = ', "tidy"' if "attic" in name else ""
        path.write_text(text + (FACE.format(more=more) if name.endswith("__init__.py") else ""))
    return folder


@pytest.fixture(scope="module")
def said(house):
    """What a program prints, in a process that has imported the made-up house and nothing of it."""

    def run(*lines):
        code = "\n".join(["import house", *lines])
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=house, capture_output=True, text=True, check=False
        )
        return done.stdout.split("\n")[:-1] if done.returncode == 0 else done.stderr.strip().split("\n")[-1:]

    return run


def test_nothing_is_imported_before_it_is_touched(said):
    assert said("import sys", "print([m for m in sys.modules if m.startswith('house')])") == ["['house']"]
    assert said("house.attic") == []
    assert said("print(house.door.open_it())") == ["door", "open"]
    assert said("print(house.build('x'))", "print(house.build('y', 2))") == ["tools", "1 of x", "2 of y"]
    assert said("print(house.knock.__name__)") == ["door", "open_it"]


def test_a_room_that_is_called_is_still_the_room(said):
    assert said("print(house.attic('boxes', n=3), house.attic.tools.__name__)") == [
        "tools",
        "3 of boxes house.attic.tools",
    ]
    assert said("import inspect", "print(inspect.signature(house.attic))") == ["tools", "(of, n=1)"]


def test_an_unknown_name_gets_the_near_miss(said):
    known = "Known: attic, build, door and knock."
    assert said("house.dor")[0].startswith(
        f"AttributeError: house has no 'dor': did you mean \"door\"? {known}"
    )
    assert said("house.roof")[0].startswith("AttributeError: house has no 'roof': Known: attic")
    assert said("print(hasattr(house, 'roof'))") == ["False"]


def test_what_there_is_is_listed_and_described_without_being_asked_for(said):
    assert said("print([name for name in dir(house) if name[0] != '_'])") == [
        "['EXPORTS', 'attach', 'attic', 'build', 'door', 'knock']"
    ]
    text = "\n".join(said("import pydoc", "print(pydoc.render_doc(house, renderer=pydoc.plaintext))"))
    assert "build(of, n=1)" in text
    assert "open_it()" in text
    assert "PACKAGE CONTENTS\n    attic (package)\n    door" in text
