"""The reports' claims about heads (Phases 6 and 7), measured as they describe it and judged by rules stated here.

The reports name heads of GPT-2. In another model the head with the largest delta attention for gratitude stands in for
the one that they found, and is taken out, or patched, in the same way. Sentiment is read by a lexicon.

- *top.gratitude*: the largest delta attention for gratitude.
- *second*: the second and the third head for gratitude are those named.
- *top.layers*: of the ten largest scores of all emotions, the share in the first two or the last layer on a scale of
  twelve; holds at half or more.
- *top.layer0*: of the four heads with the largest mean over the emotions, how many lie in layer 0; holds if they are
  those named.
- *scores*: layers times heads times emotions.
- *ablate*: keywords, and change of sentiment, in the texts that go on from gratitude prompts with the head at zero; one
  report takes out L1H10, the other one L0H0. Fewer keywords hold where the interval of the difference lies below
  zero, fail where above, and are undecided where it has zero in it.
- *patch*: the same in texts that go on from their neutral partners with the head patched. Keywords are doubled where
  the interval of the difference lies above zero and they are at least twice those of the untouched model, of which
  there may be none. Fails where the interval lies below zero, or below as many more as would double them; else
  undecided, as where no text has changed.
- *sent.none*: no change. It needs an interval within the margin of the claim; one that has zero in it is not enough.
- *vonly*: the change of sentiment by ``v_only`` minus that by ``pattern_v``; decided where ``pattern_v`` has an effect.
  Holds where the whole interval lies within half of that effect, fails where it leaves out zero and reaches beyond.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Int

from emotion_utils.circuits.published import EMOTION, published_texts
from emotion_utils.circuits.texts import ablated_texts, paired, scored
from emotion_utils.heads.pairs import Head, Pairs, name_of
from emotion_utils.models.registry import knows_small_world
from emotion_utils.reports.claims import Measurement, claimed_name, too_few
from emotion_utils.reports.replication import lies_above, lies_below, none_of, nothing_holds
from emotion_utils.reports.vectors import on_reported_scale
from emotion_utils.statistics.resampling import FEWEST_UNITS

NAMED_HEAD: Head = (1, 10)
NAMED = {"L0H0", "L0H1", "L0H4", "L0H5"}
SECOND = ("L3H2", "L1H11")
TOP = 10
ALIKE = 0.5
"""Two changes are about the same where they differ by less than this share of the first."""


@dataclass(frozen=True, eq=False)
class AsPublished:
    """The reports' two experiments with one head, and how their texts differ from untouched ones.

    Attributes
    ----------
    head
        That was taken out and patched.
    ablated, patched, values_only
        From :func:`texts.paired`: with the head at zero, and patched by ``pattern_v`` and by ``v_only``.
    gap
        ``v_only`` against ``pattern_v``.
    """

    head: Head
    ablated: pd.DataFrame
    patched: pd.DataFrame
    values_only: pd.DataFrame
    gap: pd.DataFrame


def leading_head(delta: pd.DataFrame, model: str = "") -> Head:
    """The head that stands in for that of the reports, which it is in their own model.

    Elsewhere it is the one with the largest delta attention for gratitude: :func:`delta_attention.delta_attention`.
    """
    if claimed_name(model) == "gpt2":
        return NAMED_HEAD
    own = delta[delta["emotion"] == EMOTION]
    top = own.loc[own["delta"].idxmax()]
    return int(top["layer"]), int(top["head"])


def as_published(pairs: Pairs, head: Head, model: str, seed: int = 0, *, ablate: bool = True) -> AsPublished:
    """Take one head out of gratitude prompts, and patch it into their neutral partners.

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
    small_world, name = knows_small_world(model), name_of(head)
    ablated = pd.DataFrame()
    if ablate:
        ablated = paired(
            scored(ablated_texts(own, {name: [head]}), small_world=small_world), name, "target", seed
        )
    texts = {mode: published_texts(pairs, head, model, mode) for mode in ("pattern_v", "v_only")}
    both = pd.concat([table[table["set"] == name].assign(set=mode) for mode, table in texts.items()])
    return AsPublished(
        head,
        ablated,
        paired(texts["pattern_v"], name, "target", seed),
        paired(texts["v_only"], name, "target", seed),
        paired(both, "v_only", "pattern_v", seed),
    )


