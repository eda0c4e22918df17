"""The recipes keep the promises of the design: sizes, heads, families."""

from __future__ import annotations

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.models.loading import build_model
from emotion_utils.training.configs import SPECS, model_config, spec_of

CLASSES = {
    "small-gpt2": "GPT2LMHeadModel",
    "small-neo": "GPTNeoForCausalLM",
    "small-pythia": "GPTNeoXForCausalLM",
    "small-llama3": "LlamaForCausalLM",
    "small-qwen3": "Qwen3ForCausalLM",
    "small-gemma3": "Gemma3ForCausalLM",
    "small-gemma2": "Gemma2ForCausalLM",
    "small-gpt2-blind": "GPT2LMHeadModel",
}


@pytest.mark.parametrize("name", SPECS)
def test_sizes_are_within_the_design(name):
    spec = spec_of(name)
    config = model_config(spec, spec.vocab_size, bos=0, eos=0, pad=1)
    model = build_model(config)
    assert type(model).__name__ == CLASSES[spec.start or name]
    assert 4 <= config.num_hidden_layers <= 6
    assert config.num_hidden_layers * config.num_attention_heads >= 32
    assert 128 <= config.hidden_size <= 192
    assert config.max_position_embeddings >= 256
    assert model.num_parameters() <= (2_000_000 if "gpt2" in name else 3_000_000)


def test_the_families_differ_as_their_big_relatives_do():
    config = {name: model_config(spec, 1000, 0, 0, 1) for name, spec in SPECS.items()}
    assert set(config["small-neo"].attention_layers) == {"global", "local"}
    assert config["small-pythia"].use_parallel_residual
    for name in ("small-llama3", "small-qwen3", "small-gemma2", "small-gemma3"):
        assert config[name].num_key_value_heads < config[name].num_attention_heads
    assert set(config["small-gemma3"].layer_types) == {"sliding_attention", "full_attention"}
    assert config["small-gemma3"].query_pre_attn_scalar == config["small-gemma3"].head_dim
    assert "q_norm" in " ".join(n for n, _ in build_model(config["small-qwen3"]).named_parameters())
    gemma2 = config["small-gemma2"]
    assert gemma2.layer_types == ["sliding_attention", "full_attention"] * 2
    assert gemma2.attn_logit_softcapping == 50
    assert gemma2.final_logit_softcapping == 30
    assert gemma2.tie_word_embeddings
    assert SPECS["small-neo"].manner == SPECS["small-gpt2"].manner


def test_siblings_differ_from_their_base_in_what_they_read_and_from_each_other_in_its_order():
    base, *siblings = (SPECS[name] for name in SPECS if name.startswith("small-gemma2"))
    assert base.language == "en"
    assert 0 < base.languages["ja"] <= 0.1
    assert len({spec.seed for spec in siblings}) == len(siblings) == 3
    same = {field for field in vars(base) if len({str(vars(spec)[field]) for spec in siblings}) == 1}
    assert set(vars(base)) - same == {"name", "seed"}
    for spec in siblings:
        assert (spec.start, spec.language) == (base.name, "ja")
        assert spec.corpus_seed != base.corpus_seed
        assert spec.tokens == pytest.approx(base.tokens / 3)
        assert sum(spec.languages.values()) == pytest.approx(1)
    weights = 2 * build_model(model_config(base, base.vocab_size, 0, 0, 1)).num_parameters()
    assert 2.8e6 <= weights <= 3.5e6


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UserError, match=r"'small-bert'.*small-gpt2"):
        spec_of("small-bert")
