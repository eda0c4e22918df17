"""The engine gives, row by row, what each condition gives alone by the plain forward pass."""

from __future__ import annotations

import copy
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from by_hand import by_hand, logits_by_hand, sweep, vector
from model_fixtures import PROMPTS

from emotion_utils.core.errors import UserError
from emotion_utils.core.store import Store
from emotion_utils.engine import generation
from emotion_utils.engine.decoding import Sampling
from emotion_utils.engine.generation import generate
from emotion_utils.engine.interventions import GENERATED, UNTOUCHED, Condition, Edit, Window, steering
from emotion_utils.engine.requests import all_rows
from emotion_utils.models.families import blocks
from emotion_utils.models.hooks import HookPoint
from emotion_utils.models.model import load

NEW = 7
ALONE: dict[tuple[str, int, str], tuple[list[int], list[float]]] = {}


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"share": False},
        {"cache": False},
        {"side": "right"},
        {"batch_rows": 5},
        {"cache": False, "side": "right", "batch_rows": 3},
    ],
    ids=str,
)
def test_packed_rows_give_what_each_condition_gives_alone(untrained, how):
    model = untrained
    conditions = sweep(model.network)
    table = generate(model, PROMPTS, conditions, Sampling(NEW), progress=False, **how)
    assert list(zip(table["prompt"], table["condition"], strict=True)) == [
        (p, conditions[c].name) for p, c in all_rows(len(PROMPTS), len(conditions)).tolist()
    ]
    named = {c.name: c for c in conditions}
    for row in table.itertuples():
        ids = model.tokenizer(PROMPTS[row.prompt])["input_ids"]
        key = (
            type(model.network).__name__,
            row.prompt,
            row.condition,
        )  # the same whatever the batch: computed once
        if key not in ALONE:
            ALONE[key] = by_hand(model.network, ids, named[row.condition], NEW, model.tokenizer.eos_token_id)
        ours, (theirs, gap) = list(row.ids), ALONE[key]
        differs = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), None)
        assert differs is None or gap[differs] < 1e-4, (row.condition, row.prompt, ours, theirs)
        assert differs is not None or len(ours) == len(theirs)


@pytest.mark.parametrize("how", [{}, {"cache": False, "side": "right"}], ids=str)
def test_prompts_longer_than_a_sliding_window_and_up_to_the_limit(untrained, how):
    model = untrained
    drawn = torch.randint(10, 900, (508,), generator=torch.Generator().manual_seed(3)).tolist()
    prompts, new = [drawn[:1], drawn[:150], drawn], 4
    conditions = [
        UNTOUCHED,
        *(steering(str(at), vector(model.network, 3), 1, 3.0, Window(at, anchor="end")) for at in (-140, 1)),
    ]
    table = generate(model, prompts, conditions, Sampling(new, stop_at_end=False), progress=False, **how)
    named = {c.name: c for c in conditions}
    for row in table.itertuples():
        prompt = prompts[row.prompt]
        logits = logits_by_hand(model.network, prompt + row.ids[:-1], named[row.condition], len(prompt))[
            -new:
        ]
        behind = logits.max(dim=-1).values - logits[torch.arange(new), row.ids]
        assert behind.max() < 1e-4, (row.prompt, row.condition)


def test_different_conditions_give_different_texts(untrained):
    model = untrained
    conditions = [UNTOUCHED, *(steering(str(i), vector(model.network, i, 3000.0), 0, 2.0) for i in range(3))]
    table = generate(model, PROMPTS, conditions, Sampling(NEW), progress=False)
    assert table.groupby("prompt")["text"].nunique().min() > 1


def test_alpha_zero_is_the_untouched_model(untrained):
    model = untrained
    zero = steering("zero", vector(model.network, 0), 0, 0.0)
    table = generate(model, PROMPTS, [UNTOUCHED, zero], Sampling(NEW), progress=False)
    texts = table.pivot(index="prompt", columns="condition", values="text")
    assert (texts["zero"] == texts["untouched"]).all()


