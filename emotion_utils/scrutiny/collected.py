"""What is said of every claim without its model, from all the modules that say something, each claim once."""

from __future__ import annotations

from functools import lru_cache

from emotion_utils.core.errors import UserError
from emotion_utils.reports.claims import read_claims
from emotion_utils.scrutiny import counts, effects, scaling, siblings, subspaces
from emotion_utils.scrutiny.rules import NOTHING, Scrutiny, conflicting


@lru_cache(maxsize=4)
def _everything(seed: int = 0) -> tuple[tuple[str, Scrutiny], ...]:
    claims = read_claims().set_index("id")
    found = {
        **counts.scrutiny(claims, seed),
        **effects.scrutiny(claims),
        **subspaces.scrutiny(seed=seed),
        **scaling.scrutiny(claims, seed),
        **siblings.scrutiny(claims),
    }
    for claim, said in conflicting(claims).items():
        own = found.get(claim)
        if own is None or own.word == NOTHING:
            found[claim] = said
        elif str(claims.loc[claim, "conflicts_with"]) not in own.note:
            found[claim] = Scrutiny(own.word, f"{own.note}; {said.note}")
    left = [str(claim) for claim in claims.index if claim not in found]
    if left:
        raise UserError(
            f'Nothing is said of the claim "{left[0]}" without its model: add it to a module of '
            "emotion_utils/scrutiny, with its reason where no null applies."
        )
    return tuple((str(claim), found[claim]) for claim in claims.index)


def everything(seed: int = 0) -> dict[str, Scrutiny]:
    """Every claim of the reports, in the order of `data/claims.csv`.

    Parameters
    ----------
    seed
        Of the random draws.
    """
    return dict(_everything(seed))


def of(*prefixes: str) -> dict[str, Scrutiny]:
    """:func:`everything` whose id starts with one of the prefixes."""
    return {claim: found for claim, found in _everything() if claim.startswith(prefixes)}
