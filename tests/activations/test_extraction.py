"""Activations equal those of the plain model, whatever batch a prompt is in; nothing that is not finite comes back."""

from __future__ import annotations

import copy
import errno
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from heads_by_hand import roughened

from emotion_utils.activations import extraction
from emotion_utils.activations.extraction import extract, points, stream
from emotion_utils.activations.token_spans import find_spans
from emotion_utils.core.errors import UserError
from emotion_utils.core.store import DamagedArtefact, Store
from emotion_utils.models import model as module
from emotion_utils.models.batches import model_inputs
from emotion_utils.models.families import blocks
from emotion_utils.models.hooks import HookPoint, attached
from emotion_utils.models.positions import encode

KINDS = ("resid_pre", "attn_out", "mlp_out", "resid_post")


@pytest.fixture(scope="module")
def table(docs):
    texts = [d.text.split("\n")[0][:120] for d in docs if len(d.text) > 20][:24]
    nan = float("nan")
    rows = [
        (f"p{i}", text, "anger", f"pair{i}", 0, max(1, text.find(" ")), nan, nan)
        for i, text in enumerate(texts)
    ]
    columns = ["id", "text", "emotion", "pair_id", "emotion_start", "emotion_end", "match_start", "match_end"]
    return pd.DataFrame(rows, columns=columns)


@torch.no_grad()
def states_of(network, ids):
    """The plain model on one prompt: (token, layer, d_model) by hidden_states, the last block by a hook."""
    last = []
    handle = blocks(network)[-1].register_forward_hook(
        lambda _m, _a, out: last.append(out[0] if isinstance(out, tuple) else out)
    )
    out = network(torch.tensor([ids]), use_cache=False, output_hidden_states=True)
    handle.remove()
    return torch.stack([hidden[0] for hidden in (*out.hidden_states[1:-1], last[0])], dim=1)


def one_by_one(model, table, position):
    """The reads of a position, a prompt at a time: (read, layer, d_model)."""
    encoded = encode(model.tokenizer, table["text"].tolist())
    states = [states_of(model.network, ids) for ids in encoded.ids]
    reads = find_spans(table, encoded, [position])
    return torch.stack([states[read.row][read.first : read.last].mean(0) for read in reads.itertuples()])


@pytest.fixture(scope="module")
def single(untrained, table):
    """Four kinds of activations with each prompt in a batch of its own."""
    return extract(untrained, table, points(untrained, KINDS), ["end"], batch_tokens=1, progress=False)


