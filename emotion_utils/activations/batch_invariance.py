"""Batch invariance: what a prompt gives does not depend on the batch, the padding or the cache it is read with.

The reference is the plain Hugging Face forward pass, one prompt at a time, without padding: its ``hidden_states`` for
all blocks but the last, and a hook for the last, since the last entry of ``hidden_states`` is after the final norm.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from emotion_utils.activations.extraction import extract, points
from emotion_utils.core import layers as layer_numbers
from emotion_utils.models.hooks import HookPoint, attached
from emotion_utils.models.model import Model

BOUND = 1e-4
"""Largest difference allowed in float32: of a value, and of a value in units of the layer's root mean square."""
SIZES = (1, 2, 4, 8)
MUCH_SMALLER = 1e-3
DOUBLE_PARAMETERS = 50_000_000
"""Models with more parameters than this are not copied to float64, which takes three times as long as the check."""


class _Runs:
    """One model on a few texts, run in several ways; a state is (row, layer) to a tensor (position, d_model)."""

    def __init__(self, model: Model, texts: Sequence[str]) -> None:
        self.model, self.texts = model, list(texts)
        self.ids = list(model.encode(self.texts).ids)
        self.layers = model.n_layers
        self.device = model.device

    def _hooked(self, passes: Iterable[dict[str, Any]]) -> list[Tensor]:
        """Residual stream of every layer after these passes, columns of the passes joined."""
        caught: list[list[Tensor]] = [[] for _ in range(self.layers)]
        functions = {
            HookPoint(layer, "resid_post"): lambda hidden, own=own: own.append(_kept(hidden))
            for layer, own in enumerate(caught)
        }
        cache = None
        with attached(self.model.network, functions):
            for inputs in passes:
                held: dict[str, Any] = {"past_key_values": cache} if cache is not None else {}
                cache = self.model.network(**inputs, **held).past_key_values
        return [torch.cat(own, dim=1) for own in caught]

    def plain(self) -> tuple[list[list[Tensor]], list[Tensor]]:
        """By row: the blocks' outputs, and the last entry of ``hidden_states``, which is something else."""
        states, last = [], []
        for row in self.ids:
            caught: list[Tensor] = []
            with attached(self.model.network, {HookPoint(self.layers - 1, "resid_post"): caught.append}):
                ids = torch.tensor([row], device=self.device)
                out = self.model.network(ids, use_cache=False, output_hidden_states=True)
            own = [*out.hidden_states[1 : self.layers], caught[0]]
            states.append([_kept(hidden[0]) for hidden in own])
            last.append(_kept(out.hidden_states[-1][0]))
        return states, last

    def batched(
        self, size: int, side: str, *, cached: bool = False, positions: bool = True, masked: bool = True
    ) -> list[list[Tensor]]:
        """By row: the blocks' outputs when rows are read in batches of a size."""
        states = []
        for start in range(0, len(self.ids), size):
            rows = self.ids[start : start + size]
            inputs = self.model.padded(rows, side)
            mask = inputs["attention_mask"].bool().cpu()
            if not positions:
                del inputs["position_ids"]
            if not masked:
                inputs["attention_mask"] = torch.ones_like(inputs["attention_mask"])
            hidden = self._hooked(_in_two(inputs) if cached else [inputs | {"use_cache": False}])
            states += [[layer[i, mask[i]] for layer in hidden] for i in range(len(rows))]
        return states


def _in_two(inputs: dict[str, Tensor]) -> list[dict[str, Any]]:
    """All columns but the last, then the last on the cache of the others; the mask always covers all so far."""
    head = {name: value[:, :-1] for name, value in inputs.items()}
    tail = {name: value[:, -1:] for name, value in inputs.items()}
    return [
        head | {"use_cache": True},
        tail | {"attention_mask": inputs["attention_mask"], "use_cache": True},
    ]


Differences = list[tuple[float, float]]
"""By layer: the largest absolute difference, and the largest in units of the largest number of its token."""


def _differences(ours: list[list[Tensor]], plain: list[list[Tensor]]) -> Differences:
    return [
        _difference(torch.cat([row[i] for row in ours]), torch.cat([row[i] for row in plain]))
        for i in range(len(plain[0]))
    ]


def _difference(ours: Tensor, plain: Tensor) -> tuple[float, float]:
    """Of two tensors of shape (token, d_model)."""
    off = (ours - plain).abs().amax(dim=1)  # (token,)
    return float(off.max()), float((off / plain.abs().amax(dim=1)).max())


