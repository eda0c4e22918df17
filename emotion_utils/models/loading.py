"""Models and tokenizers from disk or hub: found by name, checked, opened.

torch and transformers are imported by who opens a model: parameters are checked before that.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from emotion_utils.core.errors import UserError, listing
from emotion_utils.hub.placement import placement
from emotion_utils.models.files import (
    check_model_directory,
    check_tokenizer_files,
    load_weights,
    refuse_quantised,
)
from emotion_utils.models.positions import check_offsets
from emotion_utils.models.reading import reading_of, tokenized
from emotion_utils.models.registry import BUNDLED, PACKAGED, ModelRef, fetched, resolve_model

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

DEVICE = re.compile(r"cpu|mps|cuda(:\d+)?")
DTYPES = ("auto", "float32", "bfloat16", "float16")
OUT_OF_FLOAT16 = ("gemma3", "gemma3_text")
"""Model types whose activations exceed 65,504, the largest float16."""


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a model; it pads with the end-of-text token where it has no padding token."""
    ref = resolve_model(name)
    folder = model_folder(ref)
    if not any(folder.glob("tokenizer*.json")):
        raise UserError(
            f"{ref.location} has no tokenizer (tokenizer.json): save it there with tokenizer.save_pretrained(...)."
        )
    check_tokenizer_files(folder)
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
        `cpu`, `cuda`, `cuda:1` or `mps`. With `cuda` a model that does not fit into one GPU is spread over all.
    dtype
        `float32`, `bfloat16`, `float16`, or `auto`: float32 on the CPU; on an accelerator bfloat16 where the model
        was saved in half precision, and float32 otherwise.

    Raises
    ------
    UserError
        For an unknown name, device or dtype, for files that cannot be read, for weights that do not fit the config
        (:func:`files.load_weights`), and for more than the GPUs have room for (:func:`hub.placement.placement`).
    """
    import torch

    ref = resolve_model(name)
    if not DEVICE.fullmatch(str(device)):
        raise UserError(f'There is no device "{device}": choose cpu, cuda, cuda:<number> or mps.')
    check_device(device)
    config = load_config(name)
    _check_family(config, ref)
    chosen = getattr(torch, _dtype_of(config, ref, device, dtype))
    loader = partial(load_weights, _transformers().AutoModelForCausalLM, called=ref.location)
    size = torch.finfo(chosen).bits // 8
    place = placement(model_folder(ref, weights=True), size, device, ref.location)
    model = _opened(loader, ref, "model", dtype=chosen, **(place or {}))
    model.config._commit_hash = getattr(config, "_commit_hash", None)
    return (model if place else model.to(device)).eval()


def model_folder(ref: ModelRef, *, weights: bool = False) -> Path:
    """The directory that transformers is given: of a hub model, the files of one commit, brought here and checked.

    Parameters
    ----------
    ref
    weights
        Whether the weights are needed too; of a model on this machine they are there.

    Raises
    ------
    UserError
        Where a hub model cannot be had (:func:`hub.snapshots.snapshot`); without a network, with what can be loaded.
    """
    if ref.source != "hub":
        return Path(ref.directory)
    from emotion_utils.hub.refusals import Unreachable
    from emotion_utils.hub.snapshots import snapshot

    try:
        folder = snapshot(ref.location, ref.revision, weights=weights)
    except Unreachable as error:
        here = listing([*BUNDLED, *filter(fetched, PACKAGED)])
        raise UserError(f"{error} Without one choose {here}, or a local directory.") from error
    if weights:
        check_model_directory(folder)
    return folder


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
    config = _opened(_transformers().AutoConfig.from_pretrained, ref, "config")
    if ref.source == "hub":
        config._commit_hash = model_folder(ref).name
    refuse_quantised(config.to_dict(), ref.location)  # of a hub model this is the first that is known of it
    return config


def _check_family(config: Any, ref: ModelRef) -> None:
    """Refuse a model before its weights are read that no hook could be put into."""
    from emotion_utils.models.families import FAMILIES

    if config.get_text_config().model_type not in FAMILIES or config.is_encoder_decoder:
        raise UserError(
            f'{ref.location} is of the type "{config.model_type}", where nothing can be read or changed here: choose a '
            f"causal language model of a type that is known ({listing(FAMILIES)})."
        )


def token_counter(
    name: str, *, special: bool = False, separator: str = "off", chat: str = "off"
) -> Callable[[list[str]], list[int]]:
    """Make a function from texts to their numbers of tokens, with or without those that stand around a text.

    With ``special``, :func:`reading.reading_of` says what these are.
    """
    tokenizer = load_tokenizer(name)
    reading = reading_of(name, tokenizer, separator, chat)

    def count(texts: list[str]) -> list[int]:
        if special:
            return [len(ids) for ids in reading.tokens(tokenizer, texts)[0]]
        # the warning about a text beyond the context is what `check_lengths` says better
        encoded = tokenizer(texts, add_special_tokens=False, return_attention_mask=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    return count


def _transformers() -> ModuleType:
    """Import transformers late, since it takes seconds, and without the remark on a missing progress widget."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        import transformers
        from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer  # noqa: F401 - loaded here, quietly
    return transformers


