"""Hook points mean the same in all families, and writing to one that may be written changes the model."""

from __future__ import annotations

import os

import pytest
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.engine.interventions import Condition, Edit, check_conditions
from emotion_utils.models.families import blocks, n_heads, n_layers, written_by_neurons
from emotion_utils.models.hooks import KINDS, WRITABLE, HookPoint, attached, forward_until, resumed, shape_at


@pytest.fixture
def ids(untrained):
    generator = torch.Generator().manual_seed(1)
    return torch.randint(10, untrained.network.config.vocab_size, (2, 9), generator=generator)


def layers_of(model) -> list[int]:
    """All layers of a small model; of a real one some, unless all real models are asked for: each costs a pass."""
    n = n_layers(model)
    few = n > 8 and os.environ.get("REAL_MODELS") != "all"
    return [0, n // 4, n // 2, 3 * n // 4, n - 1] if few else list(range(n))


def head_width(model) -> int:
    config = model.config
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def hooks_on(model) -> list[tuple[int, int]]:
    """How many hooks each module has; transformers leaves some of its own once it was asked for hidden states."""
    return [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()]


@torch.no_grad()
def read(model, ids, points):
    found = {}
    with attached(model, {p: lambda tensor, p=p: found.__setitem__(p, tensor.clone()) for p in points}):
        logits = model(ids, use_cache=False).logits
    return found, logits


def test_the_residual_stream_is_that_of_the_plain_model(untrained, ids):
    model = untrained.network
    layers = range(n_layers(model))
    found, logits = read(model, ids, [HookPoint(i, k) for i in layers for k in ("resid_pre", "resid_post")])
    with torch.no_grad():
        plain = model(ids, use_cache=False, output_hidden_states=True)
        norm = getattr(model.get_decoder(), "ln_f", None) or getattr(model.get_decoder(), "norm", None)
        norm = norm or model.get_decoder().final_layer_norm
        last = norm(found[HookPoint(layers[-1], "resid_post")])
    assert torch.equal(logits, plain.logits)
    for i in layers:
        assert torch.allclose(found[HookPoint(i, "resid_pre")], plain.hidden_states[i], atol=1e-6)
    for i in layers[:-1]:
        assert torch.equal(found[HookPoint(i, "resid_post")], found[HookPoint(i + 1, "resid_pre")])
    # the last entry of hidden_states is after the final norm
    assert torch.allclose(last, plain.hidden_states[-1], atol=1e-5)


def test_attention_and_mlp_add_up_to_what_the_block_adds(untrained, ids):
    model = untrained.network
    kinds = ("resid_pre", "attn_out", "mlp_out", "resid_post")
    for layer in layers_of(model):
        found, _ = read(model, ids, [HookPoint(layer, kind) for kind in kinds])
        before, attention, mlp, after = (found[HookPoint(layer, kind)] for kind in kinds)
        assert torch.allclose(before + attention + mlp, after, atol=1e-4 * float(after.abs().max()))


def values(model, resid_pre):
    """The values of the first block by head, from its own projection: (batch, head, position, d_head)."""
    block, heads, width = blocks(model)[0], n_heads(model), n_heads(model) * head_width(model)
    norm = getattr(block, "ln_1", None) or block.input_layernorm
    x = norm(resid_pre)
    if hasattr(block, "attention"):  # GPT-NeoX: query, key and value of a head side by side
        qkv = block.attention.query_key_value(x).unflatten(-1, (heads, 3, -1))
        v = qkv[..., 2, :]
    elif hasattr(block, "self_attn"):
        v = block.self_attn.v_proj(x).unflatten(-1, (-1, width // heads))
        v = v.repeat_interleave(heads // v.shape[-2], dim=-2)  # grouped queries share values
    else:
        attention = block.attn
        flat = (
            attention.attention.v_proj(x)
            if hasattr(attention, "attention")
            else attention.c_attn(x)[..., -width:]
        )
        v = flat.unflatten(-1, (heads, -1))
    return v.transpose(1, 2)


@torch.no_grad()
def test_heads_are_split_as_the_output_projection_expects(untrained, ids):
    model = untrained.network
    found, _ = read(model, ids, [HookPoint(0, kind) for kind in ("resid_pre", "z", "pattern")])
    z, pattern = found[HookPoint(0, "z")], found[HookPoint(0, "pattern")]
    heads = n_heads(model)
    assert z.shape == (2, 9, heads, head_width(model))
    assert pattern.shape == (2, heads, 9, 9)
    assert torch.allclose(pattern.sum(-1), torch.ones(2, heads, 9), atol=1e-5)
    assert pattern.triu(1).abs().max() == 0
    # z is the pattern times the values, head by head; the values come from the module itself
    v = values(model, found[HookPoint(0, "resid_pre")])  # (batch, head, position, d_head)
    assert torch.allclose(z, (pattern @ v).transpose(1, 2), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_neurons_times_what_they_write_is_the_output_of_the_mlp(untrained, ids):
    model = untrained.network
    for layer in layers_of(model):
        found, _ = read(model, ids, [HookPoint(layer, kind) for kind in ("neurons", "mlp_out")])
        neurons, out = found[HookPoint(layer, "neurons")], found[HookPoint(layer, "mlp_out")]
        rows, mlp = written_by_neurons(model, layer), blocks(model)[layer].mlp
        (projection,) = [m for n, m in mlp.named_children() if n in ("down_proj", "c_proj", "dense_4h_to_h")]
        bias = getattr(projection, "bias", None)
        written = neurons @ rows + (0 if bias is None else bias)
        if hasattr(blocks(model)[layer], "post_feedforward_layernorm"):  # the norm's factor is left out
            written = written * (out.norm(dim=-1) / written.norm(dim=-1))[..., None]
        assert torch.allclose(written, out, atol=1e-4 * float(out.abs().max()))


@pytest.mark.parametrize("kind", WRITABLE)
def test_every_hook_that_may_be_written_changes_the_logits(untrained, ids, kind):
    model = untrained.network
    _, plain = read(model, ids, [])
    generator = torch.Generator().manual_seed(2)
    for layer in layers_of(model):

        def perturb(tensor):
            return tensor + torch.randn(tensor.shape, generator=generator)

        with torch.no_grad(), attached(model, {HookPoint(layer, kind): perturb}):
            changed = model(ids, use_cache=False).logits
        assert (changed - plain).abs().max() > 1e-3, f"writing to {kind}.{layer} changes nothing"
        with torch.no_grad(), attached(model, {HookPoint(layer, kind): lambda tensor: tensor + 0}):
            assert torch.equal(model(ids, use_cache=False).logits, plain)


def test_the_shape_at_a_hook_point_is_that_of_its_activations(untrained, ids):
    model = untrained.network
    points = [HookPoint(2, kind) for kind in WRITABLE]
    found, _ = read(model, ids, points)
    assert {point: shape_at(model, point) for point in points} == {p: found[p].shape[2:] for p in points}


@pytest.mark.parametrize("kind", WRITABLE)
def test_one_position_can_be_written_alone(untrained, ids, kind):
    model = untrained.network
    point = HookPoint(1, kind)

    def at_the_last(tensor):
        tensor = tensor.clone()
        tensor[:, -1] = 0
        return tensor

    with torch.no_grad(), attached(model, {point: at_the_last}):
        changed = model(ids, use_cache=False).logits
    _, plain = read(model, ids, [])
    assert torch.equal(changed[:, :-1], plain[:, :-1])
    assert not torch.allclose(changed[:, -1], plain[:, -1], atol=1e-3)


def test_a_model_type_that_was_not_checked_is_refused():
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 20}
    other = AutoModelForCausalLM.from_config(AutoConfig.for_model("olmo2", intermediate_size=8, **sizes))
    with pytest.raises(UserError, match=r'model type "olmo2" .*: known are gpt2, gpt_neo'):
        blocks(other)


def test_a_pattern_cannot_be_written(untrained, ids):
    model = untrained.network
    with (
        pytest.raises(UserError, match="can only be read"),
        attached(model, {HookPoint(0, "pattern"): lambda t: t}),
    ):
        model(ids, use_cache=False)


def test_hooks_are_gone_after_an_error_in_the_block_and_in_the_registration(untrained, ids):
    model = untrained.network
    before = hooks_on(model)
    with (
        pytest.raises(RuntimeError, match="stop"),
        attached(model, {HookPoint(0, k): lambda _: None for k in KINDS}),
    ):
        raise RuntimeError("stop")
    wrong = {HookPoint(0, "resid_pre"): lambda _: None, HookPoint(99, "resid_pre"): lambda _: None}
    told = f"layer 99, and the model has layers 0 to {n_layers(model) - 1}"
    with pytest.raises(UserError, match=told), attached(model, wrong):
        pass
    assert hooks_on(model) == before


@pytest.mark.parametrize(
    ("point", "beyond"), [(HookPoint(1, "resid_post"), 2), (HookPoint(1, "resid_pre"), 1)]
)
def test_a_forward_pass_ends_at_the_last_hook(untrained, ids, point, beyond):
    model = untrained.network
    whole, _ = read(model, ids, [point])
    found, reached = {}, []
    before = hooks_on(model)
    handle = blocks(model)[beyond].register_forward_hook(lambda *_: reached.append(1))
    with torch.no_grad():
        forward_until(model, {point: lambda t: found.__setitem__(point, t.clone())}, input_ids=ids)
    handle.remove()
    assert torch.equal(found[point], whole[point])
    assert not reached
    assert hooks_on(model) == before


def test_a_block_gets_its_own_forward_back(untrained, ids):
    """As a library sets one that moves inputs to the device of a block."""
    model = untrained.network
    block = blocks(model)[0]
    own = block.forward
    block.forward = lambda *args, **kwargs: own(*args, **kwargs)
    theirs = block.forward
    try:
        with resumed(model, 2, torch.zeros(*ids.shape, model.config.hidden_size)):
            assert block.forward is not theirs
        assert vars(block)["forward"] is theirs
    finally:
        del block.forward


def test_names_are_read_and_mistakes_are_named():
    assert HookPoint.parse("resid_post.3") == HookPoint(3, "resid_post")
    assert str(HookPoint(3, "resid_post")) == "resid_post.3"
    with pytest.raises(UserError, match='did you mean "resid_post"'):
        HookPoint(0, "resid_pos")
    with pytest.raises(UserError, match=r"such as resid_post\.3"):
        HookPoint.parse("resid_post")


def test_an_attention_without_pattern_is_an_error(tokenizers):
    from emotion_utils.models.loading import build_model
    from emotion_utils.training.configs import model_config, spec_of

    model = build_model(model_config(spec_of("small-llama3"), 300, 1, 2, 0)).eval()
    model.set_attn_implementation("sdpa")
    with pytest.raises(UserError, match="eager"), attached(model, {HookPoint(0, "pattern"): lambda _: None}):
        model(torch.tensor([[5, 6, 7]]), use_cache=False)


@torch.no_grad()
def test_attention_over_the_values_is_what_heads_give(untrained, ids):
    model = untrained.network
    for layer in layers_of(model):
        found, _ = read(model, ids, [HookPoint(layer, kind) for kind in ("v", "z", "pattern")])
        v, z, pattern = (found[HookPoint(layer, kind)] for kind in ("v", "z", "pattern"))
        assert v.shape == z.shape
        assert shape_at(model, HookPoint(layer, "v")) == v.shape[2:]
        product = torch.einsum("bhqk,bkhd->bqhd", pattern, v)
        assert torch.allclose(product, z, atol=1e-5 * float(z.abs().max()), rtol=1e-5)


def test_values_cannot_be_written(untrained, ids):
    model = untrained.network
    before = hooks_on(model)
    for new in (lambda t: t, torch.zeros_like):
        with (
            pytest.raises(UserError, match=r"v\.1 can only be read: heads share values\. Write to z instead"),
            attached(model, {HookPoint(1, "v"): new}),
        ):
            model(ids, use_cache=False)
    assert hooks_on(model) == before
    edit = Edit(HookPoint(1, "v"), torch.zeros(shape_at(model, HookPoint(1, "v"))))
    with pytest.raises(UserError, match=r'"values" writes to v\.1, which changes nothing'):
        check_conditions(untrained, [Condition("values", (edit,))])
