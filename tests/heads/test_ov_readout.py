"""What heads write equals what the plain model adds, in every family; what they attend to is its last row, by class."""

from __future__ import annotations

from contextlib import contextmanager

import heads_by_hand as by_hand
import numpy as np
import pandas as pd
import pytest
import torch
from by_hand import _attention, _projection

from emotion_utils.core.errors import UserError
from emotion_utils.heads.attention_by_class import CLASSES, attention_by_class, people, token_classes
from emotion_utils.heads.outputs import neutral_last_token
from emotion_utils.heads.ov_readout import head_writes, written_at_last_token, written_words
from emotion_utils.heads.pairs import Pairs
from emotion_utils.heads.word_states import Words, words_in_causes
from emotion_utils.models.families import blocks
from emotion_utils.models.hooks import eager
from emotion_utils.models.loading import load_tokenizer
from emotion_utils.models.model import Model
from emotion_utils.vectors.logit_lens import final_norm

TOLD = ["Leo found Peter's lamp. Peter said to Leo:", "Ana broke the old lamp of Tom. Tom said to Ana:"]
PLAIN = ["Leo met Peter at noon. Peter said to Leo:", "Ana saw the lamp. Tom said to Ana:"]


def paired(model, copies: int = 1) -> Pairs:
    told, plain = ([model.tokenizer(text)["input_ids"] for text in texts] * copies for texts in (TOLD, PLAIN))
    emotion = ["gratitude", "anger"] * copies
    units = np.repeat(np.arange(copies), 2)
    table = pd.DataFrame(
        {"pair": range(len(told)), "emotion": emotion, "unit": units, "split": "build", "version": 0}
    )
    openings = [{"gratitude": [20, 21, 22], "anger": [30, 31, 32], "neutral": [40, 41]}] * len(told)
    return Pairs(model, table, told, plain, openings)


@contextmanager
def hooked(module, function, before=False):
    handle = module.register_forward_pre_hook(function) if before else module.register_forward_hook(function)
    try:
        yield
    finally:
        handle.remove()


def seen(model, ids, module, before) -> torch.Tensor:
    """What goes into a module, or comes out of it, at the last token."""
    caught = []

    def function(_, args, out=None):
        value = args if before else out
        caught.append((value[0] if isinstance(value, tuple) else value)[0, -1].clone())

    with hooked(module, function, before), torch.no_grad():
        model.network(torch.tensor([list(ids)]), use_cache=False)
    return caught[0]


