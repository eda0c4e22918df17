"""Tables of the chapter on predictable and novel parts, made by hand: two models, three layers each."""

from __future__ import annotations

import pandas as pd

SMALL, REAL = "small-pythia, small world", "SmolLM2 135M, pretrained"
LAYERS = {SMALL: (0, 2, 5), REAL: (0, 15, 29)}
PLACES = [(model, layer) for model, layers in LAYERS.items() for layer in layers]
BASELINES = {"position mean": 0.05, "previous token": -0.4, "autoregression": 0.3, "current token": 0.2}
NAN = float("nan")


def explained(
    r2: float = 0.4, gain: float = 0.1, wrong: float = -0.2, without_massive: float = 0.4
) -> pd.DataFrame:
    """R² of the predictor, of the baselines (the best has ``r2 - gain``) and with the past of another text."""
    rows = []
    for model, layer in PLACES:
        for measure in ("pooled", "no massive", "per dimension"):
            own = r2 if measure != "no massive" else without_massive
            values = {
                "predictor": own,
                **BASELINES,
                "autoregression": own - gain,
                "past of another text": wrong,
            }
            for name, value in values.items():
                ahead = value - (own - gain)
                gains = (
                    ("autoregression", ahead, ahead - 0.02, ahead + 0.02)
                    if measure != "per dimension"
                    else (None, NAN, NAN, NAN)
                )
                rows.append((model, layer, measure, name, value, value - 0.02, value + 0.02, *gains, 24))
    columns = ["model", "layer", "measure", "prediction", "r2", "low", "high", "baseline", "gain", "gain_low"]
    return pd.DataFrame(rows, columns=[*columns, "gain_high", "documents"])


def shares() -> pd.DataFrame:
    """What a few dimensions have."""
    rows = [(model, layer, 0.25, 0.01, 3.0, 1) for model, layer in PLACES]
    return pd.DataFrame(
        rows, columns=["model", "layer", "massive dimensions", "sinks", "position 0", "massive"]
    )


def correlations(rho: float = 0.4, null_high: float = 0.05) -> pd.DataFrame:
    """Of whole windows, and of their late part, which is another number."""
    rows = [
        (
            model,
            layer,
            part,
            value,
            value - 0.1,
            value + 0.1,
            0.0,
            null_high,
            half,
            half - 0.1,
            half + 0.1,
            24,
        )
        for model, layer in PLACES
        for part, value, half in (("all", rho, rho / 2), ("late", rho - 0.9, rho / 2 - 0.9))
    ]
    columns = ["model", "layer", "part", "rho", "low", "high", "null", "null_high", "partial", "partial_low"]
    return pd.DataFrame(rows, columns=[*columns, "partial_high", "documents"])


def claim_numbers(gap: float = 0.2, trivial: float = 0.3, width: float = 0.02) -> pd.DataFrame:
    """Numbers of the claims: probes, and what changes along the window."""
    rows = []
    for model in LAYERS:
        for place, change in (("first", 0.02), ("middle", -0.3), ("last", -0.1)):
            rows += [
                (model, quantity, place, change, change - 0.01, change + 0.01, 0.0)
                for quantity in ("error change", "rho change")
            ]
        for task in ("domain", "type"):
            parts = {"": gap, ", trivial split": trivial, ", beyond it": gap - trivial}
            rows += [(model, f"{task}{w}", "all", v, v - width, v + width, NAN) for w, v in parts.items()]
    return pd.DataFrame(rows, columns=["model", "quantity", "at", "value", "low", "high", "null"])


def written(largest: float = 2e-6) -> pd.DataFrame:
    """Loss recovered, layer by layer."""
    shared = {
        "untouched": 1.0,
        "both": 1.0,
        "predictable": 0.5,
        "novel": -0.2,
        "novel around the mean": 0.6,
        "mean": 0.0,
    }
    rows = [
        (model, layer, way, 4 - share, share, share - 0.05, share + 0.05, largest)
        for model, layer in PLACES
        for way, share in shared.items()
    ]
    return pd.DataFrame(
        rows, columns=["model", "layer", "way", "loss", "recovered", "low", "high", "largest"]
    )


