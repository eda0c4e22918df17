"""How large a model is, from its configuration: weights, and the operations of a token; no weights are read.

Of hub models that this book names the published configurations stand here, so that nothing has to be downloaded to
plan with them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emotion_utils.core.errors import UserError, listing
from emotion_utils.models.packaged import PACKAGED, fetched
from emotion_utils.models.registry import BUNDLED, HUB_ALIASES, resolve_model

LEARNT_POSITIONS = ("gpt2", "gpt_neo")
"""Families that keep a vector for each position."""
PLAIN_MLP = ("gpt2", "gpt_neo", "gpt_neox")
"""Families whose MLP has two matrices and biases; the others have three and none."""
FOUR_NORMS = ("gemma2", "gemma3_text")
"""Families that normalise what they add as well."""
HEAD_NORMS = ("qwen3", "gemma3_text")
"""Families that normalise queries and keys."""
USUAL_TEMPLATE = 10
"""Tokens that a chat template puts around a text, where nobody counted them."""
UNKNOWN = 2_000_000_000
"""Parameters of a model whose name does not say how many it has."""
NAMED_SIZE = re.compile(r"(\d+(?:\.\d+)?)([mb])(?![a-z])", re.IGNORECASE)
KNOWN = (*PLAIN_MLP, "llama", "qwen2", *HEAD_NORMS, "gemma2")


@dataclass(frozen=True)
class Shape:
    """The sizes of a decoder.

    Attributes
    ----------
    family
        ``model_type`` of the text model.
    n_layers, d_model, d_mlp, n_heads, n_kv_heads, d_head, vocabulary
    positions
        Learnt vectors of positions; 0 where positions are rotated.
    tied
        Whether the unembedding is the embedding.
    stored
        Bytes of a weight in the files that are downloaded.
    beside
        Weights in these files that no chapter loads, such as those of a vision tower.
    download
        Bytes that are downloaded; 0 for weights that are here, None for what ``stored`` says.
    template
        Tokens that a chat template puts around a text; 0 where the tokenizer has none.
    starts
        Whether its tokenizer puts a token in front of a text by itself; else one is put there and taken away again.
    """

    family: str
    n_layers: int
    d_model: int
    d_mlp: int
    n_heads: int
    n_kv_heads: int
    d_head: int
    vocabulary: int
    positions: int = 0
    tied: bool = True
    stored: int = 4
    beside: int = 0
    download: int | None = None
    template: int = 0
    starts: bool = True

    @property
    def block_weights(self) -> int:
        """Weights of one block, biases and gains among them."""
        d, queries, keys = self.d_model, self.n_heads * self.d_head, self.n_kv_heads * self.d_head
        attention = d * (queries + 2 * keys) + queries * d
        if self.family in PLAIN_MLP:
            biases = d if self.family == "gpt_neo" else queries + 2 * keys + d
            return attention + biases + 2 * d * self.d_mlp + self.d_mlp + d + 4 * d
        biases = queries + 2 * keys if self.family == "qwen2" else 0
        gains = d * (4 if self.family in FOUR_NORMS else 2)
        gains += 2 * self.d_head if self.family in HEAD_NORMS else 0
        return attention + biases + 3 * d * self.d_mlp + gains

    @property
    def block_matrices(self) -> int:
        """Weights of one block that each token is multiplied with."""
        queries, keys = self.n_heads * self.d_head, self.n_kv_heads * self.d_head
        mlp = (2 if self.family in PLAIN_MLP else 3) * self.d_mlp
        return self.d_model * (2 * queries + 2 * keys + mlp)

    @property
    def embedding(self) -> int:
        """Weights of the embedding, or of the unembedding."""
        return self.vocabulary * self.d_model

    @property
    def parameters(self) -> int:
        """All weights, an embedding that is used twice counted once."""
        final = self.d_model * (2 if self.family in PLAIN_MLP else 1)
        ends = self.embedding * (1 if self.tied else 2) + self.positions * self.d_model + final
        return ends + self.n_layers * self.block_weights

    @property
    def downloaded(self) -> int:
        """Bytes of the weights that have to come over a network."""
        return self.stored * (self.parameters + self.beside) if self.download is None else self.download

    def block_flops(self, length: float) -> float:
        """Floating point operations of one token in one block, in a text of a length; a multiply and an add are two.

        Attention multiplies each query with all keys, masked ones too, and weights all values.
        """
        return 2.0 * self.block_matrices + 4.0 * length * self.n_heads * self.d_head

    @property
    def logit_flops(self) -> float:
        """Operations of one token's logits."""
        return 2.0 * self.embedding


