"""TransformerLens computes what our hooks read, and steers as our engine does; where it differs is known by name."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from model_fixtures import FAMILIES, PROMPTS

from emotion_utils.engine.decoding import Sampling
from emotion_utils.engine.generation import generate
from emotion_utils.engine.interventions import EVERYWHERE, UNTOUCHED, steering
from emotion_utils.engine.lens import BOUND, hooks_beside, worst_of_each
from emotion_utils.models.hooks import KINDS, HookPoint
from emotion_utils.models.model import Model, load
from emotion_utils.models.registry import BUNDLED
from emotion_utils.vectors.vector import EmotionVector

NEW = 12


@pytest.fixture(scope="module", params=[name for name in FAMILIES if name in BUNDLED])
def model(request) -> Model:
    """The bundled model of a family."""
    return load(request.param)


def direction(model: Model, length: float) -> EmotionVector:
    """A random direction, so long at every layer."""
    generator = torch.Generator().manual_seed(5)
    values = torch.randn(model.n_layers, model.d_model, generator=generator)
    values = length * values / values.norm(dim=1, keepdim=True)
    return EmotionVector("drawn", "at random", model.name, tuple(range(model.n_layers)), values)


def test_every_hook_reads_what_transformer_lens_and_the_plain_model_have(model):
    table = hooks_beside(model, PROMPTS).set_index("kind")
    assert list(table.index) == [*KINDS, "logits"]
    assert table["same"].all()
    assert (table["off_lens"] <= BOUND).all()
    told = table["off_plain"].dropna()
    assert {"resid_pre", "resid_post", "pattern", "logits"} <= set(told.index)
    assert (told <= BOUND).all()
    assert (table["largest"] > 0.1).all()


def test_a_difference_of_one_weight_is_seen(model, monkeypatch):
    def changed(self: Model, **_: bool) -> object:
        other = deepcopy(self.network)
        with torch.no_grad():
            next(p for n, p in other.named_parameters() if "mlp" in n and n.endswith("weight"))[0] *= 1.01
        return bridge(replace(self, network=other))

    bridge = Model.bridge
    monkeypatch.setattr(Model, "bridge", changed)
    table = hooks_beside(model, PROMPTS).set_index("kind")
    assert not table.loc[["mlp_out", "resid_post", "logits"], "same"].any()


def test_what_is_no_number_is_not_the_same(monkeypatch):
    def broken(self: Model, **_: bool) -> object:
        other = deepcopy(self.network)
        with torch.no_grad():
            other.get_input_embeddings().weight.fill_(float("nan"))
        return bridge(replace(self, network=other))

    bridge = Model.bridge
    monkeypatch.setattr(Model, "bridge", broken)
    table = hooks_beside(load("small-llama3"), PROMPTS)
    assert not table["same"].any()
    assert worst_of_each({"a": table})["same"].tolist() == [False]


def test_a_bridge_leaves_the_model_as_it_was(model):
    inputs = model.padded(model.encode(PROMPTS).ids, "right")
    before, modules = model.network(**inputs).logits, [type(m) for m in model.network.modules()]
    lens = model.bridge()
    with torch.no_grad():
        for weight in lens.parameters():
            weight.zero_()
    assert [type(m) for m in model.network.modules()] == modules
    assert torch.equal(model.network(**inputs).logits, before)


def test_a_bridge_may_stand_on_the_weights_in_memory_and_reads_them_unchanged(model):
    tokens = torch.tensor(model.encode(PROMPTS[:1]).ids)
    weights = {name: own.clone() for name, own in model.network.state_dict().items()}
    modules = [type(m) for m in model.network.modules()]
    trained = [own.requires_grad for own in model.network.parameters()]
    own, shared = model.bridge(), model.bridge(shared=True)
    with torch.no_grad():
        assert torch.equal(shared(tokens), own(tokens))
        hooks_beside(model, PROMPTS)
    held = {own.data_ptr() for own in model.network.parameters()}
    assert {one.data_ptr() for one in shared.parameters()} & held
    large = [one for one in shared.parameters() if one.numel() > 1000]
    assert sum(one.data_ptr() in held for one in large) > len(large) / 2
    assert not {one.data_ptr() for one in own.parameters()} & held
    assert [type(m) for m in model.network.modules()] == modules
    assert all(torch.equal(own, weights[name]) for name, own in model.network.state_dict().items())
    assert [own.requires_grad for own in model.network.parameters()] == trained


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_the_hook_of_a_vector_gives_the_tokens_of_our_engine(model, alpha):
    layer = model.n_layers // 2
    ids = [model.starting_ids(text) for text in PROMPTS]
    vector = direction(model, length=100.0)
    ours = UNTOUCHED if alpha == 0 else steering("drawn", vector.at(layer), layer, alpha, EVERYWHERE)
    table = generate(model, ids, [ours], Sampling(NEW, stop_at_end=False), progress=False)
    lens, inputs = model.bridge(), model.padded(ids, "left")
    with lens.hooks(fwd_hooks=[vector.lens_hook(layer, alpha)]):
        made = lens.generate(
            inputs["input_ids"], attention_mask=inputs["attention_mask"], max_new_tokens=NEW,
            stop_at_eos=False, do_sample=False, return_type="tokens", verbose=False,
        )  # fmt: skip
    assert made[:, -NEW:].tolist() == [list(row) for row in table["ids"]]
    if alpha:
        plain = generate(model, ids, [UNTOUCHED], Sampling(NEW, stop_at_end=False), progress=False)
        assert [list(row) for row in plain["ids"]] != made[:, -NEW:].tolist()


def test_in_gpt_neo_a_pattern_that_is_written_changes_nothing():
    model = load("small-neo")
    lens, tokens = model.bridge(), torch.tensor(model.encode(PROMPTS[:1]).ids)
    plain = lens(tokens)

    def nothing(found: torch.Tensor, hook: object = None) -> torch.Tensor:
        return torch.zeros_like(found)

    for layer in range(model.n_layers):
        with pytest.warns(UserWarning, match="does not affect the model's output"):
            written = lens.run_with_hooks(
                tokens, fwd_hooks=[(HookPoint(layer, "pattern").lens_name, nothing)]
            )
        assert torch.equal(written, plain)
        taken = lens.run_with_hooks(tokens, fwd_hooks=[(HookPoint(layer, "z").lens_name, nothing)])
        assert (taken - plain).abs().max() > 0.01


@torch.no_grad()
def test_what_transformer_lens_folds_by_default_moves_states_but_no_prediction():
    from transformer_lens.model_bridge import TransformerBridge

    model = load("small-gpt2")
    lens = TransformerBridge.boot_transformers(
        model.label, hf_model=deepcopy(model.network), tokenizer=model.tokenizer, dtype=model.dtype
    )
    lens.enable_compatibility_mode()
    tokens = torch.tensor(model.encode(PROMPTS[:1]).ids)
    folded, cache = lens.run_with_cache(tokens)
    ours, plain = model.bridge().run_with_cache(tokens)
    name = HookPoint(1, "resid_post").lens_name
    assert (cache[name] - plain[name]).abs().max() > 1e-4 * plain[name].abs().max()
    assert torch.log_softmax(folded, -1) == pytest.approx(torch.log_softmax(ours, -1), abs=1e-3)
