"""Tokenizers of the small families, each in the manner of its big relative, trained on the small corpus alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

Split = pre_tokenizers.Split

# How GPT-2, Llama 3 and Qwen cut text before merging; they differ in digits (runs, groups of three, single).
GPT2_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
TIKTOKEN_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
METASPACE = "\u2581"
GEMMA_PATTERN = (
    rf"\n+|{METASPACE}?\p{{L}}+|{METASPACE}?\p{{N}}|{METASPACE}?[^\n{METASPACE}\p{{L}}\p{{N}}]+|{METASPACE}+"
)
KANA_AND_KANJI = r"\p{Han}\p{Hiragana}\p{Katakana}ー"
BY_SCRIPT = (
    rf"\n+|{METASPACE}?[\p{{L}}&&[^{KANA_AND_KANJI}]]+|{METASPACE}?\p{{Han}}+|{METASPACE}?[\p{{Hiragana}}ー]+"
    rf"|{METASPACE}?[\p{{Katakana}}ー]+|{METASPACE}?\p{{N}}|{METASPACE}?[^\n{METASPACE}\p{{L}}\p{{N}}]+|{METASPACE}+"
)
"""Gemma's pattern, and Japanese cut where its script changes: no blank says there where a word ends."""


@dataclass(frozen=True)
class Manner:
    """What distinguishes one family's tokenizer.

    ``pattern`` cuts the text; ``bytes_as`` says how bytes outside the vocabulary are written ("alphabet" as in
    GPT-2, "fallback" as in Gemma); ``adds_bos`` whether every encoded text begins with the BOS token.
    """

    pattern: str
    bos: str
    eos: str
    pad: str
    unk: str | None = None
    bytes_as: str = "alphabet"
    adds_bos: bool = False
    nfc: bool = False

    @property
    def special(self) -> list[str]:
        names = [self.pad, self.eos, self.bos, self.unk] if self.unk else [self.eos, self.bos, self.pad]
        return list(dict.fromkeys(n for n in names if n))


MANNERS = {
    "gpt2": Manner(GPT2_PATTERN, bos="<|endoftext|>", eos="<|endoftext|>", pad="<|padding|>"),
    "pythia": Manner(GPT2_PATTERN, bos="<|endoftext|>", eos="<|endoftext|>", pad="<|padding|>", nfc=True),
    "llama3": Manner(
        TIKTOKEN_PATTERN.format(digits=r"\p{N}{1,3}"),
        bos="<|begin_of_text|>",
        eos="<|end_of_text|>",
        pad="<|finetune_right_pad_id|>",
        adds_bos=True,
    ),
    "qwen3": Manner(
        TIKTOKEN_PATTERN.format(digits=r"\p{N}"),
        bos="<|endoftext|>",
        eos="<|endoftext|>",
        pad="<|padding|>",
        nfc=True,
    ),
    "gemma2": Manner(
        BY_SCRIPT, bos="<bos>", eos="<eos>", pad="<pad>", unk="<unk>", bytes_as="fallback", adds_bos=True
    ),
    "gemma3": Manner(
        GEMMA_PATTERN, bos="<bos>", eos="<eos>", pad="<pad>", unk="<unk>", bytes_as="fallback", adds_bos=True
    ),
}


def train_tokenizer(
    manner: str, texts: Iterable[str], vocab_size: int, context: int, folder: Path
) -> PreTrainedTokenizerFast:
    """Train a tokenizer on ``texts``, write it to ``folder`` and return it as ``AutoTokenizer`` reads it.

    Parameters
    ----------
    manner : str
        A key of :data:`MANNERS`.
    texts : iterable of str
        Training documents.
    vocab_size : int
        Size with special tokens; a small corpus may fill less.
    context : int
        Longest input of the model, stored as ``model_max_length``.
    folder : Path
        Where ``tokenizer.json`` and ``tokenizer_config.json`` go.
    """
    style = MANNERS[manner]
    raw = _byte_fallback(style) if style.bytes_as == "fallback" else _byte_level(style)
    raw.train_from_iterator(texts, _trainer(style, vocab_size))
    raw = _bytes_are_ordinary(raw)
    _add_post_processor(raw, style)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        bos_token=style.bos,
        eos_token=style.eos,
        pad_token=style.pad,
        unk_token=style.unk,
        model_max_length=context,
        padding_side="right",
        clean_up_tokenization_spaces=False,
    )
    fast.save_pretrained(folder)
    return fast


def _byte_level(style: Manner) -> Tokenizer:
    raw = Tokenizer(models.BPE())
    if style.nfc:
        raw.normalizer = normalizers.NFC()
    split = Split(Regex(style.pattern), behavior="isolated")
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    raw.pre_tokenizer = pre_tokenizers.Sequence([split, to_bytes])
    raw.decoder = decoders.ByteLevel()
    return raw


def _byte_fallback(style: Manner) -> Tokenizer:
    raw = Tokenizer(models.BPE(unk_token=style.unk, byte_fallback=True, fuse_unk=False))
    raw.normalizer = normalizers.Replace(" ", METASPACE)
    raw.pre_tokenizer = Split(Regex(style.pattern), behavior="isolated")
    raw.decoder = decoders.Sequence(
        [decoders.Replace(METASPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return raw


def _trainer(style: Manner, vocab_size: int) -> trainers.BpeTrainer:
    fallback = style.bytes_as == "fallback"
    special: Sequence[str | AddedToken] = style.special + (
        [f"<0x{b:02X}>" for b in range(256)] if fallback else []
    )
    return trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=5,
        special_tokens=list(special),
        initial_alphabet=[] if fallback else sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )


def _bytes_are_ordinary(raw: Tokenizer) -> Tokenizer:
    """Byte tokens stay in the vocabulary but are no special tokens, which decoding would leave out."""
    data = json.loads(raw.to_str())
    data["added_tokens"] = [t for t in data["added_tokens"] if not t["content"].startswith("<0x")]
    return Tokenizer.from_str(json.dumps(data))


def _add_post_processor(raw: Tokenizer, style: Manner) -> None:
    steps: list[processors.PostProcessor] = []
    if style.bytes_as != "fallback":
        steps.append(processors.ByteLevel(trim_offsets=False))
    if style.adds_bos:
        begin = [(style.bos, raw.token_to_id(style.bos))]
        template = processors.TemplateProcessing(
            single=f"{style.bos} $A", pair=f"{style.bos} $A {style.bos}:1 $B:1", special_tokens=begin
        )
        steps.append(template)
    raw.post_processor = processors.Sequence(steps) if len(steps) > 1 else steps[0]