def sweep(above: float = 0.1) -> pd.DataFrame:
    """The predictor of the chapter from three seeds, and a wider one in the model of the record."""
    forms = {
        model: ["as in this chapter", *(f"as in this chapter, seed {i}" for i in (1, 2))] for model in LAYERS
    }
    forms[REAL].append("a wider one")
    rows = [
        (model, form, 1000, 0.4 + i / 500, above, above - 0.02, above + 0.02)
        for model, own in forms.items()
        for i, form in enumerate(own)
    ]
    return pd.DataFrame(
        rows, columns=["model", "architecture", "parameters", "r2", "above", "above_low", "above_high"]
    )


EMOTIONS = ("gratitude", "anger", "apology")
ADDED = (
    ("whole vector", "equal length"),
    ("predictable part", "own length"),
    ("predictable part", "equal length"),
    ("new part", "own length"),
    ("new part", "equal length"),
)


def effects(p: float = 0.01, vectors: int = 100) -> pd.DataFrame:
    """What a vector and its parts do; the parts have this p in all emotions."""
    rows = [
        (model, 2, emotion, part, length, 1.0 + i, 0.5 + i, 1.5 + i, 0.1, 0.4, p, vectors, p)
        for model in LAYERS
        for emotion in EMOTIONS
        for i, (part, length) in enumerate(ADDED)
    ]
    columns = [
        "model",
        "layer",
        "emotion",
        "part",
        "length",
        "value",
        "low",
        "high",
        "null",
        "null_high",
        "p",
    ]
    return pd.DataFrame(rows, columns=[*columns, "vectors", "p_holm"])


def gaps(difference: float = -0.5) -> pd.DataFrame:
    """Predictable minus new."""
    rows = [
        (model, emotion, length, difference, difference - 0.2, difference + 0.2)
        for model in LAYERS
        for emotion in EMOTIONS
        for length in ("own length", "equal length")
    ]
    return pd.DataFrame(rows, columns=["model", "emotion", "length", "difference", "low", "high"])


def geometry() -> pd.DataFrame:
    """How much of each vector its predictable part is."""
    rows = [(model, emotion, 0.3, 0.2, 0.4, 0.1) for model in LAYERS for emotion in EMOTIONS]
    return pd.DataFrame(rows, columns=["model", "emotion", "along", "low", "high", "null"])


def positions(falls: bool = True) -> pd.DataFrame:
    """Errors along a window."""
    rows = [
        (model, layer, name, at, 1 - mse / 8, mse)
        for model, layer in PLACES
        for at in range(1, 32)
        for name, mse in (("position mean", 8.0), ("predictor", 4 - at / 20 if falls else 4 + at / 20))
    ]
    return pd.DataFrame(rows, columns=["model", "layer", "prediction", "position", "r2", "mse"])


def probes(f1: float = 0.6) -> pd.DataFrame:
    """Macro F1 of probes; that of `r` is at chance."""
    rows = [
        (model, layer, name, value, value - 0.05, value + 0.05, 0.2)
        for model, layer in PLACES
        for name, value in (("h", f1), ("h_hat", f1 - 0.1), ("r", 0.15))
    ]
    rows += [(model, NAN, "tokens before", 0.5, 0.45, 0.55, 0.2) for model in LAYERS]
    return pd.DataFrame(
        rows, columns=["model", "layer", "representation", "macro", "macro_low", "macro_high", "null_high"]
    )


def splits(gap: float = 0.2, trivial: float = 0.3) -> pd.DataFrame:
    """Past minus new of three splits, one of them beyond another, and what is no split."""
    contrasts = {
        "h_hat − r": gap, "previous h − change of h": trivial, "linear h_hat − linear r": trivial,
        "h_hat − r beyond previous h − change of h": gap - trivial, "[h_hat, r] at the size of h − h": 0.9,
    }  # fmt: skip
    rows = [(m, layer, name, v, v - 0.1, v + 0.1) for m, layer in PLACES for name, v in contrasts.items()]
    return pd.DataFrame(rows, columns=["model", "layer", "contrast", "difference", "low", "high"])


def tables() -> dict[str, pd.DataFrame]:
    """All that the answer needs."""
    made = (explained, shares, correlations, claim_numbers, written, geometry, effects, gaps, sweep)
    return {one.__name__: one() for one in made}
