"""Norms equal those of the plain model; planted sinks and shares are found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from emotion_utils.activations.forward import forward_batches
from emotion_utils.activations.residual_norms import (
    norm_map,
    sinks,
    summarise_sinks,
    summarise_updates,
    token_norms,
    update_sizes,
)
from emotion_utils.core.errors import UserError
from emotion_utils.models.hooks import HookPoint, attached
from emotion_utils.prompts.schema import complete


def table_of(texts: list[str]) -> pd.DataFrame:
    rows = {"text": texts, "emotion": "neutral", "group": [f"g{i}" for i in range(len(texts))]}
    return complete(pd.DataFrame(rows), range(len(texts)), "test.csv")


@pytest.fixture(scope="module")
def prompts(docs) -> pd.DataFrame:
    return table_of([d.text.split("\n")[0][:70] for d in docs if len(d.text) > 20][:8])


def test_norms_are_those_of_the_plain_model(untrained, prompts):
    model = untrained
    norms = token_norms(model, prompts)
    text = prompts["text"].iloc[3]
    with torch.no_grad():
        hidden = model.network(
            torch.tensor([model.tokenizer(text)["input_ids"]]), output_hidden_states=True
        ).hidden_states
    own = norms[(norms["row"] == 3) & (norms["layer"] == 0)]
    assert own["position"].tolist() == list(range(hidden[0].shape[1]))
    assert own["resid_pre"].tolist() == pytest.approx(hidden[0][0].norm(dim=-1).tolist(), rel=1e-4)
    assert own["resid_post"].tolist() == pytest.approx(hidden[1][0].norm(dim=-1).tolist(), rel=1e-4)
    assert own["update"].tolist() == pytest.approx((hidden[1] - hidden[0])[0].norm(dim=-1).tolist(), rel=1e-3)
    assert (norms["id"] == prompts["id"].to_numpy()[norms["row"]]).all()


def test_the_update_is_the_sum_of_its_two_parts(untrained, prompts):
    model = untrained
    where = [HookPoint(1, kind) for kind in ("attn_out", "mlp_out")]
    _, lengths, caught = next(forward_batches(model, model.encode(prompts["text"].tolist()[:1]).ids, where))
    whole = (caught[where[0]] + caught[where[1]])[0, : lengths[0]].norm(dim=-1)
    norms = token_norms(model, prompts.head(1))
    assert norms.loc[norms["layer"] == 1, "update"].tolist() == pytest.approx(whole.tolist(), rel=1e-3)


def test_what_is_not_finite_is_refused(untrained, prompts):
    model = untrained
    broken = {HookPoint(1, "mlp_out"): lambda hidden: torch.full_like(hidden, float("nan"))}
    with attached(model.network, broken), pytest.raises(UserError, match="layer 1, token 0 of the prompt"):
        token_norms(model, prompts)


def planted(
    first: float, later: list[float], attn: float = 3.0, mlp: float = 1.0, pairs: int = 1
) -> pd.DataFrame:
    """Pairs of prompts; at layer 0 the first position and the later ones have these norms."""
    rows = []
    for row, scale in enumerate([1.0, 2.0] * pairs):
        for position, norm in enumerate([first, *later]):
            size = norm * scale
            rows.append((f"p{row}", row, 0, position, 2.0, attn, mlp, size, 4.0))
    columns = ["id", "row", "layer", "position", "resid_pre", "attn_out", "mlp_out", "resid_post", "update"]
    return pd.DataFrame(rows, columns=columns)


def test_a_planted_sink_is_found():
    norms, prompts = planted(50.0, [4.0, 5.0, 60.0], pairs=4), table_of(list("abcdefgh"))
    row = sinks(norms, prompts).iloc[0]
    assert row["first"] == 75.0  # mean of 50 and 100
    assert row["later"] == 7.5  # mean of the medians 5 and 10
    assert row["ratio"] == 10.0
    assert (row["low"], row["high"]) == (10.0, 10.0)
    assert "**at layer 0**" in summarise_sinks(sinks(norms, prompts))
    flat = sinks(planted(5.0, [4.0, 5.0, 6.0], pairs=4), prompts)
    assert "**at no layer**" in summarise_sinks(flat)
    few = summarise_sinks(sinks(planted(50.0, [4.0, 5.0, 60.0]), table_of(["a", "b"])))
    assert "too few units for an interval" in few
    assert "nan" not in few


def test_the_map_holds_medians_and_leaves_rare_positions_out():
    norms = planted(10.0, [2.0, 4.0])
    table = norm_map(norms[~((norms["row"] == 1) & (norms["position"] == 2))], fewest=2)
    assert table[["position", "median", "n"]].values.tolist() == [[0, 15.0, 2], [1, 3.0, 2]]
    assert len(norm_map(norms, fewest=100)) == 3  # no position has so many: all are kept


def test_planted_shares_leave_the_first_position_out():
    norms = planted(10.0, [2.0, 4.0])
    norms.loc[norms["position"] == 0, "attn_out"] = 1e6
    few = update_sizes(norms, table_of(["a", "b"]))
    assert "neither at any layer" in summarise_updates(few)  # without an interval
    table = few.set_index("part")["value"]
    assert table.to_dict() == {"attention": 1.5, "MLP": 0.5, "both": 2.0, "attention share": 0.75}
    many = update_sizes(planted(10.0, [2.0, 4.0], pairs=4), table_of(list("abcdefgh")))
    assert "attention at layer 0" in summarise_updates(many)


def test_intervals_hold_the_value(untrained, prompts):
    model = untrained
    table = update_sizes(token_norms(model, prompts), prompts)
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()
    assert (table["n"] == 8).all()
    assert np.isfinite(table["value"]).all()
