"""What a source says of a package, as paths and how each ends; no file is looked at."""

from __future__ import annotations

import ast

import pytest

from emotion_utils.core.name_uses import read_uses


def told(source, **about):
    return {(".".join(path), ending) for path, ending in read_uses(ast.parse(source), "a", **about).uses}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a.b.c\na.b.c.d()", {("a.b.c", "imported"), ("a.b.c.d", "called")}),
        ("import a.b as x\nx.c.d", {("a.b", "imported"), ("a.b.c.d", "held")}),
        ("from a.b import c as x\nx[0].y", {("a.b.c", "imported"), ("a.b.c", "held")}),
        ("from a import b\nb.c().d", {("a.b", "imported"), ("a.b.c", "called")}),
        ("from a import b\nb.c = 1", {("a.b", "imported"), ("a.b.c", "held")}),
        ("from a import b", {("a.b", "imported"), ("a.b", "held")}),
        ("from a import *", {("a", "held")}),
        ("import ab, b.a\nab.c, b.a", set()),
        (
            "if TYPE_CHECKING:\n    from a import b\n    b.c\nelse:\n    import a.d as e\ne.f",
            {("a.b", "imported"), ("a.b.c", "held"), ("a.d", "imported"), ("a.d.f", "held")},
        ),
    ],
)
def test_a_use_is_a_path_and_an_ending(source, expected):
    assert told(source) == expected


def test_relative_imports_start_at_the_package_of_the_module():
    assert told("from .c import d\nd()", module="a.b.e") == {("a.b.c.d", "imported"), ("a.b.c.d", "called")}
    assert told("from .c import d\nd()", module="a.b", is_package=True) == told(
        "from .c import d\nd()", module="a.b.e"
    )
    assert ("a.c", "imported") in told("from .. import c", module="a.b.e")


def test_the_top_level_is_told_apart_by_what_made_it():
    made = "x: int = 1\nif x:\n    def f(y): z = 1\nclass G:\n    inner = 1\n"
    tables = "T = {'n': 'a.m', 'o': 'p'}\nU = {1: 'n'}\nV = {'n': x}"
    found = read_uses(ast.parse(f"from a import b as c\n{made}{tables}"), "a")
    assert found.bound == {"c": {("a", "b")}}
    assert found.defined == {"x", "f", "G", "T", "U", "V"}
    assert found.tables == {"T": {"n": "a.m", "o": "p"}}


def test_two_imports_of_one_name_are_both_meant():
    source = "try:\n    from a import b\nexcept ImportError:\n    from a.c import b\nb.f()"
    assert {("a.b.f", "called"), ("a.c.b.f", "called")} <= told(source)
