"""How much is run, by profile."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SIZES", "Size"]


@dataclass(frozen=True)
class Size:
    """How much is run.

    Attributes
    ----------
    select, test, fresh, published
        Contexts of the sweep, of the test, of other texts, and of the reports' sweep.
    controls, tried
        Random vectors of an emotion, and contexts of the test that each is tried on.
    """

    select: int
    test: int
    fresh: int
    published: int
    controls: int
    tried: int


SIZES: dict[str, Size] = {
    "smoke": Size(6, 6, 6, 4, 6, 4),
    "baseline": Size(36, 36, 48, 16, 100, 12),
    "extended": Size(54, 36, 120, 48, 200, 36),
    "powered": Size(54, 36, 240, 96, 400, 36),
}