def test_a_sample_depends_on_seed_and_prompt_alone(untrained):
    model = untrained
    how = Sampling(NEW, temperature=5.0, samples=3, seed=4)
    whole = generate(model, PROMPTS, sweep(model.network)[:4], how, progress=False)
    part = generate(model, PROMPTS[2:], sweep(model.network)[1:2], how, progress=False, batch_rows=2)
    same = whole[(whole["condition"] == part["condition"][0]) & (whole["prompt"] >= 2)]
    assert same["text"].tolist() == part["text"].tolist()
    assert whole["text"].nunique() > len(PROMPTS)
    other = generate(model, PROMPTS, sweep(model.network)[:4], Sampling(NEW, 5.0, 3, 5), progress=False)
    assert (other["text"] != whole["text"]).any()


def _hooks(module):
    """What of a module a hook would change (the library itself may have left hooks for hidden states)."""
    return (list(module._forward_hooks), list(module._forward_pre_hooks), "forward" in vars(module))


def test_no_hook_outlives_a_call(untrained, monkeypatch):
    monkeypatch.setattr("emotion_utils.engine.interventions.LONGEST", float("inf"))
    model = untrained
    before = [_hooks(module) for module in model.network.modules()]
    bad = torch.full((model.network.config.get_text_config().hidden_size,), 1e38)
    loud = [steering("loud", bad, 0, 1e3), steering("other", bad, 1, 1e3, GENERATED)]
    with pytest.raises(
        UserError, match='Under the condition "loud" the model gives logits that are not finite'
    ):
        generate(model, PROMPTS, loud, Sampling(NEW), progress=False)
    assert [_hooks(module) for module in model.network.modules()] == before


@pytest.fixture(scope="module")
def model():

    return load("small-gpt2")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda v: Edit(HookPoint(0, "resid_post"), v[:-1]),
            r"value of shape \(127,\) .* where \(128,\) is needed",
        ),
        (lambda v: Edit(HookPoint(9, "resid_post"), v), "writes to layer 9, and the model has layers 0 to 3"),
        (lambda v: Edit(HookPoint(0, "resid_post"), v / 0), "not finite"),
        (lambda v: Edit(HookPoint(0, "pattern"), v), "writes to pattern.0, which changes nothing"),
        (lambda v: Edit(HookPoint(0, "z"), torch.zeros(8, 16), heads=(8,)), "names head 8"),
        (lambda v: Edit(HookPoint(0, "resid_post"), v, heads=(0,)), "only z has heads"),
        (lambda v: Edit(HookPoint(0, "z"), torch.zeros(8, 15)), r"\(8, 15\) .* where \(8, 16\) is needed"),
        (lambda v: Edit(HookPoint(0, "z"), v), r"\(128,\) .* where \(8, 16\) is needed"),
        (lambda v: Edit(HookPoint(1, "neurons"), v), r"\(128,\) at neurons.1, where \(512,\) is needed"),
        (lambda v: Edit(HookPoint(0, "resid_post"), v[None][:0]), r"\(0, 128\) .* where \(128,\) is needed"),
    ],
    ids=[
        "width",
        "layer",
        "nan",
        "pattern",
        "head",
        "heads elsewhere",
        "d_head",
        "no heads",
        "neurons",
        "no position",
    ],
)
def test_a_wrong_edit_is_refused_with_its_condition(model, edit, message):
    with pytest.raises(UserError, match=f'The condition "wrong" .*{message}'):
        generate(model, PROMPTS, [Condition("wrong", (edit(torch.ones(128)),))], progress=False)