def _kept(hidden: Tensor) -> Tensor:
    return (hidden if hidden.dtype == torch.float64 else hidden.float()).cpu()


@torch.no_grad()
def batch_invariance(
    model: Model,
    prompts: pd.DataFrame,
    sizes: Sequence[int] = SIZES,
) -> pd.DataFrame:
    """Compare every way of reading the residual stream with the plain model, one prompt at a time.

    Parameters
    ----------
    model
    prompts
        A handful, of different lengths; columns as `extraction.extract` wants them.
    sizes
        Of the batches.

    Returns
    -------
    One row per case and layer, columns ``padding, cache, batch, layer, difference`` (largest, of any prompt, token and
    dimension, special tokens included), ``of_token`` (largest in units of the largest number of the same token, in
    proportion to which float32 rounds its sums), ``largest`` (value of the layer) and ``rms`` (root mean square of its
    values). The first case is `extraction.extract`, which all chapters use, and which reads the tokens of the text.
    """
    runs = _Runs(model, prompts["text"].tolist())
    plain, _ = runs.plain()
    whole = [torch.cat([row[layer] for row in plain]) for layer in range(runs.layers)]
    cases: list[tuple[str, str, str, Differences]] = []
    if model.dtype != torch.float64:  # what it gives is float32
        cases.append(("extract", "no", "all", _extracted(model, prompts, plain)))
    for side in ("right", "left"):
        for cached in (False, True):
            for size in sizes:
                found = _differences(runs.batched(size, side, cached=cached), plain)
                cases.append((side, "yes" if cached else "no", str(size), found))
    rows = [
        (padding, cache, batch, layer, *off, float(whole[layer].abs().max()), _rms(whole[layer]))
        for padding, cache, batch, found in cases
        for layer, off in enumerate(found)
    ]
    columns = ["padding", "cache", "batch", "layer", "difference", "of_token", "largest", "rms"]
    return pd.DataFrame(rows, columns=columns)


def _rms(values: Tensor) -> float:
    return float(values.double().pow(2).mean().sqrt())


def _extracted(
    model: Model,
    prompts: pd.DataFrame,
    plain: list[list[Tensor]],
) -> Differences:
    """What `extract` gives at each token of the text, against the same tokens of the plain model."""
    found = extract(model, prompts, points(model), ["all"], progress=False)
    _, values = found.at("all")
    rows, tokens = found.reads["row"].to_numpy(), found.reads["first"].to_numpy()
    worst = []
    for layer in range(values.shape[1]):
        expected = torch.stack([plain[row][layer][token] for row, token in zip(rows, tokens, strict=True)])
        worst.append(_difference(values[:, layer], expected))
    return worst


def in_float64(model: Model, prompts: pd.DataFrame) -> pd.DataFrame | None:
    """The same cases with a copy of the model in float64, which tells rounding from a mistake; None for a large model.

    What rounds gets smaller by many orders of magnitude there, and a wrong mask or position does not.
    """
    if sum(parameter.numel() for parameter in model.network.parameters()) > DOUBLE_PARAMETERS:
        return None
    return batch_invariance(replace(model, network=deepcopy(model.network).double(), loaded=False), prompts)


def wide(table: pd.DataFrame) -> pd.DataFrame:
    """One row per case: the difference at a few layers, the worst of all layers, and whether it is within the bound.

    Parameters
    ----------
    table
        From :func:`batch_invariance`.

    Returns
    -------
    Columns ``padding, cache, batch, layer 0, ..., worst``, ``<= 1e-4`` and ``<= 1e-4 RMS``; where the latter is
    exceeded somewhere, ``<= 1e-4 of its token`` as well.
    """
    chosen = layer_numbers.some(table["layer"])
    keys = ["padding", "cache", "batch"]
    table = table.assign(relative=table["difference"] / table["rms"])
    by_case = table.groupby(keys, sort=False)
    worst, relative = by_case["difference"].max(), by_case["relative"].max()
    out = table.pivot(index=keys, columns="layer", values="difference").loc[worst.index, chosen]
    out.columns = pd.Index([f"layer {layer}" for layer in chosen])
    within = {f"≤ {BOUND:g}": worst <= BOUND, f"≤ {BOUND:g} RMS": relative <= BOUND}
    if relative.max() > BOUND:
        within[f"≤ {BOUND:g} of its token"] = by_case["of_token"].max() <= BOUND
    return out.assign(worst=worst, **within).reset_index()


