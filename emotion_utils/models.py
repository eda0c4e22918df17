"""The models by name: bundled small ones, short names of hub models, hub ids and local directories."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from emotion_utils.errors import UserError
from emotion_utils.model_files import check_model_directory, load_weights
from emotion_utils.offsets import check_offsets
from emotion_utils.parameters import check_device
from emotion_utils.paths import MODELS, PROJECT_ROOT
from emotion_utils.suggestions import listing, suggestion

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = [
    "BUNDLED",
    "HUB_ALIASES",
    "ModelRef",
    "bundled_models",
    "context_length",
    "context_of",
    "load_config",
    "load_model",
    "load_tokenizer",
    "model_files",
    "resolve_model",
    "token_counter",
    "token_offsets",
]

BUNDLED: dict[str, str] = {
    "small-gpt2": "GPT-2 in miniature",
    "small-neo": "GPT-Neo in miniature, same tokenizer as small-gpt2",
    "small-pythia": "Pythia (GPT-NeoX) in miniature, its own tokenizer",
    "small-llama3": "Llama 3 in miniature",
    "small-qwen3": "Qwen 3 in miniature",
    "small-gemma3": "Gemma 3 in miniature",
    "small-gpt2-blind": "small-gpt2 trained on reactions permuted across causes: the negative control",
}

HUB_ALIASES: dict[str, str] = {
    "gpt2": "openai-community/gpt2",
    "pythia-160m": "EleutherAI/pythia-160m",
    "gpt-neo-125m": "EleutherAI/gpt-neo-125m",
    "llama3-8b": "meta-llama/Llama-3.1-8B",
    "gemma3-12b": "google/gemma-3-12b-it",
    "qwen3-8b": "Qwen/Qwen3-8B-Base",
    "pythia-410m-deduped": "EleutherAI/pythia-410m-deduped",
    "gemma2-2b-it": "google/gemma-2-2b-it",
    "gemma2-2b-jpn-it": "google/gemma-2-2b-jpn-it",
}

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
DEVICE = re.compile(r"cpu|mps|cuda(:\d+)?")
DTYPES = ("auto", "float32", "bfloat16", "float16")
OUT_OF_FLOAT16 = ("gemma3", "gemma3_text")
"""Model types whose activations exceed 65,504, the largest float16."""


@dataclass(frozen=True)
class ModelRef:
    """Where a model is.

    Attributes
    ----------
    name
        As the reader wrote it.
    source
        `bundled` with the project, on the `hub`, or a `local` directory.
    location
        What transformers is given: an absolute path or a hub id.
    revision
        Of the hub repository; None is its default branch.
    """

    name: str
    source: Literal["bundled", "hub", "local"]
    location: str
    revision: str | None = None

    @property
    def label(self) -> str:
        """What a page says about the model's origin."""
        return {"bundled": "bundled small model", "hub": "hub model", "local": "local model"}[self.source]


def bundled_models() -> list[str]:
    """List the names of the bundled models, those that are trained and those that are not."""
    return list(BUNDLED)


def resolve_model(name: str) -> ModelRef:
    """Find a model by registry name, short name, local directory or hub id, without loading it.

    Parameters
    ----------
    name
        Such as `small-gpt2`, `pythia-160m`, `./my-model` or `org/model`. A relative path is looked up from the
        working directory, then from the project.

    Raises
    ------
    UserError
        For an unknown name, with near matches, and for a directory that holds no loadable model.
    """
    if not isinstance(name, str) or not name.strip():
        raise UserError(
            f"The model is {name!r}: give a registry name, a hub id (org/name) or a model directory."
        )
    name = name.strip()
    if name in BUNDLED:
        return _bundled(name)
    if name in HUB_ALIASES:
        return ModelRef(name, "hub", HUB_ALIASES[name])
    for folder in (Path(name).expanduser(), PROJECT_ROOT / name):
        if folder.exists():
            check_model_directory(folder)
            return ModelRef(name, "local", str(folder.resolve()))
    # a bare first part such as data/x is a path that was mistyped more often than an organisation
    if HUB_ID.fullmatch(name) and not (PROJECT_ROOT / name.split("/")[0]).is_dir():
        return ModelRef(name, "hub", name)
    if "/" in name or "\\" in name or name.startswith((".", "~")):
        raise UserError(
            f'There is no model directory "{name}": looked from {Path.cwd()} and from {PROJECT_ROOT}. Models that '
            f"need no directory: {listing([*BUNDLED, *HUB_ALIASES])}."
        )
    raise UserError(
        f'There is no model "{name}": {suggestion(name, [*BUNDLED, *HUB_ALIASES])} '
        "A hub id is written org/name, a local model as the path of its directory."
    )


def _bundled(name: str) -> ModelRef:
    folder = MODELS / name
    if not (folder / "config.json").exists():
        raise UserError(
            f'The bundled model "{name}" is not in {folder.relative_to(PROJECT_ROOT)}: restore the folder from git, '
            f"or train it with `make models NAME={name}`."
        )
    check_model_directory(folder)
    return ModelRef(name, "bundled", str(folder))


