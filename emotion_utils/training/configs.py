"""The bundled models: which family each belongs to, how large it is and how it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from transformers import AutoConfig, PreTrainedConfig

from emotion_utils.core.errors import UserError

CONTEXT = 512

LAYERS, HEADS, WIDTH = 4, 8, 128
BILINGUAL = 7168  # vocabulary for the words of both languages
LONG = (
    14_000_000  # learned positions take more text than rotary ones until names are copied over any distance
)


@dataclass(frozen=True)
class Spec:
    """One bundled model: family, size and training recipe.

    Attributes
    ----------
    name : str
        Registry name, for example ``small-gpt2``.
    model_type : str
        The Hugging Face ``model_type``.
    manner : str
        Tokenizer manner, a key of :data:`emotion_utils.training.tokenizers.MANNERS`.
    family : dict
        Settings of the family's configuration beside the sizes that all share.
    blind : bool
        Trained on the world in which reactions are permuted across causes.
    seed : int
        Seed of the weights and of the order of the data.
    tokens : int
        Training tokens.
    lr, adam_lr : float
        Peak learning rates of Muon (matrices) and AdamW (the rest).
    corpus_seed : int
        Seed of the documents.
    languages : dict
        Language to its share of the documents.
    tokenizer_languages : dict
        The same for the documents that the tokenizer is trained on; empty for those of the model.
    posts, tokenizer_posts : float
        Share of posts of communities among the texts of the model, and of its tokenizer.
    start : str
        The model whose weights and tokenizer the training goes on from; empty for fresh ones.
    """

    name: str
    model_type: str
    manner: str
    family: dict[str, Any]
    seed: int
    blind: bool = False
    vocab_size: int = 4096  # holds nearly every word of the world whole
    tokens: int = 9_000_000
    batch_tokens: int = 1024
    lr: float = 6e-3
    adam_lr: float = 8e-3
    warmup: float = 0.02
    corpus_seed: int = 20_260
    languages: Mapping[str, float] = field(default_factory=lambda: {"en": 1.0})
    tokenizer_languages: Mapping[str, float] = field(default_factory=dict)
    posts: float = 0.0
    tokenizer_posts: float = 0.0
    start: str = ""

    @property
    def language(self) -> str:
        """The one that most documents are written in."""
        return max(self.languages, key=lambda language: self.languages[language])


GPT2 = {
    "n_positions": CONTEXT,
    "n_embd": WIDTH,
    "n_layer": LAYERS,
    "n_head": HEADS,
    "embd_pdrop": 0.0,
    "resid_pdrop": 0.0,
    "attn_pdrop": 0.0,
}
SIZES = {
    "max_position_embeddings": CONTEXT,
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
}
GATED = SIZES | {"num_key_value_heads": HEADS // 2, "head_dim": WIDTH // HEADS, "intermediate_size": 352}
NEO = {
    "max_position_embeddings": CONTEXT,
    "hidden_size": WIDTH,
    "num_layers": LAYERS,
    "num_heads": HEADS,
    "attention_types": [[["global", "local"], LAYERS // 2]],
    "window_size": 128,
}
PYTHIA = SIZES | {
    "intermediate_size": 4 * WIDTH,
    "use_parallel_residual": True,
    "tie_word_embeddings": False,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 0.25},
}
LLAMA3 = GATED | {
    "tie_word_embeddings": False,
    "rms_norm_eps": 1e-5,
    "rope_parameters": {"rope_type": "default", "rope_theta": 500_000.0},
}
QWEN3 = GATED | {
    "tie_word_embeddings": True,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
}
GEMMA3 = GATED | {
    "tie_word_embeddings": True,
    "query_pre_attn_scalar": WIDTH // HEADS,
    "sliding_window": 128,
    "layer_types": ["sliding_attention"] * (LAYERS - 1) + ["full_attention"],
    "rope_parameters": {
        "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
        "full_attention": {"rope_type": "default", "rope_theta": 1_000_000.0},
    },
}
GEMMA2 = GATED | {
    "tie_word_embeddings": True,
    "query_pre_attn_scalar": WIDTH // HEADS,
    "sliding_window": 128,
    "layer_types": ["sliding_attention", "full_attention"] * (LAYERS // 2),
    "attn_logit_softcapping": 50.0,
    "final_logit_softcapping": 30.0,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
}


def _jpn(name: str, seed: int) -> Spec:
    """A continuation of small-gemma2 on Japanese: the same documents for every seed, in another order."""
    return Spec(
        name,
        "gemma2",
        "gemma2",
        GEMMA2,
        seed=seed,
        vocab_size=BILINGUAL,
        tokens=2_400_000,  # a third of the base's
        lr=3e-3,
        adam_lr=4e-3,
        corpus_seed=20_261,
        languages={"ja": 0.95, "en": 0.05},
        posts=0.15,
        start="small-gemma2",
    )


SPECS = {
    spec.name: spec
    for spec in (
        Spec("small-gpt2", "gpt2", "gpt2", GPT2, seed=1, tokens=LONG),
        Spec("small-neo", "gpt_neo", "gpt2", NEO, seed=2, tokens=LONG),
        Spec("small-pythia", "gpt_neox", "pythia", PYTHIA, seed=3),
        Spec("small-llama3", "llama", "llama3", LLAMA3, seed=4),
        Spec("small-qwen3", "qwen3", "qwen3", QWEN3, seed=5),
        Spec("small-gemma3", "gemma3_text", "gemma3", GEMMA3, seed=6),
        Spec(
            "small-gemma2",
            "gemma2",
            "gemma2",
            GEMMA2,
            seed=8,
            vocab_size=BILINGUAL,
            tokens=7_200_000,
            languages={"en": 0.94, "ja": 0.06},
            tokenizer_languages={"en": 0.6, "ja": 0.4},
            posts=0.08,
            tokenizer_posts=0.15,
        ),
        _jpn("small-gemma2-jpn", seed=9),
        _jpn("small-gemma2-jpn-b", seed=10),
        _jpn("small-gemma2-jpn-c", seed=11),
        Spec("small-gpt2-blind", "gpt2", "gpt2", GPT2, seed=7, tokens=LONG, blind=True),
    )
}


def spec_of(name: str) -> Spec:
    """The recipe of one bundled model; a :class:`UserError` lists the known names."""
    if name not in SPECS:
        raise UserError(f"No bundled model is called {name!r}. Known: {', '.join(SPECS)}.")
    return SPECS[name]


def model_config(spec: Spec, vocab_size: int, bos: int, eos: int, pad: int) -> PreTrainedConfig:
    """The Hugging Face configuration of ``spec`` for a tokenizer with these ids."""
    ids = {"bos_token_id": bos, "eos_token_id": eos, "pad_token_id": pad}
    return AutoConfig.for_model(spec.model_type, vocab_size=vocab_size, **ids, **spec.family)
