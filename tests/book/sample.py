"""A tiny book that uses every means of the real one: two models, figures, viewers, a table, glue, maths, a citation."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.runtime import runs
from emotion_utils.runtime.execution import execute
from emotion_utils.runtime.runs import Job, Run

CHAPTER = "01_sample"
MODELS = ("gpt2", "pythia-160m")

TOC = f"""
format: jb-book
root: book/index
parts:
  - caption: Start here
    chapters:
      - file: book/facts
  - caption: Chapters
    chapters:
      - file: notebooks/{CHAPTER}
      - file: notebooks/99_not_run
"""

INDEX = """# A sample book

Read [the chapter](../notebooks/01_sample.ipynb) or [the facts](facts.md), which say that the largest loss is
{glue:text}`../notebooks/01_sample.ipynb::largest:.2f` nats. Inline maths such as $h_{t+1} = \\hat h_{t+1} + r$ and

$$
\\mathrm{overlap}(U, V) = \\frac{\\lVert U V^\\top \\rVert_F^2}{\\min(k_u, k_v)}
$$ (eq-overlap)

needs no script; {eq}`eq-overlap` lies in [0, 1]. Colours follow {cite:t}`okabe2008`.

```{bibliography}
```
"""

FACTS = """---
file_format: mystnb
kernelspec:
  name: python3
---
# Facts

Back to [the welcome page](index.md).

```{code-cell} python
:tags: [remove-input]
from IPython.display import Markdown

Markdown(f"Six times seven is **{6 * 7}**, a number that nobody typed.")
```
"""

SETUP = """\
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from IPython.display import Markdown
from myst_nb import glue

from emotion_utils import plots"""

LOSS = """\
steps = np.arange(0, 200)
figure = go.Figure()
for emotion, rate in {"gratitude": 0.03, "anger": 0.02, "apology": 0.015}.items():
    loss = 2 + 4 * np.exp(-rate * steps)
    figure.add_scatter(x=steps, y=loss, name=emotion, line_color=plots.emotion_colour(emotion))
figure.update_xaxes(title="training step").update_yaxes(title="loss (nats per token)")
glue("largest", float(6.0), display=False)
plots.show(figure, title="The loss falls", alt="Three curves fall from 6 to about 2 nats.",
           caption="Look for the order of the curves: gratitude is learned first.")"""

HEAT = """\
matrix = np.sin(np.arange(12)[:, None] / 3) * np.cos(np.arange(8)[None, :] / 2)
heat = go.Figure(go.Heatmap(z=matrix, colorscale=plots.DIVERGING, zmid=0, colorbar_title="effect (nats)"))
heat.update_xaxes(title="head").update_yaxes(title="layer")
plots.show(heat, title="Effects by layer and head", alt="A heat map of 12 layers and 8 heads.")"""

TABLE = """\
data = pd.DataFrame({"emotion": ["gratitude", "<b>anger</b>"], "n": [70, 71], "share": [0.25, np.nan]})
plots.table(data, "Counts, with a cell that must be escaped", formats={"share": ".1%"})"""

TOKENS = """\
words = ["The", " neighbour", " brought", " soup", ",", " </script>", " thank", " you", "!"]
values = [0, 0.1, 0.3, 0.2, -0.1, -1.0, 1.2, 1.0, 0.4]
plots.tokens(words, values, title="Where gratitude is read", alt="The words thank and you are the strongest.")"""

ATTENTION = """\
scores = np.tril(np.random.default_rng(0).random((4, 9, 9)))
plots.attention(words, scores / scores.sum(-1, keepdims=True), title="Attention of four heads",
                alt="Weights are spread over all earlier tokens.", heads=[f"L0H{i}" for i in range(4)])"""

EXPLORER = """\
emotions, prompts = ["gratitude", "anger"], ["The bus came at noon and Ada said:", "The lamp was on. Ben wrote back:"]
grid = pd.MultiIndex.from_product([emotions, prompts, [1, 2], [0, 0.5, 1]])
steered = grid.to_frame(index=False, name=["emotion", "prompt", "layer", "alpha"])
number = steered.index.to_series()
steered["text"] = "Said number " + number.astype(str) + ", & <img src=x onerror=alert(1)></script>"
steered["target"], steered["perplexity"] = number / 23, 1 + number / 10
plots.explorer(steered, title="Steered texts", alt="Higher alpha, higher score.",
               scores={"target": "says the target emotion", "perplexity": "perplexity / genuine"})"""

FINDING = """\
Markdown(f"On **{model}** the largest loss is {6.0:.2f} nats.")"""


def sample_run(root: Path, models: tuple[str, ...] = MODELS) -> Run:
    """The run of the sample; `emotion_utils.runtime.runs.BUILD` must point into `root` (see `built_under`)."""
    jobs = [Job("sample", CHAPTER, model, {"model": model}) for model in models]
    return Run("sample", "smoke", 0, "cpu", "float32", jobs, site=root)


@contextmanager
def built_under(root: Path) -> Iterator[None]:
    """Runs keep what they make under `root` instead of the project's own folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "BUILD", root / "build")
        yield


def notebook() -> nbformat.NotebookNode:
    """The chapter, not yet executed."""
    parameters = new_code_cell(
        'model: str = "gpt2"\nprofile: str = "smoke"\nseed: int = 0', metadata={"tags": ["parameters"]}
    )
    cells = [
        new_markdown_cell("(sample-chapter)=\n# A sample chapter\n\nWhat a page can hold."),
        parameters,
        new_code_cell(SETUP),
        new_markdown_cell("## Figures\n\nTwo figures and what they show."),
        *map(new_code_cell, (LOSS, HEAT)),
        new_markdown_cell("## Tables\n\n| plain | table |\n|---|---|\n| of | Markdown |"),
        new_code_cell(TABLE),
        new_markdown_cell("## Viewers"),
        *map(new_code_cell, (TOKENS, ATTENTION, EXPLORER, FINDING)),
    ]
    return new_notebook(
        cells=cells,
        metadata={"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}},
    )


def write_project(root: Path) -> None:
    """Plan, prose and configuration of the sample under `root`; look and extension are those of the real book."""
    for name in ("_ext", "_static"):
        shutil.copytree(
            PROJECT_ROOT / "book" / name, root / "book" / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(PROJECT_ROOT / "book" / "references.bib", root / "book")
    shutil.copy(PROJECT_ROOT / "_config.yml", root)
    (root / "_toc.yml").write_text(TOC)
    (root / "book" / "index.md").write_text(INDEX)
    (root / "book" / "facts.md").write_text(FACTS)


def execute_chapter(root: Path) -> Run:
    """Execute the chapter once per model and return the run that the book can be made of."""
    source = root / "notebooks" / f"{CHAPTER}.ipynb"
    source.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook(), source)
    run = sample_run(root)
    for job in run.chapters:
        execute(source, job.output, job.parameters, progress=False)
    return run