def model_files(name: str) -> list[Path]:
    """The files of a bundled or local model; nothing for a hub model, whose revision names its content."""
    reference = resolve_model(name)
    if reference.source == "hub":
        return []
    files = (path for path in Path(reference.location).iterdir() if path.is_file())
    return sorted(path for path in files if path.suffix in {".json", ".safetensors", ".model", ".txt"})


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a model; it pads with the end-of-text token where it has no padding token."""
    ref = resolve_model(name)
    if ref.source != "hub" and not any(Path(ref.location).glob("tokenizer*.json")):
        raise UserError(
            f"{ref.location} has no tokenizer (tokenizer.json): save it there with tokenizer.save_pretrained(...)."
        )
    tokenizer = _opened(_transformers().AutoTokenizer.from_pretrained, ref, "tokenizer")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_model(name: str, device: str = "cpu", dtype: str = "auto") -> PreTrainedModel:
    """Load a causal language model from safetensors, in evaluation mode, running no code of its repository.

    Parameters
    ----------
    name
        See `resolve_model`.
    device
        `cpu`, `cuda`, `cuda:1` or `mps`.
    dtype
        `float32`, `bfloat16`, `float16`, or `auto`: float32 on the CPU; on an accelerator bfloat16 where the model
        was saved in half precision, and float32 otherwise.

    Raises
    ------
    UserError
        For an unknown name, device or dtype, for files that cannot be read, and for weights that do not fit the
        config (:func:`model_files.load_weights`).
    """
    import torch

    ref = resolve_model(name)
    if not DEVICE.fullmatch(str(device)):
        raise UserError(f'There is no device "{device}": choose cpu, cuda, cuda:<number> or mps.')
    check_device(device)
    chosen = _dtype_of(ref, device, dtype)
    kind = _transformers().AutoModelForCausalLM
    model = _opened(partial(load_weights, kind), ref, "model", dtype=getattr(torch, chosen))
    return model.to(device).eval()


def context_length(name: str) -> int:
    """Read how many positions a model has, from its config alone."""
    return context_of(load_config(name), name)


def context_of(config: Any, name: str) -> int:
    """How many positions a configuration provides for; ``name`` is for the error where it does not say."""
    config = config.get_text_config()
    for field in ("max_position_embeddings", "n_positions", "n_ctx"):
        if isinstance(getattr(config, field, None), int):
            return int(getattr(config, field))
    raise UserError(
        f'The config of "{name}" does not say how long its context is: set max_position_embeddings there.'
    )


def load_config(name: str) -> Any:
    """Load the configuration of a model as transformers reads it."""
    ref = resolve_model(name)
    return _opened(_transformers().AutoConfig.from_pretrained, ref, "config")


def token_counter(name: str, *, special: bool = False) -> Callable[[list[str]], list[int]]:
    """Make a function from texts to their numbers of tokens, with or without those the model adds itself."""
    tokenizer = load_tokenizer(name)

    def count(texts: list[str]) -> list[int]:
        # the warning about a text beyond the context is what `check_lengths` says better
        encoded = tokenizer(texts, add_special_tokens=special, return_attention_mask=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    return count


def _transformers() -> ModuleType:
    """Import transformers late, since it takes seconds, and without the remark on a missing progress widget."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        import transformers
        from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer  # noqa: F401 - loaded here, quietly
    return transformers


def _dtype_of(ref: ModelRef, device: str, dtype: str) -> str:
    if dtype not in DTYPES:
        raise UserError(f'The dtype "{dtype}" is not supported: choose {listing(DTYPES)}.')
    if dtype == "float32" or (dtype == "auto" and device == "cpu"):
        return "float32"
    if dtype == "float16" and device == "cpu":
        raise UserError(
            "float16 on the CPU is slow and overflows: choose float32, or bfloat16 to save memory."
        )
    config = load_config(ref.name)
    if dtype == "float16" and config.model_type in OUT_OF_FLOAT16:
        raise UserError(
            f'The activations of "{ref.name}" exceed the float16 range of 65,504: choose bfloat16 or float32.'
        )
    if dtype == "auto":
        saved: torch.dtype | str | None = getattr(config.get_text_config(), "dtype", None) or config.dtype
        return "bfloat16" if "16" in str(saved) else "float32"
    return dtype


def _opened(loader: Callable[..., Any], ref: ModelRef, what: str, **options: Any) -> Any:
    if ref.source == "hub":
        options["revision"] = ref.revision
    try:
        return loader(ref.location, trust_remote_code=False, **options)
    except UserError:
        raise
    except Exception as error:
        raise UserError(_why_not(ref, what, error)) from error


def _why_not(ref: ModelRef, what: str, error: Exception) -> str:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    if ref.source != "hub":
        return (
            f"The {what} in {ref.location} could not be loaded ({type(error).__name__}: {reason}): "
            "copy or save the directory again."
        )
    if "remote code" in reason or "trust_remote_code" in reason:
        return f'"{ref.location}" needs code from its own repository, which is never run here: choose another model.'
    return (
        f"{'The hub model' if what == 'model' else f'The {what} of the hub model'} "
        f'"{ref.location}" could not be loaded ({type(error).__name__}: {reason}). '
        f"Check the id, the network and, for a gated model, `hf auth login`; without a network choose one of "
        f"{listing(BUNDLED)}, or a local directory."
    )


def token_offsets(name: str) -> Callable[[list[str]], list[list[tuple[int, int]]]]:
    """Make a function from texts to the character spans of their tokens."""
    tokenizer = load_tokenizer(name)
    check_offsets(tokenizer, name)

    def offsets(texts: list[str]) -> list[list[tuple[int, int]]]:
        if not texts:
            return []
        encoded = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        return [[(int(a), int(b)) for a, b in spans] for spans in encoded["offset_mapping"]]

    return offsets
