"""Every chapter on models as wide as the reports' own: `make test-wide`, which takes hours on two cores.

`WIDE` names architectures of :mod:`architectures`, or is `all`; `CHAPTERS` the beginnings of chapters, `DTYPE` of what
they load, `THREADS` their number in a notebook. Each chapter is the notebook itself, run as `make book` runs it; a
first cell lowers what it asks for (:mod:`lean`) and notes what it takes (:mod:`meter`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
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
CHAPTERS = tuple(os.environ.get("CHAPTERS", "02,03,04,05,06,07,08,09").split(","))
COMPARING = ("04", "08", "09")
"""Chapters about several models."""
DTYPE = os.environ.get("DTYPE", "float32")
"""In which they run, as the library itself would on a CPU: most of these multiply bfloat16 several times slower."""
AS_KEPT = ("06",)
"""Those that hold an untrained model beside theirs run in the dtype of the files: two of this width are 20 GB else."""
THREADS = os.environ.get("THREADS", "2")
TESTS = Path(__file__).parents[1]
TOKENS = 3_000
"""Of its model that a chapter may read; :mod:`meter` says what a token is."""
PAIRS = {"build": 1, "select": 1, "test": 1}
"""Pairs of each emotion that are kept of a prompt set, by split: so many tokens are few."""
FEWER = {"06": {"test": 0}, "07": {"test": 0}}
"""The same of single chapters, whose heads are each run on all pairs."""
FEWER_OF_PROFILE = {"07": {"select": 0}}
"""The same of the profile's own set there: as published, texts are generated from its pairs of both other splits."""
LEFT_OUT = {"07": {"apology"}, "08": {"apology"}}
"""Emotions that are left out there, of all sets but the profile's own."""
CONTEXTS_ALONE = {"08": {"test"}}
"""Splits of which neutral prompts alone are kept there: steering begins from them, and heads are not run on them."""
WHOLE = ("smoke", "baseline", "extended")
"""Those that are kept whole: the profile itself, and those whose tokens are counted without a model."""
SHARE = 0.8
"""Of the memory that is free when a test begins, which a chapter may take at most."""
FIRST = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from wide.lean import lowered
from wide.meter import Meter
sys.path.remove({tests!r})
lowered({number!r}, Path({prompts!r}))
_handle = Meter(Path({folder!r}), {vocabulary}, Path({note!r})).start(get_ipython().events)
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


@pytest.fixture
def prompts(chapter, tmp_path):
    folder = tmp_path / "prompts"
    folder.mkdir()
    return kept_prompts(folder, chapter)


def kept_prompts(folder: Path, chapter: str) -> Path:
    """The prompt sets with a few short pairs of each emotion and split, each of a group of its own."""
    for path in PROMPTS.glob("*.jsonl"):
        most = PAIRS | FEWER.get(chapter[:2], {})
        most |= FEWER_OF_PROFILE.get(chapter[:2], {}) if path.stem == "smoke" else {}
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        long = Counter()
        for row in rows:
            long[row["pair_id"]] += len(row["text"])
        left_out = {"neutral"} | (LEFT_OUT.get(chapter[:2], set()) if path.stem != "smoke" else set())
        taken: dict[tuple[str, str], set[str]] = {}
        pairs = set()
        for row in sorted(rows, key=lambda row: long[row["pair_id"]]):
            groups = taken.setdefault((row["emotion"], row["split"]), set())
            if (
                row["emotion"] not in left_out
                and row["group"] not in groups
                and len(groups) < most[row["split"]]
            ):
                groups.add(row["group"])
                pairs.add(row["pair_id"])
        whole = path.stem in WHOLE and not (path.stem == "smoke" and chapter[:2] in FEWER)
        alone = CONTEXTS_ALONE.get(chapter[:2], set()) if path.stem == "implicit" else set()
        rows = [row for row in rows if row["emotion"] == "neutral" or row["split"] not in alone]
        kept = [json.dumps(row) for row in rows if whole or row["pair_id"] in pairs]
        (folder / path.name).write_text("\n".join(kept) + "\n", encoding="utf-8")
    return folder


def copied(chapter: str, model: Path, vocabulary: int, prompts: Path, folder: Path) -> tuple[Path, Path]:
    """A copy of a notebook in a folder that says what it took of a model, and where it says so."""
    notebook = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4)
    note = folder / f"{chapter}.json"
    first = FIRST.format(
        tests=str(TESTS), number=chapter[:2], prompts=str(prompts), folder=str(model), vocabulary=vocabulary,
        note=str(note),
    )  # fmt: skip
    notebook.cells.insert(0, nbformat.v4.new_code_cell(first))
    path = folder / f"{chapter}.ipynb"
    nbformat.write(notebook, path)
    return path, note


def values_of(chapter: str, model: Path, dtype: str, run: Path) -> dict[str, str]:
    """The parameters of a chapter; one that compares models has a small one beside the wide one."""
    named = {"models": f"{model}, small-gpt2"} if chapter[:2] in COMPARING else {"model": str(model)}
    return {"profile": "smoke", "dtype": dtype, "run_dir": str(run), **named}


def executed(
    notebook: Path, values: dict[str, str], folder: Path
) -> tuple[float, subprocess.CompletedProcess[str]]:
    """The seconds that a notebook takes, and how it ended; no fetched model is there that could judge texts."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "emotion_utils.runtime.execution", str(notebook), str(folder / "out.ipynb"),
         "--parameters", json.dumps(values), "--threads", THREADS, "--no-progress"],
        cwd=PROJECT_ROOT,
        env=os.environ | {"EMOTION_CIRCUITS_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
    )  # fmt: skip
    return time.perf_counter() - begun, done


@pytest.mark.parametrize(
    "chapter", sorted(p.stem for p in NOTEBOOKS.glob("*.ipynb") if p.stem[:2] in CHAPTERS)
)
def test_a_chapter_runs_on_a_wide_model(model, prompts, chapter, tmp_path, capsys):
    name, folder, parameters = model
    architecture = ARCHITECTURES[name]
    notebook, note = copied(chapter, folder, architecture.vocabulary, prompts, tmp_path)
    free = psutil.virtual_memory().available
    dtype = architecture.dtype if chapter[:2] in AS_KEPT else DTYPE
    seconds, done = executed(notebook, values_of(chapter, folder, dtype, tmp_path / "run"), tmp_path)
    assert note.is_file(), done.stderr[-3000:]
    took = json.loads(note.read_text(encoding="utf-8"))
    with capsys.disabled():
        print(
            f"\n{name} ({parameters / 1e6:,.0f} M parameters, {dtype}), {chapter}: "
            f"{took['tokens']:,} tokens, {took['beside']:,} of untrained models beside it, peak "
            f"{took['peak'] / 1e9:.1f} GB, {seconds:,.0f} s"
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert 0 < took["tokens"] <= TOKENS
    assert took["peak"] < SHARE * free
