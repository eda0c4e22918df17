"""Documents to batches: nothing is lost, every label is the next token."""

from __future__ import annotations

import numpy as np

from emotion_utils.training.batches import IGNORED, encode_whole, make_batches, pack_rows


def numbered(lengths):
    """Documents whose tokens are all different, so that each can be recognised."""
    starts = np.cumsum([0, *lengths])
    return [np.arange(2 + s, 2 + s + n) for s, n in zip(starts, lengths, strict=False)]


def test_every_document_is_predicted_once_and_whole():
    docs = numbered([5, 9, 30, 12, 7, 7, 21, 3])
    rng = np.random.default_rng(0)
    batches = make_batches(docs, batch_tokens=40, context=64, pad=0, bare_starts=False, packed=0.0, rng=rng)
    predicted = sorted(int(t) for b in batches for t in b.labels.flatten() if t != IGNORED)
    assert predicted == sorted(int(t) for d in docs for t in d[1:])
    for batch in batches:
        known = batch.labels != IGNORED
        assert (batch.labels[known] == batch.ids[known] + 1).all()
        assert batch.ids.numel() <= 40 or batch.ids.shape[0] == 1
        assert batch.tokens == int(known.sum())


def test_packed_rows_follow_one_another_without_a_gap():
    docs = numbered([40, 50, 60])
    rows = pack_rows(docs, context=32)
    assert np.concatenate([r[1:] for r in rows]).tolist() == np.concatenate(docs)[1:].tolist()
    assert max(map(len, rows)) == 33


def test_the_order_depends_on_the_seed_alone():
    docs = numbered([9] * 50)
    kwargs = {"batch_tokens": 40, "context": 64, "pad": 0, "bare_starts": True}
    first, again, other = (make_batches(docs, rng=np.random.default_rng(s), **kwargs) for s in (1, 1, 2))
    assert all((a.ids == b.ids).all() for a, b in zip(first, again, strict=True))
    assert [b.ids.tolist() for b in first] != [b.ids.tolist() for b in other]


def test_whole_documents_have_one_bos_and_one_eos_in_every_family(tokenizers):
    for tokenizer in tokenizers.values():
        (ids,) = encode_whole(tokenizer, ["Tom said nothing."])
        assert ids[0] == tokenizer.bos_token_id
        assert ids[-1] == tokenizer.eos_token_id
        assert not set(ids[1:-1]) & {tokenizer.bos_token_id, tokenizer.eos_token_id}
