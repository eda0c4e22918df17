"""Tables of the chapter on features, made by hand: two siblings of two layers, with a finding that can be turned round.

Each function has the columns of the one of its name in :mod:`emotion_utils.features.tables`, as a test asserts.
"""

from __future__ import annotations

import pandas as pd

from emotion_utils.features import cues as of_cues
from emotion_utils.features import knockout_table, label_effects
from emotion_utils.features.over_labels import COLUMNS, published_knockouts
from emotion_utils.features.results import Results
from emotion_utils.features.spelling_features import PLACES, READINGS
from emotion_utils.features.study import FROZEN, SOUND

BASE, JPN = "small-gemma2", "small-gemma2-jpn"
SIBLINGS = (BASE, JPN)
LAYERS = (0, 1)
LABELS = ("sea", "wood", "town")
K = 16
COMPONENTS, NEURONS = f"{K} components", f"{K} largest neurons"
NAN = float("nan")


def ends(value: float, half: float) -> tuple[float, float]:
    """Of an interval; none where ``half`` is NaN."""
    return value - half, value + half


def judged(components: float = 0.3, frozen: float = 0.4, half: float = 0.1) -> pd.DataFrame:
    """Losses of rivals are larger than the dictionary's by so many nats; a loss of 1 is what ablation costs."""
    rows = []
    worse = {SOUND: 0.0, FROZEN: frozen, COMPONENTS: components, NEURONS: 0.5}
    for model in SIBLINGS:
        for layer in LAYERS:
            for method, more in worse.items():
                own, gap = 0.9 - more, (more, *(ends(more, half) if method != SOUND else (0.0, 0.0)))
                told = (0.8 - more / 2, 0.7 - more / 2, 15.5, 0.25, 0.1 + more, more, 0.2 + more)
                rows.append((model, method, layer, *told, own, *ends(own, half), *gap))
            for method, loss in (("clean", 0.0), ("ablated", 1.0)):
                losses = (loss, loss, loss, 1 - loss, 1 - loss, 1 - loss)
                rows.append((model, method, layer, *(NAN,) * 4, *losses, *(NAN,) * 3))
    columns = [
        *("model", "method", "layer", "explained", "explained_by_state", "l0", "dead", "loss", "loss_low"),
        *("loss_high", "recovered", "low", "high", "worse", "worse_low", "worse_high"),
    ]
    return pd.DataFrame(rows, columns=columns)


def effects(
    high: float = 60.0, null: float = 5.0, p: float = 0.01, share: float = 0.5, random: float = 0.4
) -> pd.DataFrame:
    """So many features have a high d, and with labels exchanged; of random directions such a share is specific."""
    rows = []
    for more, model in enumerate(SIBLINGS):
        for layer in LAYERS:
            few = NAN if null == 0 else 0.95
            values = {
                label_effects.MEASURES[0]: (0.2 + more / 10, 0.01, p),
                label_effects.MEASURES[1]: (high + 10 * more, null, p),
                label_effects.MEASURES[2]: (share if high else NAN, few, 1.0 if share < 0.95 else p),
                label_effects.MEASURES[3]: (3.0, 3.0, 1.0),
                label_effects.REPLICATED: (40.0, 1.0, p),
            }
            for measure, (value, of_null, own_p) in values.items():
                row = (value, *ends(value, 0.05), of_null, *ends(of_null, 0.02), own_p, 512, 720)
                unlearned = {label_effects.MEASURES[1]: 55.0, label_effects.MEASURES[2]: random}.get(
                    measure, NAN
                )
                rows.append((model, measure, *row, layer, unlearned))
    return pd.DataFrame(rows, columns=["model", *label_effects.COLUMNS, "layer", "random"])


def telling(one: int = 30, several: int = 30, null: float = 5.0) -> pd.DataFrame:
    """Features that react to one label, and to several."""
    rows = [
        (model, layer, one, several, null, 0.0, 2 * null, 50.0, 0.95)
        for model in SIBLINGS
        for layer in LAYERS
    ]
    columns = ["model", "layer", "one label", "several labels", "null", "null_low", "null_high", "random"]
    columns.append("share_random")
    return pd.DataFrame(rows, columns=columns)


def sparsity(gap: float = 20.0) -> pd.DataFrame:
    """More features are active in texts of the Japanese sibling."""
    rows = []
    for more, model in enumerate(SIBLINGS):
        for measure, value in {
            "active features of a text": 100.0 + gap * more, "active features of a token": 16.0,
            "top-20 share of a text": 0.5 - 0.02 * more, "top-20 share of a token": 0.9,
        }.items():  # fmt: skip
            rows.append((model, measure, value, value * 0.9, value * 1.1, 720))
    return pd.DataFrame(rows, columns=["model", "measure", "value", "low", "high", "texts"])


