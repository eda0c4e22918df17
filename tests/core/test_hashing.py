"""A hash means the value: of files by name and content, of a source by what it does."""

from __future__ import annotations

import os

import pytest

from emotion_utils.core.hashing import code_digest, fingerprint, syntax

SOURCE = '''\
"""Doc."""
from a import b

__all__ = ["f"]
x = 1


def f(y):
    """More
    words."""
    return b(x, y)  # why
'''


def test_the_fingerprint_follows_names_and_content_and_not_time(tmp_path):
    one, two = tmp_path / "a.txt", tmp_path / "b.txt"
    one.write_text("same")
    two.write_text("same")
    before = fingerprint([one])
    assert fingerprint([two]) != before
    os.utime(one, ns=(0, 0))
    assert fingerprint([one]) == before
    one.write_text("else")
    assert fingerprint([one]) != before
    assert fingerprint([one, two]) == fingerprint([two, one])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("words", "others"),
        ("# why", "# because"),
        ("from a import b", "import a\nfrom c.d import b"),
        ("from a import b", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import b"),
        ('__all__ = ["f"]\n', ""),
        ("b(x, y)", "b(\n        x,\n        y,\n    )"),
        ("x = 1", "x = (1)"),
        ('"""Doc."""\n', ""),
    ],
)
def test_words_imports_and_layout_do_not_change_the_digest_of_code(old, new):
    assert old in SOURCE
    assert code_digest(SOURCE.replace(old, new)) == code_digest(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x = 1", "x = 2"),
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("b(x, y)", "b(y, x)"),
        ("b(x, y)", "b(x, -y)"),
        ("b(x, y)", "b(x, y=y)"),
        ("def f(y)", "def f(y=None)"),
        ("def f(y)", "def f(*y)"),
        ("def f(y)", "def f(*, y)"),
        ("return b", "yield b"),
        ("x = 1", "if x:\n    x = 1"),
        ("return b(x, y)", "return"),
    ],
)
def test_what_changes_what_a_source_does_changes_its_digest(old, new):
    assert old in SOURCE
    assert code_digest(SOURCE.replace(old, new)) != code_digest(SOURCE)


def test_the_spelling_is_the_same_in_every_python():
    # `ast.dump` leaves out empty lists since 3.13, functions have type parameters since 3.12, and f-strings were taken
    # apart differently before; the committed table of the calibration is read in all of them.
    assert syntax("import a\ndef f(x=None): pass") == [
        "FunctionDef(name=['f'],args=[arguments(args=[arg(arg=['x'])],defaults=[Constant(value=[None])])],body=[])"
    ]
    assert syntax('f"é{x!r:>{w}}" "b"') == [
        "Expr(value=[JoinedStr(values=[Constant(value=['\\xe9']),FormattedValue(value=[Name(id=['x'])],"
        "conversion=[114],format_spec=[JoinedStr(values=[Constant(value=['>']),FormattedValue(value=[Name(id=['w'])],"
        "conversion=[-1])])]),Constant(value=['b'])])])"
    ]
