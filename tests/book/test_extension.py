"""The book's Sphinx extension: formulas as MathML that any browser draws."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from sphinx.application import Sphinx

from emotion_utils.core.paths import PROJECT_ROOT


@pytest.fixture(scope="module")
def extension() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "emotion_book", PROJECT_ROOT / "book" / "_ext" / "emotion_book.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tags(markup: str) -> str:
    return re.sub(r"<(\w+)[^>]*>", r"<\1>", markup)


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        ("x_1", "<math><msub><mi>x</mi><mn>1</mn></msub></math>"),
        (r"\hat h_t", "<math><msub><mover><mi>h</mi><mo>ˆ</mo></mover><mi>t</mi></msub></math>"),
        (r"\frac{a}{b}", "<math><mfrac><mi>a</mi><mi>b</mi></mfrac></math>"),
        ("p < 1", "<math><mi>p</mi><mo>&lt;</mo><mn>1</mn></math>"),
    ],
)
def test_formulas_become_mathml(extension: ModuleType, tex: str, expected: str) -> None:
    assert tags(extension.mathml(tex, block=False)) == expected


def test_a_formula_says_its_source_and_display(extension: ModuleType) -> None:
    markup = extension.mathml("a < b", block=True)
    assert 'alttext="a &lt; b"' in markup
    assert 'display="block"' in markup


def test_norm_bars_keep_the_height_of_the_letters(extension: ModuleType) -> None:
    assert extension.mathml(r"\lVert x \rVert_2", block=False).count('stretchy="false"') == 2
    assert 'stretchy="false"' not in extension.mathml(r"\left\lVert x \right\rVert", block=False)


def test_an_unknown_macro_warns_and_shows_its_source(
    extension: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(extension.logger, "warning", lambda text, *values, **_: said.append(text % values))
    assert extension.mathml(r"\nosuch{x}", block=False) == r"<code>\nosuch{x}</code>"
    assert len(said) == 1
    assert "nosuch" in said[0]


@pytest.mark.parametrize(
    ("claim", "words"),
    [("P35.align.after", "0.99"), ("P3.cos.end.pythia", "0.96 to 0.99"), ("P75.n.small", "225")],
)
def test_a_claim_is_written_with_the_words_of_the_report(
    extension: ModuleType, claim: str, words: str
) -> None:
    (node,), messages = extension.claim_role("claim", f"{{claim}}`{claim}`", claim, 1, None)
    assert (node.astext(), messages) == (words, [])
    assert claim in node["title"]


def test_terms_are_explained_in_one_sentence_without_markup(extension: ModuleType) -> None:
    text = """# Glossary

:::{glossary}
alpha
  The strength of a push, in a {term}`unit of strength`. More follows here.

BCa interval
  A {term}`intervals <interval>` that is *corrected* {cite:p}`efron1987`.
:::
"""
    assert extension.definitions(text) == {
        "alpha": "The strength of a push, in a unit of strength.",
        "bca interval": "A intervals that is corrected.",
    }
    shipped = (PROJECT_ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
    assert "activation patching" in extension.definitions(shipped)
    assert all("{" not in meaning for meaning in extension.definitions(shipped).values())


@pytest.mark.parametrize(
    ("word", "stem"),
    [
        ("apology", "apolog"), ("Apologies", "apolog"), ("technology", "technolog"), ("terribly", "terribl"),
        ("assembly", "assembl"), ("vectors", "vector"), ("0.99", "0.99"), ("is", "is"), ("vs", "vs"),
        ("biology", "biologi"),
    ],
)  # fmt: skip
def test_words_have_the_stem_that_the_search_page_gives_them(
    extension: ModuleType, word: str, stem: str
) -> None:
    """By hand, from Porter's algorithm with the two rules that its author added later."""
    assert extension.WordsAndNumbers({}).stem(word) == stem


PAGE = """
Page
====

.. raw:: html

   <style>.hidden { color: red }</style><script>var secret = 1;</script>
   <table><tr><td>gratitude</td><td>apology</td><td>0.99</td></tr></table>

The claim P35.align.after.
"""


def test_the_search_finds_numbers_ids_and_cells_of_tables(tmp_path: Path) -> None:
    (tmp_path / "index.rst").write_text(PAGE, encoding="utf-8")
    path = str(PROJECT_ROOT / "book" / "_ext")
    (tmp_path / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {path!r})\nextensions = ['emotion_book']\n"
    )
    (tmp_path / "_vendor").mkdir()
    out = tmp_path / "out"
    app = Sphinx(tmp_path, tmp_path, out, tmp_path / "doctrees", "html", status=None, warning=None)
    app.build()
    index = (out / "searchindex.js").read_text(encoding="utf-8")
    terms = set(json.loads(index[index.index("{") : index.rindex("}") + 1])["terms"])
    stem = app.builder.indexer.lang.stem
    assert {stem(word) for word in ("gratitude", "apology", "0.99", "P35.align.after", "align")} <= terms
    assert not {"secret", "hidden"} & terms
    assert not any("gratitudeapolog" in term for term in terms)
    assert "splitQuery = (query) => query.match(" in (out / "_static" / "language_data.js").read_text()
    body = (out / "index.html").read_text(encoding="utf-8")
    assert "<td>gratitude</td><td>apology</td>" in body  # the page itself is as it was
