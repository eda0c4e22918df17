"""A shard in the store is whole or computed again, and only the hook point that is asked for is read."""

from __future__ import annotations

from threading import Barrier, Thread

import numpy as np
import pytest
import torch

from emotion_utils.activations.shards import ShardStore, StoredValues
from emotion_utils.core.store import Store
from emotion_utils.models.hooks import HookPoint

WHERE = (HookPoint(0, "resid_post"), HookPoint(1, "resid_post"))


@pytest.fixture
def shards(tmp_path):
    return ShardStore(Store(tmp_path), {"model": "m", "files": "f"})


def values(seed):
    torch.manual_seed(seed)
    return {point: torch.randn(2, 4) for point in WHERE}


def test_a_shard_is_computed_once_and_again_on_request(shards):
    calls = []

    def compute():
        calls.append(1)
        return values(len(calls))

    assert shards.keep("a", WHERE, compute) is not None
    assert shards.keep("a", WHERE, compute) is None
    assert shards.keep("a", WHERE[:1], compute) is None
    assert len(calls) == 1
    assert torch.equal(shards.read(WHERE[1], "a"), values(1)[WHERE[1]])
    shards.store.remove(shards.key(WHERE[0], "a"))
    assert shards.keep("a", WHERE, compute) is not None
    assert torch.equal(shards.read(WHERE[0], "a"), values(2)[WHERE[0]])
    assert torch.equal(shards.read(WHERE[1], "a"), values(1)[WHERE[1]])  # it was there and was left alone
    shards.keep("a", WHERE, compute, again=True)
    assert torch.equal(shards.read(WHERE[1], "a"), values(3)[WHERE[1]])
    other = ShardStore(shards.store, {"model": "m", "files": "other"})
    assert other.keep("a", WHERE, compute) is not None


def test_those_who_ask_together_compute_it_once(shards):
    calls, start = [], Barrier(4)

    def ask():
        start.wait()
        shards.keep("a", WHERE, lambda: calls.append(1) or values(0))

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1


def test_values_stand_where_the_numbers_of_their_reads_say(shards):
    first, second = values(1), values(2)
    shards.keep("a", WHERE, lambda: first)
    shards.keep("b", WHERE, lambda: second)
    stored = StoredValues(shards, WHERE, [(np.array([1, 3]), "a"), (np.array([0, 2]), "b")])
    for point in WHERE:
        whole = stored[point]
        assert torch.equal(whole[[1, 3]], first[point])
        assert torch.equal(whole[[0, 2]], second[point])
    assert list(stored) == list(WHERE)
    assert len(stored) == 2
    assert WHERE[0] in stored
    with pytest.raises(KeyError):
        stored[HookPoint(2, "resid_post")]