@pytest.mark.parametrize("position", ["end", "emotion", "mean", "all"])
def test_they_are_those_of_the_plain_model(untrained, table, position):
    model = untrained
    found = extract(model, table, points(model), [position], progress=False)
    _, values = found.at(position)
    assert torch.allclose(values, one_by_one(model, table, position), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("batch_tokens", [1, 64, 256, 10_000])
def test_the_batch_changes_nothing(untrained, table, single, batch_tokens):
    model = untrained
    batched = extract(model, table, points(model, KINDS), ["end"], batch_tokens=batch_tokens, progress=False)
    for point, values in single.values.items():
        assert torch.allclose(values, batched.values[point], atol=1e-4, rtol=1e-4), str(point)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("cached", [False, True])
@torch.no_grad()
def test_padding_side_and_cache_change_nothing(untrained, table, side, cached):
    model = untrained
    encoded = encode(model.tokenizer, table["text"].tolist()[:8])
    inputs = model_inputs(encoded.ids, model.tokenizer.pad_token_id, side)
    point, caught = HookPoint(model.n_layers - 1, "resid_post"), []
    with attached(model.network, {point: lambda hidden: caught.append(hidden.clone())}):
        if cached:  # the last column comes alone, on the cache of all that stands before it
            head = {k: v[:, :-1] for k, v in inputs.items()}
            first = model.network(**head, use_cache=True)
            tail = {"input_ids": inputs["input_ids"][:, -1:], "position_ids": inputs["position_ids"][:, -1:]}
            model.network(
                **tail, attention_mask=inputs["attention_mask"], past_key_values=first.past_key_values
            )
        else:
            model.network(**inputs, use_cache=False)
    hidden = torch.cat(caught, dim=1)
    _, alone = extract(model, table.head(8), [point], ["all"], progress=False).at("all")
    reads = find_spans(table.head(8), encoded, ["all"])
    for value, read in zip(alone[:, 0], reads.itertuples(), strict=True):
        shift = hidden.shape[1] - len(encoded.ids[read.row]) if side == "left" else 0
        assert torch.allclose(hidden[read.row, read.first + shift], value, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_refused_with_its_place(untrained, table, value):
    model = untrained
    lengths = [len(ids) for ids in encode(model.tokenizer, table["text"].tolist()).ids]
    order = sorted(range(len(table)), key=lambda i: (lengths[i], i))  # rows of the one batch
    rng = np.random.default_rng(0)
    for layer in range(model.n_layers):
        kind = str(rng.choice(KINDS))
        row = int(rng.integers(len(table)))
        position = int(rng.integers(lengths[order[row]]))

        def plant(hidden, row=row, position=position):
            hidden = hidden.clone()
            hidden[row, position, 3] = value
            return hidden

        name = type(model.network).__name__
        said = rf'{kind}\.{layer} of {name} .* at token {position} of the prompt "p{order[row]}"'
        with attached(model.network, {HookPoint(layer, kind): plant}), pytest.raises(UserError, match=said):
            extract(
                model,
                table,
                [HookPoint(layer, kind)],
                ["end"],
                batch_tokens=10_000,
                progress=False,
            )


def test_what_padding_holds_is_of_no_interest(untrained, table):
    model = untrained
    point = HookPoint(model.n_layers - 1, "resid_post")
    options = {"batch_tokens": 10_000, "progress": False}
    plain = extract(model, table, [point], **options).values[point]

    def plant(hidden):
        hidden = hidden.clone()
        hidden[0, -1] = float("nan")  # the shortest prompt of the batch ends before
        return hidden

    with attached(model.network, {point: plant}):
        assert torch.equal(extract(model, table, [point], **options).values[point], plain)


def test_attention_implementations_agree_beyond_the_local_window(untrained, docs):
    model = untrained
    if model.network.config.model_type in ("gpt_neo", "gemma2"):
        pytest.skip("GPT-Neo and Gemma 2 have one implementation")
    whole = encode(model.tokenizer, [d.text for d in docs]).ids
    fitting = sorted((len(ids), d.text) for ids, d in zip(whole, docs, strict=True) if len(ids) <= 512)
    texts = [text for _, text in fitting[-3:]]
    long = pd.DataFrame({"id": list("abc"), "text": texts, "emotion": "neutral", "pair_id": None})
    long = long.assign(emotion_start=np.nan, emotion_end=np.nan, match_start=np.nan, match_end=np.nan)
    lengths = [len(ids) for ids in encode(model.tokenizer, texts).ids]
    assert 128 < max(lengths) <= 512
    found = {}
    for name in ("eager", "sdpa"):
        model.network.set_attn_implementation(name)
        try:
            found[name] = extract(model, long, points(model), ["end", "mean"], progress=False).values
        finally:
            model.network.set_attn_implementation("eager")
    for point, values in found["eager"].items():
        assert torch.allclose(found["sdpa"][point], values, atol=1e-4, rtol=1e-4), str(point)


def half(model):
    return replace(model, network=copy.deepcopy(model.network).bfloat16())


OTHERS = {
    "name": lambda model, monkeypatch: replace(model, name="other"),
    "weights": lambda model, monkeypatch: replace(model, network=roughened(model.network)),
    "dtype": lambda model, monkeypatch: half(model),
    "packages": lambda model, monkeypatch: monkeypatch.setattr(module, "versions", lambda: {"torch": "0"}),
    "code": lambda model, monkeypatch: monkeypatch.setattr(extraction, "code_of", lambda name: "other"),
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_another_identity_is_computed_again(untrained, table, tmp_path, change, monkeypatch):
    model = untrained
    store = Store(tmp_path)
    options = {"store": store, "progress": False}
    extract(model, table.head(3), points(model), **options)
    extract(replace(model), table.head(3), points(model), **options)
    assert len(store.keys()) == model.n_layers
    other = change(model, monkeypatch) or model
    extract(other, table.head(3), points(model), **options)
    assert len(store.keys()) == 2 * model.n_layers


def test_other_prompts_layers_and_positions_are_computed_again(untrained, table, tmp_path):
    model = untrained
    store = Store(tmp_path)
    options = {"store": store, "progress": False}
    asked = [
        (table.head(3), points(model), ["end"]),
        (table.head(4), points(model), ["end"]),
        (table.head(3), points(model, layers=[0]), ["end"]),
        (table.head(3), points(model, ("attn_out",)), ["end"]),
        (table.head(3), points(model), ["mean"]),
        (table.head(3).assign(text=table["text"].tail(3).tolist()), points(model), ["end"]),
    ]
    for n, (prompts, where, positions) in enumerate(asked):
        known = set(store.keys())
        found = extract(model, prompts, where, positions, **options)
        new = set(store.keys()) - known
        assert len(new) == (
            0 if n == 2 else len(where)
        )  # the same reads at fewer hook points are there already
        plain = extract(model, prompts, where, positions, progress=False)
        assert all(torch.equal(found.values[point], plain.values[point]) for point in where)


def test_a_run_that_was_killed_repeats_at_most_one_shard(untrained, table, tmp_path, monkeypatch):
    model = untrained
    where = points(model)
    d_model = model.d_model
    options = {"batch_tokens": 40, "shard_bytes": 8 * len(where) * d_model * 4, "progress": False}  # 8 reads
    parts = list(stream(model, table, where, ["end"], **options))
    assert [len(part.reads) for part in parts[:2]] == [8, 8]
    kept = {"store": Store(tmp_path / "killed"), **options}
    passes, real = [], type(model.network).forward

    def forward(self, *args, **kwargs):
        passes.append(len(args[0] if args else kwargs["input_ids"]))
        if sum(passes) > 20:
            raise KeyboardInterrupt
        return real(self, *args, **kwargs)

    monkeypatch.setattr(type(model.network), "forward", forward)
    with pytest.raises(KeyboardInterrupt):
        extract(model, table, where, ["end"], **kept)
    assert len(kept["store"].keys()) == 2 * len(where)
    kept["store"].remove(kept["store"].keys()[0])  # as if it was killed while the second shard was written
    passes[:] = [-100]
    resumed = extract(model, table, where, ["end"], **kept)
    assert sum(passes[1:]) == len(table) - 8
    monkeypatch.setattr(type(model.network), "forward", real)
    unbroken = Store(tmp_path / "unbroken")
    whole = extract(model, table, where, ["end"], **kept | {"store": unbroken})
    plain = extract(model, table, where, ["end"], **options)
    for point in where:
        assert torch.equal(resumed.values[point], whole.values[point])
        assert torch.equal(resumed.values[point], plain.values[point])
    assert kept["store"].keys() == unbroken.keys()
    for key in list(unbroken.keys()):
        assert kept["store"].manifest(key) == unbroken.manifest(key)


def test_a_stream_is_the_whole_in_parts_of_bounded_size(untrained, table, tmp_path):
    model = untrained
    where, positions = points(model, ("resid_post", "attn_out")), ["mean", "end", "all"]
    whole = extract(model, table, where, positions, batch_tokens=64, progress=False)
    largest = int(whole.reads["row"].value_counts().max()) * whole.values[where[0]].shape[1] * 4 * len(where)
    options = {"batch_tokens": 64, "shard_bytes": 2 * largest, "progress": False}
    kept = options | {"store": Store(tmp_path)}
    for asked in (options, kept, kept):
        parts = list(stream(model, table, where, positions, **asked))
        assert len(parts) > 3
        seen = []
        for part in parts:
            sizes = [values.numel() * values.element_size() for values in part.values.values()]
            assert sum(sizes) <= 2 * largest
            assert part.reads.index.tolist() == list(range(len(part.reads)))
            seen.append(part.reads)
            same = whole.reads.reset_index().merge(part.reads, how="right")["index"].to_numpy()
            for point in where:
                expected = whole.values[point][torch.tensor(same)]
                assert torch.allclose(part.values[point], expected, atol=1e-4, rtol=1e-4)
        together = pd.concat(seen).sort_values(["position", "row", "first"], ignore_index=True)
        expected = whole.reads.sort_values(["position", "row", "first"], ignore_index=True)
        pd.testing.assert_frame_equal(together, expected)


def test_a_hook_point_is_read_without_the_others(untrained, table, tmp_path):
    model = untrained
    where, store = points(model, ("resid_pre", "resid_post")), Store(tmp_path)
    options = {"store": store, "progress": False}
    found = extract(model, table, where, **options)
    for key in list(store.keys()):
        if store.manifest(key)["parameters"]["hook"] != str(where[0]):
            (tmp_path / store.manifest(key)["file"]).write_bytes(b"damaged")
    plain = extract(model, table, [where[0]], progress=False)
    assert torch.equal(found.values[where[0]], plain.values[where[0]])
    assert set(found.values) == set(where)
    assert HookPoint(99, "resid_post") not in found.values
    with pytest.raises(KeyError):
        found.values[HookPoint(99, "resid_post")]
    with pytest.raises(DamagedArtefact, match="again=True"):
        found.at("end")
    extract(model, table, where, again=True, **options)
    assert found.at("end")[1].shape[1] == model.n_layers


def test_where_nothing_can_be_stored_one_sentence_says_so(untrained, table, tmp_path, monkeypatch):
    model = untrained
    (tmp_path / "file").write_text("no folder")
    options = {"progress": False}
    with pytest.raises(UserError, match="Nothing can be stored"):
        extract(model, table, points(model), store=Store(tmp_path / "file"), **options)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("emotion_utils.core.store.write_atomically", full)
    with pytest.raises(UserError, match="No space left on device"):
        extract(model, table, points(model), store=Store(tmp_path / "full"), **options)


def test_the_reports_layout_is_a_view(untrained, table):
    model = untrained
    found = extract(model, table.head(5), points(model), ["all"], progress=False)
    ragged = found.ragged()
    assert len(ragged) == model.n_layers
    texts = encode(model.tokenizer, table["text"].tolist()[:5])
    assert [len(r) for r in ragged[0]] == [sum(a < b for a, b in spans) for spans in texts.spans]
    assert found.layers() == list(range(model.n_layers))


def test_mistakes_are_named(untrained, table):
    model = untrained
    with pytest.raises(UserError, match=r"not at z\.0"):
        extract(model, table, [HookPoint(0, "z")])
    with pytest.raises(UserError, match="not at nothing"):
        extract(model, table, [])
    with pytest.raises(UserError, match="No prompt has a token to read"):
        extract(model, table.assign(emotion="neutral"), points(model), ["emotion"])
    found = extract(model, table.head(2), points(model), progress=False)
    with pytest.raises(UserError, match=r'at the position "mean": read were end'):
        found.at("mean")
    with pytest.raises(UserError, match=r'of the kind "attn_out" was read: read were resid_post'):
        found.at("end", "attn_out")
