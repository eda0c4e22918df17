"""Activations equal those of the plain model, whatever batch a prompt is in; nothing that is not finite comes back."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from emotion_utils.activations.extraction import extract, identity, points, stream
from emotion_utils.activations.token_spans import find_spans
from emotion_utils.core.errors import UserError
from emotion_utils.core.store import DamagedArtefact, Store
from emotion_utils.models.batches import model_inputs
from emotion_utils.models.families import blocks, n_layers
from emotion_utils.models.hooks import HookPoint, attached
from emotion_utils.models.positions import encode


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
def one_by_one(model, tokenizer, table, position):
    """The plain model, a prompt at a time: (prompt, layer, d_model) by hidden_states, the last block by a hook."""
    encoded = encode(tokenizer, table["text"].tolist())
    reads = find_spans(table, encoded, [position])
    rows = []
    for _, read in reads.iterrows():
        last = []
        handle = blocks(model)[-1].register_forward_hook(
            lambda _m, _a, out, last=last: last.append(out[0] if isinstance(out, tuple) else out)
        )
        out = model(torch.tensor([encoded.ids[read["row"]]]), use_cache=False, output_hidden_states=True)
        handle.remove()
        layers = [*out.hidden_states[1:-1], last[0]]
        rows.append(torch.stack([h[0, read["first"] : read["last"]].mean(0) for h in layers]))
    return torch.stack(rows)


@pytest.mark.parametrize("position", ["end", "emotion", "mean", "all"])
def test_they_are_those_of_the_plain_model(untrained, table, position):
    model, tokenizer = untrained
    found = extract(model, tokenizer, table, points(model), [position], progress=False)
    _, values = found.at(position)
    assert torch.allclose(values, one_by_one(model, tokenizer, table, position), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("batch_tokens", [1, 64, 256, 10_000])
def test_the_batch_changes_nothing(untrained, table, batch_tokens):
    model, tokenizer = untrained
    kinds = ("resid_pre", "attn_out", "mlp_out", "resid_post")
    single = extract(model, tokenizer, table, points(model, kinds), ["end"], batch_tokens=1, progress=False)
    batched = extract(
        model, tokenizer, table, points(model, kinds), ["end"], batch_tokens=batch_tokens, progress=False
    )
    for point, values in single.values.items():
        assert torch.allclose(values, batched.values[point], atol=1e-4, rtol=1e-4), str(point)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("cached", [False, True])
@torch.no_grad()
def test_padding_side_and_cache_change_nothing(untrained, table, side, cached):
    model, tokenizer = untrained
    encoded = encode(tokenizer, table["text"].tolist()[:8])
    inputs = model_inputs(encoded.ids, tokenizer.pad_token_id, side)
    point, caught = HookPoint(n_layers(model) - 1, "resid_post"), []
    with attached(model, {point: lambda hidden: caught.append(hidden.clone())}):
        if cached:  # the last column comes alone, on the cache of all that stands before it
            head = {k: v[:, :-1] for k, v in inputs.items()}
            first = model(**head, use_cache=True)
            tail = {"input_ids": inputs["input_ids"][:, -1:], "position_ids": inputs["position_ids"][:, -1:]}
            model(**tail, attention_mask=inputs["attention_mask"], past_key_values=first.past_key_values)
        else:
            model(**inputs, use_cache=False)
    hidden = torch.cat(caught, dim=1)
    _, alone = extract(model, tokenizer, table.head(8), [point], ["all"], progress=False).at("all")
    reads = find_spans(table.head(8), encoded, ["all"])
    for value, read in zip(alone[:, 0], reads.itertuples(), strict=True):
        shift = hidden.shape[1] - len(encoded.ids[read.row]) if side == "left" else 0
        assert torch.allclose(hidden[read.row, read.first + shift], value, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_refused_with_its_place(untrained, table, value):
    model, tokenizer = untrained
    lengths = [len(ids) for ids in encode(tokenizer, table["text"].tolist()).ids]
    order = sorted(range(len(table)), key=lambda i: (lengths[i], i))  # rows of the one batch
    rng = np.random.default_rng(0)
    for layer in range(n_layers(model)):
        kind = str(rng.choice(["resid_pre", "attn_out", "mlp_out", "resid_post"]))
        row = int(rng.integers(len(table)))
        position = int(rng.integers(lengths[order[row]]))

        def plant(hidden, row=row, position=position):
            hidden = hidden.clone()
            hidden[row, position, 3] = value
            return hidden

        name = type(model).__name__ if not model.config.name_or_path else model.config.name_or_path
        said = rf'{kind}\.{layer} of {name} .* at token {position} of the prompt "p{order[row]}"'
        with attached(model, {HookPoint(layer, kind): plant}), pytest.raises(UserError, match=said):
            extract(
                model,
                tokenizer,
                table,
                [HookPoint(layer, kind)],
                ["end"],
                batch_tokens=10_000,
                progress=False,
            )


def test_what_padding_holds_is_of_no_interest(untrained, table):
    model, tokenizer = untrained
    point = HookPoint(n_layers(model) - 1, "resid_post")
    options = {"batch_tokens": 10_000, "progress": False}
    plain = extract(model, tokenizer, table, [point], **options).values[point]

    def plant(hidden):
        hidden = hidden.clone()
        hidden[0, -1] = float("nan")  # the shortest prompt of the batch ends before
        return hidden

    with attached(model, {point: plant}):
        assert torch.equal(extract(model, tokenizer, table, [point], **options).values[point], plain)


def test_attention_implementations_agree_beyond_the_local_window(untrained, docs):
    model, tokenizer = untrained
    if model.config.model_type == "gpt_neo":
        pytest.skip("GPT-Neo has one implementation")
    whole = encode(tokenizer, [d.text for d in docs]).ids
    fitting = sorted((len(ids), d.text) for ids, d in zip(whole, docs, strict=True) if len(ids) <= 512)
    texts = [text for _, text in fitting[-3:]]
    long = pd.DataFrame({"id": list("abc"), "text": texts, "emotion": "neutral", "pair_id": None})
    long = long.assign(emotion_start=np.nan, emotion_end=np.nan, match_start=np.nan, match_end=np.nan)
    lengths = [len(ids) for ids in encode(tokenizer, texts).ids]
    assert 128 < max(lengths) <= 512
    found = {}
    for name in ("eager", "sdpa"):
        model.set_attn_implementation(name)
        try:
            found[name] = extract(
                model, tokenizer, long, points(model), ["end", "mean"], progress=False
            ).values
        finally:
            model.set_attn_implementation("eager")
    for point, values in found["eager"].items():
        assert torch.allclose(found["sdpa"][point], values, atol=1e-4, rtol=1e-4), str(point)


@pytest.mark.parametrize("change", ["model", "files", "dtype", "packages", "code"])
def test_another_identity_is_computed_again(untrained, table, tmp_path, change):
    model, tokenizer = untrained
    store, made_from = Store(tmp_path), identity("small-gpt2", model)
    options = {"store": store, "progress": False}
    extract(model, tokenizer, table.head(3), points(model), made_from=made_from, **options)
    extract(model, tokenizer, table.head(3), points(model), made_from=dict(made_from), **options)
    assert len(store.keys()) == n_layers(model)
    extract(
        model, tokenizer, table.head(3), points(model), made_from=made_from | {change: "other"}, **options
    )
    assert len(store.keys()) == 2 * n_layers(model)


def test_other_prompts_layers_and_positions_are_computed_again(untrained, table, tmp_path):
    model, tokenizer = untrained
    store = Store(tmp_path)
    options = {"store": store, "progress": False, "made_from": identity("small-gpt2", model)}
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
        found = extract(model, tokenizer, prompts, where, positions, **options)
        new = set(store.keys()) - known
        assert len(new) == (
            0 if n == 2 else len(where)
        )  # the same reads at fewer hook points are there already
        plain = extract(model, tokenizer, prompts, where, positions, progress=False)
        assert all(torch.equal(found.values[point], plain.values[point]) for point in where)


def test_a_run_that_was_killed_repeats_at_most_one_shard(untrained, table, tmp_path, monkeypatch):
    model, tokenizer = untrained
    where, made_from = points(model), {"model": "m", "files": "f"}
    d_model = model.config.get_text_config().hidden_size
    options = {"batch_tokens": 40, "shard_bytes": 8 * len(where) * d_model * 4, "progress": False}  # 8 reads
    parts = list(stream(model, tokenizer, table, where, ["end"], **options))
    assert [len(part.reads) for part in parts[:2]] == [8, 8]
    kept = {"store": Store(tmp_path / "killed"), "made_from": made_from, **options}
    passes, real = [], type(model).forward

    def forward(self, *args, **kwargs):
        passes.append(len(args[0] if args else kwargs["input_ids"]))
        if sum(passes) > 20:
            raise KeyboardInterrupt
        return real(self, *args, **kwargs)

    monkeypatch.setattr(type(model), "forward", forward)
    with pytest.raises(KeyboardInterrupt):
        extract(model, tokenizer, table, where, ["end"], **kept)
    assert len(kept["store"].keys()) == 2 * len(where)
    kept["store"].remove(kept["store"].keys()[0])  # as if it was killed while the second shard was written
    passes[:] = [-100]
    resumed = extract(model, tokenizer, table, where, ["end"], **kept)
    assert sum(passes[1:]) == len(table) - 8
    monkeypatch.setattr(type(model), "forward", real)
    unbroken = Store(tmp_path / "unbroken")
    whole = extract(model, tokenizer, table, where, ["end"], **kept | {"store": unbroken})
    plain = extract(model, tokenizer, table, where, ["end"], **options)
    for point in where:
        assert torch.equal(resumed.values[point], whole.values[point])
        assert torch.equal(resumed.values[point], plain.values[point])
    assert kept["store"].keys() == unbroken.keys()
    for key in list(unbroken.keys()):
        assert kept["store"].manifest(key) == unbroken.manifest(key)


def test_a_stream_is_the_whole_in_parts_of_bounded_size(untrained, table, tmp_path):
    model, tokenizer = untrained
    where, positions = points(model, ("resid_post", "attn_out")), ["mean", "end", "all"]
    whole = extract(model, tokenizer, table, where, positions, batch_tokens=64, progress=False)
    largest = int(whole.reads["row"].value_counts().max()) * whole.values[where[0]].shape[1] * 4 * len(where)
    options = {"batch_tokens": 64, "shard_bytes": 2 * largest, "progress": False}
    kept = options | {"store": Store(tmp_path), "made_from": {"model": "m", "files": "f"}}
    for asked in (options, kept, kept):
        parts = list(stream(model, tokenizer, table, where, positions, **asked))
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
    model, tokenizer = untrained
    where, store = points(model, ("resid_pre", "resid_post")), Store(tmp_path)
    options = {"store": store, "made_from": {"model": "m", "files": "f"}, "progress": False}
    found = extract(model, tokenizer, table, where, **options)
    for key in list(store.keys()):
        if store.manifest(key)["parameters"]["hook"] != str(where[0]):
            (tmp_path / store.manifest(key)["file"]).write_bytes(b"damaged")
    plain = extract(model, tokenizer, table, [where[0]], progress=False)
    assert torch.equal(found.values[where[0]], plain.values[where[0]])
    assert set(found.values) == set(where)
    assert HookPoint(99, "resid_post") not in found.values
    with pytest.raises(KeyError):
        found.values[HookPoint(99, "resid_post")]
    with pytest.raises(DamagedArtefact, match="again=True"):
        found.at("end")
    extract(model, tokenizer, table, where, again=True, **options)
    assert found.at("end")[1].shape[1] == n_layers(model)


def test_where_nothing_can_be_stored_one_sentence_says_so(untrained, table, tmp_path, monkeypatch):
    model, tokenizer = untrained
    (tmp_path / "file").write_text("no folder")
    options = {"made_from": {"model": "m", "files": "f"}, "progress": False}
    with pytest.raises(UserError, match="Nothing can be stored"):
        extract(model, tokenizer, table, points(model), store=Store(tmp_path / "file"), **options)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("emotion_utils.core.store.write_atomically", full)
    with pytest.raises(UserError, match="No space left on device"):
        extract(model, tokenizer, table, points(model), store=Store(tmp_path / "full"), **options)


def test_the_reports_layout_is_a_view(untrained, table):
    model, tokenizer = untrained
    found = extract(model, tokenizer, table.head(5), points(model), ["all"], progress=False)
    ragged = found.ragged()
    assert len(ragged) == n_layers(model)
    texts = encode(tokenizer, table["text"].tolist()[:5])
    assert [len(r) for r in ragged[0]] == [sum(a < b for a, b in spans) for spans in texts.spans]
    assert found.layers() == list(range(n_layers(model)))


def test_mistakes_are_named(untrained, table):
    model, tokenizer = untrained
    with pytest.raises(UserError, match=r"not at z\.0"):
        extract(model, tokenizer, table, [HookPoint(0, "z")])
    with pytest.raises(UserError, match="not at nothing"):
        extract(model, tokenizer, table, [])
    with pytest.raises(UserError, match="made_from"):
        extract(model, tokenizer, table, points(model), store=Store(Path("x")))
    with pytest.raises(UserError, match="No prompt has a token to read"):
        extract(model, tokenizer, table.assign(emotion="neutral"), points(model), ["emotion"])
    found = extract(model, tokenizer, table.head(2), points(model), progress=False)
    with pytest.raises(UserError, match=r'at the position "mean": read were end'):
        found.at("mean")
    with pytest.raises(UserError, match=r'of the kind "attn_out" was read: read were resid_post'):
        found.at("end", "attn_out")
