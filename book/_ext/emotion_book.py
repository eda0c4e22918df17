"""The book's own Sphinx extension: maths without JavaScript, no script from elsewhere, a search that finds numbers."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.search import IndexBuilder
from sphinx.search.en import SearchEnglish
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from emotion_utils.reports.claims import read_claims

logger = logging.getLogger(__name__)

VENDORED = "_vendor"
GLOSSARY = "book/glossary.md"
MATHML = "{http://www.w3.org/1998/Math/MathML}"
ACCENTS = set("ˆ^ˉ¯~˜˙¨→⃗‾")
SCRIPTED = {"msub", "msup", "msubsup"}
BARS = {"‖", "|", "∥"}
ElementTree.register_namespace("", MATHML.strip("{}"))
PLAIN_CODE = re.compile(r'<span class="(?:n|p|w)">([^<]*)</span>')
WORD = re.compile(r"\w+(?:\.\w+)*")
MEASURED = r"^((?:[^aeiou][^aeiouy]*)?[aeiouy][aeiou]*[^aeiou][^aeiouy]*.*)"
DEPARTURES = (
    (re.compile(MEASURED + r"log(?:y|ies)$"), r"\1log"),
    (re.compile(MEASURED + r"bl(?:y|ies)$"), r"\1ble"),
)
"""Two rules that the stemmer of the search page has and the one of the index lacks: an apology was never found."""
SHORT = 2
"""Letters of a word that the search page leaves as it is."""
UNUSED_SCRIPTS = ("THEBE_JS_URL", "sphinx-thebe.js")


def mathml(tex: str, *, block: bool, location: Any = None) -> str:
    """TeX as MathML, which every current browser draws by itself; a warning, and the source, where that fails."""
    try:
        tree = ElementTree.fromstring(tex2mathml(tex, as_block=block))  # noqa: S314 (made by docutils just now)
    except (MathError, SyntaxError, ValueError, IndexError, AttributeError) as error:
        logger.warning("the formula %r cannot be set as MathML: %s", tex, error, location=location)
        return f"<code>{html.escape(tex)}</code>"
    mend(tree)
    tree.set("alttext", tex)
    return ElementTree.tostring(tree, encoding="unicode", short_empty_elements=False)


def mend(tree: ElementTree.Element) -> None:
    """Correct habits of the converter: scripts of accented letters, wide scripts, norm bars that stretch alone."""
    for node in tree.iter():
        node.text, node.tail = (node.text or "").strip() or None, (node.tail or "").strip() or None
        children = list(node)
        if _tag(node) == "munderover" and children[2].text in ACCENTS:
            base, script, accent = children
            node.clear()
            node.tag = f"{MATHML}msub"
            over = ElementTree.SubElement(node, f"{MATHML}mover", accent="true")
            over.extend([base, accent])
            node.append(script)
        if _tag(node) in SCRIPTED:
            for operator in (part for script in list(node)[1:] for part in script.iter(f"{MATHML}mo")):
                operator.attrib |= {"lspace": "0", "rspace": "0"}
        fenced = _tag(node) == "mrow" and len(children) > 1 and children[0].text == children[-1].text
        for child in children:
            if child.text in BARS and not (fenced and child in (children[0], children[-1])):
                child.set("stretchy", "false")


def _tag(node: ElementTree.Element) -> str:
    return node.tag.removeprefix(MATHML)


def visit_inline(self: Any, node: nodes.math) -> None:
    self.body.append(f'<span class="math">{mathml(node.astext(), block=False, location=node)}</span>')
    raise nodes.SkipNode


def visit_display(self: Any, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math emo-math"))
    if node.get("number"):
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(mathml(node.astext(), block=True, location=node) + "</div>\n")
    raise nodes.SkipNode


def add_vendored(app: Sphinx, config: Any) -> None:
    """Ship the drawing libraries without putting a tag for them on every page; `figures.js` loads them on need."""
    if VENDORED not in config.html_static_path:
        config.html_static_path.append(VENDORED)


def drop_unused_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Leave out the live-code launcher: unused here, declared twice by the theme, and loaded from elsewhere."""
    scripts = context.get("script_files", [])
    context["script_files"] = [
        script
        for script in scripts
        if not any(name in f"{script} {getattr(script, 'attributes', '')}" for name in UNUSED_SCRIPTS)
    ]