def screening_measurements(
    model: str, delta: pd.DataFrame, found: AsPublished, other: AsPublished, n_layers: int
) -> list[Measurement]:
    """Measure the claims of Phase 6.

    Parameters
    ----------
    model
    delta
        From :func:`delta_attention.delta_attention`.
    found
        Of the head of :func:`leading_head`.
    other
        Of head 0 in layer 0, which the second report takes out.
    n_layers
    """
    if int(delta["n_groups"].min()) < FEWEST_UNITS:
        return too_few("P6.", model, int(delta["n_groups"].min()))
    own = delta[delta["emotion"] == EMOTION].sort_values("delta", ascending=False, kind="stable")
    head = own[own["name"] == name_of(found.head)].iloc[0]
    names, lead = tuple(own["name"].iloc[1:3]), own["name"].iloc[0]
    top = delta.nlargest(TOP, "delta")
    share, chance = (
        _at_the_ends(layers, n_layers) for layers in (top["layer"].to_numpy(), np.arange(n_layers))
    )
    mean = delta.groupby(["layer", "name"])["delta"].mean().nlargest(4).reset_index()
    told = ", ".join(mean["name"])
    n, out = int(head["n"]), f"{name_of(found.head)} at zero"
    words = found.ablated.set_index("score").loc["keywords"]
    return [
        Measurement(
            "P6.top.gratitude", model, head["delta"], head["low"], head["high"], float(head["even"]), n,
            note=f"{head['name']}; the largest is {lead}; null: attention spread evenly",
        ),
        Measurement("P6.second", model, None, n=n, holds=names == SECOND, note=f"{names[0]} and {names[1]} follow"),
        Measurement(
            "P6.top.layers", model, share, n=len(top), null=chance, holds=share >= 0.5,
            note=f"of the {TOP} largest scores; null: share of these layers",
        ),
        Measurement(
            "P6.top.layer0", model, float((mean["layer"] == 0).sum()), n=4, null=4 / n_layers,
            holds=set(mean["name"]) == NAMED, note=f"the four largest: {told}; null: heads spread evenly",
        ),
        Measurement(
            "P6.scores", model, float(len(delta)), n=len(delta), note="layers x heads x emotions",
        ),
        Measurement(
            "P6.ablate.kw", model, words["one"] - words["other"], n=int(words["n"]),
            holds=lies_below(words["low"], words["high"]), note=f"{words['other']:.0f} -> {words['one']:.0f}, {out}",
        ),
        _sentiment("P6.ablate.sent", model, other.ablated, "L0H0 at zero"),
        _sentiment("P6.ablate.sent.none", model, found.ablated, out),
    ]  # fmt: skip


def _at_the_ends(layers: Int[np.ndarray, " head"], n_layers: int) -> float:
    """Share of layers that are one of the first two or the last of twelve."""
    depth = on_reported_scale(layers, n_layers)
    return float(((depth <= 1) | (depth >= 11)).mean())


def _alike(own: pd.Series, gap: pd.Series) -> bool | None:
    """Whether the second way to patch does as the first, whose effect is known; None where it has none or few units."""
    if not (own["low"] > 0 or own["high"] < 0):
        return None
    return nothing_holds(float(gap["low"]), float(gap["high"]), ALIKE * abs(float(own["difference"])))


def _sentiment(
    claim: str, model: str, table: pd.DataFrame, note: str, holds: bool | None = None
) -> Measurement:
    """Change of sentiment, over the texts that have one."""
    row = table.set_index("score").loc["vader"]
    if not int(row["n"]):
        return Measurement(claim, model, None, n=0, note=f"{note}; no pair of texts has a sentiment")
    value, low, high = (float(row[name]) for name in ("difference", "low", "high"))
    sure, n = not np.isnan(low) and low < high, int(row["n"])
    if low == high:
        note = f"{note}; {none_of(int(row['n_groups']))}"
    return Measurement(
        claim, model, value, low if sure else None, high if sure else None, 0.0, n, holds, note
    )


def _doubled(words: pd.Series) -> bool | None:
    """Whether keywords of the same texts have doubled: a row of :func:`texts.paired`, whose interval is per text.

    Where no resample differs, it says nothing of the error, and the row decides nothing.
    """
    if words["low"] == words["high"] == 0:
        return None
    more = lies_above(words["low"], words["high"])
    if more is False or (words["other"] > 0 and words["high"] < words["other"] / words["n"]):
        return False
    return True if more and words["one"] >= 2 * words["other"] else None


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
        return too_few("P7.", model, units)
    own, gap = (table.set_index("score").loc["vader"] for table in (found.patched, found.gap))
    words, at = found.patched.set_index("score").loc["keywords"], name_of(found.head)
    told = f"v_only minus pattern_v; pattern_v itself {own['difference']:+.3f}"
    return [
        _sentiment("P7.patch.sent", model, found.patched, f"{at}, pattern_v"),
        Measurement(
            "P7.patch.kw", model, words["one"] - words["other"], n=int(words["n"]),
            holds=_doubled(words),
            note=f"{words['other']:.0f} -> {words['one']:.0f}, {at}, pattern_v",
        ),
        _sentiment("P7.patch.vonly", model, found.gap, told, _alike(own, gap)),
        _sentiment("P7.patch.l0h0", model, other.patched, "L0H0, pattern_v"),
    ]  # fmt: skip
