"""Dictionaries that others have trained, from files on this machine: nothing is fetched, and nothing is unpickled.

Three layouts are read, besides our own. The rules are those of SAELens 6.54, which loads all three:

- SAELens: a folder with ``cfg.json`` and ``sae_weights.safetensors`` (``W_enc, b_enc, W_dec, b_dec`` and, of a
  JumpReLU, ``threshold``); `saes/sae.py` (``process_sae_in``) says when the decoder's bias is taken off a state
  (``apply_b_dec_to_input``, as it is by default), and ``handle_pre_6_0_config`` of `pretrained_sae_loaders.py` what
  older settings mean. Since version 6 those of the model stand under ``metadata``. BatchTopK is saved as JumpReLU.
- Gemma Scope {cite:p}`lieberum2024`: ``params.npz`` with the same five arrays and no settings; JumpReLU, the bias not
  taken off (``get_gemma_2_config_from_hf``). The layer and the place are in the names of the folders.
- Gemma Scope 2: ``params.safetensors`` with ``w_enc, b_enc, w_dec, b_dec, threshold`` beside ``config.json``; JumpReLU,
  the bias not taken off; ``hf_hook_point_in`` is ``model.layers.3.output`` after block 3
  (``get_gemma_3_config_from_hf``).
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from emotion_utils.core.errors import UserError, listing
from emotion_utils.core.files import read_bytes, read_json
from emotion_utils.dictionaries.dictionary import Dictionary
from emotion_utils.dictionaries.tensors import NAMES, dictionary_of, read_tensors

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

WEIGHTS = ("W_enc", "b_enc", "W_dec", "b_dec")
ARCHITECTURES = ("standard", "jumprelu")
"""Of SAELens; others keep the largest activations of a state, or compute them twice, which no threshold can do."""
AFTER_BLOCK = re.compile(r"blocks\.(\d+)\.hook_resid_(post|pre)")
GEMMA_SCOPE_2_AFTER = re.compile(r"model\.layers\.(\d+)\.output")
FOLDERS = (
    "a SAELens folder, params.npz of Gemma Scope, params.safetensors of Gemma Scope 2, or a file of our own"
)


@dataclass(frozen=True, eq=False)
class PublishedDictionary:
    """A dictionary and what its files say of it.

    Attributes
    ----------
    dictionary
    layout
        ``SAELens``, ``Gemma Scope``, ``Gemma Scope 2`` or ``own``.
    layer
        Block after which it reads the residual stream, counted from 0; None where its files do not say.
    model
        Name of the model, as its files give it; empty where they do not.
    """

    dictionary: Dictionary
    layout: str
    layer: int | None
    model: str


def load_published(
    path: Path,
    model: Model | None = None,
    layer: int | None = None,
    *,
    name: str = "",
    mean_norm: float | None = None,
) -> PublishedDictionary:
    """Read a dictionary of the residual stream after a block.

    Parameters
    ----------
    path
        A folder or a file; see the head of this module.
    model
        That it is to read; its width and name are compared.
    layer
        Block after which it is to read, counted from 0.
    name
        That its files have for the model, where that is another than the last part of ``model.name``, such as
        ``gpt2-small``.
    mean_norm
        Mean norm of the states, where SAELens scaled them by it (``expected_average_only_in``).

    Raises
    ------
    UserError
        For a layout or an architecture that is not known, a weight that is missing, has another shape or is not finite,
        another width, place or model than is asked for, and a scaling that cannot be done.
    """
    found = _read(Path(path), mean_norm)
    width = found.dictionary.width
    if model is not None and width != model.d_model:
        raise UserError(
            f"{path} reads states of {width} dimensions, and {model.label} has {model.d_model}: it is of another model."
        )
    asked = name or (model.name if model is not None else "")
    if asked and found.model and _short(asked) != _short(found.model):
        raise UserError(
            f'{path} was trained on "{found.model}", not on "{asked}": take a dictionary of that model, or say '
            f'name="{found.model}" where it is the same under another name.'
        )
    if layer is not None and found.layer is not None and layer != found.layer:
        raise UserError(
            f"{path} reads states after block {found.layer}, not {layer}: take another file, or layer={found.layer}."
        )
    return found


def _short(name: str) -> str:
    """What two spellings of a model have in common; Gemma Scope 2 spells gemma-3 in two ways."""
    return name.rstrip("/").rpartition("/")[2].lower().replace("-v3-", "-3-").removesuffix("-pt")


def _read(path: Path, mean_norm: float | None) -> PublishedDictionary:
    folder = path if path.is_dir() else path.parent
    names = {one.name for one in path.iterdir()} if path.is_dir() else {path.name}
    if {"cfg.json", "sae_weights.safetensors"} <= names or path.name == "sae_weights.safetensors":
        return _saelens(folder, mean_norm)
    arrays = next((folder / one for one in sorted(names) if one.endswith(".npz")), None)
    if arrays is not None:
        return _gemma_scope(arrays, _arrays(arrays))
    tensors_at = next((folder / one for one in sorted(names) if one.endswith(".safetensors")), None)
    if tensors_at is None:
        raise UserError(f"{path} has no layout that is known: give {FOLDERS}.")
    tensors = read_tensors(tensors_at)
    if set(NAMES) <= set(tensors):
        return PublishedDictionary(dictionary_of(tensors), "own", None, "")
    if "w_enc" in tensors:
        return _gemma_scope_2(tensors_at, tensors)
    if set(WEIGHTS) <= set(tensors):
        return _gemma_scope(tensors_at, tensors)
    raise UserError(f"{tensors_at} has {listing(sorted(tensors))}, no layout that is known: give {FOLDERS}.")


def _arrays(path: Path) -> dict[str, Tensor]:
    try:
        with np.load(io.BytesIO(read_bytes(path)), allow_pickle=False) as arrays:
            return {name: torch.from_numpy(arrays[name]) for name in arrays}
    except UserError:
        raise
    except Exception as error:  # zipfile, NumPy and torch each have their own for a damaged file
        raise UserError(
            f"{path} is damaged, or holds other than plain arrays ({error}): copy it again."
        ) from error


def _made(
    path: Path, tensors: Mapping[str, Tensor], *, jump: bool, centred: bool, scale: float = 1.0
) -> Dictionary:
    needed = (*WEIGHTS, *(["threshold"] if jump else []))
    if missing := [name for name in needed if name not in tensors]:
        raise UserError(f"{path} has no {listing(missing)}: it is not whole, or of another architecture.")
    encoder, encoder_bias, decoder, decoder_bias = (tensors[name].float() for name in WEIGHTS)
    threshold = tensors["threshold"].float() if jump else torch.zeros_like(encoder_bias)
    shapes = encoder.shape, encoder_bias.shape, decoder.shape, decoder_bias.shape, threshold.shape
    if encoder.ndim != 2 or shapes[1:] != (
        encoder.shape[1:],
        encoder.shape[::-1],
        encoder.shape[:1],
        encoder.shape[1:],
    ):
        told = listing(
            f"{name} {tuple(shape)}" for name, shape in zip((*WEIGHTS, "threshold"), shapes, strict=True)
        )
        raise UserError(f"The weights of {path} do not fit together: {told}. It is of another architecture.")
    try:
        return Dictionary(encoder, encoder_bias, decoder, decoder_bias, threshold, scale, centred)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _saelens(folder: Path, mean_norm: float | None) -> PublishedDictionary:
    told, path = read_json(folder / "cfg.json"), folder / "sae_weights.safetensors"
    if not isinstance(told, dict):
        raise UserError(f"{folder / 'cfg.json'} holds no settings: copy it again.")
    about: dict[str, Any] = {**(told.get("metadata") or {}), **told}
    architecture = about.get("architecture", "standard")
    function = about.get("activation_fn", about.get("activation_fn_str", "relu"))
    if architecture not in ARCHITECTURES or function != "relu":
        kind = architecture if architecture not in ARCHITECTURES else f"{architecture} with {function}"
        raise UserError(
            f'{folder} is of the architecture "{kind}", and only {listing(ARCHITECTURES)} are read: choose '
            "one of them."
        )
    layer = _layer_in_saelens(folder, str(about.get("hook_name", about.get("hook_point", ""))))
    tensors = read_tensors(path)
    factor = tensors.get("scaling_factor", torch.ones(1))
    if not torch.allclose(factor, torch.ones_like(factor)):
        raise UserError(
            f"{path} has a scaling factor by feature from fine-tuning, which is not read: fold it in."
        )
    found = _made(
        path,
        tensors,
        jump=architecture == "jumprelu",
        centred=bool(about.get("apply_b_dec_to_input", True)),
        scale=_scale_in_saelens(folder, about, mean_norm),
    )
    sizes = (about.get("d_in", found.width), about.get("d_sae", found.n_features))
    if sizes != (found.width, found.n_features):
        raise UserError(
            f"The settings in {folder} are of {sizes[0]} dimensions and {sizes[1]} features, its weights of "
            f"{found.width} and {found.n_features}: they belong to different dictionaries."
        )
    return PublishedDictionary(found, "SAELens", layer, str(about.get("model_name") or ""))


def _layer_in_saelens(folder: Path, hook: str) -> int:
    place = AFTER_BLOCK.fullmatch(hook)
    layer = (
        -1 if place is None else int(place[1]) - (place[2] == "pre")
    )  # before a block is after the one before
    if layer < 0:
        raise UserError(
            f'{folder} reads "{hook}", and only dictionaries of the residual stream after a block are read '
            "(blocks.3.hook_resid_post): choose another."
        )
    return layer


def _scale_in_saelens(folder: Path, about: Mapping[str, Any], mean_norm: float | None) -> float:
    """The average norm is to be the root of the width; `training/activation_scaler.py`."""
    how = about.get("normalize_activations") or "none"
    if how == "none":
        return 1.0
    if how not in (True, "expected_average_only_in"):
        raise UserError(
            f'{folder} was trained on states scaled one by one ("{how}"), which is not read: choose another dictionary.'
        )
    if mean_norm is None or not 0 < mean_norm < math.inf:
        raise UserError(
            f"{folder} was trained on states divided by their mean norm, which its files do not hold: give it as "
            f"mean_norm (now {mean_norm}), measured on texts such as it was trained on."
        )
    return math.sqrt(about["d_in"]) / mean_norm


def _gemma_scope(path: Path, tensors: Mapping[str, Tensor]) -> PublishedDictionary:
    where = "/".join(path.absolute().parts[-6:])
    place = re.search(r"gemma-scope-[\w.]+-(?:pt|it)-(\w+)", where)
    if "embedding" in where or "transcoder" in where or (place is not None and place[1] != "res"):
        raise UserError(
            f"{path} is no dictionary of the residual stream after a block, by the names of its folders: choose "
            "one of a folder that ends in -res."
        )
    layer = re.search(r"layer_(\d+)", where)
    found = _made(path, tensors, jump=True, centred=False)
    model = re.search(r"gemma-scope-([\w.]+)-(pt|it)-res", where)
    name = "" if model is None else f"gemma-2-{model[1]}" + ("-it" if model[2] == "it" else "")
    return PublishedDictionary(found, "Gemma Scope", None if layer is None else int(layer[1]), name)


def _gemma_scope_2(path: Path, tensors: Mapping[str, Tensor]) -> PublishedDictionary:
    about = read_json(path.parent / "config.json")
    architecture, hook = about.get("architecture"), str(about.get("hf_hook_point_in"))
    if architecture != "jump_relu":
        raise UserError(
            f'{path} is of the architecture "{architecture}", and of Gemma Scope 2 only jump_relu is read: '
            "choose another."
        )
    place = GEMMA_SCOPE_2_AFTER.fullmatch(hook)
    if place is None or ("hf_hook_point_out" in about and about["hf_hook_point_out"] not in (None, hook)):
        raise UserError(
            f'{path} reads "{hook}", and only dictionaries of the residual stream after a block are read '
            "(model.layers.3.output): choose one of a folder resid_post."
        )
    renamed = {"W_" + name[2:] if name.startswith("w_") else name: own for name, own in tensors.items()}
    found = _made(path, renamed, jump=True, centred=False)
    return PublishedDictionary(found, "Gemma Scope 2", int(place[1]), str(about.get("model_name") or ""))
