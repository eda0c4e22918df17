"""The hand-built transformer does what it was built to do, through one head and no other."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emotion_utils.core.errors import UserError
from emotion_utils.planted.generators import EMOTIONS
from emotion_utils.planted.handmade import HEAD_DIM, HEADS, LAYERS, handmade

PLACE = 4


def prompt(made, emotion: str | None) -> torch.Tensor:
    ids = [*made.fillers[:12]]
    if emotion is not None:
        ids[PLACE] = made.words[emotion]
    return torch.tensor([ids])


@torch.no_grad()
def logits(made, emotion, ablated=None):
    """At the last word, in full or with what one head adds set to zero."""
    handles = []
    if ablated is not None:
        layer, head = ablated

        def silence(module, arguments):
            z = arguments[0].clone()
            z[..., head * HEAD_DIM : (head + 1) * HEAD_DIM] = 0
            return (z,)

        handles.append(made.model.model.layers[layer].self_attn.o_proj.register_forward_pre_hook(silence))
    try:
        return made.model(prompt(made, emotion)).logits[0, -1]
    finally:
        for handle in handles:
            handle.remove()


@pytest.mark.parametrize(("layer", "head"), [(1, 2), (0, 0), (2, 3)])
def test_it_reacts_to_the_emotion_through_that_head_alone(layer, head):
    made = handmade(layer, head, seed=layer)
    for emotion in EMOTIONS:
        full = logits(made, emotion)
        assert int(full.argmax()) == made.reactions[emotion]
        effects = {
            (i, j): float(
                full[made.reactions[emotion]] - logits(made, emotion, (i, j))[made.reactions[emotion]]
            )
            for i in range(LAYERS)
            for j in range(HEADS)
        }
        ranked = sorted(effects, key=lambda at: -abs(effects[at]))
        assert ranked[0] == (layer, head)
        assert abs(effects[ranked[0]]) > 20 * abs(effects[ranked[1]])


def test_the_difference_to_a_neutral_prompt_is_the_written_direction():
    made = handmade()
    with torch.no_grad():
        states = {
            e: made.model(prompt(made, e), output_hidden_states=True).hidden_states[made.layer + 1][0, -1]
            for e in (*EMOTIONS, None)
        }
    for emotion in EMOTIONS:
        moved = (states[emotion] - states[None]).double().numpy()
        span = np.stack([made.directions[e] for e in EMOTIONS])
        inside = span @ moved
        assert inside[list(EMOTIONS).index(emotion)] > 0.5
        cosine = moved @ made.directions[emotion] / np.linalg.norm(moved)
        assert cosine > 0.95


def test_the_head_attends_to_the_emotion_word():
    made = handmade()
    made.model.set_attn_implementation("eager")
    with torch.no_grad():
        found = made.model(prompt(made, "anger"), output_attentions=True).attentions[made.layer]
    assert float(found[0, made.head, -1, PLACE]) > 0.99
    others = [h for h in range(HEADS) if h != made.head]
    assert float(found[0, others, -1, PLACE].max()) < 0.5


def test_an_impossible_place_is_refused():
    with pytest.raises(UserError, match="3 layers of 4 heads"):
        handmade(3, 0)
