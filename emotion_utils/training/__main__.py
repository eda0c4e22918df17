"""``python -m emotion_utils.training``: train, evaluate and sample the bundled models, print the corpus."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import MODELS
from emotion_utils.training.configs import SPECS, spec_of


def main(argv: list[str] | None = None) -> int:
    """Run one command; bad input ends in one sentence and status 2."""
    options = _parser().parse_args(argv)
    try:
        options.run(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emotion_utils.training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    train = commands.add_parser("train", help="train bundled models and write their cards")
    train.add_argument("names", nargs="+", metavar="NAME", help=f"'all' or: {', '.join(SPECS)}")
    train.add_argument("--out", type=Path, default=MODELS, help="folder that holds one folder per model")
    train.add_argument("--tokens", type=int, help="training tokens, for a quick trial")
    train.add_argument("--no-evaluate", action="store_true", help="leave out the evaluation and the card")
    train.set_defaults(run=_train)
    evaluate = commands.add_parser(
        "evaluate", help="measure a model against the grammar and print the numbers"
    )
    evaluate.add_argument("name", metavar="NAME", help="a bundled model, or a folder with one")
    evaluate.add_argument("--language", help="held against; by default that of most of the training")
    evaluate.set_defaults(run=_evaluate)
    card = commands.add_parser("card", help="measure a trained model and write its card again")
    card.add_argument("name", metavar="NAME", help=f"one of: {', '.join(SPECS)}")
    card.add_argument("--out", type=Path, default=MODELS, help="folder that holds one folder per model")
    card.set_defaults(run=_card)
    samples = commands.add_parser("samples", help="let a model complete neutral contexts")
    samples.add_argument("name", metavar="NAME", help="a bundled model, or a folder with one")
    samples.add_argument("-n", type=_positive, default=5, help="how many")
    samples.add_argument("--temperature", type=float, default=1.0)
    samples.add_argument("--language", help="of the contexts; by default that of most of the training")
    samples.set_defaults(run=_samples)
    corpus = commands.add_parser("corpus", help="print documents of the corpus")
    corpus.add_argument("-n", type=_positive, default=5, help="how many")
    corpus.add_argument("--seed", type=int, default=0)
    corpus.add_argument("--language", default="en", help="en or ja")
    corpus.add_argument("--split", default="train", help="train, heldout_templates, heldout_words or all")
    corpus.set_defaults(run=_corpus)
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def _train(options: argparse.Namespace) -> None:
    specs = [spec_of(name) for name in (SPECS if options.names == ["all"] else options.names)]
    if options.tokens is not None and options.tokens < 20_000:
        raise UserError(f"--tokens is {options.tokens}; a tokenizer and a model need at least 20000.")
    from emotion_utils.training.cards import write_card
    from emotion_utils.training.trainer import train

    for spec in specs:
        spec = replace(spec, tokens=options.tokens or spec.tokens)
        trained = train(spec, options.out / spec.name)
        if not options.no_evaluate:
            write_card(options.out / spec.name, spec)
        loss, entropy = trained.validation_loss, trained.generator_entropy
        print(
            f"{spec.name}: {trained.seconds / 60:.1f} min, {trained.tokens:,} tokens, validation loss {loss:.4f} nats "
            f"per token, {loss / entropy:.3f} times the generator's entropy; in {options.out / spec.name}"
        )


def _folder(name: str) -> Path:
    folder = Path(name) if (Path(name) / "config.json").is_file() else MODELS / spec_of(name).name
    if not (folder / "model.safetensors").is_file():
        raise UserError(f"There is no trained model in {folder}. `make models NAME={name}` trains it.")
    return folder


def _language(asked: str | None, folder: Path) -> str:
    """The language that was asked for, else the one that most of a model's documents are written in."""
    return asked or (SPECS[folder.name].language if folder.name in SPECS else "en")


def _card(options: argparse.Namespace) -> None:
    from emotion_utils.training.cards import write_card

    found = write_card(options.out / options.name, spec_of(options.name))
    print(json.dumps({k: v for k, v in found.items() if isinstance(v, int | float | str)}, indent=2))


def _evaluate(options: argparse.Namespace) -> None:
    folder = _folder(options.name)
    from emotion_utils.training.cards import evaluation
    from emotion_utils.training.evaluation import load_trained

    blind, language = folder.name.endswith("-blind"), _language(options.language, folder)
    found = evaluation(load_trained(folder), blind, language=language)
    del found["samples"]
    print(json.dumps(found, indent=2))


def _samples(options: argparse.Namespace) -> None:
    folder = _folder(options.name)
    from emotion_utils.smallworld import load_grammar
    from emotion_utils.smallworld.corpus import reacting
    from emotion_utils.training.evaluation import grammatical_share, load_trained

    grammar = load_grammar(_language(options.language, folder))
    docs = reacting(grammar, options.n, seed=0, emotion="neutral")
    _, rows = grammatical_share(load_trained(folder), grammar, docs, options.temperature)
    for row in rows:
        print(f"{row['context']}>>>{row['completion']}<<<\ngrammatical: {row['grammatical']}\n{'-' * 40}")


def _corpus(options: argparse.Namespace) -> None:
    from emotion_utils.smallworld import load_grammar
    from emotion_utils.smallworld.corpus import documents

    grammar = load_grammar(options.language)
    grammar.view(options.split)
    for document in documents(grammar, options.n, options.seed, options.split):
        print(
            f"[{document.form}: {document.emotion}, {-document.logp:.1f} nats]\n{document.text}\n{'-' * 40}"
        )


def _with_huge_pages() -> None:
    """Start again with large memory pages, which the C library reads only at its start: training is far faster."""
    tuning = os.environ.get("GLIBC_TUNABLES", "")
    if sys.platform == "linux" and "hugetlb" not in tuning:
        os.environ["GLIBC_TUNABLES"] = ":".join(filter(None, [tuning, "glibc.malloc.hugetlb=1"]))
        os.execv(sys.executable, [sys.executable, "-m", "emotion_utils.training", *sys.argv[1:]])  # noqa: S606 no shell is wanted


if __name__ == "__main__":
    _with_huge_pages()
    sys.exit(main())
