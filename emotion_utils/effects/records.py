"""One effect: what an intervention changed, prompt by prompt."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Shaped

from emotion_utils.core.errors import UserError

IN_NATS = "(nats)"
"""How outcomes end that are log-odds of replies."""


@dataclass(frozen=True, eq=False)
class Effect:
    """Paired differences of one outcome under one intervention.

    Attributes
    ----------
    chapter
        The notebook that measured it, such as ``05_steering``.
    model
        Registry name.
    emotion
    what
        The intervention, as a reader calls it.
    outcome
        What was measured, with its unit.
    differences
        Changed minus untouched, of each pair, in the outcome's unit; NaN where a side is missing.
    units
        What each pair is resampled with: texts of one template. Equal names in different effects are the same unit.
    prompts
        The prompt of each pair, once each.
    is_control
        Whether nothing, or nothing of the emotion, is expected to happen.
    is_count
        Whether the outcome is a whole number of things in a text, 0 or 1 among them.
    whole
        Of an outcome in nats: what the emotion makes of it in all, on the same pairs; NaN where that was not measured.
    """

    chapter: str
    model: str
    emotion: str
    what: str
    outcome: str
    differences: Float[np.ndarray, " pair"] = field(repr=False)
    units: Shaped[np.ndarray, " pair_unit"] = field(repr=False)
    prompts: Shaped[np.ndarray, " pair_prompt"] = field(repr=False)
    is_control: bool = False
    is_count: bool = False
    whole: float = float("nan")

    def __post_init__(self) -> None:
        object.__setattr__(self, "differences", np.asarray(self.differences, dtype=np.float64))
        for name in ("units", "prompts"):
            object.__setattr__(self, name, np.asarray(getattr(self, name)).astype(str))
        self._check_lengths()
        self._check_prompts()
        wrong = np.flatnonzero(np.isinf(self.differences))
        if len(wrong):
            raise UserError(
                f'The difference in "{self.outcome}" of {self.model}, {self.what}, is {self.differences[wrong[0]]} '
                f"for the prompt {self.prompts[wrong[0]]}: give NaN where nothing was measured, and look for a "
                "division by zero."
            )

    def _check_lengths(self) -> None:
        n = len(self.differences)
        if not n:
            raise UserError(f"{self.name} has no pair of prompts: leave the effect out.")
        for name in ("units", "prompts"):
            if len(getattr(self, name)) != n:
                raise UserError(
                    f"{self.name} has {n} differences and {len(getattr(self, name))} {name}: give one for each pair."
                )

    def _check_prompts(self) -> None:
        names, counts = np.unique(self.prompts, return_counts=True)
        if counts.max() > 1:
            raise UserError(
                f'{self.name} has the prompt "{names[counts.argmax()]}" {counts.max()} times: average what belongs '
                "to one prompt."
            )

    @property
    def name(self) -> str:
        """Model, intervention and outcome in words."""
        return f"{self.model}, {self.emotion}, {self.what}, {self.outcome}"

    @property
    def known(self) -> np.ndarray:
        """Which pairs have a difference, shape (pair,)."""
        return ~np.isnan(self.differences)

    @property
    def mean(self) -> float:
        """Mean of the known differences; NaN where there is none."""
        return float(self.differences[self.known].mean()) if self.known.any() else float("nan")
