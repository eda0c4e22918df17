"""The type checker of the tests: beartype, with an int where a float is asked for, as PEP 484 has it."""

from __future__ import annotations

from pathlib import Path

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))

PACKAGE = Path(__file__).parents[1] / "emotion_utils"
INNERMOST = {
    f"emotion_utils.smallworld.{name}"
    for name in ("derivations", "nodes", "people", "sentences", "views", "world")
}
"""Not checked while tests run: the machine that writes and reads texts of the small world, word by word.

Its functions are called some ten thousand times for one text, and a check takes ten times as long as the call: half of
the suite's time would go there. They pass strings, tuples and dataclasses, no arrays whose shapes only a run can tell,
so mypy sees what the check would see; and the grammar around them is checked.
"""


def checked_modules() -> list[str]:
    """Every module of the package but the innermost of the small world."""
    paths = (path.relative_to(PACKAGE.parent).with_suffix("") for path in sorted(PACKAGE.rglob("*.py")))
    names = (".".join(path.parts).removesuffix(".__init__") for path in paths)
    # a name covers all below it, so the packages around the innermost modules are left out with them
    return [name for name in names if not any(f"{inner}.".startswith(f"{name}.") for inner in INNERMOST)]
