"""The features of two tiny siblings: losses beside a plain hook, rows beside plain loops, and tables of both."""

from __future__ import annotations

from math import isnan

import feature_tables as made
import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from emotion_utils.answers.features import answer
from emotion_utils.core.errors import UserError
from emotion_utils.dictionaries.loss import ABLATED, CLEAN
from emotion_utils.features import tables
from emotion_utils.features.classifier_loss import classifier_losses
from emotion_utils.features.cues import MEASURES as CUES
from emotion_utils.features.label_effects import MEASURES, REPLICATED
from emotion_utils.features.over_labels import published_knockouts
from emotion_utils.features.results import Results
from emotion_utils.features.spelling_features import by_concept
from emotion_utils.features.study import AS_PUBLISHED, FROZEN, SIZES, SOUND
from emotion_utils.japanese.spellings import spelling_table
from emotion_utils.reports.claims import read_claims
from emotion_utils.reports.features import PREFIXES, chapter_measurements
from emotion_utils.siblings.circuit import Posts

LABELS = ["sea", "town", "wood"]
METHODS = {SOUND, FROZEN, "4 components", "4 largest neurons"}
SPECIAL = 3
"""Padding, BOS and EOS have the first three ids."""
TABLES = (
    "judged", "effects", "telling", "sparsity", "knockouts", "knockout_means", "label_cues", "cue_means", "survival",
    "differences",
)  # fmt: skip


@pytest.fixture
def one(featured):
    return featured["base"]


def plain_loss(classifier, post, label, layer, replace):
    """Of one post without padding, the state replaced token by token by a hook of torch."""
    network = classifier.model.network

    def change(_module, _inputs, output):
        hidden = (output[0] if isinstance(output, tuple) else output).clone()
        for at, token in enumerate(post):
            if token >= SPECIAL:
                hidden[0, at] = replace(hidden[0, at])
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

    handle = network.base_model.layers[layer].register_forward_hook(change)
    try:
        with torch.no_grad():
            logits = network(torch.tensor([list(post)])).logits
        return float(cross_entropy(logits, torch.tensor([int(label)])))
    finally:
        handle.remove()


def plain_means(study, layer):
    """Mean activations of features in every held-out post, read post by post."""
    rows = []
    for post in study.one.held.ids:
        kept = torch.tensor(post) >= SPECIAL
        with torch.no_grad():
            states = study.classifier.model.network.base_model(
                torch.tensor([list(post)]), output_hidden_states=True
            ).hidden_states[layer + 1][0, kept]
            rows.append(study.of(SOUND)[layer].encode(states).mean(dim=0).numpy())
    return np.array(rows, dtype=np.float64)


def plain_d(values, label):
    """Cohen's d of every label and feature, one by one; NaN of a feature that does not vary."""
    found = np.full((len(LABELS), values.shape[1]), np.nan)
    for at in range(len(LABELS)):
        for feature in np.flatnonzero(values.std(axis=0) > 1e-7):
            own, rest = (values[part, feature] for part in (label == at, label != at))
            n, m = len(own), len(rest)
            pooled = np.sqrt(((n - 1) * own.var(ddof=1) + (m - 1) * rest.var(ddof=1)) / (n + m - 2))
            found[at, feature] = (own.mean() - rest.mean()) / pooled
    return found


def test_losses_are_those_of_a_plain_hook(one):
    held = one.one.held
    posts = [*held.ids[:4], held.ids[-1][:4]]  # of two lengths, behind a BOS that keeps its state
    some = Posts([[1, *post] for post in posts], held.label[[0, 1, 2, 3, -1]])
    for layer in (0, 2):
        mean, dictionary = one.means[layer], one.of(SOUND)[layer]
        ways = {
            "same": lambda states: states,
            "mean": lambda states, mean=mean: mean.expand_as(states),
            "turned": lambda states: states.flip(-1),
            SOUND: dictionary.reconstruct,
        }
        found = classifier_losses(one.classifier, some, layer, ways, mean, batch=2)
        assert list(found) == ["layer", "tokens", CLEAN, ABLATED, *ways]
        assert found["same"].to_numpy() == pytest.approx(found[CLEAN].to_numpy(), abs=1e-5)
        assert found["mean"].to_numpy() == pytest.approx(found[ABLATED].to_numpy(), abs=1e-6)
        assert (found["turned"] - found[CLEAN]).abs().max() > 1e-3
        assert set(found["layer"]) == {layer}
        for row, (post, label) in enumerate(zip(some.ids, some.label, strict=True)):
            for name, way in ways.items():
                own = plain_loss(one.classifier, post, label, layer, way)
                assert found.loc[row, name] == pytest.approx(own, rel=1e-4, abs=1e-5), (name, row)


