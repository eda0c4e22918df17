"""The five reports by name: what a reader calls them, where they can be read, and which one a claim stands in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from emotion_utils.answers.answer import in_a_table as as_table
from emotion_utils.core.errors import UserError

REPOSITORY = "https://github.com/toshiohanawa/emotion-circuits-project"
COMPARISON = (
    f"{REPOSITORY}/blob/50adc7de4001296a429ed50ccceba26cd0ea5c4f/docs/report/"
    "phase8_comparative_scaling_report.md"
)


class Report(NamedTuple):
    """One of the five.

    Attributes
    ----------
    key
        Begins the name of its file in `data/claims.csv`.
    short
        Its name beside a claim.
    title, original
        In English; as printed, where that is in Japanese.
    authors
    link
        Where it, or the project that it is part of, is public; empty where no place is known.
    says
        What it says, in a line.
    """

    key: str
    short: str
    title: str
    original: str
    authors: str
    link: str
    says: str


REPORTS = (
    Report(
        "000", "Causal analysis",
        "Causal analysis of emotion circuits in lightweight Transformer language models",
        "軽量Transformer言語モデルにおける感情回路の因果解析", "T. Hanawa", REPOSITORY,
        "directions, subspaces and heads for gratitude, anger and apology in GPT-2, Pythia and GPT-Neo, and their "
        "statistics",
    ),
    Report(
        "001", "Integrated analysis",
        "Understanding emotion circuits in small language models: an integrated analysis from dataset to subspace "
        "alignment and attention-head circuits", "", "T. Hanawa", REPOSITORY,
        "the same project told as a paper, from data to heads",
    ),
    Report(
        "002", "Phase 8 comparison",
        "Phase 8: a comparison of how well emotion subspaces of mid-size models align",
        "Phase 8: 中規模モデル間の感情サブスペース整合性比較解析", "T. Hanawa", COMPARISON,
        "a linear map takes the emotions of Llama 3, Gemma 3 and Qwen3 to those of GPT-2, more or less well",
    ),
    Report(
        "003", "Predictable and novel",
        "Decomposing internal representations of LLMs into predictable and novel components",
        "LLM 内部表現における予測可能成分と新規成分の分解", "M. Sekiguchi, R. Ishigaki, E. Maeda", "",
        "which part of a hidden state could be foreseen from the tokens before it, and which part is new",
    ),
    Report(
        "004", "Japanese siblings",
        "Does further training on Japanese make the internal representations of LLMs robust? Circuits and sparse "
        "autoencoders in the classification of communities",
        "日本語追加学習は LLM の内部表現をロバストにするか: コミュニティ分類における回路・SAE 分析", "Y. Fukasawa", "",
        "whether further training on Japanese makes the circuits of one of two sibling models wider and more robust",
    ),
)  # fmt: skip
"""In the order of the claims' table."""


def report_of(file: str) -> Report:
    """The report whose file the table of claims names.

    Raises
    ------
    UserError
        For a file that is none of the five.
    """
    for report in REPORTS:
        if file.startswith(report.key):
            return report
    raise UserError(f'The claims name a report "{file}" that {__name__} does not know: add it to REPORTS.')


def number_of(short: str) -> int:
    """Place of a report among the five, from 1."""
    return next(i for i, report in enumerate(REPORTS, 1) if report.short == short)


def listed() -> str:
    """The five reports as a list in Markdown, each with an anchor ``report-1`` and so on."""
    lines = []
    for i, report in enumerate(REPORTS, 1):
        name = f"[*{report.title}*]({report.link})" if report.link else f"*{report.title}*"
        original = f" ({report.original})" if report.original else ""
        place = "" if report.link else "; no public copy is known to us"
        lines.append(
            f'{i}. <span id="report-{i}"></span>**{report.short}**: {name}{original}, {report.authors}{place}.'
        )
    return "\n".join(lines)


def in_a_table(sections: Mapping[str, Sequence[str]]) -> str:
    """The five reports as a table: name, what it says, and where its claims stand.

    Parameters
    ----------
    sections
        By short name, the section of each claim.
    """
    rows = []
    for i, report in enumerate(REPORTS, 1):
        own = list(sections.get(report.short, ()))
        places = sorted({_main(section) for section in own if section[:1].isdigit()}, key=int)
        where = f", sections {places[0]} to {places[-1]}" if len(places) > 1 else ""
        name = f"[*{report.title}*]({report.link})" if report.link else f"*{report.title}*"
        counted = f"[{len(own)} claim{'' if len(own) == 1 else 's'}](ledger.html#report-{i}){where}"
        rows.append((f"{name}, {report.authors}", report.says, counted))
    return as_table(("report", "what it says", "its claims"), rows)


def _main(section: str) -> str:
    """The number of the chapter of a report that a section such as 6.2 is in."""
    return section.split(".")[0].rstrip("-")