def dtype_of(name: str, device: str, dtype: str) -> torch.dtype:
    """The dtype in which :func:`load_model` would load a model."""
    import torch

    chosen: torch.dtype = getattr(torch, _dtype_of(load_config(name), resolve_model(name), device, dtype))
    return chosen


def _dtype_of(config: Any, ref: ModelRef, device: str, dtype: str) -> str:
    if dtype not in DTYPES:
        raise UserError(f'The dtype "{dtype}" is not supported: choose {listing(DTYPES)}.')
    if dtype == "float32" or (dtype == "auto" and device == "cpu"):
        return "float32"
    if dtype == "float16" and {config.model_type, config.get_text_config().model_type} & set(OUT_OF_FLOAT16):
        raise UserError(
            f'The activations of "{ref.name}" exceed the float16 range of 65,504: choose bfloat16 or float32.'
        )
    if dtype == "float16" and device == "cpu":
        raise UserError(
            "float16 on the CPU is slow and overflows: choose float32, or bfloat16 to save memory."
        )
    if dtype == "auto":
        saved: torch.dtype | str | None = getattr(config.get_text_config(), "dtype", None) or config.dtype
        return "bfloat16" if "16" in str(saved) else "float32"
    return dtype


def _opened(loader: Callable[..., Any], ref: ModelRef, what: str, **options: Any) -> Any:
    try:
        with grave_warnings(ref.location):
            folder = model_folder(ref, weights=what == "model")
            return loader(str(folder), trust_remote_code=False, **options)
    except UserError:
        raise
    except Exception as error:
        raise UserError(_why_not(ref, what, error)) from error


GRAVE = re.compile(
    "incorrect regex pattern|Could not (reorder vocab|extract SentencePiece)|Missing validation function"
    r"|`rope_parameters`.*(must|Missing)|Missing.*`rope_parameters`"
)
"""What transformers only warns of, and then computes something else than the model was made for."""


@contextmanager
def grave_warnings(location: str) -> Iterator[None]:
    """Inside, a remark of transformers that numbers will be wrong is an error.

    Raises
    ------
    UserError
        With the remark.
    """
    said: list[str] = []
    handler, logger = logging.Handler(logging.WARNING), logging.getLogger("transformers")
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    level = logger.level
    logger.setLevel(min(logger.getEffectiveLevel(), logging.WARNING))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    grave = next((remark for remark in said if GRAVE.search(remark)), None)
    if grave is not None:
        raise UserError(
            f"transformers reads {location} otherwise than it was made ({' '.join(grave.split())[:300].rstrip('.')}): "
            "correct the file, or take the model from where it was published."
        )


def _why_not(ref: ModelRef, what: str, error: Exception) -> str:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    if "remote code" in reason or "custom code" in reason or "trust_remote_code" in reason:
        return f'"{ref.location}" needs code from its own repository, which is never run here: choose another model.'
    if "does not recognize this architecture" in reason:
        kind = reason.split("model type `")[-1].split("`")[0]
        return (
            f'{ref.location} is of the type "{kind}", which transformers {_transformers().__version__} does not know: '
            "choose another model, or correct model_type in its config.json."
        )
    if ref.source != "hub":
        return (
            f"The {what} in {ref.location} could not be loaded ({type(error).__name__}: {reason}): "
            "correct what it names, or copy or save the directory again."
        )
    return (
        f'The {what} of the hub model "{ref.location}" came whole and could not be loaded ({type(error).__name__}: '
        f"{reason}): choose another revision ({ref.location}@...), or another model."
    )


def token_offsets(name: str) -> Callable[[list[str]], list[list[tuple[int, int]]]]:
    """Make a function from texts to the character spans of their tokens."""
    tokenizer = load_tokenizer(name)
    check_offsets(tokenizer, name)

    def offsets(texts: list[str]) -> list[list[tuple[int, int]]]:
        if not texts:
            return []
        _, rows = tokenized(tokenizer, texts, add_special_tokens=False)
        return [[(int(a), int(b)) for a, b in spans] for spans in rows]

    return offsets


def check_device(device: str) -> None:
    """Raise a `UserError` if this machine does not have `device`; asks torch only about accelerators."""
    if device == "cpu":
        return
    import torch

    kind, _, index = device.partition(":")
    has_mps, n_cuda = torch.backends.mps.is_available(), torch.cuda.device_count()
    if not (has_mps if kind == "mps" else int(index or 0) < n_cuda):
        raise UserError(
            f'This machine has no device "{device}": set device to cpu, or run where there is one.'
        )


EMBEDDING_STD = 0.1


def build_model(config: PreTrainedConfig, dtype: torch.dtype | None = None) -> PreTrainedModel:
    """A freshly initialised causal language model of this configuration.

    Embeddings start wider than the libraries' default: names are interchangeable in the corpus, and must not begin
    so alike that no head can tell them apart.

    Parameters
    ----------
    config
    dtype
        Of the weights: float32 if nothing is said, whatever dtype the configuration names.
    """
    import torch

    build = _transformers().AutoModelForCausalLM.from_config
    model = build(config, attn_implementation="eager", dtype=dtype or torch.float32)
    torch.nn.init.normal_(model.get_input_embeddings().weight, std=EMBEDDING_STD)
    return model
