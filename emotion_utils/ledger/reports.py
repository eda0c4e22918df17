"""The five reports by name: what a reader calls them, where they can be read, and which one a claim stands in."""

from __future__ import annotations

from typing import NamedTuple

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
    """

    key: str
    short: str
    title: str
    original: str
    authors: str
    link: str


REPORTS = (
    Report(
        "000", "Causal analysis",
        "Causal analysis of emotion circuits in lightweight Transformer language models",
        "軽量Transformer言語モデルにおける感情回路の因果解析", "T. Hanawa", REPOSITORY,
    ),
    Report(
        "001", "Integrated analysis",
        "Understanding emotion circuits in small language models: an integrated analysis from dataset to subspace "
        "alignment and attention-head circuits", "", "T. Hanawa", REPOSITORY,
    ),
    Report(
        "002", "Phase 8 comparison",
        "Phase 8: a comparison of how well emotion subspaces of mid-size models align",
        "Phase 8: 中規模モデル間の感情サブスペース整合性比較解析", "T. Hanawa", COMPARISON,
    ),
    Report(
        "003", "Predictable and novel",
        "Decomposing internal representations of LLMs into predictable and novel components",
        "LLM 内部表現における予測可能成分と新規成分の分解", "M. Sekiguchi, R. Ishigaki, E. Maeda", "",
    ),
    Report(
        "004", "Japanese siblings",
        "Does further training on Japanese make the internal representations of LLMs robust? Circuits and sparse "
        "autoencoders in the classification of communities",
        "日本語追加学習は LLM の内部表現をロバストにするか: コミュニティ分類における回路・SAE 分析", "Y. Fukasawa", "",
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
