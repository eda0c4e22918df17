"""How a model that is left alone reads texts that begin alike: what comes first is read once, however many go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor
from transformers.cache_utils import DynamicCache

from emotion_utils.core.budget import spend
from emotion_utils.engine.caches import of_rows, pairs_of

if TYPE_CHECKING:
    from emotion_utils.models.model import Model

Row = tuple[Sequence[int], Sequence[int]]  # what is given, what is read


@torch.no_grad()
def mean_surprise(model: Model, rows: Sequence[Row]) -> list[float]:
    """Mean negative log-probability per token of what is read after what is given, in nats.

    Parameters
    ----------
    model
    rows
        Token ids of both, at least one of each. Rows of a batch; those with the same beginning share its keys and
        values.
    """
    number: dict[tuple[int, ...], int] = {}
    which = torch.tensor([number.setdefault(tuple(given), len(number)) for given, _ in rows])
    which = which.to(model.device)
    inputs = model.padded([list(given) for given in number], "left")
    first = model.network(**inputs, past_key_values=DynamicCache(), use_cache=True, logits_to_keep=1)
    spend(sum(map(len, number)))
    logits = [first.logits[:, -1:][which]]
    if max(len(read) for _, read in rows) > 1:
        width = inputs["input_ids"].shape[1]
        cache = of_rows(list(pairs_of(first.past_key_values)), which, width)
        logits.append(_after(model, [read for _, read in rows], inputs["attention_mask"][which], cache))
    told = torch.cat(logits, dim=1)  # (row, token that is read, vocabulary)
    return [_mean(own[: len(read)], read) for own, (_, read) in zip(told, rows, strict=True)]


def _after(
    model: Model, reads: Sequence[Sequence[int]], before: Tensor, cache: DynamicCache
) -> Float[Tensor, "row token vocabulary"]:
    """Logits after each token but the last of what is read."""
    longest = max(map(len, reads)) - 1
    ids = torch.zeros(len(reads), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, read in enumerate(reads):
        ids[row, : len(read) - 1] = torch.tensor(list(read[:-1]), dtype=torch.long)
        mask[row, : len(read) - 1] = 1
    spend(int(mask.sum()))
    mask = mask.to(before)
    places = before.sum(dim=1, keepdim=True) + torch.arange(longest, device=before.device)
    out = model.network(
        input_ids=ids.to(before.device),
        attention_mask=torch.cat([before, mask], dim=1),
        position_ids=places,
        past_key_values=cache,
        use_cache=True,
    )
    return out.logits


def _mean(logits: Float[Tensor, "token vocabulary"], read: Sequence[int]) -> float:
    tokens = torch.tensor(list(read), device=logits.device)
    told = logits.float()
    chances = told.gather(1, tokens[:, None]).squeeze(1) - told.logsumexp(dim=-1)
    return -float(chances.double().mean())
