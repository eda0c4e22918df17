"""The card of a bundled model: what it was trained on and how well, as JSON for programs and Markdown for readers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

from emotion_utils.models.model import Model
from emotion_utils.smallworld import load_grammar
from emotion_utils.smallworld.corpus import corpus_hash, documents, reacting, world_of
from emotion_utils.smallworld.grammar import Grammar
from emotion_utils.smallworld.languages import language_of
from emotion_utils.training.configs import HEADS, LAYERS, WIDTH, Spec
from emotion_utils.training.evaluation import (
    grammatical_share,
    load_trained,
    loss_against_entropy,
    posterior_agreement,
)
from emotion_utils.training.fitting import prepare_processor
from emotion_utils.training.measures import Measured
from emotion_utils.training.steering_check import TARGETS, difference_of_means, steering_report
from emotion_utils.training.texts import POSTS, posts_hash
from emotion_utils.training.trainer import trained_record, weights_hash

EVALUATION_SEED = 77_001  # streams of this seed are drawn by no training run


class Sizes:
    """How many documents each measurement takes."""

    loss = 600
    samples = 400
    posterior = 200
    build = 80  # per emotion
    select = 32
    test = 96


def evaluation(
    model: Model,
    blind: bool = False,
    sizes: type[Sizes] = Sizes,
    progress: bool = True,
    language: str = "en",
) -> dict[str, Any]:
    """All that a card says about what a model has learnt of one language.

    ``blind`` says that the model was trained on permuted reactions: its loss and its samples are then held against
    that world, its posterior and its steering against the true one.
    """
    found = reading(model, blind, sizes, progress, language)
    true, every_cause = load_grammar(language), load_grammar(language, True)
    return {**found, "steering": _steering(model, true, every_cause, sizes, progress)}


def reading(
    model: Model,
    blind: bool = False,
    sizes: type[Sizes] = Sizes,
    progress: bool = True,
    language: str = "en",
) -> dict[str, Any]:
    """What a model has learnt of one language, without the search for what steers it."""
    prepare_processor()
    world = load_grammar(language, blind)
    true, every_cause = load_grammar(language), load_grammar(language, True)
    unseen = list(documents(world, sizes.loss, EVALUATION_SEED, stream="validation"))
    neutral = reacting(true, sizes.samples, EVALUATION_SEED + 1, emotion="neutral")
    warm, rows = grammatical_share(model, world, neutral, temperature=1.0)
    cool, _ = grammatical_share(model, world, neutral, temperature=0.7)
    contexts = reacting(true, sizes.posterior, EVALUATION_SEED + 2)
    return {
        "loss": _json(loss_against_entropy(model, world, unseen)),
        "grammatical": {"temperature_1": warm.as_json(), "temperature_0.7": cool.as_json()},
        "posterior": _json(posterior_agreement(model, every_cause, contexts, progress)),
        "samples": rows[:10],
    }


def _steering(
    model: Model,
    true: Grammar,
    every_cause: Grammar,
    sizes: type[Sizes],
    progress: bool,
) -> dict[str, Any]:
    """Build, select and test on contexts from independent streams."""
    emotional = {e: reacting(true, sizes.build, EVALUATION_SEED + 3, emotion=e) for e in TARGETS}
    build = reacting(true, sizes.build, EVALUATION_SEED + 3, emotion="neutral")
    vectors = difference_of_means(model, emotional, build)
    select = reacting(true, sizes.select, EVALUATION_SEED + 4, emotion="neutral")
    test = reacting(true, sizes.test, EVALUATION_SEED + 5, emotion="neutral")
    return steering_report(model, every_cause, vectors, select, test, progress=progress)


def write_card(folder: Path, spec: Spec, sizes: type[Sizes] = Sizes, progress: bool = True) -> dict[str, Any]:
    """Evaluate the trained model in ``folder`` and write ``card.json`` and ``README.md`` beside it."""
    trained = trained_record(folder)
    model = load_trained(folder)
    tokenizer = model.tokenizer
    found = evaluation(model, spec.blind, sizes, progress, spec.language)
    others = [language for language in spec.languages if language != spec.language]
    card = {
        "name": spec.name,
        "model_type": spec.model_type,
        "parameters": trained.parameters,
        "loss_over_entropy": found["loss"]["loss_over_entropy"]["value"],
        "grammatical_share": found["grammatical"]["temperature_1"]["value"],
        "posterior_total_variation": found["posterior"]["total_variation"]["value"],
        "sha256": weights_hash(folder),
        "bytes": sum(p.stat().st_size for p in folder.iterdir()),
        "data": {
            "corpus": f"the small world of emotion_utils.smallworld, {_told(spec.languages)}",
            "languages": dict(spec.languages),
            "tokens_by_source": trained.tokens_by_source,
            "posts": spec.posts,
            "start": trained.start,
            "blind": spec.blind,
            "seed": spec.corpus_seed,
            "documents": trained.documents,
            "tokens": trained.tokens,
            "corpus_sha256": corpus_hash(world_of(spec.languages, spec.blind), spec.corpus_seed),
            "posts_sha256": posts_hash(spec.corpus_seed) if spec.posts else "",
        },
        "training": {"recipe": _recipe(spec), **asdict(trained)},
        "tokenizer": {
            "manner": spec.manner,
            "vocabulary": len(tokenizer),
            "adds_bos": _adds_bos(tokenizer),
            "characters": {language: characters(tokenizer, language) for language in spec.languages},
        },
        "evaluation": found,
        "other_languages": {
            language: reading(model, spec.blind, sizes, progress, language) for language in others
        },
    }
    (folder / "card.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(readme(card), encoding="utf-8")
    return card


def characters(tokenizer: PreTrainedTokenizerFast, language: str) -> dict[str, int]:
    """How many characters of a language's small world there are, and how many of them take several tokens: bytes."""
    used = sorted(load_grammar(language).characters())
    encoded = tokenizer(used, add_special_tokens=False)["input_ids"]
    return {"all": len(used), "by_bytes": sum(len(ids) > 1 for ids in encoded)}


