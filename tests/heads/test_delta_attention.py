"""Delta attention is that of the plain model, what cannot be compared is counted, and p holds for the largest head."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.heads.delta_attention import WordAttention, delta_attention, strongest, word_attention
from emotion_utils.heads.untrained import beside_untrained, untrained_like
from emotion_utils.models.hooks import eager
from emotion_utils.models.model import Model

PAIRS = [  # emotional text, its word, neutral partner, match, emotion, pair
    ("I am grateful for the tea.", "grateful", "I am waiting for the tea.", "waiting", "gratitude", "a"),
    ("I am angry about the tea.", "angry", "I am waiting for the tea.", "waiting", "anger", "a"),
    ("We really apologize to Ana.", "apologize", "We really speak to Ana.", "speak", "apology", "b"),
    ("Sorry for the noise.", "Sorry", "Ready for the noise.", "Ready", "apology", "c"),
]


def prompts(pairs=PAIRS) -> pd.DataFrame:
    rows = []
    for text, word, partner, match, emotion, pair in pairs:
        start, at = text.index(word), partner.index(match)
        rows.append((text, emotion, pair, start, start + len(word), at, at + len(match)))
        rows.append((partner, "neutral", pair, None, None, None, None))
    spans = ["emotion_start", "emotion_end", "match_start", "match_end"]
    table = pd.DataFrame(rows, columns=["text", "emotion", "pair_id", *spans])
    table = table[~(table.duplicated(["text", "pair_id"]) & (table["emotion"] == "neutral"))].reset_index(
        drop=True
    )
    return table.assign(id=[f"p{i}" for i in range(len(table))], split="build", group=table["pair_id"])


def mass(model, text, word, query) -> torch.Tensor:
    """Attention on a word by the plain forward pass, shape (layer, head)."""
    found = model.tokenizer(text, return_offsets_mapping=True)
    start, end = text.index(word), text.index(word) + len(word)
    at = [i for i, (a, b) in enumerate(found["offset_mapping"]) if a < b and a < end and b > start]
    with eager(model.network), torch.no_grad():
        out = model.network(torch.tensor([found["input_ids"]]), output_attentions=True)
    pattern = torch.stack([layer[0] for layer in out.attentions])[..., at].sum(dim=-1)  # (layer, head, query)
    rows = {"later": slice(at[-1] + 1, None), "last": slice(-1, None), "all": slice(None)}[query]
    return pattern[..., rows].mean(dim=-1)


@pytest.mark.parametrize("query", ["later", "last", "all"])
def test_it_is_the_difference_of_what_the_plain_model_gives(untrained, query):
    model = untrained
    attention = word_attention(model, prompts(), query)
    assert len(attention) >= 3
    for i, id_ in enumerate(attention.table["id"]):
        text, word, partner, match, *_ = next(
            p for p in PAIRS if p[0] == prompts().set_index("id").loc[id_, "text"]
        )
        expected = mass(model, text, word, query) - mass(model, partner, match, query)
        assert np.allclose(attention.delta[i], expected, atol=1e-5)


def test_a_word_at_the_start_is_left_out_where_there_is_no_bos(untrained):
    model = untrained
    attention = word_attention(model, prompts())
    first = model.tokenizer("Sorry")["input_ids"][0] != model.tokenizer.bos_token_id
    assert attention.left_out["first in the text"] == int(first)
    assert len(attention) == 4 - int(first)


def test_what_cannot_be_compared_is_counted_by_reason(tokenizers):
    from emotion_utils.models.loading import build_model
    from emotion_utils.training.configs import model_config, spec_of

    tokenizer = tokenizers["gpt2"]
    network = build_model(model_config(spec_of("small-gpt2"), len(tokenizer), 0, 0, 0)).eval()
    model = Model(network, tokenizer)
    again = ("We are sorry", "sorry", "We are ready", "ready", "apology", "d")
    table = prompts([*PAIRS[:3], PAIRS[0], again])
    table.loc[2, ["match_start", "match_end"]] = None  # of the second emotional prompt
    found = word_attention(model, table)
    reasons = {"match not found": 1, "nothing after it": 1, "duplicate": 1}
    assert {reason: n for reason, n in found.left_out.items() if n} == reasons
    assert len(found) == 2
    with pytest.raises(UserError, match="nothing after it: 1"):
        word_attention(model, table[table["pair_id"] == "d"].reset_index(drop=True))
    assert len(word_attention(model, table[table["pair_id"] == "d"].reset_index(drop=True), "last")) == 1
    with pytest.raises(UserError, match="later, last and all"):
        word_attention(model, table, "next")


def test_attention_spread_evenly_and_length_are_given_beside(untrained):
    model = untrained
    attention = word_attention(model, prompts(), "last")
    row = attention.table.iloc[0]
    lengths = [len(model.tokenizer(text)["input_ids"]) for text in (PAIRS[0][0], PAIRS[0][2])]
    assert row["even"] == pytest.approx(row["tokens"] / lengths[0] - row["match_tokens"] / lengths[1])
    parts = [mass(model, *PAIRS[0][i : i + 2], "last").numpy() for i in (0, 2)]
    assert np.allclose(
        attention.per_token[0], parts[0] / row["tokens"] - parts[1] / row["match_tokens"], atol=1e-5
    )


def planted(units: int = 8, each: int = 3) -> WordAttention:
    """Head L0H1 looks at the words of anger, by differently much; the others give noise."""
    rng = np.random.default_rng(0)
    emotion = np.repeat(["anger", "apology"], units * each)
    delta = rng.normal(0, 0.05, (len(emotion), 2, 2))
    delta[: units * each, 0, 1] += 0.4
    unit = np.tile(np.repeat(np.arange(units), each), 2)
    table = pd.DataFrame({"id": range(len(emotion)), "emotion": emotion, "split": "build", "unit": unit})
    table = table.assign(tokens=1, match_tokens=np.where(np.arange(len(emotion)) % 3, 1, 2), even=0.01)
    return WordAttention("later", table, delta, delta / 2, {})


def test_a_planted_head_is_found_alone():
    attention = planted()
    table = delta_attention(attention, n_permutations=4000).set_index(["emotion", "name"])
    own = table.loc["anger", "L0H1"]
    # all signs alike give the largest value, and so do all the opposite ones: 2 of 2**8 draws
    assert own["p"] == pytest.approx(2 / 2**8, abs=0.005)
    assert (table.drop(index=("anger", "L0H1"))["p"] > 0.05).all()
    assert own["delta"] == pytest.approx(attention.delta[:24, 0, 1].mean())
    assert own["per_token"] == pytest.approx(own["delta"] / 2)
    assert own["same_length"] == pytest.approx(
        np.mean([attention.delta[i, 0, 1] for i in range(24) if i % 3])
    )
    assert own["low"] < own["delta"] < own["high"]
    assert own["high"] - own["low"] < 0.1  # two standard errors each way are 0.04
    assert (own["n"], own["n_groups"], own["even"]) == (24, 8, pytest.approx(0.01))
    assert strongest(table.reset_index(), 1)["name"].tolist()[0] == "L0H1"


def test_fewer_than_eight_units_give_no_interval_and_no_p():
    table = delta_attention(planted(units=7))
    assert table[["low", "high", "p"]].isna().all(axis=None)
    assert table["delta"].notna().all()


def test_prompts_that_share_a_partner_are_one_unit_and_splits_can_be_taken(untrained):
    model = untrained
    attention = word_attention(model, prompts())
    assert (
        attention.table["unit"].iloc[0] == attention.table["unit"].iloc[1] != attention.table["unit"].iloc[2]
    )
    assert len(attention.of("build")) == len(attention)
    with pytest.raises(UserError, match="split test: known are build"):
        attention.of("test")


def test_the_control_is_another_model_of_the_same_shape(tokenizers):
    from emotion_utils.models.loading import build_model
    from emotion_utils.training.configs import model_config, spec_of

    tokenizer = tokenizers["llama3"]
    network = build_model(model_config(spec_of("small-llama3"), len(tokenizer), 0, 0, 0)).eval()
    model = Model(network, tokenizer)
    state = torch.get_rng_state()
    one, same, other = (untrained_like(model, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    weights = [own.network.get_input_embeddings().weight for own in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    table = beside_untrained(model, prompts(), seeds=(0, 1), n_permutations=20).set_index("emotion")
    largest = [word_attention(own, prompts()).delta[1].max() for own in (one, other)]
    assert table.loc["anger", "untrained"] == pytest.approx(np.mean(largest))
    assert table.loc["anger", "untrained_high"] == pytest.approx(max(largest))
    assert set(table["heads"]) == {model.n_layers * model.n_heads}
