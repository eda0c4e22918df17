"""Training of the bundled models: data, weights and files. One seed decides all."""

from __future__ import annotations

import copy
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from emotion_utils.core.errors import UserError
from emotion_utils.models.loading import build_model
from emotion_utils.smallworld import load_grammar
from emotion_utils.smallworld.corpus import documents, training_documents
from emotion_utils.smallworld.grammar import Grammar
from emotion_utils.training.batches import encode_whole, make_batches
from emotion_utils.training.configs import CONTEXT, Spec, model_config
from emotion_utils.training.fitting import LossCurve, fit, prepare_processor, working_dtype
from emotion_utils.training.tokenizers import train_tokenizer

RECORD = "training.json"
TOKENIZER_DOCUMENTS = 20_000
VALIDATION_DOCUMENTS = 160


@dataclass(frozen=True)
class Trained:
    """What a training run has done; goes into the card."""

    name: str
    documents: int
    tokens: int
    steps: int
    seconds: float
    parameters: int
    precision: str
    validation_loss: float
    generator_entropy: float


def train(spec: Spec, folder: Path, progress: bool = True) -> Trained:
    """Train one bundled model and put it at ``folder``, all at once.

    Parameters
    ----------
    spec : Spec
    folder : Path
        Where the model goes; what is there is replaced only when the new model is complete.
    progress : bool
        Show progress bars.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{spec.name}-", dir=folder.parent))
    try:
        trained = train_into(spec, work, progress)
        (work / RECORD).write_text(json.dumps(asdict(trained), indent=2) + "\n", encoding="utf-8")
        _take_place(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return trained


def trained_record(folder: Path) -> Trained:
    """What the training run of the model in ``folder`` has noted."""
    path = folder / RECORD
    if not path.is_file():
        raise UserError(
            f"There is no {RECORD} in {folder}: `make models NAME={folder.name}` trains the model again."
        )
    return Trained(**json.loads(path.read_text(encoding="utf-8")))


def train_into(spec: Spec, folder: Path, progress: bool = True) -> Trained:
    """Train tokenizer and model of ``spec`` into an existing folder."""
    began = time.perf_counter()
    prepare_processor()
    order_seed, weight_seed = np.random.SeedSequence(spec.seed).spawn(2)
    grammar = load_grammar("en", blind=spec.blind)
    encoded, tokenizer = _data(spec, grammar, folder, progress)
    torch.manual_seed(int(weight_seed.generate_state(1)[0]))
    ids = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    model = build_model(model_config(spec, len(tokenizer), *ids))
    batches = make_batches(
        encoded,
        batch_tokens=spec.batch_tokens,
        context=CONTEXT,
        pad=tokenizer.pad_token_id,
        bare_starts=tokenizer("a")["input_ids"][0] != tokenizer.bos_token_id,
        rng=np.random.default_rng(order_seed),
    )
    validation = list(documents(grammar, VALIDATION_DOCUMENTS, spec.corpus_seed, stream="validation"))
    curve = LossCurve(validation, tokenizer, grammar)
    fit(model, batches, spec, curve, progress)
    _save(model, tokenizer, folder)
    curve.write(folder / "training_log.csv")
    last = curve.rows[-1]
    return Trained(
        spec.name,
        len(encoded),
        sum(b.tokens for b in batches),
        len(batches),
        time.perf_counter() - began,
        model.num_parameters(),
        str(working_dtype()).removeprefix("torch."),
        last["validation_loss"],
        last["generator_entropy"],
    )


def _data(
    spec: Spec, grammar: Grammar, folder: Path, progress: bool
) -> tuple[list[np.ndarray], PreTrainedTokenizerFast]:
    """Documents until the token budget is full, and the tokenizer trained on the first of them."""
    stream = (d.text for d in training_documents(grammar, 10**9, spec.corpus_seed))
    first = list(islice(stream, min(TOKENIZER_DOCUMENTS, spec.tokens // 50)))
    tokenizer = train_tokenizer(spec.manner, first, spec.vocab_size, CONTEXT, folder)
    encoded: list[np.ndarray] = []
    used = 0
    with tqdm(
        total=spec.tokens, desc=f"{spec.name}: corpus", unit="tok", unit_scale=True, disable=not progress
    ) as bar:
        for chunk in _chunks(first, stream):
            for ids in encode_whole(tokenizer, chunk):
                if used >= spec.tokens:
                    return encoded, tokenizer
                encoded.append(ids)
                used += len(ids)
                bar.update(len(ids))
    return encoded, tokenizer


def _chunks(first: list[str], rest: Iterator[str]) -> Iterator[list[str]]:
    yield from (first[i : i + 1000] for i in range(0, len(first), 1000))
    while chunk := list(islice(rest, 1000)):
        yield chunk


def _save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Weights in float16; the configuration asks for float32, in which they are to be used."""
    copy.deepcopy(model).half().save_pretrained(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["dtype"] = "float32"
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _take_place(work: Path, folder: Path) -> None:
    work.chmod(0o755)
    for path in work.iterdir():
        path.chmod(0o644)
    old = folder.with_name(f".{folder.name}-old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.replace(folder, old)
    os.replace(work, folder)
    shutil.rmtree(old, ignore_errors=True)