def test_what_cannot_be_replaced_is_refused(one):
    held, mean = one.one.held, one.means[0]
    with pytest.raises(UserError, match="There is no layer 3"):
        classifier_losses(one.classifier, held, 3, {}, mean)
    with pytest.raises(UserError, match='cannot be called "clean"'):
        classifier_losses(one.classifier, held, 0, {CLEAN: lambda states: states}, mean)


def test_dictionaries_of_all_layers_are_judged_beside_rivals(one):
    table = one.judged
    assert set(table["method"]) == METHODS | {CLEAN, ABLATED}
    assert len(table) == 3 * (len(METHODS) + 2)
    by = table.set_index(["method", "layer"])
    for layer in range(3):
        assert by.loc[(CLEAN, layer), "recovered"] == 1
        assert by.loc[(ABLATED, layer), "recovered"] == 0
        for name in METHODS:
            gap = by.loc[(name, layer), "loss"] - by.loc[(SOUND, layer), "loss"]
            assert by.loc[(name, layer), "worse"] == pytest.approx(gap, abs=1e-9)
            assert by.loc[(name, layer), "worse_low"] <= by.loc[(name, layer), "worse_high"]
    assert table.loc[table["method"].isin([CLEAN, ABLATED]), ["explained", "worse"]].isna().all(axis=None)
    drawn = np.random.default_rng(1).permutation(36)[:20]  # of 36 posts, as the study's seed has it
    held = one.one.held
    losses = [plain_loss(one.classifier, held.ids[i], held.label[i], 1, lambda states: states) for i in drawn]
    assert by.loc[(CLEAN, 1), "loss"] == pytest.approx(np.mean(losses), abs=1e-5)


def test_effects_and_kinds_are_those_of_a_plain_loop(one):
    assert one.effects["measure"].tolist() == [*MEASURES, REPLICATED] * 3
    assert one.effects["layer"].tolist() == np.repeat(range(3), 5).tolist()
    with np.errstate(invalid="ignore"):
        strong = (plain_d(plain_means(one, 1), one.one.held.label) > 1).sum(axis=0)
    own = one.effects[one.effects["layer"] == 1].set_index("measure")["value"]
    assert own[MEASURES[0]] == pytest.approx(strong.mean())
    assert own[MEASURES[1]] == (strong > 0).sum() > 0
    assert own[MEASURES[2]] == pytest.approx((strong == 1).sum() / (strong > 0).sum())
    kinds = one.kinds[one.kinds["layer"] == 1]
    assert kinds["variety"].tolist() == strong.tolist()
    assert len(one.kinds) == 3 * 64
    # labels that one word tells give more strong features than labels that were exchanged, of which there are nine
    assert (one.effects.loc[one.effects["measure"] == MEASURES[1], "p"] == 0.1).all()


def test_features_are_chosen_on_other_posts_than_they_are_tested_on(one):
    chosen, tested = one.halves
    held = one.one.held
    assert sorted([*chosen.ids, *tested.ids]) == sorted(held.ids)
    assert np.bincount(chosen.label).tolist() == np.bincount(tested.label).tolist() == [6, 6, 6]
    assert one.layer == 1
    for own in one.chosen:
        read = plain_means(one, 1)
        first = [i for i, post in enumerate(held.ids) if post in chosen.ids]
        d = plain_d(read[first], held.label[first])[own.label]
        assert set(own.top) == set(np.argsort(-np.nan_to_num(d, nan=-9))[: len(own.top)].tolist())
        assert d[own.top].min() > 0
        assert not any(set(own.top) & set(other) for other in (*own.matched, *own.random))


def test_knocked_out_has_a_row_for_each_label(one):
    table, tested = one.knocked_out.set_index("label"), one.halves[1]
    assert table.index.tolist() == LABELS
    assert (table["posts"] == 6).all()
    for own in one.chosen:
        ways = {"before": [], "after": []}
        for post in (
            post for post, label in zip(tested.ids, tested.label, strict=True) if label == own.label
        ):
            dictionary = one.dictionary

            def without(state, dictionary=dictionary, top=own.top):
                active = dictionary.encode(state)[top]
                return state - active @ dictionary.decoder[top] / dictionary.scale

            for name, way in {"before": lambda state: state, "after": without}.items():
                losses = [plain_loss(one.classifier, post, at, one.layer, way) for at in range(len(LABELS))]
                ways[name].append(int(np.argmin(losses)) == own.label)
        row = table.loc[LABELS[own.label]]
        assert row["before"] == pytest.approx(100 * np.mean(ways["before"]))
        assert row["after"] == pytest.approx(100 * np.mean(ways["after"]))
        assert row["drop"] == pytest.approx(row["before"] - row["after"])
        assert row["effect"] == pytest.approx(row["drop"] - row["matched"])


