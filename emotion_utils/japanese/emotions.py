"""The four emotions in Japanese: whether a vector made in one language reads texts of the other.

A vector is made from the prompts of one language that name the emotion, and reads the prompts of either language that
do not. A bag of words that is trained on the same prompts knows nothing of another language; the rival that is fair
there is a bag trained on the prompts of the language that is read.

Whether a vector *moves* texts of the other language is read by teacher forcing: genuine replies to neutral scenes of
the small world of either language, with vectors made where a reply begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from torch import Tensor

from emotion_utils.activations.prompt_sets import PromptSetActivations, read_sets
from emotion_utils.baselines.reply_shifts import reply_shifts
from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.core.profiles import PROFILES
from emotion_utils.novelty.steering_parts import EQUAL, RANDOM, SCENES, STRENGTH, TURNS, part_effects
from emotion_utils.novelty.vector_parts import WHOLE
from emotion_utils.prompts.loading import load_profile
from emotion_utils.statistics.nulls import are_means
from emotion_utils.statistics.resampling import resampling_units
from emotion_utils.steering.contexts import fresh_contexts
from emotion_utils.steering.controls import isotropic
from emotion_utils.steering.subject import MADE, SteeredModel, prepare
from emotion_utils.steering.trials import SteeringSetting
from emotion_utils.vectors.held_out import Probes, held_out, word_log_odds

if TYPE_CHECKING:
    from emotion_utils.core.store import Store
    from emotion_utils.models.model import Model

WITH_WORDS = {"English": "baseline", "Japanese": "ja"}
WITHOUT_WORDS = {"English": "implicit", "Japanese": "ja_implicit"}
METHOD = "sentence end"
SMOKE_UNITS = 2
"""Units of each split and label that the profile "smoke" takes."""
PROBED = [
    *["made", "scored", "emotion", "layer", "value", "low", "high", "null", "null_high", "p"],
    *["words", "gain", "gain_low", "gain_high", "rival", "rival_gain", "rival_gain_low", "rival_gain_high"],
    *["n", "n_units", "note"],
]
LANGUAGES = {"English": "en", "Japanese": "ja"}
NATIVE, FOREIGN = f"{WHOLE}, {EQUAL}", "transferred, equal length"
WRONG = "wrong vector, equal length"
SMOKE_SCENES, SMOKE_VECTORS, VECTORS = 4, 9, 59
"""Scenes and random vectors of "smoke", and random vectors of other profiles."""
LONGEST, DRAWN = 300, 8
"""Tokens of a scene at most, and times as many scenes are drawn as are taken."""
TRANSFERRED = [
    *["made", "scenes", "emotion", "effect", "low", "high", "null", "null_high", "p", "p_holm"],
    *["own_share", "wrong", "vectors", "n"],
]


class _Beside(Probes):
    """The same probes beside a bag of words that is trained on another prompt set.

    Parameters
    ----------
    activations, profile, seed
        As of :class:`Probes`.
    rival
        Prompts that the bag of words is trained on.
    """

    def __init__(self, activations: PromptSetActivations, profile: str, rival: str, seed: int = 0) -> None:
        super().__init__(activations, profile, seed)
        self.rival = rival

    def _words(self, name: str) -> pd.DataFrame:
        if name == self.profile:
            return super()._words(name)
        train, test = (self.activations.prompts[one] for one in (self.rival, name))
        return word_log_odds(train[train["split"] == "build"], test)


def probed(
    model: Model, profile: str = "baseline", store: Store | None = None, seed: int = 0
) -> pd.DataFrame:
    """Read emotions in English and Japanese texts by vectors made in English and in Japanese.

    Parameters
    ----------
    model
    profile
        ``smoke`` takes some units of each set and few exchanges, the others all.
    store
        Keeps the activations.
    seed
        Of the null, of the bootstrap and of the units that ``smoke`` takes.

    Returns
    -------
    One row per language that a vector is ``made`` in, language of the texts that are ``scored``, and emotion, and one
    for the mean over emotions. ``layer`` (chosen on the select split), ``value, low, high, null, null_high, p, n,
    n_units, note`` as of :func:`emotion_utils.vectors.held_out.held_out`; ``words, gain, gain_low, gain_high`` beside a
    bag of words (in Japanese: of characters) trained on what the vector is made from, ``rival, rival_gain,
    rival_gain_low, rival_gain_high`` beside one trained on the texts with emotion words of the language that is scored.
    Prompts are resampled together.

    Raises
    ------
    UserError
        For an unknown profile.
    """
    if profile not in PROFILES:
        raise UserError(f'There is no profile "{profile}": {suggestion(profile, PROFILES)}')
    names = [*WITH_WORDS.values(), *WITHOUT_WORDS.values()]
    sets = {name: load_profile(name) for name in names}
    if profile == "smoke":
        sets = {name: some_units(prompts, SMOKE_UNITS, seed) for name, prompts in sets.items()}
    activations = read_sets(model, sets, profile, store)
    parts = [_of_language(activations, made, seed) for made in WITH_WORDS]
    return pd.concat(parts, ignore_index=True)[PROBED]


def _of_language(activations: PromptSetActivations, made: str, seed: int) -> pd.DataFrame:
    """Vectors of one language on texts of either, beside both bags of words."""
    source = WITH_WORDS[made]
    own = _scored(activations, source, source, [*WITHOUT_WORDS.values()], seed)
    columns = ["words", "gain", "gain_low", "gain_high"]
    tables = []
    for scored, target in WITHOUT_WORDS.items():
        fair = own if scored == made else _scored(activations, source, WITH_WORDS[scored], [target], seed)
        rival = fair[fair["set"] == target].set_index("emotion")[columns].add_prefix("rival_")
        rival = rival.rename(columns={"rival_words": "rival"})
        tables.append(own[own["set"] == target].join(rival, on="emotion").assign(made=made, scored=scored))
    return pd.concat(tables)


def _scored(
    activations: PromptSetActivations, source: str, bag: str, sets: Sequence[str], seed: int
) -> pd.DataFrame:
    """Vectors of one prompt set on others, beside a bag of words that is trained on a set."""
    return held_out(_Beside(activations, source, bag, seed), sets, methods=[METHOD], seed=seed)


def some_units(prompts: pd.DataFrame, n: int, seed: int = 0) -> pd.DataFrame:
    """So many units of each split and label, whole: what shares a family or a pair stays together."""
    units = pd.Series(resampling_units(prompts), prompts.index)
    order = np.random.default_rng(seed).permutation(units.max() + 1)
    about = prompts[["split", "emotion"]].assign(unit=units, turn=order[units])
    first = about.drop_duplicates(["split", "emotion", "unit"]).sort_values("turn")
    kept = first.groupby(["split", "emotion"]).head(n)["unit"]
    return prompts[units.isin(kept)].reset_index(drop=True)


def means(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of :func:`probed` that are means over the emotions."""
    return table[are_means(table)].reset_index(drop=True)


