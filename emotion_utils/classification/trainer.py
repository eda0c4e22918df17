"""Transformers' ``Trainer`` on batches in an order that is given, with its state in a store instead of in pickles."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, Dataset
from tqdm.auto import tqdm
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from emotion_utils.classification.classifier import TextClassifier
from emotion_utils.classification.settings import FineTuning
from emotion_utils.core.errors import UserError
from emotion_utils.core.store import Store, artefact_key
from emotion_utils.models.batches import model_inputs

MOMENTS = ("exp_avg", "exp_avg_sq", "step")
"""Of AdamW, for each parameter."""
ROWS = 60
"""Of a curve, about."""
Rows = list[list[float]]


@dataclass(eq=False)
class Kept:
    """The state of one training in a store, each in place of the one before.

    Attributes
    ----------
    store
    made_from
        What can change the training, as JSON: its key.
    seconds
        Between two states; the last one is always kept, without what only training needs.
    """

    store: Store
    made_from: Mapping[str, Any]
    seconds: float
    _saved: float = field(default_factory=time.monotonic)

    def save(self, network: nn.Module, optimizer: Optimizer, rows: Rows, *, done: bool) -> None:
        """Keep where training is, unless the last state is young."""
        if not done and time.monotonic() - self._saved < self.seconds:
            return
        tensors = {"rows": torch.tensor(rows, dtype=torch.float64)}
        tensors |= {f"weight.{name}": part for name, part in network.state_dict().items()}
        if not done:
            for name, parameter in network.named_parameters():
                own = optimizer.state[parameter]
                tensors |= {f"{moment}.{name}": own[moment] for moment in MOMENTS}
        self.store.put(artefact_key("classifier", self.made_from), tensors, self.made_from)
        self._saved = time.monotonic()

    def load(self, network: nn.Module) -> tuple[Rows, dict[str, Tensor]]:
        """Put weights where they were left.

        Returns
        -------
        Rows of the curve, none where nothing is kept; and what is kept of the optimiser.
        """
        key = artefact_key("classifier", self.made_from)
        if key not in self.store:
            return [], {}
        tensors = self.store.get(key)
        rows = tensors.pop("rows").tolist()
        weights = {name: part for name, part in tensors.items() if name.startswith("weight.")}
        network.load_state_dict({name.removeprefix("weight."): part for name, part in weights.items()})
        return rows, {name: part for name, part in tensors.items() if name not in weights}


def train(
    classifier: TextClassifier,
    rows: Sequence[Sequence[int]],
    targets: Sequence[int],
    how: FineTuning,
    kept: Kept | None,
    *,
    progress: bool,
) -> Rows:
    """Train the network of a classifier in place.

    Parameters
    ----------
    classifier
    rows, targets
        Token ids of the texts, and the numbers of their labels.
    how
    kept
        Where the state is kept, and taken up again.
    progress
        Show a bar where it takes longer than two seconds.

    Raises
    ------
    UserError
        For a loss that is not finite.

    Returns
    -------
    Rows of the curve.
    """
    network: Any = classifier.model.network
    curve, moments = ([], {}) if kept is None else kept.load(network)
    total, start = how.steps(len(rows)), int(curve[-1][0]) if curve else 0
    if start == total:
        return curve
    batches = _Batches(rows, targets, classifier.model.pad, list(how.batches(len(rows)))[start:])
    trainer = _InOrder(network, _arguments(how, network.device, total, start), train_dataset=batches)
    trainer.remove_callback(PrinterCallback)
    trainer.create_optimizer()
    _restore(network, trainer.optimizer, moments)
    trainer.lr_scheduler = LambdaLR(trainer.optimizer, lambda step: max(0.0, 1 - (start + step) / total))
    with tqdm(total=total, initial=start, desc="fine-tuning", disable=not progress, delay=2) as bar:
        trainer.add_callback(_Following(how.seed, start, total, curve, kept, bar))
        trainer.train()
    return curve


def _arguments(how: FineTuning, device: torch.device, total: int, start: int) -> TrainingArguments:
    """Settings of ``Trainer``; what is not said is as it has it."""
    arguments = TrainingArguments(
        max_steps=total - start,
        learning_rate=how.rate,
        weight_decay=how.decay,
        per_device_train_batch_size=how.batch,
        seed=how.seed,
        bf16=device.type == "cuda",
        use_cpu=device.type == "cpu",
        logging_steps=_every(total),
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    arguments._n_gpu = 1  # of several GPUs each would get half of a batch
    return arguments


def _every(total: int) -> int:
    """Steps between two rows of the curve; states are kept there, so that rows are those of a training in one go."""
    return max(1, math.ceil(total / ROWS))


def _restore(network: nn.Module, optimizer: Optimizer, moments: Mapping[str, Tensor]) -> None:
    for name, parameter in network.named_parameters() if moments else ():
        own = {moment: moments[f"{moment}.{name}"] for moment in MOMENTS}
        optimizer.state[parameter] = {
            moment: part if moment == "step" else part.to(parameter.device) for moment, part in own.items()
        }


class _Batches(Dataset):
    """Ready batches, by the number of the step."""

    def __init__(
        self, rows: Sequence[Sequence[int]], targets: Sequence[int], pad: int, batches: Sequence[np.ndarray]
    ) -> None:
        self.rows, self.targets, self.pad, self.batches = rows, targets, pad, batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        chosen = self.batches[step].tolist()
        inputs = model_inputs([self.rows[row] for row in chosen], self.pad)
        return inputs | {"labels": torch.tensor([self.targets[row] for row in chosen])}


class _InOrder(Trainer):
    """Takes batches as they come."""

    def get_train_dataloader(self) -> DataLoader:
        """Of a data set of batches."""
        return DataLoader(self.train_dataset, batch_size=None)


class _Following(TrainerCallback):
    """Seeds every step, writes the curve, keeps the state."""

    def __init__(self, seed: int, start: int, total: int, curve: Rows, kept: Kept | None, bar: tqdm) -> None:
        self.seed, self.start, self.total = seed, start, total
        self.curve, self.kept, self.bar = curve, kept, bar

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        step = self.start + state.global_step
        torch.manual_seed(int(np.random.SeedSequence([self.seed, step]).generate_state(1)[0]))  # of dropout

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        self.bar.update()
        control.should_log |= self.start + state.global_step == self.total
        return control

    def on_log(
        self,
        args: Any,
        state: Any,
        control: Any,
        logs: dict[str, float],
        model: Any,
        optimizer: Any,
        **_: Any,
    ) -> None:
        if "loss" not in logs:  # the summary at the end
            return
        step = self.start + state.global_step
        if not math.isfinite(logs["loss"]):
            raise UserError(
                f"The loss is {logs['loss']} at step {step} of {self.total}: take a smaller rate, or float32 weights."
            )
        self.curve.append([step, logs["loss"], logs["learning_rate"]])
        self.bar.set_postfix_str(f"loss {logs['loss']:.3f}")
        if self.kept is not None:
            self.kept.save(model, optimizer, self.curve, done=step == self.total)