@pytest.mark.parametrize("layer", [0, 3])
def test_of_a_single_token_a_head_writes_what_the_plain_model_adds_with_that_head_alone(untrained, layer):
    model = untrained
    block = blocks(model.network)[layer]
    bias = getattr(_projection(block), "bias", None)
    state = seen(model, [7], block, True)
    for head in (0, model.n_heads // 2, model.n_heads - 1):

        def alone(_, args, head=head):
            kept = args[0].unflatten(-1, (model.n_heads, -1)).clone()
            kept[..., [i for i in range(model.n_heads) if i != head], :] = 0
            return (kept.flatten(-2), *args[1:])

        with hooked(_projection(block), alone, True):
            expected = seen(model, [7], _attention(block), False) - (0 if bias is None else bias)
            gain = getattr(getattr(block, "post_attention_layernorm", None), "weight", None)
            if hasattr(block, "pre_feedforward_layernorm"):
                expected = expected * (1 + gain)
        assert torch.allclose(head_writes(model, (layer, head), state), expected, atol=1e-4)


def test_a_head_that_is_not_there_is_named(untrained):
    model = untrained
    with pytest.raises(UserError, match="no head L9H0: the model has layers 0 to 3 with heads 0 to 7"):
        head_writes(model, (9, 0), torch.zeros(model.d_model))
    with pytest.raises(UserError, match="no head L0H8: the model has L0H0 to L3H7"):
        attention_by_class(paired(model), [(0, 8)])


def embedded(model, named, targets) -> Words:
    """Words without a context: every block is given the embedding of the word."""
    ids = [model.tokenizer(f" {word}", add_special_tokens=False)["input_ids"] for _, word in named]
    with torch.no_grad():
        states = [model.network.get_input_embeddings()(torch.tensor(row)).mean(dim=0) for row in ids]
    table = pd.DataFrame([(*row, 1) for row in named], columns=["emotion", "word", "n"])
    neutral = [row for row, (emotion, _) in zip(ids, named, strict=True) if emotion == "neutral"]
    layers = torch.stack(states)[:, None].expand(-1, model.n_layers, -1)
    return Words(table, layers, neutral_last_token(model, neutral), targets)


def test_what_a_head_writes_of_a_word_moves_its_keywords_as_by_hand(untrained):
    model = untrained
    keywords = [20, 21, 22, 23]
    neutral = ["tea", "lamp", "door", "noon", "soup", "desk", "road", "bus", "book"]
    named = [("gratitude", "thank"), ("gratitude", "grateful"), *(("neutral", word) for word in neutral)]
    words = embedded(model, named, {"gratitude": keywords})
    table = written_words(model, [(1, 3)], words, top=3)
    written = head_writes(model, (1, 3), words.states[:, 1]) * words.neutral.factors[1]

    @torch.no_grad()
    def logs(state):
        return torch.log_softmax(by_hand.read_out(model.network, final_norm(model)(state)), -1)

    base = words.neutral.state
    shifts = [logs(base + own - written[2:].mean(dim=0)) - logs(base) for own in written]
    assert table["most"].tolist() == pytest.approx([float(shift.max()) for shift in shifts[:2]], abs=1e-4)
    assert table["promotes"][0].split(" | ")[0] == model.tokenizer.decode([int(shifts[0].argmax())]).strip()
    areas = []
    for shift in shifts:
        others = np.delete(shift.numpy(), keywords)
        areas.append(np.mean([(shift.numpy()[i] > others).mean() for i in keywords]))
    assert table["area"].tolist() == pytest.approx(areas[:2], abs=2e-3)
    assert table["null"][0] == pytest.approx(np.mean(areas[2:]), abs=2e-3)
    assert table["p"][0] == pytest.approx((1 + sum(a >= areas[0] for a in areas[2:])) / 10)


def test_words_in_causes_stand_before_the_shared_ending_without_the_names(untrained):
    model = untrained
    pairs = paired(model)
    words = words_in_causes(pairs, fewest=1)
    named = {e: list(own["word"]) for e, own in words.table.groupby("emotion", sort=False)}
    assert named["anger"][:4] == ["broke", "the", "old", "lamp"]
    assert "lamp" in named["neutral"]
    assert not {"ana", "leo", "said", "to"} & set(words.table["word"])
    assert words.targets == {"gratitude": [20, 21, 22], "anger": [30, 31, 32]}
    with pytest.raises(UserError, match="No word stands in 2 causes"):
        words_in_causes(pairs)
    at = model.tokenizer(TOLD[1], return_offsets_mapping=True)["offset_mapping"]
    start = TOLD[1].index("broke")
    own = [i for i, (a, b) in enumerate(at) if a < b and a < start + 5 and b > start]
    with torch.no_grad():
        out = model.network(torch.tensor([pairs.emotional[1]]), output_hidden_states=True).hidden_states[1]
    row = int(np.flatnonzero(words.table["word"] == "broke")[0])
    assert torch.allclose(words.states[row, 1], out[0, own].mean(dim=0), atol=1e-4)


def test_what_is_written_at_the_end_moves_the_log_odds_as_by_hand(untrained):
    model = untrained
    pairs = paired(model)
    table = written_at_last_token(pairs, [(3, 2)]).set_index("emotion")
    block, last = blocks(model.network)[3], model.n_layers - 1
    states = [seen(model, ids, blocks(model.network)[last], False) for ids in pairs.neutral]
    base = torch.stack(states).mean(dim=0)

    def z(ids):
        return seen(model, ids, _projection(block), True).unflatten(-1, (model.n_heads, -1))

    weight = _projection(block).weight
    weight = (weight if hasattr(_projection(block), "nf") else weight.T).unflatten(0, (model.n_heads, -1))[2]
    if hasattr(block, "pre_feedforward_layernorm"):
        gain = 1 + block.post_attention_layernorm.weight
        sums = [torch.einsum("hd,hd...->...", z(ids), _whole(block, model.n_heads)) for ids in pairs.neutral]
        factor = torch.stack(
            [1 / (total.square().mean() + model.network.config.rms_norm_eps).sqrt() for total in sums]
        ).mean()
        weight = weight * gain * factor

    @torch.no_grad()
    def odds(state):
        logits = by_hand.read_out(model.network, final_norm(model)(state))
        return float(logits[[20, 21, 22]].logsumexp(0) - logits[[40, 41]].logsumexp(0))

    change = (z(pairs.emotional[0]) - z(pairs.neutral[0]))[2] @ weight
    assert table.loc["gratitude", "odds"] == pytest.approx(odds(base + change) - odds(base), abs=1e-4)
    assert table.loc["gratitude", ["low", "p"]].isna().all()  # one unit


def _whole(block, heads):
    return _projection(block).weight.T.unflatten(0, (heads, -1))


def test_shares_are_the_last_row_of_the_pattern_by_class(untrained):
    model = untrained
    pairs = paired(model, copies=8)
    table = attention_by_class(pairs, [(2, 1), (0, 3)], n_permutations=50, n_resamples=50)
    own = table[(table["emotion"] == "anger") & (table["name"] == "L2H1")].set_index("tokens")
    rows = []
    for ids in (pairs.emotional[1], pairs.neutral[1]):
        with eager(model.network), torch.no_grad():
            out = model.network(torch.tensor([ids]), output_attentions=True)
        rows.append(out.attentions[2][0, 1, -1].numpy())
    classes = token_classes(pairs)
    for number, name in enumerate(CLASSES):
        told, plain = (
            row[of == number].sum()
            for row, of in zip(rows, (classes[1], classes[len(pairs) + 1]), strict=True)
        )
        assert own.loc[name, "share"] == pytest.approx(told, abs=1e-5)
        assert own.loc[name, "more"] == pytest.approx(told - plain, abs=1e-5)
        assert own.loc[name, "even"] == pytest.approx((classes[1] == number).mean())
    assert own["share"].sum() == pytest.approx(1)
    assert own["p"].between(0, 1).all()


def test_classes_of_tokens_are_those_a_reader_sees():
    tokenizer = load_tokenizer("small-gpt2")
    bos = tokenizer.bos_token_id
    told = [[bos, *tokenizer(text + ' "')["input_ids"]] for text in TOLD]
    plain = [[bos, *tokenizer(text + ' "')["input_ids"]] for text in PLAIN]
    pairs = Pairs(
        Model(None, tokenizer), pd.DataFrame({"emotion": ["gratitude", "anger"]}), told, plain, [{}, {}]
    )
    found = token_classes(pairs)
    told_as = {
        name: "".join(tokenizer.decode([t]) for t, c in zip(told[0], found[0], strict=True) if c == i)
        for i, name in enumerate(CLASSES)
    }
    assert told_as["name"] == "Leo"  # the names are those that somebody is spoken to by: Leo and Ana
    assert told_as["name in the ending"] == " Leo"
    assert told_as["cause"] == " found Peter's lamp"
    assert told_as["ending"] == " Peter said to"
    assert told_as["punctuation"] == ".:"
    assert (found[0][0], found[0][-1]) == (CLASSES.index("first"), CLASSES.index("itself"))


def test_names_are_capitalised_words_inside_the_last_sentence():
    assert people([*TOLD, "The Moon rose. At the door I said to Clara:"]) == {"Leo", "Ana", "Clara"}
