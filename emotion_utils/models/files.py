"""What a model directory must look like before transformers may open it, and weights that must fit their config."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from emotion_utils.core.errors import UserError
from emotion_utils.core.files import read_bytes, read_json

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")
ADAPTER = "adapter_config.json"
SHOWN = 3
"""Names of weights that an error spells out."""

WEIGHTS = "model.safetensors"
INDEX = f"{WEIGHTS}.index.json"
PLAIN = ("F64", "F32", "F16", "BF16")
"""Kinds of numbers that are weights as they are, as safetensors names them; others need a scale beside them."""

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
    refuse_quantised(config, str(folder))
    if (folder / ADAPTER).is_file():
        raise UserError(
            f"{folder} holds a model and an adapter ({ADAPTER}): remove the file where its weights are merged into the "
            "model, else merge them (merge_and_unload() of peft) and save the model."
        )
    alone = os.path.lexists(folder / WEIGHTS)
    shards = _listed_shards(folder, alone)
    if not shards and not alone:
        raise UserError(_no_weights(folder))
    for path in [folder / WEIGHTS] * alone + shards:
        _check_safetensors(path)
    return config


def read_config(folder: Path) -> dict[str, Any]:
    """Read `config.json` of a model directory."""
    path = folder / "config.json"
    if not os.path.lexists(path):
        raise UserError(f"{folder} is not a model directory: {_what_it_is(folder)}.")
    config = read_json(path)
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise UserError(
            f'{path} names no "model_type": save the model again with model.save_pretrained(...).'
        )
    return config


def refuse_quantised(config: dict[str, Any], where: str) -> None:
    """Refuse a model whose configuration says that its weights are no plain numbers.

    Raises
    ------
    UserError
        With the method.
    """
    how = config.get("quantization_config")
    if how is None:
        return
    method = how.get("quant_method") if isinstance(how, dict) else None
    raise UserError(
        f"The weights of {where} are quantised ({method or 'quantization_config'}), which is not read: take the model "
        "that they were made from, a GGUF file, or save what model.dequantize() gives without quantization_config."
    )


def check_tokenizer_files(folder: Path) -> None:
    """Check that the tokenizer files of a directory are JSON objects.

    Raises
    ------
    UserError
        Naming the file that is damaged, or what stands in its place.
    """
    for path in sorted(folder.glob("*token*.json")):
        if not isinstance(read_json(path), dict):
            raise UserError(f"{path} is damaged, it is no JSON object: copy the model again.")


def _what_it_is(folder: Path) -> str:
    """A directory without config, with the way out where it is a known kind of one."""
    entries = sorted(entry.name for entry in folder.iterdir())
    if (folder / ADAPTER).is_file():
        base = read_json(folder / ADAPTER)
        name = base.get("base_model_name_or_path") if isinstance(base, dict) else None
        return (
            f"it holds an adapter of {name or 'another model'}; load that with peft, call merge_and_unload() and save "
            "what it gives"
        )
    if folder.name.startswith("models--") and "snapshots" in entries:
        hub_id = folder.name.removeprefix("models--").replace("--", "/")
        return (
            f'it is a folder of the hub\'s cache; name the model as "{hub_id}", or a folder in its snapshots'
        )
    inside = [name for name in entries if (folder / name / "config.json").is_file()]
    if inside:
        return f"it has no config.json, and its folder {inside[-1]} has; name that"
    ggufs = [name for name in entries if name.endswith(".gguf")]
    if ggufs:
        return f"it has no config.json; name the file {ggufs[0]} itself"
    return f"it has no config.json (found {', '.join(entries[:6]) or 'nothing'})"


def _no_weights(folder: Path) -> str:
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    others = sorted(path.name for path in folder.glob("*.safetensors"))
    if others:
        return (
            f"{folder} has {others[0]}, and neither {WEIGHTS} nor {INDEX}: rename it, or copy the index too."
        )
    if ggufs := sorted(path.name for path in folder.glob("*.gguf")):
        return f"{folder} has its weights in {ggufs[0]}: name that file itself."
    if pickles:
        return (
            f"{folder} has its weights only in {pickles[0]}, which can execute code when it is opened: save them as "
            "safetensors, for example with model.save_pretrained(...) where you trust the file."
        )
    return f"{folder} has a config but no weights ({WEIGHTS}): copy the model again."


def _listed_shards(folder: Path, alone: bool) -> list[Path]:
    """The files that an index lists; beside a single file of weights, ``alone``, transformers does not read it."""
    index = folder / INDEX
    if not os.path.lexists(index):
        return []
    content = read_json(index)
    listed = content.get("weight_map") if isinstance(content, dict) else None
    names = set(listed.values()) if isinstance(listed, dict) else set()
    whole = names and all(isinstance(name, str) and name.endswith(".safetensors") for name in names)
    if not whole or not (alone or isinstance(content.get("metadata"), dict)):
        raise UserError(
            f'{index} is no index of weights (a "weight_map" from their names to .safetensors files, and "metadata"): '
            "copy it again, or remove it where all weights are in one file."
        )
    missing = sorted(name for name in names if not os.path.lexists(folder / name))
    if missing:
        raise UserError(f"{folder} lacks {missing[0]}, which {index.name} lists: copy the model again.")
    return [folder / name for name in sorted(names)]


def _check_safetensors(path: Path) -> None:
    """Open the file, which reads its header and compares it with the size of the file; weights are plain numbers."""
    read_bytes(path, 200)
    try:
        with safe_open(path, framework="numpy") as file:
            kinds = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118 - no mapping
    except SafetensorError as error:
        raise UserError(
            f"{path} is torn or no safetensors file ({error}): copy or save the model again."
        ) from error
    odd = next((n for n, kind in kinds.items() if kind not in PLAIN and not REBUILT.search(n)), None)
    if odd is not None:
        raise UserError(
            f"{path} holds {odd} as {kinds[odd]}, as quantised weights are: take the model that they were made from."
        )


def load_weights(
    kind: Any, location: str | Path, other_heads: str = r"(?!)", *, called: str = "", **options: Any
) -> Any:
    """Load a model of which every weight comes from its files: the one place where weights are read.

    transformers only warns where weights and config do not fit, and draws what is missing at random, anew each time.

    Parameters
    ----------
    kind
        A class of transformers with ``from_pretrained``, such as ``AutoModelForCausalLM``.
    location
        A directory. Only safetensors are opened, and no code of the repository is run.
    other_heads
        Pattern of names of weights that a file may hold for a purpose other than ours.
    called
        What errors call the directory; by default its path.
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
        raise UserError(_unfit(model, called or str(location), missing, sorted(unexpected), mismatched))
    _refuse_not_finite(model, called or str(location))
    return model


def _refuse_not_finite(model: Any, location: str) -> None:
    """Weights that are no numbers make all results no numbers, without a word of warning."""
    for name, weight in model.named_parameters():
        if not weight.isfinite().all():
            raise UserError(
                f"The weights of {location} are not all finite ({name} is one such): the training failed or the file "
                "is damaged, so save or copy the model again."
            )


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
