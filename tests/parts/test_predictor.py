"""A predictor sees no state that comes later, begins as the autoregression, and is the module that it says it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from emotion_utils.core.errors import UserError
from emotion_utils.parts.predictor import LONG, PUBLISHED, Architecture, Autoregression, Predictor, bounded

WIDTH, LENGTH = 12, 9
SMALL = Architecture(heads=2, d_head=6)
EVERY = [
    SMALL,
    replace(PUBLISHED, heads=2, d_head=6),
    replace(SMALL, depth=2, mlp=10, positions="rotary", bias=False),
    replace(SMALL, skip="identity", positions="none"),
]


@pytest.fixture(scope="module")
def start():
    torch.manual_seed(3)
    mean, std = torch.randn(WIDTH), torch.rand(WIDTH) + 0.5
    weight = torch.randn(WIDTH, WIDTH) / 4
    return Autoregression(mean, std, weight, torch.randn(LENGTH - 1, WIDTH), torch.randn(LENGTH - 1, WIDTH))


def trained(architecture, start):
    """With weights that are nowhere zero, as after training."""
    predictor = Predictor(WIDTH, LENGTH, architecture, start)
    with torch.no_grad():
        for parameter in predictor.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return predictor


def states(seed=0):
    return torch.randn(3, LENGTH, WIDTH, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("architecture", EVERY)
def test_a_prediction_changes_by_no_bit_when_the_state_and_all_later_ones_do(architecture, start):
    predictor = trained(architecture, start)
    for at in range(1, LENGTH):
        changed = states()
        changed[:, at:] = 100 * torch.randn(3, LENGTH - at, WIDTH)
        before, after = predictor.predict(states()), predictor.predict(changed)
        assert torch.equal(before[:, :at], after[:, :at])  # of the positions 1 to at
        assert at == LENGTH - 1 or not torch.equal(before[:, at], after[:, at])


@pytest.mark.parametrize("architecture", EVERY)
def test_a_prediction_depends_on_every_state_before(architecture, start):
    predictor, h = trained(architecture, start), states().requires_grad_()
    predictor.predict(h)[0, -1].sum().backward()
    assert (h.grad[0, :-1].abs().sum(dim=-1) > 0).all()
    assert not h.grad[0, -1].any()


def test_predict_is_aligned_with_the_states_that_it_predicts(start):
    predictor = trained(SMALL, start)
    torch.testing.assert_close(predictor.predict(states()), predictor(states()[:, :-1]))
    # the prediction of position 1 is all there is for windows of two states
    torch.testing.assert_close(predictor.predict(states()[:, :2])[:, 0], predictor.predict(states())[:, 0])


def test_it_begins_as_the_mean_of_each_position(start):
    h = states()
    means = start.position_mean * start.std + start.mean
    torch.testing.assert_close(
        Predictor(WIDTH, LENGTH, SMALL, start).predict(h), means.expand(len(h), -1, -1)
    )


def test_it_begins_as_the_linear_autoregression_where_that_is_asked_for(start):
    h, architecture = states(), replace(SMALL, start="autoregression")
    torch.testing.assert_close(Predictor(WIDTH, LENGTH, architecture, start).predict(h), start(h))
    x = (h - start.mean) / start.std
    by_hand = (x[:, :-1] @ start.weight + start.intercept) * start.std + start.mean
    torch.testing.assert_close(start(h), by_hand)


def test_without_a_skip_connection_it_begins_as_the_mean(start):
    predicted = Predictor(WIDTH, LENGTH, PUBLISHED, start).predict(states())
    mean = start.position_mean.mean(dim=0) * start.std + start.mean
    torch.testing.assert_close(predicted, mean.expand_as(predicted))


def test_the_published_predictor_is_the_attention_of_torch(start):
    architecture = replace(PUBLISHED, heads=3, d_head=4)  # torch has d_model / heads only
    predictor = trained(architecture, start)
    attention = predictor.blocks[0].attention
    peer = nn.MultiheadAttention(WIDTH, 3, batch_first=True)
    with torch.no_grad():
        peer.in_proj_weight.copy_(attention.into.weight)
        peer.in_proj_bias.copy_(attention.into.bias)
        peer.out_proj.weight.copy_(attention.out.weight)
        peer.out_proj.bias.copy_(attention.out.bias)
        x = (states() - start.mean) / start.std
        mask = nn.Transformer.generate_square_subsequent_mask(LENGTH)
        written = peer(x, x, x, attn_mask=mask, is_causal=True, need_weights=False)[0]
        expected = (written + predictor.intercept) * start.std + start.mean
    torch.testing.assert_close(predictor(states()), expected, atol=1e-5, rtol=1e-5)


def test_rotary_positions_depend_on_distances_alone(start):
    architecture = replace(SMALL, positions="rotary", skip="none")
    attention = trained(architecture, start).blocks[0].attention
    repeated = states()[:, :1].expand(-1, 6, -1)
    late = attention(torch.cat([repeated, states()[:, 1:2]], dim=1))[:, -1]
    # the same seven states and one more of them before: the softmax of distances has one term more
    assert not torch.allclose(late, attention(torch.cat([repeated[:, :2], states()[:, 1:2]], dim=1))[:, -1])
    torch.testing.assert_close(attention(repeated)[:, 0], attention(repeated)[:, 5])


def test_the_published_size_is_four_times_the_attention_of_pythia_410m():
    width = 1024
    mean = torch.zeros(width)
    start = Autoregression(mean, mean + 1, torch.eye(width), torch.zeros(1, width), torch.zeros(1, width))
    with torch.device("meta"):
        size = sum(part.numel() for part in Predictor(width, 2, PUBLISHED, start).blocks.parameters())
    assert size == 4 * width * 4096 + 3 * 4096 + width  # projections of 4,096 = 32 x 128, and their biases


def test_long_states_are_shortened_where_they_are_read():
    x = torch.tensor([[3.0, 4.0], [300.0, 400.0]])
    short, long = bounded(x)
    assert torch.equal(short, x[0])
    assert long.square().mean().sqrt() == pytest.approx(LONG)
    assert (long / x[1]).std() == pytest.approx(0, abs=1e-7)


def test_what_cannot_be_made_or_read_is_refused(start):
    with pytest.raises(UserError, match="at least one head"):
        Architecture(heads=0)
    with pytest.raises(UserError, match="5 of a head is odd"):
        Architecture(d_head=5, positions="rotary")
    predictor = Predictor(WIDTH, LENGTH, SMALL, start)
    with pytest.raises(UserError, match="learned positions 0 to 7, and is to read 9 states"):
        predictor(states())
