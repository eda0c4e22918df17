"""Tables of the chapter on siblings, made by hand: two siblings of four components, and a recorded real model."""

from __future__ import annotations

import pandas as pd

from emotion_utils.siblings.results import Results
from emotion_utils.siblings.tables import RUN_MEASURES, WORDS

BASE, JPN, REAL = "small-gemma2", "small-gemma2-jpn", "Gemma 3 270M, pretrained (record)"
SIBLINGS = (BASE, JPN)
READERS = (f"{BASE}, small world", f"{JPN}, small world", REAL)
EMOTIONS = ("gratitude", "anger", "apology")
NAN = float("nan")


def scores(gain: float = 0.2) -> pd.DataFrame:
    """Siblings above words by ``gain`` on unseen spellings; as good on seen ones."""
    rows = []
    for test, words, more in (("seen spellings", 0.8, 0.0), ("unseen spellings", 0.4, gain)):
        rows.append((WORDS, test, words, words - 0.03, words + 0.03, 720, NAN, NAN, NAN))
        for name in SIBLINGS:
            own = words + more
            rows.append((name, test, own, own - 0.03, own + 0.03, 720, more, more - 0.04, more + 0.04))
    columns = ["model", "test", "value", "low", "high", "posts", "gain", "gain_low", "gain_high"]
    return pd.DataFrame(rows, columns=columns)


def circuits() -> pd.DataFrame:
    """Two layers; the base's first attention is out of the circuit."""
    rows = []
    for name in SIBLINGS:
        for layer in (0, 1):
            for kind in ("attn_out", "mlp_out"):
                value = 0.005 if (name, layer, kind) == (BASE, 0, "attn_out") else 0.1 * (layer + 1)
                rows.append(
                    (name, f"{kind}.{layer}", layer, kind, value, value - 0.05, value + 0.05, value, value - 0.02,
                     value + 0.02, value >= 0.01, None, 100, 90, 40, value * 1.1)
                )  # fmt: skip
    columns = [
        *("model", "component", "layer", "kind", "published", "published_low", "published_high", "share"),
        *("low", "high", "circuit", "sure", "pairs", "telling", "posts", "attributed"),
    ]
    return pd.DataFrame(rows, columns=columns)


def numbers() -> pd.DataFrame:
    """Sizes of the circuits."""
    rows = [
        (BASE, "components", 3, 2, 4),
        (JPN, "components", 4, 4, 4),
        (BASE, "summed effects", 0.5, 0.3, 0.7),
    ]
    return pd.DataFrame(rows, columns=["model", "quantity", "value", "low", "high"])


def ablations(p: float = 0.01, sets: int = 99) -> pd.DataFrame:
    """The published circuit of the second sibling has no rival."""
    rows = []
    for name in SIBLINGS:
        for circuit in ("as published", "best half"):
            for way in ("zero", "mean"):
                for measure, value in (("sufficiency", 0.9), ("necessity", 0.4)):
                    alone = circuit == "as published" and name == JPN
                    null = (NAN,) * 3 if alone else (0.5, 0.3, 0.7)
                    rows.append(
                        (circuit, way, measure, value, value - 0.05, value + 0.05, *null, 1.0 if alone else p,
                         0 if alone else sets, 2, 4, 360, name)
                    )  # fmt: skip
    columns = [
        *("circuit", "way", "measure", "value", "low", "high", "null", "null_low", "null_high", "p", "sets"),
        *("size", "components", "posts", "model"),
    ]
    return pd.DataFrame(rows, columns=columns)


