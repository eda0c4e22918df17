"""The reports' claims about heads (Phases 6 and 7), measured as they describe it and judged by rules stated here.

The reports name heads of GPT-2. In another model the head with the largest delta attention for gratitude stands in for
the one that they found, and is taken out, or transplanted, in the same way. Sentiment is read by a lexicon.

- *top.gratitude*: the largest delta attention for gratitude.
- *second*: the second and the third head for gratitude are those named.
- *top.layers*: of the ten largest scores of all emotions, the share in the first two or the last layer on a scale of
  twelve; holds at half or more.
- *top.layer0*: of the four heads with the largest mean over the emotions, how many lie in layer 0; holds if they are
  those named.
- *scores*: layers times heads times emotions.
- *ablate*: keywords, and change of sentiment, in the texts that go on from gratitude prompts with the head at zero.
- *patch*: the same in texts that go on from their neutral partners with the head transplanted.
- *vonly*: the change of sentiment by ``v_only`` minus that by ``pattern_v``; holds where its interval contains zero and
  that of ``pattern_v`` does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from emotion_utils.claims import Measurement
from emotion_utils.heads.ablation import name_of
from emotion_utils.heads.pairs import Head, Pairs
from emotion_utils.heads.patching import aligned
from emotion_utils.heads.texts import NEW_TOKENS, ablated_texts, paired, scored, transplanted_texts
from emotion_utils.models import BUNDLED
from emotion_utils.resampling import FEWEST_UNITS
from emotion_utils.vector_claims import on_reported_scale

__all__ = [
    "PATCHING",
    "SCREENING",
    "as_published",
    "leading_head",
    "patching_measurements",
    "screening_measurements",
]

SCREENING = (
    "P6.top.gratitude",
    "P6.second",
    "P6.top.layers",
    "P6.top.layer0",
    "P6.scores",
    "P6.ablate.kw",
    "P6.ablate.sent",
    "P6.ablate.sent.none",
)
PATCHING = ("P7.patch.sent", "P7.patch.kw", "P7.patch.vonly", "P7.patch.l0h0")
EMOTION = "gratitude"
NAMED = {"L0H0", "L0H1", "L0H4", "L0H5"}
SECOND = ("L3H2", "L1H11")
TOP = 10
OTHER = "one report names L1H10, the other four heads of layer 0"
MIXED = "one report sees no change of sentiment, the other one of -0.0349"
SUM = "12 x 12 x 3 = 432"


@dataclass(frozen=True, eq=False)
class AsPublished:
    """The reports' two experiments with one head, and how their texts differ from untouched ones.

    Attributes
    ----------
    head
        That was taken out and transplanted.
    ablated, patched, values_only
        From :func:`texts.paired`: with the head at zero, and transplanted by ``pattern_v`` and by ``v_only``.
    gap
        ``v_only`` against ``pattern_v``.
    """

    head: Head
    ablated: pd.DataFrame
    patched: pd.DataFrame
    values_only: pd.DataFrame
    gap: pd.DataFrame


def leading_head(delta: pd.DataFrame) -> Head:
    """The head with the largest delta attention for gratitude, from :func:`looking.delta_attention`."""
    own = delta[delta["emotion"] == EMOTION]
    top = own.loc[own["delta"].idxmax()]
    return int(top["layer"]), int(top["head"])


def as_published(pairs: Pairs, head: Head, model: str, seed: int = 0, *, ablate: bool = True) -> AsPublished:
    """Take one head out of gratitude prompts, and transplant it into their neutral partners.

    Parameters
    ----------
    pairs
        Of keyword prompts, made with ``reply=False``; the whole text is matched from its end.
    head
    model
        Registry name.
    seed
        Of the bootstrap.
    ablate
        Whether the first experiment is wanted; without it its table is empty.
    """
    own = pairs.where(pairs.table["emotion"] == EMOTION)
    small_world, name = model in BUNDLED, name_of(head)
    ablated = pd.DataFrame()
    if ablate:
        ablated = paired(
            scored(ablated_texts(own, {name: [head]}), small_world=small_world), name, "target", seed
        )
    texts = {
        mode: scored(
            transplanted_texts(own, {name: [head]}, mode, matched=aligned(own), new_tokens=NEW_TOKENS),
            small_world=small_world,
        )
        for mode in ("pattern_v", "v_only")
    }
    both = pd.concat([table[table["set"] == name].assign(set=mode) for mode, table in texts.items()])
    return AsPublished(
        head,
        ablated,
        paired(texts["pattern_v"], name, "target", seed),
        paired(texts["v_only"], name, "target", seed),
        paired(both, "v_only", "pattern_v", seed),
    )


def screening_measurements(
    model: str, delta: pd.DataFrame, found: AsPublished, n_layers: int
) -> list[Measurement]:
    """Measure the claims of Phase 6."""
    if int(delta["n_groups"].min()) < FEWEST_UNITS:
        return _pending(SCREENING, model, int(delta["n_groups"].min()))
    own = delta[delta["emotion"] == EMOTION].sort_values("delta", ascending=False, kind="stable")
    first, n = own.iloc[0], int(own["n"].iloc[0])
    names = tuple(own["name"].iloc[1:3])
    top = delta.nlargest(TOP, "delta")
    depth = on_reported_scale(top["layer"].to_numpy(), n_layers)
    share = float(((depth <= 1) | (depth >= 11)).mean())
    mean = delta.groupby(["layer", "name"])["delta"].mean().nlargest(4).reset_index()
    told = ", ".join(mean["name"])
    score = found.ablated.set_index("score").loc
    words, mood = score["keywords"], score["vader"]
    out = f"{name_of(found.head)} at zero"
    sentiment = (mood["difference"], mood["low"], mood["high"])
    return [
        Measurement(
            "P6.top.gratitude", model, first["delta"], first["low"], first["high"], float(first["even"]), n,
            note=f"{first['name']}; null: attention spread evenly", scrutiny="conflicts", scrutiny_note=OTHER,
        ),
        Measurement("P6.second", model, None, n=n, holds=names == SECOND, note=f"{names[0]} and {names[1]} follow"),
        Measurement(
            "P6.top.layers", model, share, n=len(top), null=3 / 12, holds=share >= 0.5,
            note=f"of the {TOP} largest scores; null: share of these layers",
        ),
        Measurement(
            "P6.top.layer0", model, float((mean["layer"] == 0).sum()), n=4, null=4 / n_layers,
            holds=set(mean["name"]) == NAMED, note=f"the four largest: {told}; null: heads spread evenly",
            scrutiny="conflicts", scrutiny_note=OTHER,
        ),
        Measurement(
            "P6.scores", model, float(len(delta)), n=len(delta), note="layers x heads x emotions",
            scrutiny="arithmetic holds", scrutiny_note=SUM,
        ),
        Measurement(
            "P6.ablate.kw", model, words["one"] - words["other"], n=int(words["n"]),
            holds=bool(words["one"] < words["other"]), note=f"{words['other']:.0f} -> {words['one']:.0f}, {out}",
        ),
        *(
            Measurement(
                claim, model, *_ends(sentiment), 0.0, int(mood["n"]), note=out,
                scrutiny="conflicts", scrutiny_note=MIXED,
            )
            for claim in ("P6.ablate.sent", "P6.ablate.sent.none")
        ),
    ]  # fmt: skip


def patching_measurements(model: str, found: AsPublished, other: AsPublished) -> list[Measurement]:
    """Measure the claims of Phase 7.

    Parameters
    ----------
    model
    found
        Of the head with the largest delta attention.
    other
        Of head 0 in layer 0, which the second report names.
    """
    units = int(found.patched["n_groups"].min())
    if units < FEWEST_UNITS:
        return _pending(PATCHING, model, units)
    tables: Mapping[str, pd.DataFrame] = {
        "own": found.patched, "gap": found.gap, "other": other.patched,
    }  # fmt: skip
    mood = {name: table.set_index("score").loc["vader"] for name, table in tables.items()}
    words = found.patched.set_index("score").loc["keywords"]
    n, at = int(words["n"]), name_of(found.head)
    own, gap = mood["own"], mood["gap"]
    moved = not own["low"] <= 0 <= own["high"]
    told = f"v_only minus pattern_v; pattern_v itself {own['difference']:+.3f}"
    values = {name: _ends((row["difference"], row["low"], row["high"])) for name, row in mood.items()}
    return [
        Measurement("P7.patch.sent", model, *values["own"], 0.0, n, note=f"{at}, pattern_v"),
        Measurement(
            "P7.patch.kw", model, words["one"] - words["other"], n=n,
            holds=bool(words["one"] >= 2 * words["other"] > 0),
            note=f"{words['other']:.0f} -> {words['one']:.0f}, {at}, pattern_v",
        ),
        Measurement(
            "P7.patch.vonly", model, *values["gap"], 0.0, n,
            holds=bool(gap["low"] <= 0 <= gap["high"]) and moved, note=told,
        ),
        Measurement("P7.patch.l0h0", model, *values["other"], 0.0, n, note="L0H0, pattern_v"),
    ]  # fmt: skip


def _ends(values: tuple[float, float, float]) -> tuple[float, float | None, float | None]:
    """A value with its interval, which a claim takes as two numbers or none."""
    value, low, high = map(float, values)
    return (value, None, None) if low != low or high != high else (value, low, high)


def _pending(claims: tuple[str, ...], model: str, units: int) -> list[Measurement]:
    note = f"{units} units, at least {FEWEST_UNITS} are needed"
    return [Measurement(claim, model, None, note=note) for claim in claims]