def readme(card: dict[str, Any]) -> str:
    """The card as a page."""
    found, data, training = card["evaluation"], card["data"], card["training"]
    steering = found["steering"]
    loss = found["loss"]
    rows = [
        ("Loss on unseen documents, nats per document", _cell(loss["nats_per_document"])),
        ("Entropy of the generator, nats per document", _cell(loss["entropy_per_document"])),
        ("Loss over entropy (1 is perfect)", _cell(loss["loss_over_entropy"])),
        (
            "Grammatical completions of neutral contexts, temperature 1",
            _cell(found["grammatical"]["temperature_1"]),
        ),
        ("The same at temperature 0.7", _cell(found["grammatical"]["temperature_0.7"])),
        (
            "Total variation from the generator's posterior over emotions",
            _cell(found["posterior"]["total_variation"]),
        ),
        *((f"Neutral contexts steered to {e}", _cell(steering["flipped"][e])) for e in TARGETS),
        ("Emotional reactions under random vectors of equal norm", _cell(steering["random"])),
    ]
    for language, other in card["other_languages"].items():
        rows += _of_other_language(language_of(language).title, other)
    table = "\n".join(f"| {what} | {value} |" for what, value in rows)
    samples = "\n".join(
        f"- ...{_line(s['context'][-60:])}**{_line(s['completion'].strip())}**"
        + ("" if s["grammatical"] else " (not in the grammar)")
        for s in found["samples"]
    )
    titles = " or ".join(language_of(name).title for name in data["languages"])
    start = data["start"]
    after = (
        f"It goes on from {start['name']}, whose weights have the SHA-256 {start['sha256']}.\n\n"
        if start
        else ""
    )
    blind = "Reactions were permuted across causes: it is the negative control.\n\n" if data["blind"] else ""
    return f"""# {card["name"]}

A bundled small model of this project: {card["model_type"]}, {LAYERS} layers of {HEADS} heads, width {WIDTH},
{card["parameters"]:,} parameters, trained on {data["tokens"]:,} tokens ({data["documents"]:,} documents)
of the generated small world in {training["steps"]:,} steps,
{training["seconds"] / 60:.1f} minutes on one thread of a shared machine.
{_mixture(card)}{after}{blind}
Train it again: `make models NAME={card["name"]}`. All numbers with their settings: `card.json`; the loss curve:
`training_log.csv`. Weights are stored in float16 and meant for float32.

| measured | value (95 % interval, n) |
|---|---|
{table}

Steering: a difference of means is added where the reaction begins. Chosen on separate contexts:
{_settings(steering["chosen"])}.

Ten completions, sampled at temperature 1:

{samples}

What it is not: a model of {titles}. It knows the small world's words and templates and nothing else.
"""


