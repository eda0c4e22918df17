"""A control vector does in llama.cpp, on the quantised file itself, what the vector does in our engine."""

from __future__ import annotations

import json
import os
import subprocess

import numpy as np
import pytest
from gguf import GGUFReader

from emotion_utils.core.paths import BUILD, PROJECT_ROOT
from emotion_utils.engine.decoding import Sampling
from emotion_utils.engine.generation import generate
from emotion_utils.engine.interventions import EVERYWHERE, UNTOUCHED, steering
from emotion_utils.models.packaged import PACKAGED
from emotion_utils.prompts.loading import load_profile
from emotion_utils.steering.subject import unit_of_strength
from emotion_utils.vectors.exchange import write_vectors
from emotion_utils.vectors.from_prompts import emotion_vector

PYTHON = BUILD / "bench-peers" / "bin" / "python"
SCRIPT = PROJECT_ROOT / "benchmarks" / "peers" / "llama_cpp.py"
TEXTS = ["Anna said to the driver:", "The meeting ended. He turned to his colleague and", "My letter began:"]
NEW, BEGINNING = 16, 8
"""Tokens of a text, and how many of them are the same in the median."""
NEARLY_A_TIE = 0.5
"""Between the two best logits: llama.cpp rounds activations to eight bits too."""


def by_llama_cpp(name, ids, directions):
    """Tokens and gaps, by the environment of the peers."""
    asked = {"model": str(PACKAGED[name].kept), "ids": ids, "directions": directions, "new": NEW}
    alone = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [PYTHON, SCRIPT], input=json.dumps(asked), capture_output=True, text=True, env=alone, check=False
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    return zip(answer["tokens"], answer["gaps"], strict=True)


@pytest.mark.skipif(not PYTHON.exists(), reason="llama.cpp is not installed: `make bench-peers`")
def test_a_control_vector_gives_the_texts_of_our_engine(real, name, tmp_path):
    layer = real.n_layers // 2
    unit = float(unit_of_strength(real, load_profile("implicit"))[layer])
    vector = emotion_vector(real, "gratitude", "baseline").unit() * (unit / 2)
    path = write_vectors(tmp_path / "thanks.gguf", vector, layers=[layer])
    directions = {
        int(tensor.name.removeprefix("direction.")): tensor.data.tolist()
        for tensor in GGUFReader(path).tensors
    }
    assert list(directions) == [layer]
    ids = [real.starting_ids(text) for text in TEXTS]
    steered = steering("thanks", vector.at(layer), layer, 1.0, EVERYWHERE)
    said, alike = [], []
    for condition, given in ((UNTOUCHED, {}), (steered, directions)):
        ours = generate(real, ids, [condition], Sampling(NEW, stop_at_end=False), progress=False)
        for own, (theirs, gaps) in zip(ours["ids"], by_llama_cpp(name, ids, given), strict=True):
            apart = next((i for i in range(NEW) if own[i] != theirs[i]), NEW)
            assert apart == NEW or gaps[apart] < NEARLY_A_TIE, (own, theirs, gaps)
            alike.append(apart)
        said.append(ours["text"].tolist())
    assert np.median(alike) >= BEGINNING
    assert all(plain != other for plain, other in zip(*said, strict=True))