def transferred(
    model: Model, profile: str = "baseline", store: Store | None = None, seed: int = 0
) -> pd.DataFrame:
    """Add vectors made in either language to neutral scenes of either, and read genuine replies in the scenes' one.

    Vectors are differences of means at the end of the prompts without emotion words, added at the middle layer where a
    reply begins, at :data:`emotion_utils.novelty.steering_parts.STRENGTH` median lengths of the residual stream.

    Parameters
    ----------
    model
    profile
        ``smoke`` takes fewer scenes and random vectors.
    store
        Keeps the activations.
    seed
        Of scenes, random vectors and the bootstrap over kinds of events.

    Returns
    -------
    One row per language that the vector is ``made`` in, language of the ``scenes``, and emotion. ``effect, low,
    high``: by how much the log-probability of the emotion's replies rises, in nats; ``null, null_high, p``: of random
    vectors of the same length, ``p_holm`` over the emotions; ``own_share``: the effect over that of the vector made in
    the language of the scenes, NaN where that cannot be told from 0; ``wrong``: mean effect of the other emotions'
    vectors of the same making, at this vector's length; ``vectors`` (random ones), ``n`` (scenes).
    """
    if profile not in PROFILES:
        raise UserError(f'There is no profile "{profile}": {suggestion(profile, PROFILES)}')
    n_scenes, n_random = (SMOKE_SCENES, SMOKE_VECTORS) if profile == "smoke" else (SCENES, VECTORS)
    layer, made = model.n_layers // 2, {}
    for language, name in WITHOUT_WORDS.items():
        steered = prepare(model, load_profile(name), store, seed, reader=_unread)
        length = STRENGTH * float(steered.unit[layer])
        found = {emotion: one.at(layer) for emotion, one in steered.vectors[MADE[0]].items()}
        made[language] = {emotion: own * (length / own.norm()) for emotion, own in found.items()}
    parts = []
    for scenes, code in LANGUAGES.items():
        subject = replace(steered, language=code)
        contexts = _short(subject, fresh_contexts(DRAWN * n_scenes, seed, code)).head(n_scenes)
        settings = _settings(made, scenes, layer, n_random, seed)
        parts.append(_effects(_shifts(subject, contexts, settings), scenes, seed))
    return pd.concat(parts, ignore_index=True)[TRANSFERRED]


