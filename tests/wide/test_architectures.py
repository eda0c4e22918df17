"""Every chapter on models as wide as the reports' own: `make test-wide`, which takes an hour on two cores.

`WIDE` names architectures of :mod:`architectures`, or is `all`; `CHAPTERS` the beginnings of chapters. Each chapter is
the notebook itself, run as `make book` runs it; a first cell lowers what it may spend and notes what it takes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import psutil
import pytest

from emotion_utils.core.paths import NOTEBOOKS, PROJECT_ROOT, PROMPTS

ASKED = os.environ.get("WIDE", "")
if not ASKED:
    pytest.skip("`make test-wide` asks for it", allow_module_level=True)

from wide.architectures import ARCHITECTURES  # noqa: E402

NAMES = [name for name in ARCHITECTURES if ASKED == "all" or name in ASKED.split(",")]
CHAPTERS = tuple(os.environ.get("CHAPTERS", "02,03,04,05,06,07").split(","))
TOKENS = 3_000
"""What a chapter may spend on its model where it asks a budget; checks of the method itself have their own size."""
PAIRS = {"build": 4, "select": 2, "test": 2}
"""Pairs of each emotion that are kept of a prompt set, by split: so many tokens are few."""
SHARE = 0.8
"""Of the memory that is free when a test begins, which a chapter may take at most."""
FIRST = """
import json, resource, torch
from dataclasses import replace
from pathlib import Path
from emotion_utils.core import profiles
from emotion_utils.prompts import loading
loading.PROMPTS = Path({prompts!r})
for sizes in (profiles.HEADS_SIZES, profiles.STEERING_SIZES):
    sizes["smoke"] = replace(sizes["smoke"], tokens={tokens})
tokens_read = [0]
def _count(module, args):
    if isinstance(module, torch.nn.Embedding) and module.num_embeddings == {vocabulary}:
        tokens_read[0] += args[0].numel()
_handle = torch.nn.modules.module.register_module_forward_pre_hook(_count)
def _note(_result):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    Path({note!r}).write_text(json.dumps({{"tokens": tokens_read[0], "peak": peak}}))
get_ipython().events.register("post_run_cell", _note)
"""


@pytest.fixture(scope="module", params=NAMES)
def model(request, tmp_path_factory):
    """A directory with the model; removed before the next one is made."""
    folder = tmp_path_factory.mktemp("wide") / request.param
    script = "import sys\nsys.path.insert(0, 'tests')\nfrom pathlib import Path\n"
    script += "from wide.architectures import ARCHITECTURES\n"
    script += f"print(ARCHITECTURES[{request.param!r}].save(Path({str(folder)!r})))"
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    yield request.param, folder, int(done.stdout.split()[-1])
    for path in folder.iterdir():
        path.unlink()


@pytest.fixture(scope="module")
def prompts(tmp_path_factory):
    """The prompt sets with a few pairs of each emotion and split, each of a group of its own."""
    folder = tmp_path_factory.mktemp("prompts")
    for path in PROMPTS.glob("*.jsonl"):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        taken: dict[tuple[str, str], set[str]] = {}
        pairs = set()
        for row in rows:
            groups = taken.setdefault((row["emotion"], row["split"]), set())
            if (
                row["emotion"] != "neutral"
                and row["group"] not in groups
                and len(groups) < PAIRS[row["split"]]
            ):
                groups.add(row["group"])
                pairs.add(row["pair_id"])
        kept = [json.dumps(row) for row in rows if row["pair_id"] in pairs or path.stem == "smoke"]
        (folder / path.name).write_text("\n".join(kept) + "\n", encoding="utf-8")
    return folder


def copied(chapter: str, folder: Path, vocabulary: int, prompts: Path) -> tuple[Path, Path]:
    """A copy of a notebook that says what it took, and where it says so."""
    notebook = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4)
    note = folder / f"{chapter}.json"
    first = FIRST.format(tokens=TOKENS, vocabulary=vocabulary, prompts=str(prompts), note=str(note))
    notebook.cells.insert(0, nbformat.v4.new_code_cell(first))
    path = folder / f"{chapter}.ipynb"
    nbformat.write(notebook, path)
    return path, note


@pytest.mark.parametrize(
    "chapter", sorted(p.stem for p in NOTEBOOKS.glob("*.ipynb") if p.stem[:2] in CHAPTERS)
)
def test_a_chapter_runs_on_a_wide_model(model, prompts, chapter, tmp_path, capsys):
    name, folder, parameters = model
    architecture = ARCHITECTURES[name]
    notebook, note = copied(chapter, tmp_path, architecture.vocabulary, prompts)
    values = {"profile": "smoke", "dtype": architecture.dtype, "run_dir": str(tmp_path / "run")}
    values |= {"models": f"{folder}, small-gpt2"} if chapter[:2] == "04" else {"model": str(folder)}
    free = psutil.virtual_memory().available
    command = [
        sys.executable,
        "-m",
        "emotion_utils.runtime.execution",
        str(notebook),
        str(tmp_path / "out.ipynb"),
    ]
    done = subprocess.run(
        [*command, "--parameters", json.dumps(values), "--threads", "2", "--no-progress"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
    )
    took = json.loads(note.read_text(encoding="utf-8"))
    with capsys.disabled():
        print(
            f"\n{name} ({parameters / 1e6:,.0f} M parameters, {architecture.dtype}), {chapter}: "
            f"{took['tokens']:,} tokens, peak {took['peak'] / 1e9:.1f} GB"
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert took["tokens"] > 0
    assert took["peak"] < SHARE * free
