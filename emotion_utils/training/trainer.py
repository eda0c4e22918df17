"""Training of the bundled models: data, weights and files. One seed decides all."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from emotion_utils.core.errors import UserError
from emotion_utils.models.files import load_weights
from emotion_utils.models.loading import build_model
from emotion_utils.smallworld.corpus import World, documents, world_of
from emotion_utils.training.batches import encode_whole, make_batches
from emotion_utils.training.configs import CONTEXT, Spec, model_config
from emotion_utils.training.fitting import LossCurve, fit, prepare_processor, working_dtype
from emotion_utils.training.texts import Text, training_texts
from emotion_utils.training.tokenizers import train_tokenizer

RECORD, WEIGHTS = "training.json", "model.safetensors"
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
    tokens_by_source: dict[str, int] = field(default_factory=dict)
    start: dict[str, str] = field(
        default_factory=dict
    )  # name and SHA-256 of the weights that it went on from


def train(spec: Spec, folder: Path, progress: bool = True) -> Trained:
    """Train one bundled model and put it at ``folder``, all at once.

    A model that another one is to start from lies beside it, in the same parent folder.

    Parameters
    ----------
    spec : Spec
    folder : Path
        Where the model goes; what is there is replaced only when the new model is complete.
    progress : bool
        Show progress bars.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if spec.start and not (folder.parent / spec.start / WEIGHTS).is_file():
        raise UserError(
            f"{spec.name} starts from {spec.start}, which is not in {folder.parent}: train {spec.start} first, into "
            "the same folder."
        )
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


def weights_hash(folder: Path) -> str:
    """SHA-256 of the weights of the model in ``folder``."""
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def train_into(spec: Spec, folder: Path, progress: bool = True) -> Trained:
    """Train tokenizer and model of ``spec`` into an existing folder."""
    began = time.perf_counter()
    prepare_processor()
    order_seed, weight_seed = np.random.SeedSequence(spec.seed).spawn(2)
    world = world_of(spec.languages, spec.blind)
    start = folder.parent / spec.start if spec.start else None
    tokenizer = _tokenizer(spec, folder, start)
    encoded, by_source = _data(spec, world, tokenizer, progress)
    torch.manual_seed(int(weight_seed.generate_state(1)[0]))
    model = _model(spec, tokenizer, start)
    batches = make_batches(
        encoded,
        batch_tokens=spec.batch_tokens,
        context=CONTEXT,
        pad=tokenizer.pad_token_id,
        bare_starts=tokenizer("a")["input_ids"][0] != tokenizer.bos_token_id,
        rng=np.random.default_rng(order_seed),
    )
    validation = list(documents(world, VALIDATION_DOCUMENTS, spec.corpus_seed, stream="validation"))
    curve = LossCurve(validation, tokenizer, world)
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
        by_source,
        {"name": spec.start, "sha256": weights_hash(start)} if start else {},
    )


def _tokenizer(spec: Spec, folder: Path, start: Path | None) -> PreTrainedTokenizerFast:
    """The tokenizer of the model that this one starts from, or one trained on the first documents."""
    if start is not None:
        tokenizer = AutoTokenizer.from_pretrained(start)
        tokenizer.save_pretrained(folder)
        return tokenizer
    world = world_of(spec.tokenizer_languages or spec.languages, spec.blind)
    texts = training_texts(world, spec.corpus_seed, spec.tokenizer_posts)
    first = islice(texts, min(TOKENIZER_DOCUMENTS, spec.tokens // 50))
    return train_tokenizer(spec.manner, (t.text for t in first), spec.vocab_size, CONTEXT, folder)


def _model(spec: Spec, tokenizer: PreTrainedTokenizerFast, start: Path | None) -> PreTrainedModel:
    """Fresh weights, or those of the model that this one starts from."""
    if start is not None:
        return load_weights(AutoModelForCausalLM, start, dtype=torch.float32, attn_implementation="eager")
    ids = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    return build_model(model_config(spec, len(tokenizer), *ids))


def _data(
    spec: Spec, world: World, tokenizer: PreTrainedTokenizerFast, progress: bool
) -> tuple[list[np.ndarray], dict[str, int]]:
    """Texts until the token budget is full, and how many tokens of them each source has."""
    stream = training_texts(world, spec.corpus_seed, spec.posts)
    encoded: list[np.ndarray] = []
    used: Counter[str] = Counter()
    with tqdm(
        total=spec.tokens, desc=f"{spec.name}: corpus", unit="tok", unit_scale=True, disable=not progress
    ) as bar:
        for chunk in _chunks(stream):
            for text, ids in zip(chunk, encode_whole(tokenizer, [t.text for t in chunk]), strict=True):
                if used.total() >= spec.tokens:
                    return encoded, dict(used)
                encoded.append(ids)
                used[text.source] += len(ids)
                bar.update(len(ids))
    return encoded, dict(used)


def _chunks(stream: Iterator[Text]) -> Iterator[list[Text]]:
    while chunk := list(islice(stream, 1000)):
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
