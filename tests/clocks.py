"""Which asserts of a test compare a measured time: on a busy machine they fail, and nothing is wrong."""

from __future__ import annotations

import ast
import re

CLOCKS = {
    *("monotonic", "perf_counter", "process_time", "thread_time", "default_timer", "timeit", "total_seconds"),
    *(
        "monotonic_ns",
        "perf_counter_ns",
        "process_time_ns",
        "thread_time_ns",
        "time_ns",
        "ru_utime",
        "ru_stime",
    ),
}
IN_CODE = re.compile(rf"\b(?:time\.time|{'|'.join(CLOCKS)})\(")
"""A clock that is read in the text of a program that a test starts."""


def asserted_times(source: str) -> list[int]:
    """Lines of the asserts in functions of ``source`` that compare what derives from a clock."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    return sorted({line for function in functions for line in _asserts(function, _timed(function))})


def _asserts(function: ast.FunctionDef, timed: set[str]) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(function)
        if isinstance(node, ast.Assert)
        and any(isinstance(part, ast.Compare) and _derives(part, timed) for part in ast.walk(node.test))
    ]


def _timed(function: ast.FunctionDef) -> set[str]:
    """Names that hold a time, or what was computed from one."""
    assigned = [
        (node.value, node.targets if isinstance(node, ast.Assign) else [node.target])
        for node in ast.walk(function)
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value
    ]
    timed: set[str] = set()
    for _ in assigned:  # a chain of assignments is no longer than their number
        for value, targets in assigned:
            if _derives(value, timed):
                timed |= {part.id for target in targets for part in ast.walk(target) if _is_name(part)}
    return timed


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name)


def _derives(node: ast.AST, timed: set[str]) -> bool:
    return any(_is_clock(part) or (_is_name(part) and part.id in timed) for part in ast.walk(node))


def _is_clock(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and IN_CODE.search(node.value) is not None
    if isinstance(node, ast.Attribute):
        return node.attr in CLOCKS or (node.attr == "time" and getattr(node.value, "id", "") == "time")
    return _is_name(node) and node.id in CLOCKS
