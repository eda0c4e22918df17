"""The reports' claims about data, activations, vectors, steering and heads: counts, sums, cosines without emotion."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import binomtest

from emotion_utils.planted.generators import spectrum
from emotion_utils.scrutiny.effects import null_of_mean
from emotion_utils.scrutiny.rules import (
    Scrutiny,
    chance,
    computed,
    no_null,
    number,
    printed,
    reasons,
    spread,
    value,
    within,
)
from emotion_utils.statistics.power import least_effect
from emotion_utils.statistics.resampling import interval

EMOTIONS, LAYERS, HEADS, WIDTH, STREAMS = 4, 12, 12, 768, 2
"""Of the reports' three small models; residual stream and output of the MLP are kept. One emotion is neutral."""
BYTES = {"half": 2, "single": 4}
MEGA = 1e6
EXPONENTS, DRAWS = (0.0, 0.5, 1.0, 1.5), 1000
"""How fast singular values of activations fall: not at all, to where one direction has most of the variance."""
ENDS = ("P3.cos.end.ga", "P3.cos.end.ga.b", "P3.cos.end.gp", "P3.cos.end.ap", "P3.cos.end.pythia")
WORDS = {"P6.ablate.kw": "taken out", "P7.patch.kw": "transplanted"}
UNPRINTED = "the report prints no figure"
NO_NULL = {
    "P1.tokens.mean": "a mean length of the report's own prompts",
    "P1.chars.baseline": "a mean length of the report's own prompts",
    "P1.chars.extended": "a mean length of the report's own prompts",
    "P2.throughput": "a speed, of a machine that is not named",
    "P3.cos.tok.ga": "the words themselves differ between emotions, and no cosine of unrelated words is printed",
    "P3.cos.tok.pythia.ga": "the words themselves differ between emotions, and no cosine of unrelated words is printed",
    "P3.cos.tok.pythia.gp": "the words themselves differ between emotions, and no cosine of unrelated words is printed",
    "P3.norm.depth": "residual streams themselves grow with depth, and the report does not print their norms",
    "P3.neo": UNPRINTED,
    "P5.alpha.range": "a judgement about a grid of seven strengths",
    "P5.alpha.collapse": "a count of texts that is not printed",
    "P5.repetition": UNPRINTED,
    "P5.sign": UNPRINTED,
    "P5.random": f"{UNPRINTED}, nor how many random vectors were tried",
    "P5.multitoken": UNPRINTED,
    "P6.top.layers": "neither the number of heads that react nor a threshold is printed",
    "P6.second": "names of heads without their scores",
    "P6.ablate.sent.none": UNPRINTED,
    "P7.patch.vonly": f"{UNPRINTED} for v_only",
}


def scrutiny(claims: pd.DataFrame, seed: int = 0) -> dict[str, Scrutiny]:
    """The claims of Phases 1, 2, 3, 5, 6 and 7.

    Parameters
    ----------
    claims
        Indexed by id.
    seed
        Of the cosines without emotion.
    """
    return {
        **reasons(NO_NULL),
        **_prompts(claims),
        **_stored(claims),
        **_cosines(claims, seed),
        **_heads(claims),
        "P5.realworld": no_null(
            f"a count, without an effect; {claims.loc['P5.realworld', 'value']} texts find d = "
            f"{number(least_effect(value(claims, 'P5.realworld')))} or more with 80 % power"
        ),
    }


def _prompts(claims: pd.DataFrame) -> dict[str, Scrutiny]:
    """Each of the three numbers of prompts from the other two."""
    sizes = {name: value(claims, f"P1.size.{name}") for name in ("baseline", "extended", "total")}
    of_one, both = "prompts in all, less the other profile's, by emotion", "prompts of both profiles"
    sums = {
        "baseline": (sizes["total"] / EMOTIONS - sizes["extended"], of_one),
        "extended": (sizes["total"] / EMOTIONS - sizes["baseline"], of_one),
        "total": (EMOTIONS * (sizes["baseline"] + sizes["extended"]), both),
    }
    return {
        f"P1.size.{name}": computed(claims.loc[f"P1.size.{name}"], total, total, about)
        for name, (total, about) in sums.items()
    }


def _stored(claims: pd.DataFrame) -> dict[str, Scrutiny]:
    models = len(str(claims.loc["P2.throughput", "model"]).split("|"))
    prompts = {name: EMOTIONS * value(claims, f"P1.size.{name}") for name in ("baseline", "extended")}
    found = {
        f"P2.files.{name}": computed(
            claims.loc[f"P2.files.{name}"], models * n, models * n, f"{number(n)} prompts x {models} models"
        )
        for name, n in prompts.items()
    }
    return found | {"P2.bytes": _bytes(claims, models * sum(prompts.values()), models * prompts["baseline"])}


