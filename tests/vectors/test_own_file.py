"""A reader's file gives the same numbers in the notebook, by a run file, and from the front door."""

from __future__ import annotations

import json

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell

import emotion_utils as eu
from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import NOTEBOOKS, PROJECT_ROOT
from emotion_utils.runtime.execution import execute
from emotion_utils.runtime.runs import read_run

MOODS = PROJECT_ROOT / "data" / "examples" / "moods.csv"
UNTIL = "scores"


def first_cells(path, saved):
    """The chapter up to its scores, which are written to a file."""
    notebook = nbformat.read(NOTEBOOKS / "03_emotion_vectors.ipynb", as_version=4)
    last = next(i for i, cell in enumerate(notebook.cells) if cell.get("id") == UNTIL)
    notebook.cells = [cell for cell in notebook.cells[: last + 1] if cell.cell_type == "code"]
    notebook.cells.append(new_code_cell(f"scores.to_json({str(saved)!r}, orient='records')"))
    nbformat.write(notebook, path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("reference", ["calm", "none"])
def test_notebook_run_file_and_front_door_agree(tmp_path, reference):
    run = tmp_path / "mine.yaml"
    own = f"prompts: {MOODS}\ntext_column: line\nlabel_column: mood\nreference: {reference}\n"
    run.write_text(f"{own}chapters:\n  03_emotion_vectors:\n    models: [small-gpt2]\n", encoding="utf-8")
    (job,) = read_run(run).chapters
    saved, parameters = tmp_path / "scores.json", {**job.parameters, "run_dir": str(tmp_path / "run")}
    execute(
        first_cells(tmp_path / job.notebook.name, saved), tmp_path / "out.ipynb", parameters, progress=False
    )
    page = pd.DataFrame(json.loads(saved.read_text(encoding="utf-8")))
    table = eu.prompts(MOODS, text="line", label="mood", reference=reference)
    model = eu.load("small-gpt2")
    ours = eu.probe(model, table, methods=["sentence end", "logistic, end"])
    kept = [
        "method",
        "emotion",
        "layer",
        "value",
        "low",
        "high",
        "null",
        "null_high",
        "p",
        "accuracy",
        "words",
        "n",
    ]
    assert json.loads(ours[kept].to_json(orient="records")) == json.loads(
        page[kept].to_json(orient="records")
    )
    assert set(page["set"]) == {"moods"}
    assert len(page) == 2 * (3 if reference == "calm" else 4)


def test_a_file_is_named_by_its_path(tmp_path):
    path = tmp_path / "my moods.csv"
    frame = pd.read_csv(MOODS).rename(columns={"line": "text", "mood": "emotion"})
    frame.to_csv(path, index=False)
    model = eu.load("small-gpt2")
    by_path, by_table = eu.probe(model, path), eu.probe(model, eu.prompts(path))
    assert set(by_path["set"]) == {"my moods"}
    pd.testing.assert_frame_equal(by_path.drop(columns="set"), by_table.drop(columns="set"))
    vector = eu.emotion_vector(model, "worry", str(path))
    build = eu.prompts(path).query("split == 'build'")
    ends = eu.activations(model, build).at("end")[1].double()
    own = (build["emotion"] == "worry").to_numpy().copy()
    assert vector.values.numpy() == pytest.approx((ends[own].mean(0) - ends[~own].mean(0)).numpy(), abs=1e-3)
    assert len(eu.project(model, eu.prompts(path), vector)) == 60
    tokens = eu.logit_lens(model, vector, 3, top=4, prompts=path)
    assert tokens["rank"].tolist() == [1, 2, 3, 4]
    with pytest.raises(UserError, match='no contrast for "anger": Known: calm, joy and worry'):
        eu.emotion_vector(model, "anger", path)
    with pytest.raises(UserError, match="implicit has none of the labels calm, joy and worry"):
        eu.probe(model, path, ["implicit"])
