"""Files of others are read as the formulas of their authors say, and every file that cannot be is named."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from emotion_utils.core.errors import UserError
from emotion_utils.dictionaries.dictionary import Dictionary
from emotion_utils.dictionaries.published import load_published
from emotion_utils.dictionaries.tensors import NAMES, load, save
from emotion_utils.models.model import load as load_model

WIDTH, FEATURES = 6, 9


@pytest.fixture
def weights():
    draw = torch.Generator().manual_seed(0)
    shapes = {"W_enc": (WIDTH, FEATURES), "b_enc": (FEATURES,), "W_dec": (FEATURES, WIDTH), "b_dec": (WIDTH,)}
    drawn = {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}
    return {**drawn, "threshold": torch.rand(FEATURES, generator=draw)}


@pytest.fixture(scope="module")
def states():
    return torch.randn(50, WIDTH, generator=torch.Generator().manual_seed(1)) * 2


def saelens(folder, weights, *, metadata=True, leave=("threshold",), **settings):
    about = {"model_name": "small-gpt2", "hook_name": "blocks.2.hook_resid_post"}
    about |= {name: settings.pop(name) for name in list(settings) if name in about}
    told = {"architecture": "standard", "d_in": WIDTH, "d_sae": FEATURES, "dtype": "float32", **settings}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cfg.json").write_text(
        json.dumps({**told, "metadata": about} if metadata else {**told, **about}), encoding="utf-8"
    )
    save_file(
        {name: own for name, own in weights.items() if name not in leave}, folder / "sae_weights.safetensors"
    )
    return folder


def gemma_scope(folder, weights, name="params.npz"):
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / name, **{key: own.numpy() for key, own in weights.items()})
    return folder


def gemma_scope_2(folder, weights, **settings):
    folder.mkdir(parents=True, exist_ok=True)
    about = {"architecture": "jump_relu", "model_name": "google/gemma-v3-270m-pt"}
    about |= {"hf_hook_point_in": "model.layers.5.output", **settings}
    (folder / "config.json").write_text(json.dumps(about), encoding="utf-8")
    renamed = {name.replace("W_", "w_"): own for name, own in weights.items()}
    save_file(renamed, folder / "params.safetensors")
    return folder


def jump(weights, states, *, centred):
    """JumpReLU as its authors write it: pre * H(pre - threshold)."""
    shift = weights["b_dec"] if centred else 0.0
    pre = (states - shift) @ weights["W_enc"] + weights["b_enc"]
    codes = pre * (pre > weights["threshold"])
    return codes, codes @ weights["W_dec"] + weights["b_dec"]


def same(found: Dictionary, states, codes, back):
    torch.testing.assert_close(found.encode(states), codes, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.reconstruct(states), back, atol=1e-4, rtol=1e-4)
    assert 0 < (codes > 0).float().mean() < 1


@pytest.mark.parametrize("metadata", [True, False])
@pytest.mark.parametrize("centred", [True, False])
def test_a_standard_dictionary_of_saelens(tmp_path, weights, states, metadata, centred):
    folder = saelens(tmp_path, weights, metadata=metadata, apply_b_dec_to_input=centred)
    found = load_published(folder)
    assert (found.layout, found.layer, found.model) == ("SAELens", 2, "small-gpt2")
    same(
        found.dictionary,
        states,
        *jump({**weights, "threshold": torch.zeros(FEATURES)}, states, centred=centred),
    )
    by_file = load_published(folder / "sae_weights.safetensors")
    assert torch.equal(by_file.dictionary.encoder, found.dictionary.encoder)


def test_a_jumprelu_of_saelens_has_thresholds(tmp_path, weights, states):
    found = load_published(saelens(tmp_path, weights, leave=(), architecture="jumprelu"))
    same(found.dictionary, states, *jump(weights, states, centred=True))


def test_older_settings_mean_what_they_meant(tmp_path, weights, states):
    folder = saelens(tmp_path, weights, metadata=False)
    told = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
    told["hook_point"], told["activation_fn_str"] = told.pop("hook_name"), "relu"
    told["normalize_activations"] = False
    del told["architecture"]
    (folder / "cfg.json").write_text(json.dumps(told), encoding="utf-8")
    found = load_published(folder)
    assert found.layer == 2
    assert found.dictionary.centred


def test_before_a_block_is_after_the_one_before(tmp_path, weights):
    assert load_published(saelens(tmp_path, weights, hook_name="blocks.2.hook_resid_pre")).layer == 1
    with pytest.raises(UserError, match=r'reads "blocks\.0\.hook_resid_pre"'):
        load_published(saelens(tmp_path, weights, hook_name="blocks.0.hook_resid_pre"))


def test_states_are_scaled_by_their_mean_norm_where_training_did(tmp_path, weights, states):
    folder = saelens(tmp_path, weights, normalize_activations="expected_average_only_in")
    found = load_published(folder, mean_norm=4.0)
    factor = WIDTH**0.5 / 4.0
    own = {**weights, "threshold": torch.zeros(FEATURES)}
    # as SAELens folds it into the weights
    own |= {"W_enc": own["W_enc"] * factor, "W_dec": own["W_dec"] / factor, "b_dec": own["b_dec"] / factor}
    same(found.dictionary, states, *jump(own, states, centred=True))
    with pytest.raises(UserError, match="mean norm, which its files do not hold"):
        load_published(folder)


def test_gemma_scope_does_not_take_the_bias_off(tmp_path, weights, states):
    folder = gemma_scope(
        tmp_path / "gemma-scope-2b-pt-res" / "layer_20" / "width_16k" / "average_l0_71", weights
    )
    found = load_published(folder)
    assert (found.layout, found.layer, found.model) == ("Gemma Scope", 20, "gemma-2-2b")
    same(found.dictionary, states, *jump(weights, states, centred=False))
    save_file(weights, folder / "params.safetensors")
    again = load_published(folder / "params.safetensors")
    assert torch.equal(again.dictionary.threshold, found.dictionary.threshold)
    for place in ("gemma-scope-2b-pt-mlp/layer_3", "gemma-scope-2b-pt-res/embedding"):
        with pytest.raises(UserError, match="no dictionary of the residual stream"):
            load_published(gemma_scope(tmp_path / place, weights))


def test_gemma_scope_2_has_names_in_small_letters(tmp_path, weights, states):
    found = load_published(gemma_scope_2(tmp_path, weights))
    assert (found.layout, found.layer) == ("Gemma Scope 2", 5)
    same(found.dictionary, states, *jump(weights, states, centred=False))
    assert load_published(tmp_path, name="google/gemma-3-270m").model == "google/gemma-v3-270m-pt"
    with pytest.raises(UserError, match='"topk"'):
        load_published(gemma_scope_2(tmp_path, weights, architecture="topk"))
    with pytest.raises(UserError, match=r'reads "model\.layers\.5\.self_attn\.o_proj\.input"'):
        load_published(
            gemma_scope_2(tmp_path, weights, hf_hook_point_in="model.layers.5.self_attn.o_proj.input")
        )


def test_our_own_file_gives_the_same_dictionary(tmp_path, weights, states):
    own = load_published(
        saelens(tmp_path / "a", weights, normalize_activations="expected_average_only_in"), mean_norm=3.0
    ).dictionary
    path = save(own, tmp_path / "own.safetensors")
    for found in (load(path), load_published(path).dictionary):
        assert torch.equal(found.reconstruct(states), own.reconstruct(states))
        assert (found.scale, found.centred) == (own.scale, own.centred)
    with pytest.raises(UserError, match="was not written here"):
        load(tmp_path / "a" / "sae_weights.safetensors")
    assert len(NAMES) == 7


def test_another_model_place_or_width_is_refused(tmp_path, weights):
    model = load_model("small-gpt2")
    with pytest.raises(UserError, match="6 dimensions, and small-gpt2 has 128"):
        load_published(saelens(tmp_path / "a", weights), model)
    wide = {
        "W_enc": torch.randn(128, 4),
        "b_enc": torch.zeros(4),
        "W_dec": torch.randn(4, 128),
        "b_dec": torch.zeros(128),
    }
    sizes = {"d_in": 128, "d_sae": 4}
    assert load_published(saelens(tmp_path / "b", wide, **sizes), model, 2).layer == 2
    with pytest.raises(UserError, match="after block 2, not 3"):
        load_published(tmp_path / "b", model, 3)
    other = saelens(tmp_path / "c", wide, model_name="gpt2-small", **sizes)
    with pytest.raises(UserError, match='trained on "gpt2-small", not on "small-gpt2"'):
        load_published(other, model)
    assert load_published(other, model, name="gpt2-small").model == "gpt2-small"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"architecture": "gated"}, 'of the architecture "gated"'),
        ({"activation_fn": "topk"}, "standard with topk"),
        ({"hook_name": "blocks.2.hook_mlp_out"}, 'reads "blocks.2.hook_mlp_out"'),
        ({"normalize_activations": "layer_norm"}, "scaled one by one"),
        ({"d_sae": 7}, "of 6 dimensions and 7 features"),
        ({"architecture": "jumprelu"}, "has no threshold"),
    ],
)
def test_what_saelens_can_and_we_cannot_is_refused(tmp_path, weights, settings, sentence):
    with pytest.raises(UserError, match=sentence):
        load_published(saelens(tmp_path, weights, **settings))


def test_damaged_weights_are_refused(tmp_path, weights):
    broken = {**weights, "b_enc": weights["b_enc"].clone()}
    broken["b_enc"][2] = float("nan")
    with pytest.raises(UserError, match=r"params\.npz: 1 numbers of encoder_bias are not finite"):
        load_published(gemma_scope(tmp_path / "a", broken))
    with pytest.raises(
        UserError, match="do not fit together: W_enc \\(6, 9\\), b_enc \\(9,\\), W_dec \\(6, 9\\)"
    ):
        load_published(gemma_scope(tmp_path / "b", {**weights, "W_dec": weights["W_enc"]}))
    with pytest.raises(UserError, match="has no W_dec and b_dec"):
        load_published(
            gemma_scope(tmp_path / "c", {name: weights[name] for name in ("W_enc", "b_enc", "threshold")})
        )
    folder = saelens(tmp_path / "d", {**weights, "scaling_factor": torch.full((FEATURES,), 2.0)})
    with pytest.raises(UserError, match="fine-tuning"):
        load_published(folder)
    (folder / "sae_weights.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match="damaged or no safetensors file"):
        load_published(folder)


def test_a_layout_that_is_not_known_is_named_and_nothing_is_unpickled(tmp_path, weights):
    with pytest.raises(UserError, match="no layout that is known"):
        load_published(tmp_path)
    save_file({"kernel": torch.zeros(2)}, tmp_path / "params.safetensors")
    with pytest.raises(UserError, match="has kernel, no layout that is known"):
        load_published(tmp_path)
    (tmp_path / "a").mkdir()
    np.savez(tmp_path / "a" / "params.npz", W_enc=np.array([print], dtype=object))
    with pytest.raises(UserError, match="other than plain arrays"):
        load_published(tmp_path / "a")
    (tmp_path / "b.npz").write_bytes(pickle.dumps(weights))
    with pytest.raises(UserError, match="other than plain arrays"):
        load_published(tmp_path / "b.npz")
