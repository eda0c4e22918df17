"""A very short training run, from the command line to the files."""

from __future__ import annotations

import csv
import json

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer

from emotion_utils.smallworld.corpus import documents
from emotion_utils.training.__main__ import main
from emotion_utils.training.configs import spec_of
from emotion_utils.training.evaluation import document_nll, load_trained
from emotion_utils.training.fitting import HeadLoss
from emotion_utils.training.trainer import VALIDATION_DOCUMENTS


def test_head_loss_and_its_gradients_are_those_of_cross_entropy():
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(1300, 16, generator=generator, requires_grad=True)
    weight = torch.randn(50, 16, generator=generator, requires_grad=True)
    labels = torch.randint(0, 50, (1300,), generator=generator)
    plain = cross_entropy(hidden @ weight.T, labels)
    expected = torch.autograd.grad(plain, (hidden, weight))
    ours = HeadLoss.apply(hidden, weight, labels)
    found = torch.autograd.grad(ours, (hidden, weight))
    assert ours.item() == pytest.approx(plain.item(), rel=1e-5)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-4)


@pytest.mark.slow
def test_a_run_leaves_a_model_that_transformers_reads(trained):
    model, tokenizer = AutoModelForCausalLM.from_pretrained(trained), AutoTokenizer.from_pretrained(trained)
    assert model.dtype == torch.float32
    assert model.config.vocab_size == len(tokenizer)
    assert model.config.eos_token_id == tokenizer.eos_token_id
    assert not [p for p in trained.parent.iterdir() if p != trained]


def test_the_loss_curve_falls_towards_the_entropy(trained):
    with (trained / "training_log.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    losses = [float(r["validation_loss"]) for r in rows]
    assert losses[-1] < losses[0]
    assert float(rows[0]["generator_entropy"]) < losses[-1]
    assert [int(r["step"]) for r in rows] == sorted(int(r["step"]) for r in rows)


def test_the_same_seed_gives_the_same_weights(trained, tmp_path):
    main(["train", "small-gpt2", "--tokens", "30000", "--no-evaluate", "--out", str(tmp_path)])
    once, again = (AutoModelForCausalLM.from_pretrained(p) for p in (trained, tmp_path / "small-gpt2"))
    for a, b in zip(once.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-2)


def test_stored_weights_are_half_precision_and_lose_nothing_that_shows(trained, grammar):
    header_size = int.from_bytes((trained / "model.safetensors").read_bytes()[:8], "little")
    header = json.loads((trained / "model.safetensors").read_bytes()[8 : 8 + header_size])
    assert {v["dtype"] for k, v in header.items() if k != "__metadata__"} == {"F16"}
    unseen = list(
        documents(grammar, VALIDATION_DOCUMENTS, spec_of("small-gpt2").corpus_seed, stream="validation")
    )
    nll, tokens = document_nll(load_trained(trained), [d.text for d in unseen])
    with (trained / "training_log.csv").open(encoding="utf-8") as file:
        before = float(list(csv.DictReader(file))[-1]["validation_loss"])
    assert sum(nll) / sum(tokens) == pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["train", "small-bert"], "small-bert"),
        (["train", "small-gpt2", "--tokens", "5"], "20000"),
        (["evaluate", "nowhere"], "nowhere"),
        (["corpus", "--split", "moon"], "moon"),
    ],
)
def test_bad_input_ends_in_one_sentence(argv, says, capsys):
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_corpus_prints_documents(capsys):
    assert main(["corpus", "-n", "2", "--seed", "4"]) == 0
    assert capsys.readouterr().out.count("-" * 40) == 2
