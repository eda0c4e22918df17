"""What a bundled model has learnt, measured against the grammar that wrote its corpus."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm
from transformers import AutoModelForCausalLM, AutoTokenizer

from emotion_utils.core.emotions import EMOTIONS
from emotion_utils.models.batches import similar_lengths
from emotion_utils.models.files import load_weights
from emotion_utils.models.model import Model
from emotion_utils.smallworld.grammar import Document, Grammar
from emotion_utils.smallworld.openings import context_ids, emotion_prefixes, openings
from emotion_utils.training.batches import encode_whole
from emotion_utils.training.measures import Measured, mean, ratio, share

ROWS = 48
NEW_TOKENS = 160


def load_trained(folder: Path) -> Model:
    """A model in float32, ready to evaluate."""
    network = load_weights(AutoModelForCausalLM, folder, dtype=torch.float32, attn_implementation="eager")
    return Model(network.eval(), AutoTokenizer.from_pretrained(folder), folder.name)


@torch.no_grad()
def document_nll(model: Model, texts: Sequence[str]) -> tuple[list[float], list[int]]:
    """Minus log-probability of each whole text with its end, in nats, and its number of predicted tokens."""
    encoded = encode_whole(model.tokenizer, texts)
    nll, tokens = [0.0] * len(encoded), [len(ids) - 1 for ids in encoded]
    for group in similar_lengths([len(ids) for ids in encoded], ROWS):
        ids = _right_padded([encoded[i] for i in group], model.pad)
        logp = torch.log_softmax(model.network(ids[:, :-1], use_cache=False).logits.float(), dim=-1)
        given = logp.gather(2, ids[:, 1:, None]).squeeze(2)  # (row, position)
        for row, i in enumerate(group):
            nll[i] = -float(given[row, : tokens[i]].double().sum())
    return nll, tokens


def loss_against_entropy(model: Model, grammar: Grammar, docs: Sequence[Document]) -> dict[str, Measured]:
    """Loss on documents and the generator's entropy on the same, and their ratio.

    The entropy of a document is minus its log-probability summed over all derivations, so that both are
    probabilities of the same text. Documents longer than the context are left out.
    """
    docs = [d for d in docs if len(model.tokenizer(d.text)["input_ids"]) < model.context]
    nll, tokens = document_nll(model, [d.text for d in docs])
    entropy = [-grammar.log_prob(d.text, "train") for d in docs]
    return {
        "nats_per_document": mean(nll),
        "entropy_per_document": mean(entropy),
        "nats_per_token": ratio(nll, tokens),
        "entropy_per_token": ratio(entropy, tokens),
        "loss_over_entropy": ratio(nll, entropy),
    }


def grammatical_share(
    model: Model,
    grammar: Grammar,
    docs: Sequence[Document],
    temperature: float,
    seed: int = 0,
) -> tuple[Measured, list[dict[str, object]]]:
    """Share of documents, completed from where the reaction begins, that the grammar can write.

    Also returns one row per sample: context, completion and whether it is grammatical. A completion that has not
    ended after 160 tokens counts as ungrammatical.
    """
    tokenizer = model.tokenizer
    contexts = [context_ids(tokenizer, d) for d in docs]
    completions = continuations(model, contexts, NEW_TOKENS, temperature, seed)
    rows = []
    for context, completion in zip(contexts, completions, strict=True):
        ended = tokenizer.eos_token_id in completion
        text = tokenizer.decode([*context, *completion], skip_special_tokens=True)
        told = tokenizer.decode(context, skip_special_tokens=True)
        rows.append(
            {
                "context": told,
                "completion": text[len(told) :],
                "grammatical": ended and grammar.is_grammatical(text),
            }
        )
    return share(sum(bool(r["grammatical"]) for r in rows), len(rows)), rows


@torch.no_grad()
def continuations(
    model: Model,
    contexts: Sequence[Sequence[int]],
    new_tokens: int,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[list[int]]:
    """New tokens after each context; greedy at temperature 0, else sampled from the whole distribution.

    Contexts of similar length share a batch, padded on the left; a row ends with its EOS.
    """
    sampling = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
    eos = model.tokenizer.eos_token_id
    how = sampling if temperature else {"do_sample": False}
    out: list[list[int]] = [[] for _ in contexts]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for group in similar_lengths([len(ids) for ids in contexts], ROWS):
            ids, mask = left_padded([contexts[i] for i in group], model.pad)
            room = min(new_tokens, model.context - ids.shape[1])
            made = model.network.generate(
                ids,
                attention_mask=mask,
                max_new_tokens=room,
                eos_token_id=eos,
                pad_token_id=model.pad,
                **how,
            )
            for row, i in enumerate(group):
                out[i] = _until_eos(made[row, ids.shape[1] :].tolist(), eos)
    return out


def posterior_agreement(
    model: Model,
    blind: Grammar,
    docs: Sequence[Document],
    progress: bool = False,
) -> dict[str, Measured]:
    """How far the model's P(emotion | text before the reaction) is from the generator's.

    Returns the mean total variation over all contexts and over those with an ambiguous cause, and the mean
    probability that the model gives to anything the grammar knows as an opening (1 for a perfect model).
    """
    distance, ambiguous, mass = [], [], []
    for document in tqdm(docs, desc="posterior", disable=not progress, leave=False):
        found = emotion_probabilities(model, blind, document)
        total = sum(found.values())
        tv = 0.5 * sum(abs(found[e] / total - document.posterior[e]) for e in EMOTIONS)
        distance.append(tv)
        mass.append(total)
        if max(document.posterior.values()) < 1:
            ambiguous.append(tv)
    out = {"total_variation": mean(distance), "known_openings": mean(mass)}
    return out | ({"total_variation_ambiguous": mean(ambiguous)} if ambiguous else {})


@torch.no_grad()
def emotion_probabilities(model: Model, blind: Grammar, document: Document) -> dict[str, float]:
    """Probability that the model opens the reaction of ``document`` with each emotion (sum: at most 1).

    Exact up to wordings that the grammar does not know: the probabilities of all openings are added up, each as
    far as its emotion is open. The context is computed once and its cache shared.
    """
    prefixes = emotion_prefixes(model.tokenizer, document, openings(blind, document))
    context = torch.tensor([context_ids(model.tokenizer, document)])
    stems = sorted({tokens[:-1] for tokens, _ in prefixes if len(tokens) > 1})
    first = model.network(context, use_cache=True)
    opening = torch.log_softmax(first.logits[0, -1].float(), dim=-1)  # (vocabulary,)
    after = _after_stems(model, first.past_key_values, stems)
    total = dict.fromkeys(EMOTIONS, 0.0)
    for tokens, emotion in prefixes:
        logp = opening[tokens[0]]
        if len(tokens) > 1:
            rows = after[tokens[:-1]]  # (position, vocabulary)
            logp = logp + sum(rows[i, token] for i, token in enumerate(tokens[1:]))
        total[emotion] += float(logp.exp())
    return total


def _after_stems(model: Model, cache: object, stems: list[tuple[int, ...]]) -> dict[tuple[int, ...], Tensor]:
    """Log-probabilities of the token after each position of each stem, all continuing one cached context."""
    if not stems:
        return {}
    shared = copy.deepcopy(cache)
    shared.batch_repeat_interleave(len(stems))  # type: ignore[attr-defined]
    ids = _right_padded([torch.tensor(s) for s in stems], model.pad)
    logp = torch.log_softmax(
        model.network(ids, past_key_values=shared, use_cache=True).logits.float(), dim=-1
    )
    return {stem: logp[row] for row, stem in enumerate(stems)}


def left_padded(rows: Iterable[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Ids and attention mask of rows that all end in the last column."""
    rows = list(rows)
    width = max(map(len, rows))
    ids = torch.tensor([[pad] * (width - len(r)) + list(r) for r in rows])
    return ids, torch.tensor([[0] * (width - len(r)) + [1] * len(r) for r in rows])


def _right_padded(rows: Sequence[object], pad: int) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(
        [torch.as_tensor(r) for r in rows], batch_first=True, padding_value=pad
    )


def _until_eos(ids: list[int], eos: int) -> list[int]:
    return ids[: ids.index(eos) + 1] if eos in ids else ids