def _of_other_language(title: str, found: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (f"{title}: loss over entropy", _cell(found["loss"]["loss_over_entropy"])),
        (f"{title}: grammatical completions, temperature 1", _cell(found["grammatical"]["temperature_1"])),
        (f"{title}: total variation from the posterior", _cell(found["posterior"]["total_variation"])),
    ]


def _mixture(card: dict[str, Any]) -> str:
    """What of a model of several languages was in which; empty for a model of one."""
    data, tokens = card["data"], card["data"]["tokens_by_source"]
    if len(data["languages"]) == 1:
        return ""
    parts = [
        f"{share:.0%} {language_of(name).title} ({tokens[name]:,} tokens)"
        for name, share in data["languages"].items()
    ]
    main, *_ = sorted(data["languages"], key=lambda name: -data["languages"][name])
    whole = [
        f"{found['all'] - found['by_bytes']} of the {found['all']} characters of the {language_of(name).title} world"
        for name, found in card["tokenizer"]["characters"].items()
    ]
    return (
        f"\nIts documents are {' and '.join(parts)}. {_posts(data)}"
        f"One vocabulary of {card['tokenizer']['vocabulary']:,} tokens serves both: it has "
        f"{' and '.join(whole)} whole, the rest as bytes. Rows of the table that name no language "
        f"are about {language_of(main).title}.\n\n"
    )


def _posts(data: dict[str, Any]) -> str:
    """How many of the texts of a model were posts; empty for none."""
    if not data["posts"]:
        return ""
    tokens = data["tokens_by_source"][POSTS]
    return f"Among its texts, {data['posts']:.0%} are posts of communities ({tokens:,} tokens). "


def _told(shares: Mapping[str, float]) -> str:
    """The languages of a corpus in words."""
    if len(shares) == 1:
        return language_of(next(iter(shares))).title
    return " and ".join(f"{share:.0%} {language_of(name).title}" for name, share in shares.items())


def _settings(chosen: dict[str, dict[str, Any]]) -> str:
    return "; ".join(
        f"{e} at layer {at['layer']}, alpha {at['alpha']:g}"
        + (f", and at the next {at['after']} position" if at["after"] else "")
        for e, at in chosen.items()
    )


def _cell(found: dict[str, Any]) -> str:
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f}, n = {found['n']})"


def _line(text: str) -> str:
    return text.replace("\n", " / ").replace("|", "\\|").replace("*", "\\*")


def _json(found: dict[str, Measured]) -> dict[str, Any]:
    return {key: value.as_json() for key, value in found.items()}


def _recipe(spec: Spec) -> dict[str, Any]:
    return {
        k: v for k, v in asdict(spec).items() if k not in ("name", "model_type", "manner", "blind", "family")
    }


def _adds_bos(tokenizer: PreTrainedTokenizerFast) -> bool:
    return bool(tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id)
