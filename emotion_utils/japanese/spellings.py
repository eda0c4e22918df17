"""Whether the states of a model know that several spellings are one concept: 会議, ミーティング, MTG, 打ち合わせ.

Every spelling stands in the same neutral sentences, so that nothing but the spelling differs. A model that knows the
concept has states that are more alike for two spellings of one concept than for spellings of different concepts in the
same two scripts. Spellings that share a character are alike in any model, and in the text itself: what counts are pairs
that share none. Beside the states stand the characters of the spelling and its input embeddings, which no block has
changed; byte tokens can be shared by spellings without a common character.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from emotion_utils.activations.extraction import extract, points
from emotion_utils.communities.content import load_communities, spelling_key
from emotion_utils.communities.spelling import Spellings, all_spellings
from emotion_utils.core.errors import UserError
from emotion_utils.japanese.survival import TOP, among_kinds, over_concepts, survival
from emotion_utils.models.hooks import HookPoint
from emotion_utils.statistics.permutations import permutation_p
from emotion_utils.statistics.resampling import interval

if TYPE_CHECKING:
    from emotion_utils.core.store import Store
    from emotion_utils.models.model import Model

CARRIERS = (
    "今日は{}の話をします。",
    "きのう{}について聞かれました。",
    "先週から{}のことを考えています。",
    "この町では{}がよく話題になります。",
)
"""Neutral sentences that any concept fits; no spelling stands first, where many models keep an attention sink."""
SCRIPTS = {
    "CJK": "kanji",
    "IDEOGRAPHIC": "kanji",
    "KATAKANA": "katakana",
    "HIRAGANA": "hiragana",
    "LATIN": "Latin",
}
"""First word of the Unicode name of a character to its script."""
MIXED = "mixed"
PROLONGED = "ー"
"""Stands in words of both kana."""
EMBEDDING, CHARACTERS = "embedding", "characters"
"""What stands in the place of a layer: input embeddings, and a bag of single characters and of pairs of neighbours."""
COSINE = "cosine"
APART, ALL = "no shared character", "all"
COLUMNS = [
    *["model", "layer", "measure", "pairs", "value", "low", "high", "null", "null_low", "null_high", "p"],
    *["concepts", "spellings"],
]


def script(spelling: str) -> str:
    """Script of a spelling: kanji, katakana, hiragana, Latin or mixed; digits and signs do not count.

    >>> [script(text) for text in ("会議", "ミーティング", "らーめん", "MTG", "無線LAN")]
    ['kanji', 'katakana', 'hiragana', 'Latin', 'mixed']
    """
    wide = unicodedata.normalize("NFKC", spelling).replace(PROLONGED, "")
    names = [unicodedata.name(character, "").split(" ")[0].split("-")[0] for character in wide]
    found = {SCRIPTS[name] for name in names if name in SCRIPTS}
    return found.pop() if len(found) == 1 else MIXED


def spelling_table(spellings: Spellings | None = None) -> pd.DataFrame:
    """One row per spelling: ``concept, spelling, script``; by default of all concepts of the communities."""
    given = all_spellings(load_communities()) if spellings is None else spellings
    rows = [(key, one, script(one)) for key, several in given.items() for one in several]
    return pd.DataFrame(rows, columns=["concept", "spelling", "script"])


def known_spellings(
    model: Model,
    layers: Sequence[int],
    seed: int = 0,
    n_permutations: int = 999,
    *,
    spellings: Spellings | None = None,
    store: Store | None = None,
) -> pd.DataFrame:
    """Say, layer by layer, how much more alike spellings of one concept are than spellings of different ones.

    Parameters
    ----------
    model
    layers
        Counted from 0; the residual stream after each.
    seed
        Of the exchanges and of the bootstrap over concepts.
    n_permutations
        Exchanges of concepts among spellings of one script.
    spellings
        By concept; by default those of the communities.
    store
        Keeps the activations.

    Returns
    -------
    As :func:`shared_concepts`, with the name of the model.

    Raises
    ------
    UserError
        Where no concept has two spellings, and for a spelling that no token covers.
    """
    table = spelling_table(spellings)
    states = spelling_states(model, table["spelling"].tolist(), layers, store)
    return shared_concepts(states, table, seed, n_permutations, model=model.name)


def spelling_states(
    model: Model, spellings: Sequence[str], layers: Sequence[int], store: Store | None = None
) -> dict[str, Float[np.ndarray, "spelling d_model"]]:
    """Mean state over the tokens of each spelling, averaged over :data:`CARRIERS`; not centred.

    Returns
    -------
    By layer, as text; under :data:`EMBEDDING` the mean input embedding of the same tokens, which lie where the
    sentence puts them.

    Raises
    ------
    UserError
        For a spelling that no token covers.
    """
    starts = [carrier.index("{}") for carrier in CARRIERS]
    rows = [
        (f"{number}/{at}", carrier.format(one), "spelling", start, start + len(one))
        for number, one in enumerate(spellings)
        for at, (carrier, start) in enumerate(zip(CARRIERS, starts, strict=True))
    ]
    prompts = pd.DataFrame(rows, columns=["id", "text", "emotion", "emotion_start", "emotion_end"])
    found = extract(model, prompts, points(model, layers=layers), ("emotion",), store=store)
    if missing := sorted(set(prompts["id"]) - set(found.reads["id"])):
        text = prompts.set_index("id")["text"][missing[0]]
        raise UserError(f"No token covers the spelling in {text!r}: leave it out.")
    # texts are read in their order, and each has one span
    shape = len(spellings), len(CARRIERS), -1
    states = {EMBEDDING: _embedded(model, prompts["text"].tolist(), found.reads).reshape(shape).mean(axis=1)}
    for layer in layers:
        values = found.values[HookPoint(layer, "resid_post")].numpy().astype(float)
        states[str(layer)] = values.reshape(shape).mean(axis=1)
    return states


def _embedded(model: Model, texts: list[str], reads: pd.DataFrame) -> Float[np.ndarray, "text d_model"]:
    """Mean input embedding over the span of each text."""
    weights, ids = model.network.get_input_embeddings().weight.detach(), model.encode(texts).ids
    spans = reads[["row", "first", "last"]].to_numpy().tolist()
    means = [weights[list(map(int, ids[row][first:last]))].float().mean(dim=0) for row, first, last in spans]
    return np.stack([mean.cpu().numpy().astype(float) for mean in means])


def shared_concepts(
    states: Mapping[str, Float[np.ndarray, "spelling unit"]],
    table: pd.DataFrame,
    seed: int = 0,
    n_permutations: int = 999,
    *,
    ks: Sequence[int] = TOP,
    model: str = "",
) -> pd.DataFrame:
    """How much more alike states of spellings of one concept are than those of different concepts.

    Parameters
    ----------
    states
        By name of a layer, as :func:`spelling_states` gives them; each is centred over the spellings here.
    table
        As :func:`spelling_table`, row by row the spellings of the states.
    seed, n_permutations
    ks
        Top units of the published measure; those below the number of units are taken.
    model
        For the column.

    Returns
    -------
    One row per layer, measure and kind of pairs; columns :data:`COLUMNS`. ``layer`` is a number, as text, or
    :data:`EMBEDDING`, or :data:`CHARACTERS`: of the bag of characters, which is 0 for pairs without a shared one.

    ``cosine``: mean over concepts of the cosine of two of its spellings minus that of spellings of different concepts
    with the same two scripts and of the same kind of pairs; large says that the model knows. ``survival k``: share of
    the k units with the largest absolute z-scores (among spellings of one script) of one spelling that are not among
    those of another one of its concept, as published; **small** says that it knows. ``null, null_low, null_high``: mean
    and middle 95 % where concepts were exchanged among spellings of one script; ``p``: that it is as large (survival:
    as small) without knowing; ``low, high`` over concepts; ``concepts, spellings``: those with a pair that counts.

    Raises
    ------
    UserError
        Where no pair of spellings of one concept counts.
    """
    codes, kinds = (pd.factorize(table[name])[0] for name in ("concept", "script"))
    spellings = table["spelling"].tolist()
    centred = {layer: one - one.mean(axis=0) for layer, one in states.items()}
    alike = {CHARACTERS: _cosines(_characters(spellings))}
    alike |= {layer: _cosines(one) for layer, one in centred.items()}
    rows = []
    for pairs, counted in ((APART, _apart(spellings)), (ALL, np.ones((len(codes), len(codes)), dtype=bool))):
        sizes = _sizes(counted, codes)
        found = _beyond_others(np.stack(list(alike.values())), codes, kinds, counted, seed, n_permutations)
        rows += [(layer, COSINE, pairs, *one, *sizes) for layer, one in zip(alike, found, strict=True)]
        for layer, one in centred.items():
            kept = [k for k in ks if k < one.shape[1]]
            rates = survival(
                _z_scores(one, kinds),
                codes,
                kinds,
                kept,
                counted=counted,
                n_permutations=n_permutations,
                seed=seed,
            )
            values = rates[["value", "low", "high", "null", "null_low", "null_high", "p"]].to_numpy().tolist()
            rows += [(layer, f"survival {k}", pairs, *v, *sizes) for k, v in zip(kept, values, strict=True)]
    return pd.DataFrame([(model, *row) for row in rows], columns=COLUMNS)


def _sizes(
    counted: Bool[np.ndarray, "spelling spelling"], codes: Int[np.ndarray, " spelling"]
) -> tuple[int, int]:
    """Concepts and spellings with a pair that counts."""
    own = counted & (codes[:, None] == codes)
    np.fill_diagonal(own, False)
    kept = own.any(axis=1)
    if not kept.any():
        raise UserError(
            "No concept has two spellings that can be compared: add spellings without a common character."
        )
    return len(np.unique(codes[kept])), int(kept.sum())


def _beyond_others(
    alike: Float[np.ndarray, "layer spelling spelling"],
    codes: Int[np.ndarray, " spelling"],
    kinds: Int[np.ndarray, " spelling"],
    counted: Bool[np.ndarray, "spelling spelling"],
    seed: int,
    n_permutations: int,
) -> list[tuple[float, ...]]:
    """``value, low, high, null, null_low, null_high, p`` of each layer; all layers have the same exchanges."""
    first, second = np.nonzero(np.triu(counted, 1))
    values = alike[:, first, second]
    low, high = np.minimum(kinds[first], kinds[second]), np.maximum(kinds[first], kinds[second])
    scripts = pd.factorize(low * (kinds.max() + 1) + high)[0]
    totals = np.stack([np.bincount(scripts, weights=one) for one in values])
    sizes = np.bincount(scripts)

    def gaps(concepts: Int[np.ndarray, " spelling"]) -> Float[np.ndarray, "layer concept"]:
        own = np.flatnonzero(concepts[first] == concepts[second])
        member = np.eye(len(sizes))[scripts[own]]  # (pair, scripts)
        with np.errstate(invalid="ignore", divide="ignore"):
            others = (totals - values[:, own] @ member) / (sizes - member.sum(axis=0))
        gap, of = values[:, own] - others[:, scripts[own]], np.eye(codes.max() + 1)[concepts[first[own]]]
        known = ~np.isnan(gap)
        counts = known.astype(float) @ of
        return np.divide(
            np.where(known, gap, 0) @ of, counts, out=np.full(counts.shape, np.nan), where=counts > 0
        )

    rng = np.random.default_rng(seed)
    drawn = [np.nanmean(gaps(among_kinds(codes, kinds, rng)), axis=1) for _ in range(n_permutations)]
    rows: list[tuple[float, ...]] = []
    for own, null in zip(gaps(codes), np.transpose(drawn), strict=True):
        present = own[~np.isnan(own)]
        value = float(present.mean())
        ends = over_concepts(present, seed=seed)
        rows.append((value, *ends, float(null.mean()), *interval(null), float(permutation_p(value, null))))
    return rows


def _apart(spellings: Sequence[str]) -> Bool[np.ndarray, "spelling spelling"]:
    """Pairs that share no character, whatever its width and case."""
    letters = [set(spelling_key(one)) for one in spellings]
    return np.array([[not one & other for other in letters] for one in letters])


def _characters(spellings: Sequence[str]) -> Float[np.ndarray, "spelling piece"]:
    """How often each character and each pair of neighbours stands in each spelling."""
    texts = [spelling_key(one) for one in spellings]
    pieces = [[*text, *(text[i : i + 2] for i in range(len(text) - 1))] for text in texts]
    number = {piece: i for i, piece in enumerate(dict.fromkeys(piece for own in pieces for piece in own))}
    return (
        np.stack([np.bincount([number[piece] for piece in own], minlength=len(number)) for own in pieces])
        * 1.0
    )


def _cosines(states: Float[np.ndarray, "spelling unit"]) -> Float[np.ndarray, "spelling spelling"]:
    """Cosine of each pair; 0 with one that is zero."""
    length = np.linalg.norm(states, axis=1, keepdims=True)
    units = np.divide(states, length, out=np.zeros_like(states), where=length > 0)
    return np.asarray(units @ units.T)


def _z_scores(
    states: Float[np.ndarray, "spelling unit"], kinds: Int[np.ndarray, " spelling"]
) -> Float[np.ndarray, "spelling unit"]:
    """Size of each unit's z-score among the spellings of one script; 0 of a unit that does not vary.

    Units that tell scripts apart would otherwise be the top ones of all spellings of a script. Pairs without a common
    character are less often of one script within a concept than between concepts, which would then look like knowing.
    """
    means = np.stack([states[kinds == kind].mean(axis=0) for kind in range(kinds.max() + 1)])
    within = states - means[kinds]
    spread = within.std(axis=0)
    return np.abs(np.divide(within, spread, out=np.zeros_like(within), where=spread > 0))
