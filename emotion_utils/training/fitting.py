"""The training loop of the bundled models, made for two processor cores.

Matrix products run in bfloat16 where the processor has it (five times the rate of float32); the weights, the
optimiser and every sum over tokens stay in float32.
"""

from __future__ import annotations

import copy
import csv
import ctypes
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from emotion_utils.smallworld.corpus import World
from emotion_utils.smallworld.grammar import Document
from emotion_utils.training.batches import IGNORED, Batch, encode_whole, make_batches
from emotion_utils.training.configs import CONTEXT, Spec
from emotion_utils.training.muon import Optimiser

EVALUATIONS = 12
THREADS = 1  # two models train side by side on two cores


def prepare_processor() -> None:
    """Settings that the speed or the repeatability of training depends on."""
    torch.set_num_threads(THREADS)
    try:  # glibc gives large blocks back after each use; keeping them is a third faster
        libc = ctypes.CDLL("libc.so.6")
        for option, value in ((-8, 1), (-4, 0), (-1, 2**31 - 1), (-2, 256 * 2**20)):
            libc.mallopt(option, value)
    except (OSError, AttributeError):
        pass


def working_dtype() -> torch.dtype:
    """bfloat16 where the processor multiplies it natively, else float32."""
    fast = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return torch.bfloat16 if fast else torch.float32


class HeadLoss(torch.autograd.Function):
    """Mean cross-entropy of ``hidden @ weight.T``, in chunks, so that the logits never stand in memory at once.

    With ``cap`` the logits are squashed to ``cap * tanh(logits / cap)`` first, as Gemma 2 does (soft-capping).
    """

    CHUNK = 512

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, labels: Tensor, cap: float | None = None) -> Tensor:
        total = torch.zeros((), dtype=torch.float32)
        d_hidden = torch.empty_like(hidden)
        d_weight = torch.zeros_like(weight, dtype=torch.float32)
        for i in range(0, len(labels), HeadLoss.CHUNK):
            h, y = hidden[i : i + HeadLoss.CHUNK], labels[i : i + HeadLoss.CHUNK]
            logits = (h @ weight.T).float()  # (chunk, vocabulary)
            squashed = None if cap is None else torch.tanh(logits / cap)
            logp = torch.log_softmax(logits if squashed is None or cap is None else squashed * cap, dim=-1)
            total -= logp.gather(1, y[:, None]).sum()
            grad = logp.exp_()
            grad[torch.arange(len(y)), y] -= 1
            if squashed is not None:
                grad *= 1 - squashed**2
            grad = grad.to(hidden.dtype)
            d_hidden[i : i + HeadLoss.CHUNK] = grad @ weight
            d_weight += grad.T @ h
        ctx.save_for_backward(d_hidden / len(labels), (d_weight / len(labels)).to(weight.dtype))
        return total / len(labels)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor, None, None]:
        d_hidden, d_weight = ctx.saved_tensors
        return d_hidden * upstream.to(d_hidden.dtype), d_weight * upstream.to(d_weight.dtype), None, None


def fit(
    model: PreTrainedModel, batches: Sequence[Batch], spec: Spec, curve: LossCurve, progress: bool
) -> None:
    """Train ``model`` in place on ``batches``, each once."""
    working = _working_copy(model)
    pairs = list(zip(model.parameters(), working.parameters(), strict=True))
    optimiser = Optimiser(model, spec.lr, spec.adam_lr, working_dtype())
    every = max(1, len(batches) // EVALUATIONS)
    seen = 0
    with tqdm(batches, desc=f"{spec.name}: training", unit="step", disable=not progress) as bar:
        for step, batch in enumerate(bar):
            loss = _loss(working, batch)
            loss.backward()
            _update(pairs, optimiser, _schedule(step, len(batches), spec.warmup))
            seen += batch.tokens
            curve.saw(float(loss.detach()), batch.tokens)
            if (step + 1) % every == 0 or step + 1 == len(batches):
                row = curve.look(model, step + 1, seen)
                bar.set_postfix_str(
                    f"loss {row['validation_loss']:.3f}, entropy {row['generator_entropy']:.3f}"
                )


def _working_copy(model: PreTrainedModel) -> PreTrainedModel:
    """The copy that computes. Only its parameters change type: rotary frequencies would not survive bfloat16."""
    working = copy.deepcopy(model).train()
    for parameter in working.parameters():
        parameter.data = parameter.data.to(working_dtype())
    for module in working.modules():  # the same function, computed in one pass
        if type(getattr(module, "act", None)).__name__ == "NewGELUActivation":
            module.act = torch.nn.GELU(approximate="tanh")
    return working


def _loss(model: PreTrainedModel, batch: Batch) -> Tensor:
    hidden = model.base_model(batch.ids, use_cache=False).last_hidden_state  # (row, position, d_model)
    known = batch.labels != IGNORED
    cap = getattr(model.config, "final_logit_softcapping", None)
    return HeadLoss.apply(hidden[known], model.get_output_embeddings().weight, batch.labels[known], cap)


def _schedule(step: int, steps: int, warmup: float) -> float:
    """Share of the peak rate: linear warm-up, then a half cosine to nearly zero."""
    rise = max(1, int(steps * warmup))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise))) * 0.99 + 0.01


def _update(pairs: list[tuple[Tensor, Tensor]], optimiser: Optimiser, share: float) -> None:
    for master, worker in pairs:
        master.grad = worker.grad.to(torch.float32) if worker.grad is not None else None
        worker.grad = None
    optimiser.step(share)
    with torch.no_grad():
        torch._foreach_copy_([w for _, w in pairs], [m for m, _ in pairs])


class LossCurve:
    """The loss curve: training loss since the last look, loss on unseen documents, the generator's entropy.

    The entropy counts all derivations of a text, as a model can only know the text: in the blind world the same
    reaction may follow from any cause.
    """

    def __init__(
        self, validation: Sequence[Document], tokenizer: PreTrainedTokenizerFast, world: World
    ) -> None:
        encoded = encode_whole(tokenizer, [d.text for d in validation])
        rng = np.random.default_rng(0)
        self.batches = make_batches(
            encoded,
            batch_tokens=8192,
            context=CONTEXT,
            pad=tokenizer.pad_token_id,
            bare_starts=False,
            packed=0.0,
            rng=rng,
        )
        logp = sum(world.log_prob(d.text, "train") for d in validation)
        self.entropy = -logp / sum(b.tokens for b in self.batches)
        self.rows: list[dict[str, float]] = []
        self._loss, self._tokens = 0.0, 0

    def saw(self, loss: float, tokens: int) -> None:
        self._loss += loss * tokens
        self._tokens += tokens

    @torch.no_grad()
    def look(self, model: PreTrainedModel, step: int, seen: int) -> dict[str, float]:
        """Measure and add a row; losses are in nats per token."""
        total = 0.0
        model.eval()
        for batch in self.batches:
            logits = model(batch.ids, use_cache=False).logits
            total += float(cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), reduction="sum"))
        row = {
            "step": step,
            "tokens": seen,
            "train_loss": self._loss / self._tokens,
            "validation_loss": total / sum(b.tokens for b in self.batches),
            "generator_entropy": self.entropy,
        }
        self._loss, self._tokens = 0.0, 0
        self.rows.append(row)
        return row

    def write(self, path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(
                {k: v if isinstance(v, int) else round(v, 5) for k, v in r.items()} for r in self.rows
            )