def knockouts(effect: float = 10.0) -> pd.DataFrame:
    """Labels lose 20, 30 and 40 points, matched features less by so many."""
    rows = []
    for model in SIBLINGS:
        for at, label in enumerate(LABELS):
            drop = 20.0 + 10 * at
            own = dict.fromkeys(knockout_table.COLUMNS, 1.0)
            own |= {"label": label, "posts": 15, "features": 20, "before": 90.0, "after": 90 - drop}
            own |= {"drop": drop, "effect": effect, "matched": drop - effect}
            own |= {"rate_ratio": 0.9, "energy_ratio": 0.3 * (1 + at)}
            own |= {"matched_low": drop - effect - 5, "matched_high": drop - effect + 5}
            rows.append({"model": model, **own})
    return pd.DataFrame(rows, columns=["model", *knockout_table.COLUMNS])


def means_over(values: dict[str, float], half: float, labels: int = 24) -> pd.DataFrame:
    """Of both siblings, with intervals half as wide as that; NaN for too few labels."""
    rows = [
        (model, name, value, *ends(value, half), *ends(value, 1.0), 0.01, 0.01, 0.01, labels)
        for model in SIBLINGS
        for name, value in values.items()
    ]
    return pd.DataFrame(rows, columns=["model", "measure", *COLUMNS])


def knockout_means(effect: float = 10.0, half: float = 4.0, second: float | None = None) -> pd.DataFrame:
    """Means of :func:`knockouts`; those of the Japanese sibling beyond matched features may be others."""
    values = {"drop": 30.0, "matched": 30 - effect, "random": 0.0, "effect": effect}
    table = means_over(values | {"others_drop": 1.0, "nats": 2.0, "nats_effect": 1.0}, half)
    if second is not None:
        place = (table["model"] == JPN) & (table["measure"] == "effect")
        table.loc[place, ["mean", "low", "high"]] = (second, *ends(second, half))
    return table


def label_cues() -> pd.DataFrame:
    """Diversity of three labels."""
    rows = []
    for more, model in enumerate(SIBLINGS):
        for at, label in enumerate(LABELS):
            own = (0.3 + 0.1 * at + 0.05 * more, 20.0 - at, 12.0, 0.2)
            null = (0.1, 25.0, 17.0, 0.05)
            rows.append(
                (model, label, 18, 25.0, *own, *null, *(a - b for a, b in zip(own, null, strict=True)))
            )
    nulls = (f"{name}_null" for name in of_cues.MEASURES)
    columns = ["model", "label", "features", "strong", *of_cues.MEASURES, *nulls, *of_cues.BEYOND]
    return pd.DataFrame(rows, columns=columns)


def cue_means(half: float = 0.5) -> pd.DataFrame:
    """Means of :func:`label_cues`."""
    table = label_cues()
    names = [*of_cues.MEASURES, *of_cues.BEYOND]
    made = means_over(dict.fromkeys(names, 0.0), half)
    for model in SIBLINGS:
        own = table[table["model"] == model][names].mean()
        place = made["model"] == model
        made.loc[place, "mean"] = own.to_numpy()
        made.loc[place, "low"], made.loc[place, "high"] = own.to_numpy() - half, own.to_numpy() + half
    return made


def survival(known: float = 0.2, half: float = 0.05) -> pd.DataFrame:
    """Different concepts share less than one does, by so much; every place, reading and kind of pairs."""
    rows = []
    for model in SIBLINGS:
        for place in PLACES:
            for reading in READINGS:
                for pairs in ("all", "no shared character"):
                    for at, k in enumerate((20, 50, 100)):
                        value = 0.5 - 0.1 * at
                        null = value + known
                        row = (value, *ends(value, 0.04), null, *ends(null, 0.01), known, *ends(known, half))
                        rows.append((model, place, reading, pairs, k, *row, 0.01, 83, 293))
    columns = [
        *("model", "place", "reading", "pairs", "k", "value", "low", "high", "null", "null_low", "null_high"),
        *("known", "known_low", "known_high", "p", "concepts", "spellings"),
    ]
    return pd.DataFrame(rows, columns=columns)


def differences(
    drop: float = -16.1, cue: float = 2.0, spelled: float = 0.07, part: float = 0.3, labels: int = 24
) -> pd.DataFrame:
    """Japanese minus base, with intervals that are wide by this part of the value; NaN for none."""
    values = {
        "knockout": {"before": 1.0, **dict.fromkeys(knockout_table.MEASURES, 1.0), "drop": drop},
        "cues": dict.fromkeys((*of_cues.MEASURES, *of_cues.BEYOND), cue),
        "spellings": {f"{name} {k}": spelled for k in (20, 50, 100) for name in ("survival", "known")},
    }
    rows = [
        (what, name, value, *ends(value, part * abs(value)), 0.03, 83 if what == "spellings" else labels)
        for what, own in values.items()
        for name, value in own.items()
    ]
    return pd.DataFrame(rows, columns=["what", "measure", "mean", "low", "high", "p", "labels"])


def results(**changed: pd.DataFrame) -> Results:
    """All of them, some replaced."""
    tables = {
        "judged": judged(), "effects": effects(), "sparsity": sparsity(), "knockouts": knockouts(),
        "knockout_means": knockout_means(), "label_cues": label_cues(), "cue_means": cue_means(),
        "survival": survival(), "differences": differences(), "reported": published_knockouts(),
    }  # fmt: skip
    return Results(tables | changed, K)