def unwrap_plain_code(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Names, brackets and spaces of code have the colour of code as a whole: without tags a page is a fifth smaller."""
    if "body" in context:
        context["body"] = PLAIN_CODE.sub(r"\1", context["body"])


def claim_role(
    name: str, rawtext: str, text: str, lineno: int, inliner: Any, options: Any = None, content: Any = ()
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """``{claim}`P35.align.after` `` writes the value that a report gives, so that no page repeats it by hand."""
    claims = read_claims().set_index("id")
    if text not in claims.index:
        message = inliner.reporter.error(f"there is no claim {text!r} in data/claims.csv", line=lineno)
        return [inliner.problematic(rawtext, rawtext, message)], [message]
    row = claims.loc[text]
    value = row["value"].replace("..", " to ") if row["kind"] == "range" else row["value"]
    return [nodes.inline(value, value, classes=["emo-claim"], title=f"claim {text}: {row['claim']}")], []


def definitions(text: str) -> dict[str, str]:
    """Terms of a glossary in MyST, in small letters, with the first sentence of what they mean, without markup."""
    inside = text.partition(":::{glossary}")[2].partition(":::")[0]
    found = {}
    for entry in re.split(r"\n\s*\n", inside):
        term, _, meaning = entry.strip().partition("\n")
        plain = re.sub(r"\{term\}`([^`<]+?)\s*(?:<[^`]*>)?`", r"\1", " ".join(meaning.split()))
        plain = re.sub(r"\s*\{cite:p\}`[^`]*`", "", plain).replace("`", "").replace("*", "")
        if term and plain:
            found[term.lower()] = re.split(r"(?<=[.;])\s+(?=[A-Z])", plain)[0]
    return found


def explain_terms(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """A reader who points at a term sees what it means."""
    page = Path(app.srcdir) / GLOSSARY
    if not page.is_file():
        return
    meanings = definitions(page.read_text(encoding="utf-8"))
    for reference in doctree.findall(nodes.reference):
        _, is_term, target = f"{reference.get('refuri', '')}#{reference.get('refid', '')}".partition("#term-")
        meaning = meanings.get(target.strip("#").replace("-", " ").lower()) or meanings.get(
            reference.astext().lower()
        )
        if is_term and meaning:
            reference["reftitle"] = meaning


class WordsAndNumbers(SearchEnglish):
    """Words as Sphinx finds them, and also what holds together with dots, such as 0.99 or the id of a claim."""

    js_splitter_code = (
        "var splitQuery = (query) => query.match("
        r"/[\p{Letter}\p{Number}_]+(?:\.[\p{Letter}\p{Number}_]+)*/gu) || [];"
    )

    def split(self, input: str) -> list[str]:
        """Words of a text, those with dots also in parts; what is asked is split by the same rule without the parts."""
        words = WORD.findall(input)
        return [*words, *(part for word in words if "." in word for part in word.split("."))]

    def stem(self, word: str) -> str:
        """The stem as the search page makes it of what is asked."""
        if len(word) <= SHORT:
            return word.lower()
        for rule, replaced in DEPARTURES:
            word = rule.sub(replaced, word.lower())
        return str(super().stem(word))


def spaced(
    collect: Callable[[IndexBuilder, nodes.document], Any],
) -> Callable[[IndexBuilder, nodes.document], Any]:
    """Sphinx strips tags and leaves nothing in their place: cells of a table would be one long word."""

    def collected(builder: IndexBuilder, doctree: nodes.document) -> Any:
        kept = [(raw, raw.children[:]) for raw in doctree.findall(nodes.raw)]
        try:
            for raw, _ in kept:
                raw.children = [nodes.Text(raw.astext().replace("<", " <"))]
            return collect(builder, doctree)
        finally:
            for raw, children in kept:
                raw.children = children

    return collected


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_role("claim", claim_role)
    app.add_search_language(WordsAndNumbers)
    if not hasattr(IndexBuilder, "_unspaced"):
        IndexBuilder._unspaced = IndexBuilder._word_collector
        IndexBuilder._word_collector = spaced(IndexBuilder._unspaced)
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    app.connect("config-inited", add_vendored)
    app.connect("doctree-resolved", explain_terms)
    app.connect("html-page-context", drop_unused_scripts, priority=900)
    app.connect("html-page-context", unwrap_plain_code, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
