"""While tests run, arguments of a wrong type are refused by every module but the innermost ones of the small world."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from jaxtyping import TypeCheckError
from runtime_types import INNERMOST, PACKAGE, checked_modules

from emotion_utils.smallworld import load_grammar
from emotion_utils.smallworld.people import Person
from emotion_utils.statistics.auc import areas


def test_wrong_types_are_refused():
    with pytest.raises(TypeCheckError, match="scores"):
        areas(np.zeros(4, dtype=int), np.arange(4) < 2)
    with pytest.raises(TypeCheckError, match="text"):
        load_grammar("en").is_prefix(3)
    assert Person(3, 4).noun == 4


def test_all_modules_are_checked_but_those_that_are_named():
    names = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }
    assert names >= INNERMOST
    assert names - set(checked_modules()) == INNERMOST
    for name, module in list(sys.modules.items()):
        if name in names:
            assert (type(module.__loader__).__name__ == "_JaxtypingLoader") == (name not in INNERMOST), name