def test_prompts_that_cannot_be_continued_are_named(model):
    with pytest.raises(UserError, match="has no tokens"):
        generate(model, ["We met", ""], progress=False)
    room = model.network.config.max_position_embeddings
    with pytest.raises(UserError, match=re.escape(f"has {room - 29} tokens, 30 more are asked for")):
        generate(model, [[5] * (room - 29)], progress=False)
    fits = generate(model, [[5] * (room - 30)], how=Sampling(30, stop_at_end=False), progress=False)
    assert fits["n_tokens"].tolist() == [30]


def test_two_conditions_of_one_name_are_refused(model):
    with pytest.raises(UserError, match='Two conditions are called "untouched"'):
        generate(model, PROMPTS, [UNTOUCHED, UNTOUCHED], progress=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "At least one new token"),
        ((5, -1.0), "A temperature"),
        ((5, 0.0, 2), "At temperature 0"),
        ((5, 1.0, 1, -1), "A seed is 0 or a positive whole number"),
    ],
)
def test_senseless_sampling_is_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        Sampling(*arguments)


def test_running_out_of_memory_halves_the_batch_and_loses_no_row(model, monkeypatch):
    conditions = sweep(model.network)
    whole = generate(model, PROMPTS, conditions, Sampling(NEW), progress=False)
    real, sizes = generation._Job._batch, []

    def limited(self, piece):
        sizes.append(len(piece))
        if len(piece) > 12:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, piece)

    monkeypatch.setattr(generation._Job, "_batch", limited)
    found = generate(model, PROMPTS, conditions, Sampling(NEW), batch_rows=40, progress=False)
    assert found["text"].tolist() == whole["text"].tolist()
    assert sizes[:3] == [40, 20, 10]
    assert set(found["batch_rows"]) <= {10, len(found) % 10}


def test_a_sweep_that_was_killed_goes_on(model, tmp_path, monkeypatch):
    monkeypatch.setattr(generation, "SHARD_ROWS", 16)
    conditions, store = sweep(model.network), Store(tmp_path)
    whole = generate(model, PROMPTS, conditions, Sampling(NEW), progress=False)
    real, batches = generation._Job._batch, []

    def killed(self, piece):
        if len(batches) == 2:
            raise KeyboardInterrupt
        batches.append(len(piece))
        return real(self, piece)

    monkeypatch.setattr(generation._Job, "_batch", killed)
    asked = {"store": store, "progress": False}
    with pytest.raises(KeyboardInterrupt):
        generate(model, PROMPTS, conditions, Sampling(NEW), **asked)
    assert len(store.keys()) == 2
    monkeypatch.setattr(generation._Job, "_batch", real)
    found = generate(model, PROMPTS, conditions, Sampling(NEW), **asked)
    assert found["text"].tolist() == whole["text"].tolist()
    assert found["ids"].tolist() == whole["ids"].tolist()  # lists, with a store too
    assert len(store.keys()) == int(np.ceil(len(whole) / 16))


def ending_with(model, *tokens):
    """The model with other ends: the first is its tokenizer's, all stand in its generation settings."""
    other, network = copy.deepcopy(model.tokenizer), copy.copy(model.network)
    other.eos_token = other.convert_ids_to_tokens(tokens[0])
    network.generation_config = copy.deepcopy(network.generation_config)
    network.generation_config.eos_token_id = list(tokens)
    return replace(model, network=network, tokenizer=other)


def test_rows_that_end_leave_the_others_as_they_are(untrained):
    """Half of the rows end at once and are dropped; windows and fading go on for the rest."""
    model = untrained
    conditions, prompts = sweep(model.network), [PROMPTS[0]] * 20 + [PROMPTS[1]]
    rows = np.array([[p, 0] for p in range(20)] + [[20, c] for c in range(20)])
    how = {"rows": rows, "progress": False}
    whole = generate(model, prompts, conditions, Sampling(NEW, 5.0, stop_at_end=False), **how)
    end = whole["ids"][0][2]
    cut = [ids[: ids.index(end) + 1] if end in ids else ids for ids in whole["ids"]]
    found = generate(ending_with(model, end), prompts, conditions, Sampling(NEW, 5.0), **how)
    assert found["ids"].tolist() == cut
    assert max(map(len, cut[:20])) <= 3
    assert max(map(len, cut)) == NEW


