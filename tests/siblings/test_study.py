"""A study of two tiny siblings: what it is made from, and its tables beside plain computations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import f1_score

from emotion_utils.core.errors import UserError
from emotion_utils.siblings import tables
from emotion_utils.siblings.claims import japanese_minus_base, siblings_claims
from emotion_utils.siblings.patching import depth_shares
from emotion_utils.siblings.post_sets import HELD_OUT, SEEN, UNSEEN, read_posts
from emotion_utils.siblings.sizes import SIZES, SMOKE
from emotion_utils.siblings.study import BEST_HALF, PUBLISHED, halves, pooled_states


@pytest.fixture
def one(studies):
    return studies["base"]


def test_the_tiny_siblings_have_learned_something(studies):
    for one in studies.values():
        found = one.tests[SEEN].table
        assert f1_score(found["label"], found["predicted"], average="macro") > 0.5


def test_pooled_states_are_means_over_the_tokens_of_each_post(one):
    ids = one.tests[SEEN].encoded.rows[:5]
    found = pooled_states(one.classifier, ids)
    for row, own in zip(found, ids, strict=True):
        with torch.no_grad():
            plain = one.classifier.model.network.base_model(torch.tensor([own])).last_hidden_state[0]
        assert row == pytest.approx(plain.mean(dim=0).numpy(), abs=1e-5)


def test_posts_that_choose_and_posts_that_test_are_different_ones(one):
    label = np.array([0, 0, 0, 1, 1, 2])
    assert halves(label).tolist() == [True, False, True, True, False, True]
    assert not set(one.patched.pairs.post) & set(one.tested.post)
    assert not set(one.patched.pairs.corrupted) & set(one.tested.clean)
    assert one.ablated[0]["posts"].unique().tolist() == [18]  # half of 36


def test_the_best_half_has_the_largest_shares(one):
    half = {str(point) for point in one.best_half}
    share = one.effects.set_index("component")["share"]
    assert len(half) == 3
    assert share[list(half)].min() >= share.drop(list(half)).max()
    assert {str(p) for p in one.circuit} == set(one.effects.loc[one.effects["circuit"], "component"])
    assert set(one.ablated[0]["circuit"]) == {PUBLISHED, BEST_HALF}


def test_scores_are_those_of_scikit_learn_beside_words(studies, words, posts):
    table = tables.scores(studies, words)
    row = table[(table["model"] == "base") & (table["test"] == UNSEEN)].iloc[0]
    held, said = posts.tests[UNSEEN], studies["base"].tests[UNSEEN].table["predicted"]
    own = f1_score(held.labels, said, average="macro")
    theirs = f1_score(held.labels, words.pipeline.predict(held.texts), average="macro")
    assert row["value"] == pytest.approx(own)
    assert row["gain"] == pytest.approx(own - theirs)
    assert row["gain_low"] <= row["gain"] <= row["gain_high"]
    bag = table[(table["model"] == tables.WORDS) & (table["test"] == UNSEEN)].iloc[0]
    assert bag["value"] == pytest.approx(theirs)
    assert np.isnan(bag["gain"])
    apart = tables.between_tests(studies).set_index("test").loc[UNSEEN]
    other = f1_score(held.labels, studies["continued"].tests[UNSEEN].table["predicted"], average="macro")
    assert apart["value"] == pytest.approx(other - own)


def test_tables_have_both_siblings_and_the_numbers_of_a_run(studies):
    for table in (
        tables.circuits(studies), tables.numbers(studies), tables.pairs(studies), tables.ablations(studies),
        tables.agreement(studies), *tables.faithfulness(studies),
    ):  # fmt: skip
        assert list(dict.fromkeys(table["model"])) == list(studies)
    run = tables.run_of(studies["base"])
    assert list(run) == list(tables.RUN_MEASURES)
    shares = depth_shares(studies["base"].effects, 3)
    assert tables.depth_by_model(studies)["base"] == pytest.approx(shares, nan_ok=True)
    assert run["last layers"] == pytest.approx(shares["last"], nan_ok=True)
    ablated = (
        studies["base"].ablated[0].query("circuit == 'as published' and way == 'zero'").set_index("measure")
    )
    assert run["necessity, zero"] == pytest.approx(ablated.loc["necessity", "value"])


def test_claims_are_asked_of_the_first_test_and_of_both_siblings(studies, words):
    base, continued = studies.values()
    table = tables.scores(studies, words)
    told = pd.DataFrame({"measure": tables.RUN_MEASURES, "differs": [True] * 11 + [None]})
    found = siblings_claims(base, continued, table, told)
    first = table[table["test"] == SEEN].set_index("model")["value"]
    assert found.base.f1.value == pytest.approx(100 * first["base"])
    assert found.tfidf.value == pytest.approx(100 * first[tables.WORDS])
    assert found.total.value == pytest.approx(
        continued.effects["published"].sum() / base.effects["published"].sum()
    )
    fell = [one.ablated[1][PUBLISHED]["zero"] for one in (base, continued)]
    expected = fell[1].necessity() - fell[0].necessity()
    assert japanese_minus_base(base, continued, "necessity").value == pytest.approx(expected.item())
    assert "by more than trainings do" in found.beside["C.circuit.sum"]
    told["differs"] = [False] * 12
    assert "no more" in siblings_claims(base, continued, table, told).beside["C.circuit.suff"]


def test_posts_of_communities_are_as_many_as_asked_and_split_by_spelling():
    read = read_posts("communities", SMOKE)
    assert len(read.labels) == 24
    assert len(read.train) == 24 * SMOKE.train
    assert [len(test) for test in read.tests.values()] == [24 * SMOKE.test] * 2
    assert (read.first, read.hardest) == (SEEN, UNSEEN)
    assert read.tests[SEEN].labels == read.tests[UNSEEN].labels
    assert not set(read.train.texts) & {*read.tests[SEEN].texts, *read.tests[UNSEEN].texts}
    assert set(SIZES) == {"smoke", "baseline", "extended", "powered"}


def test_own_posts_are_split_by_label(tmp_path):
    rows = [f"{label} post number {n},{label}" for label in ("red", "blue") for n in range(30)]
    (tmp_path / "own.csv").write_text("body,club\n" + "\n".join(rows) + "\n", encoding="utf-8")
    read = read_posts(str(tmp_path / "own.csv"), SMOKE, text="body", label="club")
    assert (len(read.train), len(read.tests[HELD_OUT])) == (24, 16)
    assert read.first == read.hardest == HELD_OUT
    with pytest.raises(UserError, match='has no column "text"'):
        read_posts(str(tmp_path / "own.csv"), SMOKE)
