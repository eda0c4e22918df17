"""Forward passes are planned alike each time, in shards of bounded size, and hold no more than one shard."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import streaming_memory
import torch

from emotion_utils.activations.passes import ForwardPasses
from emotion_utils.models.families import blocks
from emotion_utils.models.hooks import HookPoint
from emotion_utils.models.loading import load_tokenizer
from emotion_utils.models.model import Model
from emotion_utils.models.ragged import Ragged

WHERE = (HookPoint(0, "resid_post"), HookPoint(1, "resid_post"))


def passes(network, ids, reads, where=WHERE, pad=0) -> ForwardPasses:
    table = pd.DataFrame(reads, columns=["row", "first", "last"])
    model = Model(network, SimpleNamespace(pad_token_id=pad))
    return ForwardPasses(model, Ragged.of(ids), table, where, [f"p{i}" for i in range(len(ids))])


def test_each_read_is_in_one_shard_and_only_texts_with_a_read_are_run():
    network = streaming_memory.wide_model(50)
    ids = [[1, 2, 3], [4], [5, 6], [7, 8, 9], [1, 2]]
    reads = [(0, 0, 3), (3, 2, 3), (4, 0, 1), (0, 1, 2), (1, 0, 1)]
    plan = list(passes(network, ids, reads).shards(batch_tokens=6, shard_bytes=2 * len(WHERE) * 256 * 4))
    assert [[rows.tolist() for rows in shard.batches] for shard in plan] == [[[1, 4]], [[0]], [[3]]]
    assert [shard.numbers.tolist() for shard in plan] == [[2, 4], [0, 3], [1]]
    assert [shard.n_texts for shard in plan] == [2, 1, 1]
    assert list(passes(network, ids, []).shards(6, 1)) == []


def test_a_read_is_the_mean_over_its_tokens():
    network = streaming_memory.wide_model(50)
    ids, reads = [[1, 2, 3], [4, 5]], [(1, 0, 2), (0, 1, 3), (0, 0, 1)]
    job = passes(network, ids, reads)
    (shard,) = job.shards(100, 10**6)
    told = []
    found = job.run(shard, told.append)
    assert told == [2]
    caught = []
    handle = blocks(network)[1].register_forward_hook(lambda _m, _a, out: caught.append(out[0]))
    with torch.no_grad():
        for row in ids:
            network(torch.tensor([row]))
    handle.remove()
    long, short = (hidden.reshape(-1, 256) for hidden in caught)
    expected = torch.stack([short.mean(0), long[1:3].mean(0), long[0]])
    torch.testing.assert_close(found[WHERE[1]], expected, atol=1e-5, rtol=1e-5)


def test_neurons_are_as_many_as_the_model_has():
    network = streaming_memory.wide_model(50)
    where = (HookPoint(1, "neurons"), HookPoint(0, "resid_pre"))
    job = passes(network, [[1, 2, 3]], [(0, 2, 3)], where)
    assert job.widths == {where[0]: 16, where[1]: 256}
    found = job.run(next(iter(job.shards(100, 10**6))), lambda _: None)
    assert {point: values.shape[1] for point, values in found.items()} == job.widths


def test_the_fingerprint_covers_what_decides_the_numbers():
    network = streaming_memory.wide_model(50)
    ids, reads = [[1, 2, 3], [4, 5]], [(0, 1, 3), (1, 0, 1)]

    def fingerprint(ids=ids, reads=reads, batch_tokens=100, pad=0):
        job = passes(network, ids, reads, pad=pad)
        return job.fingerprint(next(iter(job.shards(batch_tokens, 10**6))))

    others = [
        fingerprint(ids=[[1, 2, 3], [4, 6]]),
        fingerprint(ids=[[1, 2, 3, 4], [5]]),
        fingerprint(reads=[(0, 1, 2), (1, 0, 1)]),
        fingerprint(reads=[(0, 2, 3), (1, 0, 1)]),
        fingerprint(reads=[(0, 1, 3), (0, 0, 1), (1, 0, 1)]),
        fingerprint(batch_tokens=4),
        fingerprint(pad=1),
    ]
    assert len({fingerprint(), *others}) == len(others) + 1
    assert fingerprint() == fingerprint()


def test_fifty_thousand_prompts_take_the_memory_of_a_shard():
    done = subprocess.run(
        [sys.executable, streaming_memory.__file__, "50000"], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["whole"] > 1000
    assert found["grown"] < 300
    tokenizer, table = load_tokenizer("small-gpt2"), streaming_memory.prompts(50_000).set_index("id")
    network, caught = streaming_memory.wide_model(len(tokenizer)), []
    for block in blocks(network):
        block.mlp.register_forward_hook(lambda _m, _a, out: caught.append(out[0, -1]))
    with torch.no_grad():
        for name, values in found["rows"].items():
            caught.clear()
            network(**tokenizer(table.loc[name, "text"], return_tensors="pt"))
            np.testing.assert_allclose(torch.stack(caught), values, atol=1e-5, rtol=1e-4)
    assert len(found["rows"]) > 30
