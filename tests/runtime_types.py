"""The type checker of the tests: beartype, with an int where a float is asked for, as PEP 484 has it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

from beartype import BeartypeConf, beartype

_beartype = beartype(conf=BeartypeConf(is_pep484_tower=True))
_checks: dict[tuple[Any, ...], Callable[..., Any]] = {}

PACKAGE = Path(__file__).parents[1] / "emotion_utils"
INNERMOST = {
    *(
        f"emotion_utils.smallworld.{name}"
        for name in ("derivations", "languages", "nodes", "people", "sentences", "views", "world")
    ),
    *(f"emotion_utils.communities.{name}" for name in ("drawing", "posts")),
    *(f"emotion_utils.core.{name}" for name in ("hashing", "name_uses", "sources")),
}
"""Not checked while tests run: the machines that write and read texts of the small world, word by word, and posts,
mention by mention, and the one that reads sources, name by name.

Their functions are called very often for one text, and with the check they took about ten times as long: 99 seconds of
the processor in place of 11 to find where the replies to the set `implicit` begin. They pass strings, tuples and
dataclasses, no arrays whose shapes only a run can tell, so mypy sees what the check would see; and what is around them
is checked.
"""


def checked_modules() -> list[str]:
    """Every module of the package but the innermost ones."""
    paths = (path.relative_to(PACKAGE.parent).with_suffix("") for path in sorted(PACKAGE.rglob("*.py")))
    names = (".".join(path.parts).removesuffix(".__init__") for path in paths)
    # a name covers all below it, so the packages around the innermost modules are left out with them
    return [name for name in names if not any(f"{inner}.".startswith(f"{name}.") for inner in INNERMOST)]


def checked(signature: Callable[..., Any]) -> Callable[..., Any]:
    """The check of a signature, as a function that does nothing else: what jaxtyping asks a type checker for.

    A function inside another one is decorated at every call of the other, and beartype writes and compiles code for it,
    about a quarter of the time of a ranking of heads; so the check of its signature is made once.
    """
    if not isinstance(signature, FunctionType) or "<locals>" not in signature.__qualname__:
        return _beartype(signature)
    annotations = tuple(signature.__annotations__.items())
    key = (signature.__module__, signature.__qualname__, signature.__code__, annotations)
    if key not in _checks:
        _checks[key] = _beartype(signature)
    return _checks[key]