def _short(subject: SteeredModel, contexts: pd.DataFrame) -> pd.DataFrame:
    """Scenes of at most :data:`LONGEST` tokens: long ones do not fit into every context, and cost the most."""
    kept = [len(subject.ids(text)) <= LONGEST for text in contexts["context"]]
    if not any(kept):
        raise UserError(f"No scene has at most {LONGEST} tokens: choose a model that reads this language.")
    return contexts[kept].reset_index(drop=True)


def _unread(texts: Sequence[str]) -> list[str | None]:
    """No text is generated, so that none has to be judged."""
    return [None] * len(texts)


def _settings(
    made: Mapping[str, Mapping[str, Tensor]], scenes: str, layer: int, n_random: int, seed: int
) -> list[SteeringSetting]:
    """Of each language and emotion: its vector, those of other emotions, random ones; of one length."""
    settings = []
    for language, vectors in made.items():
        native = language == scenes
        kind = NATIVE if native else FOREIGN
        for emotion, vector in vectors.items():
            own = SteeringSetting(emotion, layer, 1.0, vector.float(), made=language, kind=kind)
            drawn = isotropic(n_random, len(vector), np.random.default_rng([seed, layer])) if native else ()
            others = [v / v.norm() for other, v in vectors.items() if other != emotion]
            for name, directions in ((f"{RANDOM}, {EQUAL}", list(drawn)), (f"{WRONG}, {language}", others)):
                settings += [
                    replace(own, vector=(one * vector.norm()).float(), kind=name, number=number)
                    for number, one in enumerate(directions)
                ]
            settings.append(own)
    return settings


def _shifts(
    subject: SteeredModel, contexts: pd.DataFrame, settings: Sequence[SteeringSetting]
) -> pd.DataFrame:
    """Each random vector in some of the scenes, all else in all; a scene that opens speech has a mark to close."""
    turns, tables = min(TURNS, len(contexts)), []
    is_random = [one.kind.startswith(f"{RANDOM}, ") for one in settings]
    opened = contexts["context"].str.count("「") > contexts["context"].str.count("」")
    place = np.arange(len(contexts)) % turns
    for marks in (True, False):
        for turn in (None, *range(turns)):
            here = contexts[(opened == marks) & ((place == turn) if turn is not None else True)]
            some = [
                one
                for one, random in zip(settings, is_random, strict=True)
                if random == (turn is not None) and (turn is None or one.number % turns == turn)
            ]
            if len(here) and some:
                tables.append(reply_shifts(subject, here, some))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(unit=contexts["unit"].reindex(table["prompt"]).to_numpy())


def _effects(table: pd.DataFrame, scenes: str, seed: int) -> pd.DataFrame:
    """The rows of one language of scenes."""
    wrong = table["kind"].str.startswith(WRONG)
    beside = table[wrong].groupby(["made", "emotion"])["gain"].mean()
    found = part_effects(table[~wrong], seed=seed)
    foreign = next(one for one in LANGUAGES if one != scenes)
    found["made"] = np.where(found["part"] == WHOLE, scenes, foreign)
    found["wrong"] = [beside[one] for one in zip(found["made"], found["emotion"], strict=True)]
    names = {"value": "effect", "of_whole": "own_share"}
    return found.rename(columns=names).assign(scenes=scenes, n=table["prompt"].nunique())
