"""What is collected from the store is what plain runs of the model give, prompt by prompt."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pandas as pd
import pytest
from steered import continued
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from emotion_utils.circuits import comparison, methods, patching, screening
from emotion_utils.circuits import pair_effects as circuits_pair_effects
from emotion_utils.circuits.ablation import ablated, pair_effects
from emotion_utils.core import profiles as head_sizes
from emotion_utils.core import profiles as steering_sizes
from emotion_utils.core.store import Store
from emotion_utils.effects import beyond, beyond_random, collect
from emotion_utils.effects import heads as of_heads
from emotion_utils.effects.beyond import beyond_random_of
from emotion_utils.effects.steering import OUTCOMES
from emotion_utils.heads import pairs as heads_pairs
from emotion_utils.heads.pairs import emotional_pairs
from emotion_utils.models.model import load
from emotion_utils.prompts.keywords import keyword_pattern
from emotion_utils.prompts.loading import load_profile
from emotion_utils.reports import heads as reports_heads
from emotion_utils.statistics.resampling import resampling_units
from emotion_utils.steering import dose, overview, trials
from emotion_utils.steering.by_context import SHIFT
from emotion_utils.steering.contexts import fresh_contexts

NAME = "small-gpt2"
TINY = steering_sizes.SteeringSize(2, 2, 4, 2, 3, 2)
FEW = head_sizes.HeadsSize(2, 19, 20, 2, 4, 2, 100_000)


@pytest.fixture(autouse=True, scope="module")
def _small():
    """Few texts."""
    with (
        mock.patch.dict(steering_sizes.STEERING_SIZES, smoke=TINY),
        mock.patch.dict(head_sizes.HEADS_SIZES, smoke=FEW),
    ):
        yield


def table_of(effects):
    columns = ["chapter", "model", "emotion", "what", "outcome", "is_control", "mean"]
    return pd.DataFrame([[getattr(effect, name) for name in columns] for effect in effects], columns=columns)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def chosen(store, implicit):
    """What chapter 05 shows of the model, and leaves in the store."""
    return overview.overview([NAME], implicit, TINY, store).set_index("emotion")


@pytest.fixture(scope="module")
def effects(store, implicit, chosen):
    comparison.overview([NAME], implicit, FEW, store)
    return collect([NAME], "smoke", store)


@pytest.fixture(scope="module")
def found(implicit):
    pairs = emotional_pairs(load(NAME), implicit)
    return methods.screen(heads_pairs.few(pairs, FEW.pairs), (methods.EXACT,))


def one(effects, **wanted):
    """The only effect with these attributes."""
    (own,) = [e for e in effects if all(getattr(e, name) == value for name, value in wanted.items())]
    return own


@pytest.mark.slow
def test_steered_texts_are_those_of_the_plain_model(effects, steered_model, chosen):
    row, contexts = chosen.loc["gratitude"], fresh_contexts(TINY.fresh, 0)
    vector = row["alpha"] * steered_model.direction("gratitude", int(row["layer"]), row["made"])
    analyzer, gaps, words = SentimentIntensityAnalyzer(), [], []
    for context in contexts["context"]:
        ids = steered_model.ids(context)
        window = trials.WINDOWS[row["where"]]
        first, stop = window.bounds(len(ids))
        texts = [
            steered_model.model.tokenizer.decode(
                continued(
                    steered_model.model.network,
                    ids,
                    v,
                    int(row["layer"]),
                    lambda at, first=first, stop=stop: first <= at < stop,
                ),
                skip_special_tokens=True,
            )
            for v in (vector, 0 * vector)
        ]
        scores = [analyzer.polarity_scores(text)["compound"] if text.strip() else np.nan for text in texts]
        counts = [len(keyword_pattern("gratitude").findall(text)) for text in texts]
        gaps.append(scores[0] - scores[1])
        words.append(counts[0] - counts[1])
    named = {"what": "steered to gratitude", "emotion": "gratitude"}
    sentiment = one(effects, outcome="sentiment (VADER, -1 to 1)", **named)
    assert sentiment.differences == pytest.approx(gaps, nan_ok=True)
    assert one(effects, outcome="words that name the emotion (count)", **named).differences.tolist() == words
    assert sentiment.units.tolist() == [f"fresh {unit}" for unit in contexts["unit"]]


def test_means_are_those_that_chapter_05_shows(effects, steered_model, chosen):
    contexts = fresh_contexts(TINY.fresh, 0)
    rows = dict(chosen.iterrows())
    settings = [trials.chosen_settings(steered_model, rows, alphas) for alphas in (None, [0.0])]
    steered, plain = (
        dose.styled(trials.outcomes(steered_model, trials.run(steered_model, contexts, own)))
        for own in settings
    )
    scores = {
        "target": "texts that say the emotion (0 or 1)",
        "politeness": "politeness (polite minus impolite strategies)",
    }
    for row in dose.difference(steered, plain, list(scores)).itertuples():
        own = one(effects, emotion=row.emotion, what=f"steered to {row.emotion}", outcome=scores[row.score])
        assert own.mean == pytest.approx(row.difference)
    cost = trials.sweep_summary(steered, ["emotion"]).set_index("emotion")["cost"]
    rest = trials.sweep_summary(plain, ["emotion"]).set_index("emotion")["cost"]
    for emotion in chosen.index:
        own = one(
            effects, emotion=emotion, what=f"steered to {emotion}",
            outcome="perplexity beside genuine replies (log, nats per token)",
        )  # fmt: skip
        if own.known.all():
            assert own.mean == pytest.approx(np.log(cost[emotion] / rest[emotion]))


def test_controls_are_flagged_and_held_against_the_vector(effects):
    table = table_of(effects)
    assert (table["is_control"] == table["what"].str.endswith("(control)")).all()
    steering = table[table["chapter"] == "05_steering"]
    assert (
        steering[steering["is_control"]]["what"].nunique() == 6
    )  # three random kinds, three vectors of others


def test_beyond_random_directions_has_the_p_values_of_chapter_five(store, chosen):
    table = beyond_random([NAME], "smoke", store).set_index("emotion")
    texts = table[table["outcome"] == OUTCOMES["target"].label]
    for emotion, row in chosen.iterrows():
        assert texts.loc[emotion, "p"] == row["p"]
        assert texts.loc[emotion, ["vector", "random", "vectors"]].tolist() == [
            row["share"], row["control"], row["controls"],
        ]  # fmt: skip
    assert len(table) == 2 * len(chosen)


def trials_and_arms(p, random):
    """Two models whose vector moves 8 contexts by 5 nats; random ones by as much as stated."""
    trials = pd.DataFrame(
        {"model": ["a", "b"], "emotion": "anger", "share": 1.0, "control": 0.1, "controls": 100, "p": p}
    )
    rows = [
        (model, "anger", arm, number, prompt, prompt, shift, 1.0)
        for model in ("a", "b")
        for arm, shifts in (("emotion vector", [5.0]), ("logit bias", [3.0]), ("isotropic", random))
        for number, shift in enumerate(shifts)
        for prompt in range(8)
    ]
    columns = ["model", "emotion", "arm", "number", "prompt", "unit", "shift", "says_it"]
    return trials, pd.DataFrame(rows, columns=columns)


def test_vectors_are_the_units_and_the_family_pays():
    found = beyond_random_of(*trials_and_arms([0.01, 0.3], [1.0] * 38 + [6.0]))
    texts, nats = (found[found["outcome"] == OUTCOMES[name].label] for name in ("target", SHIFT))
    assert nats["p"].tolist() == [pytest.approx(2 / 40)] * 2  # one of 39 is ahead, and the vector itself
    assert nats["random"].tolist() == pytest.approx([(38 + 6) / 39] * 2)
    assert texts["p"].tolist() == [0.01, 0.3]
    assert found["q"].tolist() == pytest.approx([0.2 / 3, 0.2 / 3, 0.04, 0.3])
    assert found["beyond"].tolist() == [False, False, True, False]
    three = beyond_random_of(*trials_and_arms([0.2, 0.3], [1.0, 2.0, 3.0]))
    assert (three["p"] >= 0.2).all()  # three vectors cannot show more
    assert not three["beyond"].any()


def test_ablated_heads_are_the_exact_effects_with_the_sign_of_the_change(effects, found, implicit):
    held = found.held
    exact = pair_effects(ablated(held, "mean", means=found.means))
    units = dict(zip(implicit["id"], resampling_units(implicit), strict=True))
    for j, head in enumerate(held.heads):
        for emotion in held.emotions:
            kept = np.asarray(held.table["emotion"] == emotion)
            own = one(effects, emotion=emotion, what=f"{screening.name_of(head)} ablated")
            assert own.differences == pytest.approx(-exact[kept, j], abs=1e-4)
            assert own.prompts.tolist() == held.table.loc[kept, "pair"].tolist()
            assert own.units.tolist() == [f"implicit {units[name]}" for name in own.prompts]
    shown = screening.effect_table(held, found.on_held(methods.EXACT), n_permutations=9, n_resamples=9)
    ours = {(e.emotion, e.what.split()[0]): e.mean for e in effects if e.chapter == of_heads.ABLATION}
    assert len(ours) == len(shown)
    assert [ours[key] for key in zip(shown["emotion"], shown["name"], strict=True)] == pytest.approx(
        -shown["effect"].to_numpy(), abs=1e-4
    )


def test_patching_of_chosen_and_of_other_heads(effects, found):
    held = found.held
    chosen = circuits_pair_effects.leading(found.pairs, found.effects[methods.EXACT][found.built])
    sizes = np.abs(found.effects[methods.EXACT][found.built].mean(axis=0))
    assert {held.heads[i] for i in np.argsort(-sizes)[:4]} == set(chosen)
    random = circuits_pair_effects.others(found.pairs, chosen)
    assert len({*chosen, *random}) == 8
    own = np.asarray(held.table["emotion"] == "apology")
    for heads, beside in ((chosen[:1], ""), (chosen, ""), (random, " (control)")):
        name = "+".join(screening.name_of(head) for head in heads)
        for direction, sign in (("denoising", 1), ("noising", -1)):
            moved = patching.patch(held.where(own), [heads], direction=direction).moved[:, 0]
            effect = one(
                effects, emotion="apology", what=f"{name} transplanted{beside}", outcome=of_heads.INTO[direction]
            )  # fmt: skip
            assert effect.differences == pytest.approx(sign * moved, abs=1e-4)


def test_the_reports_experiment_has_the_means_of_chapter_07_and_two_more_outcomes(effects):
    pairs = emotional_pairs(load(NAME), load_profile("smoke"), reply=False)
    few = heads_pairs.few(pairs, FEW.pairs)
    shown = reports_heads.as_published(few, (0, 0), NAME, ablate=False).patched.set_index("score")[
        "difference"
    ]
    own = {e.outcome: e for e in effects if e.what == of_heads.PUBLISHED}
    assert list(own) == [outcome.label for outcome in of_heads.PUBLISHED_OUTCOMES.values()]
    assert own["words that name gratitude (count)"].mean == shown["keywords"]
    assert own["sentiment (VADER, -1 to 1)"].mean == pytest.approx(shown["vader"], nan_ok=True)


def test_a_text_without_a_score_stays_missing():
    rows = [
        ("small-gpt2", pair, unit, name, words, mood, 0.0, 0.0)
        for pair, unit, name, words, mood in (
            ("a", 0, "L0H0", 2.0, np.nan),
            ("b", 1, "L0H0", 1.0, 0.5),
            ("b", 1, "target", 0.0, 0.25),
            ("a", 0, "target", 1.0, 0.1),
        )
    ]
    table = pd.DataFrame(rows, columns=["model", "pair", "unit", "set", *of_heads.PUBLISHED_OUTCOMES])
    words, mood, *_ = of_heads.published_effects(table, "baseline")
    assert words.differences.tolist() == [1.0, 1.0]
    assert mood.differences.tolist() == pytest.approx([np.nan, 0.25], nan_ok=True)
    assert mood.units.tolist() == ["baseline 0", "baseline 1"]
    assert words.is_count
    assert not mood.is_count


def test_a_second_collection_reads_the_store_and_runs_no_model(effects, store, monkeypatch):
    def refuse(*args, **options):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("emotion_utils.vectors.comparison.load", refuse)
    before = store.keys()
    again = collect([NAME], "smoke", store)
    pd.testing.assert_frame_equal(table_of(again), table_of(effects))
    assert store.keys() == before


def test_contexts_alone_are_computed_from_the_stored_choice(implicit, chosen, store, tmp_path):
    """As kept beside the summary, and as computed for a store that has the summary alone."""
    kept = overview.by_context([NAME], implicit, TINY, store)
    (key,) = filter(lambda key: key.startswith(overview.BY_CONTEXT), store.keys())
    store.remove(key)
    again = overview.by_context([NAME], implicit, TINY, store)
    pd.testing.assert_frame_equal(kept, again, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("p", "told"), [(0.01, "in **2 of 2** cells"), (0.3, "in **1 of 2** cells")])
def test_cells_beyond_random_vectors_are_counted_apart_from_the_blind_model(p, told):
    table = beyond_random_of(*trials_and_arms([p, 0.4], [1.0] * 99))
    lines = beyond.summarise(table, "b").splitlines()
    assert told in lines[0]
    assert ("not in a, anger, texts that say the emotion: q = 0.4" in lines[0]) is (p == 0.3)
    assert "in **1 of 2** cells" in lines[1]
