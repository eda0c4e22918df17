"""The claims as rows, and the word of a single rule where other values are printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emotion_utils import scrutiny
from emotion_utils.reports.claims import read_claims
from emotion_utils.scrutiny.collected import all_rules
from emotion_utils.scrutiny.judging import Rule, rows_of
from emotion_utils.scrutiny.rules import Row, Scrutiny


@pytest.fixture(scope="session")
def rows() -> dict[str, Row]:
    return rows_of(read_claims().set_index("id"))


@pytest.fixture(scope="session")
def rules(rows: dict[str, Row]) -> list[Rule]:
    return all_rules(rows)


@pytest.fixture(scope="session")
def said() -> dict[str, Scrutiny]:
    """What the collected scrutiny says of the shipped claims."""
    return scrutiny.everything()


@pytest.fixture(scope="session")
def word_of(rows: dict[str, Row], rules: list[Rule]) -> Callable[..., Scrutiny]:
    """What its own rule says of a claim where some claims print other values: ``(value, lo, hi)`` by id."""

    def word(claim: str, **printed: Any) -> Scrutiny:
        changes = {}
        for name, figures in printed.get("printed", {}).items():
            value, lo, *hi = figures
            changes[name] = {**rows[name], "value": value, "lo": lo, "hi": hi[0] if hi else lo}
        rule = next(rule for rule in rules if claim in rule.claims)
        return rule.said(rows, changes)[claim]

    return word