def _gpt2(layers: int, d: int, heads: int) -> Shape:
    return Shape("gpt2", layers, d, 4 * d, heads, heads, d // heads, 50_257, 1024, starts=False)


def _pythia(layers: int, d: int, heads: int) -> Shape:
    return Shape(
        "gpt_neox", layers, d, 4 * d, heads, heads, d // heads, 50_304, tied=False, stored=2, starts=False
    )


_GEMMA2 = Shape("gemma2", 26, 2304, 9216, 8, 4, 256, 256_000, stored=2, template=8)

PUBLISHED: dict[str, Shape] = {
    "openai-community/gpt2": _gpt2(12, 768, 12),
    "openai-community/gpt2-medium": _gpt2(24, 1024, 16),
    "EleutherAI/pythia-160m": _pythia(12, 768, 12),
    "EleutherAI/pythia-410m": _pythia(24, 1024, 16),
    "EleutherAI/pythia-410m-deduped": _pythia(24, 1024, 16),
    "EleutherAI/gpt-neo-125m": Shape("gpt_neo", 12, 768, 3072, 12, 12, 64, 50_257, 2048, starts=False),
    "meta-llama/Llama-3.1-8B": Shape("llama", 32, 4096, 14_336, 32, 8, 128, 128_256, tied=False, stored=2),
    "Qwen/Qwen3-8B-Base": Shape(
        "qwen3", 36, 4096, 12_288, 32, 8, 128, 151_936, tied=False, stored=2, template=8, starts=False
    ),
    "google/gemma-3-12b-it": Shape(
        "gemma3_text", 48, 3840, 15_360, 16, 8, 256, 262_208, stored=2, beside=421_290_864, template=8
    ),
    "google/gemma-2-2b-it": _GEMMA2,
    "google/gemma-2-2b-jpn-it": _GEMMA2,
    "Qwen/Qwen2.5-0.5B": Shape("qwen2", 24, 896, 4864, 14, 2, 64, 151_936, stored=2, template=20, starts=False),
    "Qwen/Qwen2.5-1.5B": Shape("qwen2", 28, 1536, 8960, 12, 2, 128, 151_936, stored=2, template=20, starts=False),
}  # fmt: skip
"""By hub id, from the ``config.json`` of each repository; ``beside`` is the vision tower of Gemma 3 12B."""

GGUF_SIZES = {
    "num_hidden_layers": "block_count",
    "hidden_size": "embedding_length",
    "intermediate_size": "feed_forward_length",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length",
    "max_position_embeddings": "context_length",
}
"""By what a configuration calls it, what the header of a GGUF file does."""

_OF_PACKAGED: dict[str, Shape] = {
    "smollm2-135m": Shape("llama", 30, 576, 1536, 9, 3, 64, 49_152, template=30, starts=False),
    "gemma3-270m": Shape("gemma3_text", 18, 640, 2048, 4, 1, 256, 262_144),
}
"""From the headers of their GGUF files."""


def shape_of(name: str) -> Shape:
    """The sizes of a model, from files that are here or the published configuration.

    Parameters
    ----------
    name
        As in a run file: a registry name, a hub id, a directory or a GGUF file. A packaged model need not be fetched.

    Raises
    ------
    UserError
        For an unknown name, a hub model whose configuration is not known here, and a family that has no formula.
    """
    if name in PACKAGED:
        return replace(_OF_PACKAGED[name], download=0 if fetched(name) else PACKAGED[name].download)
    reference = resolve_model(name)
    if reference.is_gguf:
        return of_gguf(Path(reference.location), name)
    if reference.source != "hub":
        return _here(Path(reference.location), name)
    if reference.location in PUBLISHED:
        return PUBLISHED[reference.location]
    cached = _in_the_cache(reference.location, reference.revision)
    if cached is None:
        raise UserError(
            f'The sizes of the hub model "{reference.location}" are not known before its config.json is here: '
            f"`hf download {reference.location} config.json` brings that file alone. Known without it: "
            f"{listing([*BUNDLED, *PACKAGED, *HUB_ALIASES])}."
        )
    return replace(_here(cached.parent, name), download=None)


def _in_the_cache(location: str, revision: str | None) -> Path | None:
    """The configuration of a hub model where it was downloaded already; nothing is asked of a network."""
    from transformers.utils.hub import cached_file  # takes seconds, and few models need it

    try:
        return Path(cached_file(location, "config.json", revision=revision, local_files_only=True))
    except OSError:
        return None


def of_gguf(path: Path, name: str) -> Shape:
    """The sizes that the header of a GGUF file states; nothing is converted.

    Raises
    ------
    UserError
        What :func:`of_config` raises.
    """
    from gguf import GGUFReader  # which few plans need

    reader = GGUFReader(path)
    tensors = {tensor.name: tensor.shape for tensor in reader.tensors}

    def stated(key: str) -> Any:
        field = reader.get_field(key)
        return None if field is None else field.contents()

    family = str(stated("general.architecture"))
    sizes = {ours: stated(f"{family}.{theirs}") for ours, theirs in GGUF_SIZES.items()}
    tied, vocabulary = "output.weight" not in tensors, int(tensors["token_embd.weight"][-1])
    told = {**sizes, "model_type": family, "vocab_size": vocabulary, "tie_word_embeddings": tied}
    template = 0 if stated("tokenizer.chat_template") is None else USUAL_TEMPLATE
    return replace(of_config(told, name), download=0, template=template)


def named_parameters(name: str) -> int:
    """How many parameters a model has by its name, such as ``Llama-3.1-8B``; else :data:`UNKNOWN`."""
    bare = name.partition("@")[0].rstrip("/").rpartition("/")[2]
    found = [
        round(float(number) * {"m": 1e6, "b": 1e9}[unit.lower()]) for number, unit in NAMED_SIZE.findall(bare)
    ]
    return max(found, default=0) or UNKNOWN


def of_parameters(parameters: int) -> Shape:
    """A likely shape where only the size is known: the published one next in size, with more or fewer blocks."""
    near = min(PUBLISHED.values(), key=lambda shape: abs(math.log(shape.parameters / parameters)))
    ends = near.parameters - near.n_layers * near.block_weights
    return replace(near, n_layers=max(1, round((parameters - ends) / near.block_weights)))


def _here(folder: Path, name: str) -> Shape:
    """Of a model directory."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    told = folder / "tokenizer_config.json"
    templates = (folder / "chat_template.jinja").is_file() or (
        told.is_file() and json.loads(told.read_text(encoding="utf-8")).get("chat_template") is not None
    )
    return replace(of_config(config, name), download=0, template=USUAL_TEMPLATE if templates else 0)


def of_config(config: Mapping[str, Any], name: str) -> Shape:
    """The sizes that a ``config.json`` states.

    Parameters
    ----------
    config
        Its content; of a model with several parts that of the text is taken.
    name
        Of the model, for messages.

    Raises
    ------
    UserError
        For a family without a formula, and a configuration that lacks a size.
    """
    text = {**config, **config["text_config"]} if isinstance(config.get("text_config"), dict) else config
    family = str(text.get("model_type", "unknown"))
    family = "gemma3_text" if family == "gemma3" else family
    if family not in KNOWN:
        raise UserError(
            f'The cost of "{name}" cannot be planned: its type is "{family}", known are {listing(KNOWN)}.'
        )

    def size(*names: str, default: int | None = None) -> int:
        found = next((text[key] for key in names if isinstance(text.get(key), int)), default)
        if found is None:
            raise UserError(f'The config.json of "{name}" does not state {names[0]}: add it there.')
        return found

    d, heads = size("hidden_size", "n_embd"), size("num_attention_heads", "n_head", "num_heads")
    positions = size("max_position_embeddings", "n_positions") if family in LEARNT_POSITIONS else 0
    tied = family != "gpt_neox" and family != "llama" and family != "qwen3" and family != "qwen2"
    return Shape(
        family,
        size("num_hidden_layers", "n_layer", "num_layers"),
        d,
        size("intermediate_size", "n_inner", default=4 * d),
        heads,
        size("num_key_value_heads", default=heads),
        size("head_dim", default=d // heads),
        size("vocab_size"),
        positions,
        bool(text.get("tie_word_embeddings", tied)),
        2 if "16" in str(text.get("torch_dtype", text.get("dtype", ""))) else 4,
    )