def test_what_comes_after_the_end_of_a_row_is_no_error(monkeypatch, model):
    monkeypatch.setattr("emotion_utils.engine.interventions.LONGEST", float("inf"))
    loud = steering("loud", torch.full((128,), 1e38), 0, 1e3, Window(2, anchor="end"))
    end = generate(model, PROMPTS, how=Sampling(1), progress=False)["ids"][0][0]
    rows = np.array([[0, 1], [1, 0], [3, 0]])
    found = generate(
        ending_with(model, end),
        PROMPTS,
        [UNTOUCHED, loud],
        Sampling(NEW),
        rows=rows,
        progress=False,
    )
    assert found["n_tokens"].tolist()[0] == 1
    assert found["n_tokens"].max() > 3


def test_a_store_gives_texts_to_the_rows_that_ask(model, tmp_path):
    """Other numbers of the prompts, and other names, of what was made before."""
    asked = {"how": Sampling(NEW), "store": Store(tmp_path), "progress": False}
    made = generate(model, PROMPTS[:2], [steering("a", vector(model.network, 1), 1, 1.0)], **asked)
    turned = [PROMPTS[2], PROMPTS[1], PROMPTS[0]]
    again = [steering("b", vector(model.network, 1), 1, 1.0)]
    rows = np.array([[2, 0], [1, 0]])
    found = generate(model, turned, again, rows=rows, **asked)
    assert found[["prompt", "condition"]].to_numpy().tolist() == [[2, "b"], [1, "b"]]
    assert found["text"].tolist() == made["text"].tolist()
    assert len(asked["store"].keys()) == 1


def test_a_store_tells_dtypes_and_ends_of_text_apart(model, tmp_path):
    asked = {"store": Store(tmp_path), "progress": False}
    ids = generate(model, PROMPTS, how=Sampling(NEW), **asked)["ids"][0]
    short = generate(ending_with(model, ids[1]), PROMPTS, how=Sampling(NEW), **asked)
    assert short["ids"][0] == ids[: ids.index(ids[1]) + 1]
    half = replace(model, network=copy.deepcopy(model.network).bfloat16())
    generate(half, PROMPTS, how=Sampling(NEW), **asked)
    assert len(asked["store"].keys()) == 3


def test_a_prompt_is_computed_once(model, monkeypatch):
    """Steering of the last block leaves all blocks to the untouched model: they see each prompt once."""
    seen = []
    handle = blocks(model.network)[0].mlp.register_forward_pre_hook(
        lambda _, args: seen.append(args[0].shape[:2].numel())
    )
    conditions = [steering(str(i), vector(model.network, i), 3, 1.0) for i in range(10)]
    try:
        generate(model, PROMPTS[1:2], conditions, Sampling(1), progress=False)
    finally:
        handle.remove()
    assert seen == [len(model.tokenizer(PROMPTS[1])["input_ids"])]


def test_every_end_of_the_generation_settings_ends_a_text(untrained):
    """Against the loop of the library, with the same list of ends."""
    model = untrained
    ids = model.tokenizer(PROMPTS[0])["input_ids"]
    whole = generate(model, [ids], how=Sampling(NEW, stop_at_end=False), progress=False)["ids"][0]
    never = next(token for token in range(len(model.tokenizer)) if token not in whole)
    for ends in ((never, whole[2]), (whole[3], whole[1]), (never,)):
        found = generate(ending_with(model, *ends), [ids], how=Sampling(NEW), progress=False).iloc[0]
        theirs = model.network.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False,
            max_new_tokens=NEW, eos_token_id=list(ends), pad_token_id=model.pad,
        )  # fmt: skip
        assert found["ids"] == theirs[0, len(ids) :].tolist()
        assert found["ended"] == (ends != (never,))