def by_layer(table: pd.DataFrame, double: pd.DataFrame | None = None) -> pd.DataFrame:
    """The worst case of each layer, beside how finely float32 can write numbers of that size.

    Parameters
    ----------
    table
        From :func:`batch_invariance`.
    double
        From :func:`in_float64`.

    Returns
    -------
    Columns ``layer, largest, rms`` (of the values), ``spacing`` (of float32 numbers at the largest value),
    ``difference, in spacings, of RMS``, where that exceeds the bound somewhere ``of its token``, and where it was
    computed ``in float64`` (the difference there).
    """
    worst = table.groupby("layer").max(numeric_only=True)
    spacing = np.spacing(worst["largest"].to_numpy(dtype=np.float32)).astype(float)
    shown = {
        "spacing": spacing,
        "difference": worst["difference"],
        "in spacings": worst["difference"] / spacing,
        "of RMS": worst["difference"] / worst["rms"],
    }
    if shown["of RMS"].max() > BOUND:
        shown["of its token"] = worst["of_token"]
    if double is not None:
        shown["in float64"] = double.groupby("layer")["difference"].max()
    return worst[["largest", "rms"]].assign(**shown).reset_index()


def summarise_invariance(layers: pd.DataFrame, dtype: str) -> str:
    """Say in Markdown whether batch invariance holds, from :func:`by_layer`."""
    worst = layers.loc[layers["difference"].idxmax()]
    most = (
        f"the largest difference of all cases is {worst['difference']:.1e}, at layer {worst['layer']:.0f}, "
        f"or {layers['of RMS'].max():.1e} of the layer's root mean square"
    )
    if dtype != "float32":
        return f"The bound of {BOUND:g} is one of float32. The numbers of {dtype} are coarser: {most}."
    if worst["difference"] <= BOUND:
        return f"**Batch invariance holds**: {most}, against a bound of {BOUND:g}."
    over = layers[layers["difference"] > BOUND]
    text = (
        f"{_by_size(layers)} As an absolute bound, {BOUND:g} is "
        f"exceeded at {len(over)} of {len(layers)} layers: {most}. Values there reach {worst['largest']:,.0f}, where "
        f"float32 can write a number only every {worst['spacing']:.1e}; the difference is "
        f"{worst['in spacings']:.0f} such steps."
    )
    if "in float64" not in layers:
        return text
    exact = layers["in float64"].max()
    if exact > worst["difference"] * MUCH_SMALLER:
        return text + (
            f" In float64 the difference is still {exact:.1e}: a part of this model computes in float32 whatever it is "
            "given, so that float64 does not decide the question here."
        )
    return text + (
        f" The same code in float64 differs by at most {exact:.1e}: what remains is the rounding of the last bits, and "
        "no mistake in a mask or a position."
    )


def _by_size(layers: pd.DataFrame) -> str:
    """The verdict in units of the layer's size, or where single numbers are huge, of the token's largest number."""
    if "of its token" not in layers:
        return "In units of the layer's root mean square **batch invariance holds**."
    verdict = "holds" if layers["of its token"].max() <= BOUND else "does not hold"
    return (
        f"In units of the largest number of the same token **batch invariance {verdict}**: the difference is at most "
        f"{layers['of its token'].max():.1e} of it. In units of the layer's root mean square it is not decided, since "
        "a few numbers are far larger than all others, and each sum is rounded in proportion to its largest part."
    )


@torch.no_grad()
def traps(model: Model, prompts: pd.DataFrame) -> pd.DataFrame:
    """What goes wrong silently, measured at the last layer on one padded batch of all prompts.

    Returns
    -------
    Columns ``trap, difference`` (largest, from the plain model), ``relative`` (root mean square of the difference in
    units of that of the values) and ``harmless`` (relative within :data:`BOUND`).
    """
    runs = _Runs(model, prompts["text"].tolist())
    plain, after_norm = runs.plain()
    expected = torch.cat([row[-1] for row in plain])
    size = len(prompts)
    cases = [
        ("left padding, no explicit positions", runs.batched(size, "left", positions=False)),
        ("left padding, no mask", runs.batched(size, "left", positions=False, masked=False)),
        ("right padding, no mask", runs.batched(size, "right", masked=False)),
        ("last hidden_states taken for resid_post", [[row] for row in after_norm]),
    ]
    rows = []
    for name, found in cases:
        off = torch.cat([row[-1] for row in found]) - expected
        relative = _rms(off) / _rms(expected)
        rows.append((name, float(off.abs().max()), relative, relative <= BOUND))
    return pd.DataFrame(rows, columns=["trap", "difference", "relative", "harmless"])
