"""States of windows are those of the plain forward pass of Hugging Face, wherever they are kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.core.store import Store
from emotion_utils.models.model import load
from emotion_utils.parts.states import LiveStates, MappedStates, read_states

LAYERS = (1, 3)


@pytest.fixture(scope="module")
def model():
    return load("small-pythia")


@pytest.fixture(scope="module")
def ids(model):
    return torch.from_numpy(np.random.default_rng(0).integers(5, 400, (7, 10)))


@pytest.fixture(scope="module")
def plain(model, ids):
    with torch.no_grad():
        return model.network(input_ids=ids, output_hidden_states=True)


def test_states_and_surprisal_are_those_of_the_plain_forward_pass(model, ids, plain):
    found = read_states(model, ids, LAYERS, batch_tokens=30, progress=False)
    # the last entry of Hugging Face is normalised, and is no residual stream
    torch.testing.assert_close(found.values[1], plain.hidden_states[2], atol=1e-4, rtol=1e-4)
    expected = -plain.logits.log_softmax(-1)[:, :-1].gather(2, ids[:, 1:, None])[..., 0]
    torch.testing.assert_close(found.surprisal[:, 1:], expected, atol=1e-4, rtol=1e-4)
    assert found.surprisal[:, 0].isnan().all()
    with torch.no_grad():
        last = model.network.gpt_neox.final_layer_norm(found.values[3])
    torch.testing.assert_close(last, plain.hidden_states[4], atol=1e-4, rtol=1e-4)


def test_live_states_are_the_kept_ones(model, ids):
    kept, live = read_states(model, ids, LAYERS, progress=False), LiveStates(model, ids, LAYERS)
    rows = np.array([5, 0, 6])
    for layer, states in live.at(rows).items():
        torch.testing.assert_close(states, kept.at(rows)[layer], atol=1e-4, rtol=1e-4)
    streamed = list(live.stream(3))
    assert [own.tolist() for own, _ in streamed] == [[0, 1, 2], [3, 4, 5], [6]]
    assert live.about() == kept.about()


def test_shards_in_a_store_are_read_once_and_mapped_where_memory_is_short(model, ids, tmp_path, monkeypatch):
    store, plain = Store(tmp_path), read_states(model, ids, LAYERS, progress=False)
    size = plain.values[1].numel() * 4 * 2
    told = {"store": store, "shard_bytes": size // 3, "progress": False}
    first = read_states(model, ids, LAYERS, memory=size, **told)
    assert len(store.keys()) == 4  # shards of two windows
    monkeypatch.setattr("emotion_utils.parts.states.read_batch", None)  # what is there is not computed again
    mapped = read_states(model, ids, LAYERS, memory=size - 1, **told)
    rows = np.array([6, 1, 2, 1])
    assert isinstance(mapped.values[1], MappedStates)
    assert mapped.values[1].shape == (7, 10, model.d_model)
    for layer in LAYERS:
        assert torch.equal(mapped.at(rows)[layer], first.at(rows)[layer])
        torch.testing.assert_close(first.values[layer], plain.values[layer], atol=1e-4, rtol=1e-4)


def test_a_killed_pass_repeats_one_shard(model, ids, tmp_path, monkeypatch):
    from emotion_utils.parts import states

    store, calls, real = Store(tmp_path), [], states.read_batch

    def failing(model, rows, layers):
        calls.append(len(rows))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(model, rows, layers)

    monkeypatch.setattr(states, "read_batch", failing)
    told = {"store": store, "shard_bytes": 2 * 10 * model.d_model * 4, "progress": False}
    with pytest.raises(KeyboardInterrupt):
        read_states(model, ids, [1], **told)
    assert len(store.keys()) == 2
    read_states(model, ids, [1], **told)
    assert calls == [2, 2, 2, 2, 1]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_smaller_dtypes_keep_what_they_can(model, ids, dtype):
    found = read_states(model, ids, [2], dtype=dtype, progress=False)
    exact = read_states(model, ids, [2], progress=False)
    assert found.values[2].dtype == getattr(torch, dtype)
    torch.testing.assert_close(found.at(np.arange(7))[2], exact.values[2], atol=1e-2, rtol=1e-2)
    assert found.about() != exact.about()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ids": torch.zeros(0, 5, dtype=torch.int64)}, "There are 0 windows of 5 tokens"),
        ({"ids": torch.zeros(3, 1, dtype=torch.int64)}, "There are 3 windows of 1 tokens"),
        ({"ids": torch.zeros(1, 600, dtype=torch.int64)}, "600 tokens are longer than the context"),
        ({"ids": torch.full((1, 4), 10**6)}, "The windows have the token 1000000"),
        ({"layers": [4]}, r"The layers \[4\] cannot be read: name some of 0 to 3"),
        ({"layers": []}, r"The layers \[\] cannot be read"),
        ({"dtype": "float64"}, 'not as "float64"'),
        ({"memory": 10}, "may be held in memory: give a store"),
    ],
)
def test_what_cannot_be_read_is_refused(model, ids, change, sentence):
    told = {"ids": ids, "layers": LAYERS, "progress": False, **change}
    with pytest.raises(UserError, match=sentence):
        read_states(model, **told)


def test_a_window_of_one_token_repeated_is_read(model):
    found = read_states(model, torch.zeros(1, 6, dtype=torch.int64), [0], progress=False)
    assert found.values[0].isfinite().all()
