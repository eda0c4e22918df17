"""What a model directory must look like before transformers may open it, and weights that must fit their config."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from emotion_utils.core.errors import UserError

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")
SHOWN = 3
"""Names of weights that an error spells out."""

BLOCK = re.compile(r"\.(\d+)\.")
REBUILT = re.compile(
    r"(^|\.)((attn|attention|crossattention|self_attn)\.(bias|masked_bias)|rotary_emb\.inv_freq|position_ids)$"
)
"""Causal masks, rotary frequencies and position numbers: old checkpoints carry them, models compute them anew."""


def check_model_directory(folder: Path) -> dict[str, Any]:
    """Check that a directory holds a config and whole safetensors files, and return the config.

    Raises
    ------
    UserError
        Naming the file that is missing, torn or of the wrong kind. Nothing is unpickled or executed.
    """
    if not folder.is_dir():
        raise UserError(
            f"{folder} is a file, not a model directory: name the directory that holds its config.json."
        )
    config = read_config(folder)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise UserError(_no_weights(folder))
    for path in (*weights, *_listed_shards(folder)):
        _check_safetensors(path)
    return config


def read_config(folder: Path) -> dict[str, Any]:
    """Read `config.json` of a model directory."""
    path = folder / "config.json"
    if not path.is_file():
        present = ", ".join(sorted(entry.name for entry in folder.iterdir())[:6]) or "nothing"
        raise UserError(f"{folder} is not a model directory: it has no config.json (found {present}).")
    config = _read_json(path)
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise UserError(
            f'{path} names no "model_type": save the model again with model.save_pretrained(...).'
        )
    return config


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is damaged (byte {error.start + 1} is not UTF-8): copy the model again."
        ) from error
    except ValueError as error:
        where = f"line {getattr(error, 'lineno', 1)}, column {getattr(error, 'colno', 1)}"
        raise UserError(
            f"{path} is damaged, it is not JSON at {where} ({getattr(error, 'msg', error)}): copy the model again."
        ) from error


def _no_weights(folder: Path) -> str:
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    if pickles:
        return (
            f"{folder} has its weights only in {pickles[0]}, which can execute code when it is opened: save them as "
            "safetensors, for example with model.save_pretrained(...) where you trust the file."
        )
    return f"{folder} has a config but no weights (model.safetensors): copy the model again."


def _listed_shards(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return []
    names = set(_read_json(index).get("weight_map", {}).values())
    missing = sorted(name for name in names if not (folder / name).is_file())
    if missing:
        raise UserError(f"{folder} lacks {missing[0]}, which {index.name} lists: copy the model again.")
    return [folder / name for name in sorted(names)]


def _check_safetensors(path: Path) -> None:
    """Open the file, which reads its header and compares it with the size of the file."""
    try:
        with safe_open(path, framework="numpy"):
            pass
    except SafetensorError as error:
        raise UserError(
            f"{path} is torn or no safetensors file ({error}): copy or save the model again."
        ) from error


def load_weights(kind: Any, location: str | Path, other_heads: str = r"(?!)", **options: Any) -> Any:
    """Load a model of which every weight comes from its files: the one place where weights are read.

    transformers only warns where weights and config do not fit, and draws what is missing at random, anew each time.

    Parameters
    ----------
    kind
        A class of transformers with ``from_pretrained``, such as ``AutoModelForCausalLM``.
    location
        A directory or a hub id. Only safetensors are opened, and no code of the repository is run.
    other_heads
        Pattern of names of weights that a file may hold for a purpose other than ours.
    options
        For ``from_pretrained``.

    Raises
    ------
    UserError
        Where weights are missing, left over or of another shape, with their names and the likely cause. Buffers that
        a model computes anew and embeddings that the config declares shared do not count.
    """
    # the shapes that differ are named below, where transformers only says that there are some
    options |= {"output_loading_info": True, "ignore_mismatched_sizes": True}
    options |= {"trust_remote_code": False, "use_safetensors": True}
    model, report = kind.from_pretrained(location, **options)
    other = re.compile(other_heads)
    unexpected = [k for k in report["unexpected_keys"] if not REBUILT.search(k) and not other.search(k)]
    missing, mismatched = sorted(report["missing_keys"]), sorted(report["mismatched_keys"])
    if missing or unexpected or mismatched:
        raise UserError(_unfit(model, str(location), missing, sorted(unexpected), mismatched))
    return model


def _unfit(
    model: Any,
    location: str,
    missing: list[str],
    unexpected: list[str],
    mismatched: list[tuple[str, Any, Any]],
) -> str:
    shapes = [
        f"{name}: {_shape(held)} in the file, {_shape(asked)} by the config"
        for name, held, asked in mismatched
    ]
    told = [
        f"{len(names)} {words} ({_few(names)})"
        for names, words in (
            (missing, "missing, which would be drawn at random"),
            (unexpected, "left over"),
            (shapes, "of another shape"),
        )
        if names
    ]
    cause = _prefix(missing, unexpected) or _blocks(model, missing, unexpected) or _head(model, missing)
    if cause is None and mismatched:
        cause = "The config is that of another model, or was changed: save model and config together again"
    cause = cause or "The config is that of another model, or the copy is incomplete: copy or save both again"
    return f"The weights of {location} do not fit its config: {', '.join(told)}. {cause}."


def _few(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def _shape(sizes: Iterable[int]) -> str:
    return " x ".join(map(str, sizes))


def _prefix(missing: list[str], unexpected: list[str]) -> str | None:
    """Names that would fit without, or with, a common beginning: weights of a wrapped model."""
    for ours, theirs, way in (
        (missing, unexpected, "begin with"),
        (unexpected, missing, "lack the beginning"),
    ):
        some = (*ours[:1], *ours[-1:])  # one of them may be shared embeddings, which have two names
        beginnings = {long[: -len(short)] for long in theirs for short in some if long.endswith(f".{short}")}
        for beginning in beginnings:
            stripped = {name.removeprefix(beginning) for name in theirs if name.startswith(beginning)}
            if 2 * len(stripped & set(ours)) > len(theirs):
                return (
                    f'The names in the file {way} "{beginning}", as of a model that was wrapped when it was saved '
                    "(torch.compile, a trainer): save the model inside, or rename the weights"
                )
    return None


def _blocks(model: Any, missing: list[str], unexpected: list[str]) -> str | None:
    """More or fewer blocks than the config says, where nothing else is wrong."""
    config = model.config.get_text_config()
    n, field = (
        int(config.num_hidden_layers),
        config.attribute_map.get("num_hidden_layers", "num_hidden_layers"),
    )
    blocks = sorted({_block(name) for name in (*missing, *unexpected)})
    if not blocks or blocks[0] < 0 or (missing and unexpected):
        return None
    says = f"The config says {n} blocks ({field}), and the file"
    if unexpected:
        more = blocks[-1] + 1
        return f"{says} holds {more}: set {field} to {more}" if blocks[0] >= n else None
    own = {name for name, _ in model.named_parameters() if _block(name) in blocks}
    told = f"{says} lacks {'' if own <= set(missing) else 'parts of '}{_numbered(blocks)}, counted from 0"
    if own <= set(missing) and blocks == list(range(blocks[0], n)):
        return f"{told}: set {field} to {blocks[0]}, or copy the weights again"
    return f"{told}: copy or save the weights again"


def _block(name: str) -> int:
    """Number of the block that a weight belongs to; -1 outside of all."""
    match = BLOCK.search(name)
    return -1 if match is None else int(match.group(1))


def _numbered(blocks: list[int]) -> str:
    return f"block {blocks[0]}" if len(blocks) == 1 else f"blocks {', '.join(map(str, blocks))}"


def _head(model: Any, missing: list[str]) -> str | None:
    """What turns states into an outcome is missing: output embeddings, or the head of a classifier."""
    head = model.get_output_embeddings()
    outputs = (
        [] if head is None else [f"{name}.weight" for name, part in model.named_modules() if part is head]
    )
    if missing and set(missing) <= set(outputs):
        return (
            "The config says that input and output embeddings are separate (tie_word_embeddings is false), and the "
            f"file has only the former: set it to true where the model shares them, or save {missing[0]} too"
        )
    body = f"{model.base_model_prefix}."
    if head is None and any(not name.startswith(body) for name in missing):
        return "It has no trained classification head: choose a sequence classifier"
    return None