def test_cues_and_spellings_have_their_rows(one):
    assert one.cues["label"].tolist() == LABELS
    for name in CUES:
        gap = one.cues[name] - one.cues[f"{name}_null"]
        assert one.cues[f"{name}_beyond"].to_numpy() == pytest.approx(gap.to_numpy(), nan_ok=True)
    top = np.array([len(own.top) for own in one.chosen])
    assert ((one.cues["features"] > 0) & (one.cues["features"] <= top)).all()
    rows = one.survival
    assert (
        len(rows) == 2 * 2 * 2 * 2
    )  # places, readings, pairs and k: a dictionary of 64 has no 100 features to take
    assert sorted(set(rows["k"])) == [20, 50]
    assert len(tables.as_published(rows)) == 2
    assert {place: own.shape for place, own in one.spelled.items()} == {
        "whole sentence": (len(spelling_table()), 64), "spelling": (len(spelling_table()), 64),
    }  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_tables_have_both_siblings_and_the_columns_of_those_by_hand(featured, name):
    table = getattr(tables, name)(featured)
    assert list(table) == list(getattr(made, name)())
    if name != "differences":
        assert list(dict.fromkeys(table["model"])) == ["base", "continued"]


def test_telling_counts_what_kinds_has(featured):
    table = tables.telling(featured).set_index(["model", "layer"])
    for name, study in featured.items():
        for layer in range(3):
            variety = study.kinds.query("layer == @layer")["variety"]
            assert table.loc[(name, layer), "one label"] == (variety == 1).sum()
            assert table.loc[(name, layer), "several labels"] == (variety > 1).sum()


def test_differences_are_the_second_sibling_minus_the_first(featured):
    base, japanese = featured.values()
    found = tables.differences(featured).set_index(["what", "measure"])
    turned = tables.differences(dict(reversed(featured.items()))).set_index(["what", "measure"])
    drops = japanese.knocked_out["drop"].mean() - base.knocked_out["drop"].mean()
    assert found.loc[("knockout", "drop"), "mean"] == pytest.approx(drops)
    assert drops != 0
    tokens = (japanese.cues["rarefied_tokens"] - base.cues["rarefied_tokens"]).mean()
    assert found.loc[("cues", "rarefied_tokens"), "mean"] == pytest.approx(tokens)
    survived = [
        by_concept(one.spelled["whole sentence"], spelling_table(), 20)["value"].mean()
        for one in (japanese, base)
    ]
    assert found.loc[("spellings", "survival 20"), "mean"] == pytest.approx(
        survived[0] - survived[1], abs=1e-12
    )
    assert turned["mean"].to_numpy() == pytest.approx(-found["mean"].to_numpy())
    assert turned["p"].to_numpy() == pytest.approx(found["p"].to_numpy())
    assert set(found.loc["spellings"].index) == {
        f"{name} {k}" for k in (20, 50) for name in ("survival", "known")
    }


def test_three_labels_decide_nothing_and_every_claim_has_its_row(featured):
    found = {name: getattr(tables, name)(featured) for name in TABLES if name != "telling"}
    results = Results(found | {"reported": published_knockouts()}, 4)
    told = answer(results)
    assert told.falsifiers[0].happened is None
    assert told.falsifiers[1].happened is None
    assert "nan" not in f"{told.in_short()} {told.what_we_found()}"
    claims = results.claims("base", "continued")
    assert isnan(claims.differences["C.knockout.mean"].low)
    base, japanese = featured.values()
    active = [(one.read[1]["mean"] > 0).sum(axis=1).mean() for one in (japanese, base)]
    assert claims.differences["C.sparsity.active"].value == pytest.approx(active[0] - active[1])
    rows = {row.claim: row for row in chapter_measurements(claims)}
    assert set(rows) == {claim for claim in read_claims()["id"] if claim.startswith(PREFIXES)}
    assert "3 units" in rows["C.knockout.mean"].note
    assert rows["C.variants.k100"].value is None
    assert rows["C.cue.overall"].holds is None


def test_the_recipe_of_the_report_stands_beside_in_large_profiles_alone():
    assert set(SIZES) == {"smoke", "baseline", "extended", "powered"}
    assert [own.published for own in SIZES.values()] == [False, False, True, True]
    assert all(1 / (1 + own.permutations) <= 0.05 for own in SIZES.values())  # else no p could be small
    assert AS_PUBLISHED not in METHODS