def _bytes(claims: pd.DataFrame, files: float, baseline: float) -> Scrutiny:
    """All prompts of all models at a usual precision; the report names none."""
    claim, tokens = claims.loc["P2.bytes"], printed(claims.loc["P1.tokens.mean"])
    sizes = {
        name: [files * end * LAYERS * WIDTH * STREAMS * each / MEGA for end in tokens]
        for name, each in BYTES.items()
    }
    tried = [computed(claim, own[0], own[1], name) for name, own in sizes.items()]
    word = max((one.word for one in tried), key=lambda word: word == "arithmetic holds")
    told = ", ".join(f"{spread(*own)} MB in {name} precision" for name, own in sizes.items())
    alone = [end * baseline / files for end in sizes["single"]]
    return Scrutiny(
        word,
        f"both streams of {number(files)} files take {told}; the baseline profile alone {spread(*alone)} MB in single",
    )


def cosines_without_emotion(exponent: float, seed: int = 0) -> tuple[Float[np.ndarray, " draw"], float]:
    """Cosine of two means minus a third where all are means of the same states, equally many.

    Parameters
    ----------
    exponent
        Singular values fall as rank to minus this power.
    seed
        Of the draws.

    Returns
    -------
    The cosines, and the effective number of dimensions (participation ratio of the variances).
    """
    axes = spectrum(WIDTH, exponent)
    means = np.random.default_rng(seed).normal(size=(DRAWS, 3, WIDTH)) * axes
    one, other = means[:, 0] - means[:, 2], means[:, 1] - means[:, 2]
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    effective = float((axes**2).sum() ** 2 / (axes**4).sum())
    return (one * other).sum(axis=1) / lengths, effective


def _cosines(claims: pd.DataFrame, seed: int) -> dict[str, Scrutiny]:
    drawn = [cosines_without_emotion(exponent, seed=seed) for exponent in EXPONENTS]
    ranges = [(*interval(cosines), effective) for cosines, effective in drawn]
    told = "; ".join(
        f"{spread(low, high)} in {number(dims)} effective dimensions" for low, high, dims in ranges
    )
    found = {}
    for claim in ENDS:
        covers = [
            number(dims)
            for low, high, dims in ranges
            if within(claims.loc[claim], low, high, "").word == "at chance"
        ]
        word = "at chance" if covers else "above chance"
        where = f"; the value is covered at {', '.join(covers)}" if covers else ""
        found[claim] = Scrutiny(word, f"means minus one neutral mean, without any emotion: {told}{where}")
    token, ends = claims.loc["P3.cos.tok.ga"], ("P3.cos.end.ga", "P3.cos.end.ga.b")
    lower = [printed(token)[1] < printed(claims.loc[end])[0] for end in ends]
    told = f"{token['value']} against {' and '.join(claims.loc[end, 'value'] for end in ends)}"
    held = "arithmetic holds" if all(lower) else "arithmetic fails"
    return found | {"P3.separation": Scrutiny(held, f"printed cosines of gratitude and anger, {told}")}


def _heads(claims: pd.DataFrame) -> dict[str, Scrutiny]:
    scores = LAYERS * HEADS * (EMOTIONS - 1)
    about = f"{LAYERS} layers x {HEADS} heads x {EMOTIONS - 1} emotions"
    found = {"P6.scores": computed(claims.loc["P6.scores"], scores, scores, about)}
    for claim, done in WORDS.items():
        before, after = (int(claims.loc[claim, end]) for end in ("lo", "hi"))
        p = float(binomtest(after, before + after).pvalue)
        found[claim] = chance(p, f"exact test of two counts, {before} and {after}, head {done}")
    low, high = null_of_mean(claims, "P75.sentiment")
    about = "95 % of mean changes of sentiment if nothing happens, at the spread and n of section 9.1"
    for claim in ("P6.ablate.sent", "P7.patch.sent"):
        found[claim] = within(claims.loc[claim], low, high, about)
    return found | {"P7.patch.l0h0": _patched(claims, within(claims.loc["P7.patch.l0h0"], low, high, about))}


def _patched(claims: pd.DataFrame, otherwise: Scrutiny) -> Scrutiny:
    """The same head and score in the other report, which prints an interval."""
    theirs, ends = printed(claims.loc["P7.patch.l0h0"]), claims.loc["P75.sentiment.ci"]
    if theirs[0] <= float(ends["hi"]) and float(ends["lo"]) <= theirs[1]:
        return otherwise
    mean = claims.loc["P75.sentiment.diff", "value"]
    told = f"{mean} ({ends['value']}) in section {ends['section']} of the other report, same head and score"
    return Scrutiny("conflicts", f"{told}; {otherwise.word}, {otherwise.note}")