def faithfulness() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Curves of both, and their integrals."""
    points = [
        (name, size, size / 4, (size / 4) ** 0.5, (size / 4) ** 0.5 - 0.05, (size / 4) ** 0.5 + 0.05, size / 4,
         size / 4 - 0.1, size / 4 + 0.1)
        for name in SIBLINGS
        for size in range(5)
    ]  # fmt: skip
    beside = ["value", "low", "high", "null", "null_low", "null_high"]
    rows = [
        (name, measure, value, value - 0.02, value + 0.02, 0.5, 0.4, 0.6, 0.01)
        for name in SIBLINGS
        for measure, value in (("CPR", 0.66), ("CMD", 0.34))
    ]
    return (
        pd.DataFrame(points, columns=["model", "size", "share", *beside]),
        pd.DataFrame(rows, columns=["model", "measure", *beside, "p"]),
    )


def told(differs: bool | None = True, measures: int = 2) -> pd.DataFrame:
    """The first measures differ (or as said), the others do not."""
    found: list[bool | None] = [differs] * measures + [False] * (len(RUN_MEASURES) - measures)
    table = pd.DataFrame({"measure": RUN_MEASURES, "trainings": 12})
    return table.assign(differs=pd.Series(found, dtype=object))


def runs() -> pd.DataFrame:
    """Two trainings of each of three siblings."""
    rows = [
        {"sibling": name, "seed": seed, **dict.fromkeys(RUN_MEASURES, k + 0.1 * seed)}
        for k, name in enumerate((*SIBLINGS, f"{JPN}-b"))
        for seed in range(2)
    ]
    return pd.DataFrame(rows)


def probed(rival_gain: float = 0.1, p_across: float = 0.01) -> pd.DataFrame:
    """Every cell of every model, one emotion and the mean."""
    rows = []
    for model in READERS:
        for made in ("English", "Japanese"):
            for scored in ("English", "Japanese"):
                across = made != scored
                value = 0.6 if across else 0.8
                p = p_across if across else 0.01
                for emotion in ("anger", "mean"):
                    rows.append(
                        (model, made, scored, emotion, 2, value, value - 0.05, value + 0.05, 0.5, 0.58, p, value - 0.1,
                         0.1, 0.05, 0.15, value - rival_gain, rival_gain, rival_gain - 0.05, rival_gain + 0.05, 200, 70)
                    )  # fmt: skip
    columns = [
        *(
            "model",
            "made",
            "scored",
            "emotion",
            "layer",
            "value",
            "low",
            "high",
            "null",
            "null_high",
            "p",
            "words",
        ),
        *("gain", "gain_low", "gain_high", "rival", "rival_gain", "rival_gain_low", "rival_gain_high", "n"),
        "n_units",
    ]
    return pd.DataFrame(rows, columns=columns)


def transferred(p_across: float = 0.5) -> pd.DataFrame:
    """Native vectors move replies; those of the other language as ``p_across`` says."""
    rows = [
        (model, made, scenes, emotion, 2.0 if made == scenes else 0.5, 0.1, 2.5, 0.0, 1.0,
         0.01, 0.01 if made == scenes else p_across, 1.0 if made == scenes else 0.25, 0.1, 100, 40)
        for model in READERS
        for made in ("English", "Japanese")
        for scenes in ("English", "Japanese")
        for emotion in EMOTIONS
    ]  # fmt: skip
    columns = [
        *("model", "made", "scenes", "emotion", "effect", "low", "high", "null", "null_high", "p", "p_holm"),
        *("own_share", "wrong", "vectors", "n"),
    ]
    return pd.DataFrame(rows, columns=columns)


def spellings(more: float = 0.0) -> pd.DataFrame:
    """Characters, embedding and two blocks; in the last model gaps of blocks are smaller, and other by so much."""
    rows = []
    for model in READERS:
        for layer, value in (("characters", 0.0), ("embedding", 0.05), ("0", 0.1), ("3", 0.2)):
            own = value / 2 + more if model == READERS[-1] and more and layer.isdigit() else value
            ends = (own - 0.02, own + 0.02)
            for measure in ("cosine", "survival 20"):
                for pairs in ("no shared character", "all"):
                    rows.append((model, layer, measure, pairs, own, *ends, 0.0, -0.02, 0.02, 0.001, 83, 293))
    columns = [
        *("model", "layer", "measure", "pairs", "value", "low", "high", "null", "null_low", "null_high", "p"),
        *("concepts", "spellings"),
    ]
    return pd.DataFrame(rows, columns=columns)


def results(
    gain: float = 0.2,
    p: float = 0.01,
    sets: int = 99,
    differs: bool | None = True,
    measures: int = 2,
    rho: float = 0.95,
    rival_gain: float = 0.1,
    p_across: float = 0.01,
    spelled: float = 0.0,
    recorded: bool = True,
) -> Results:
    """All of them."""
    tables = {
        "scores": scores(gain), "circuits": circuits(), "numbers": numbers(), "ablations": ablations(p, sets),
        "integrals": faithfulness()[1], "probed": probed(rival_gain, p_across), "transferred": transferred(),
        "agreement": pd.DataFrame({"model": SIBLINGS, "rho": [rho, 0.99], "components": 4}),
        "between_tests": pd.DataFrame({"test": ["a"], "value": [0.0], "low": [-0.1], "high": [0.1]}),
        "spellings": spellings(spelled),
    }  # fmt: skip
    return Results(tables, told(differs, measures) if recorded else None, 24)
