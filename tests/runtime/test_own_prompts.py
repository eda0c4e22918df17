"""A reader's own texts in a chapter: read once, checked, and cells left out that ask what the texts do not have."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from notebook_factory import write_notebook

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import NOTEBOOKS, PROJECT_ROOT
from emotion_utils.runtime import own_prompts
from emotion_utils.runtime.execution import main
from emotion_utils.runtime.own_prompts import NEEDS, install, label_map_of, needs_of, read_own
from emotion_utils.runtime.parameters import validate
from emotion_utils.runtime.runs import read_run

MOODS = PROJECT_ROOT / "data" / "examples" / "moods.csv"
GIVEN = {"prompts": str(MOODS), "text_column": "line", "label_column": "mood"}


def pairs_file(path: Path, words: bool = False) -> Path:
    """Pairs of a joyful or a worried text with a neutral one; with ``words`` the emotion word and its match marked."""
    rows = ["text,emotion,pair_id" + (",emotion_start,emotion_end,match_start,match_end" if words else "")]
    for label, word in (("joy", "glad"), ("worry", "worried")):
        for i in range(6):
            spans = f",5,{5 + len(word)},5,9" if words else ""
            rows.append(f"I am {word} of number {i}.,{label},{label}{i}{spans}")
            rows.append(f"I am sure of {label} number {i}.,neutral,{label}{i}" + ",,,," * words)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


# --- what a file has


def test_no_file_is_no_texts_and_what_is_about_a_file_is_refused_without_one():
    assert read_own({}) is None
    assert (
        read_own({"prompts": " ", "text_column": "text", "label_column": "emotion", "label_map": ""}) is None
    )
    for name in ("text_column", "label_column", "label_map"):
        with pytest.raises(UserError, match=f'"{name}" is about a file of your own'):
            read_own({name: "mood"})


def test_the_example_lacks_everything_but_labels():
    own = read_own(GIVEN)
    assert own.name == "moods"
    assert own.lacking == set(NEEDS)
    assert own.reference == ""
    assert "60 texts of moods**, labelled calm (20), joy (20) and worry (20)" in own.note()
    assert "no reference label" in own.note()


def test_a_reference_is_neutral_and_the_note_says_what_it_is_called():
    own = read_own({**GIVEN, "reference": "calm"})
    assert own.lacking == {"small world", "pairs", "words"}
    assert "joy (20), worry (20) and calm (20); *calm* is what the others are compared with" in own.note()
    assert "is called *neutral* in tables" in own.note()
    assert own.table["emotion"].value_counts().to_dict() == {"joy": 20, "worry": 20, "neutral": 20}


def test_pairs_and_marked_words_are_found(tmp_path):
    own = read_own({"prompts": str(pairs_file(tmp_path / "mine.csv"))})
    assert own.lacking == {"small world", "words"}
    own = read_own({"prompts": str(pairs_file(tmp_path / "marked.csv", words=True))})
    assert own.lacking == {"small world"}


def test_a_file_that_changes_is_read_again_and_otherwise_once(tmp_path):
    path = pairs_file(tmp_path / "mine.csv")
    given = {"prompts": str(path)}
    first = read_own(given)
    assert read_own(given) is first
    path.write_text(path.read_text().replace("joy", "delight"))
    assert set(read_own(given).table["emotion"]) == {"delight", "worry", "neutral"}


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"prompts": "nowhere.csv"}, "where there is no file"),
        ({"label_column": "moood"}, "no column 'moood' for the label"),
        ({"reference": "clam"}, 'The reference "clam" is not a label of moods.csv: did you mean "calm"'),
        ({"label_map": "calm=, worry="}, 'All 20 texts of moods.csv have the label "joy"'),
        ({"label_map": "glum=sad"}, '"glum", which moods.csv does not have'),
        ({"label_map": "calm"}, "the part 'calm'"),
        ({"label_map": "calm=a, calm=b"}, 'renames "calm" twice'),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(changed, sentence):
    with pytest.raises(UserError) as caught:
        read_own({**GIVEN, **changed})
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_many_labels_an_empty_class_and_two_texts_are_refused(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("text,emotion\n" + "".join(f"t {i} {j},l{i}\n" for i in range(31) for j in range(5)))
    with pytest.raises(UserError, match="31 labels"):
        read_own({"prompts": str(path)})
    path.write_text("text,emotion\n" + "".join(f"t {i} {j},l{i}\n" for i in range(2) for j in range(2)))
    with pytest.raises(UserError, match='2 texts of "l0", none of them in the split'):
        read_own({"prompts": str(path)})


def test_label_maps_are_read_from_one_line():
    assert label_map_of("") == {}
    for written in (" glad: joy, sad : deep grief ,odd:,", "glad=joy, sad = deep grief,odd="):
        assert label_map_of(written) == {"glad": "joy", "sad": "deep grief", "odd": None}
    for wrong in ("glad", ": joy"):
        with pytest.raises(UserError, match="write label: name"):
            label_map_of(wrong)


# --- parameters of a chapter


def test_a_chapter_is_about_the_file_or_about_its_profile():
    params = validate({"profile": "smoke", **GIVEN}, "02_activations")
    assert (params.set, params.profile) == ("moods", "smoke")
    assert list(params.sets("implicit", "unfamiliar")) == ["moods"]
    assert params.sets()["moods"] is params.own.table
    params = validate({"profile": "smoke"}, "02_activations")
    assert (params.set, params.own) == ("smoke", None)
    assert [len(table) for table in params.sets("implicit").values()] == [16, 432]


def test_a_run_file_names_the_texts_once_for_all_chapters(tmp_path):
    text = (
        (
            f"prompts: {MOODS}\ntext_column: line\nlabel_column: mood\nreference: calm\nlabel_map: {{worry: dread}}\n"
            "chapters:\n  00_calibration:\n  01_dataset:\n  02_activations:\n    parameters: {{reference: none}}\n"
        )
        .replace("{{reference", "{reference")
        .replace("none}}", "none}")
    )
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    jobs = {job.chapter: job.parameters for job in read_run(path).chapters}
    assert "prompts" not in jobs["00_calibration"]
    assert jobs["01_dataset"]["prompts"] == str(MOODS)
    assert (jobs["01_dataset"]["reference"], jobs["02_activations"]["reference"]) == ("calm", "none")
    assert jobs["01_dataset"]["label_map"] == "worry=dread"
    own = validate({k: v for k, v in jobs["01_dataset"].items() if k != "model"}, "01_dataset").own
    assert set(own.table["emotion"]) == {"joy", "dread", "neutral"}
    path.write_text(text.replace("column: mood", "column: mod"), encoding="utf-8")
    with pytest.raises(UserError, match=r"mine\.yaml.*no column 'mod' for the label"):
        read_run(path)


def test_a_run_file_needs_no_columns_where_they_have_the_usual_names(tmp_path):
    path = tmp_path / "mine.yaml"
    texts = pairs_file(tmp_path / "texts.csv")
    path.write_text(f"prompts: {texts}\nchapters:\n  01_dataset:\n", encoding="utf-8")
    (job,) = read_run(path).chapters
    assert validate(job.parameters, "01_dataset").set == "texts"
    path.write_text("label_column: mood\nchapters:\n  01_dataset:\n", encoding="utf-8")
    with pytest.raises(UserError, match='"label_column" is about a file of your own'):
        read_run(path)


# --- cells that are left out


def test_needs_stand_in_the_first_line():
    assert needs_of("# needs: pairs, words\n1 + 1") == ["pairs", "words"]
    assert needs_of("\n\n# needs: neutral") == ["neutral"]
    assert needs_of("1 + 1\n# needs: pairs") == needs_of("") == needs_of("# what it needs: pairs") == []
    with pytest.raises(UserError, match=r'A cell needs "pears".*did you mean "pairs"'):
        needs_of("# needs: pears\n1")


def test_every_need_in_the_notebooks_is_known():
    found = set()
    for path in NOTEBOOKS.glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        found |= {need for cell in cells if cell.cell_type == "code" for need in needs_of(cell.source)}
    assert found <= set(NEEDS)
    assert "small world" in found


@pytest.fixture
def shell():
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def shown(shell, cell: str) -> str:
    """What a cell gives as Markdown."""
    result = shell.run_cell(cell)
    assert result.success
    return getattr(result.result, "data", result.result)


def test_a_shell_leaves_out_what_the_texts_lack_and_runs_it_again_without_them(shell):
    cell = "# needs: pairs\nhere = 41 + 1\nhere"
    assert shown(shell, cell) == 42
    install(read_own(GIVEN))
    assert shown(shell, cell.replace("here", "there")) == f"*Left out: {NEEDS['pairs']}.*"
    assert "there" not in shell.user_ns
    assert shown(shell, "2 + 2  # needs: pairs") == 4
    assert not shell.run_cell("# needs: pears\n1").success
    install(read_own({**GIVEN, "reference": "calm"}))
    assert shown(shell, "# needs: neutral\n5") == 5
    assert NEEDS["words"] in shown(shell, "# needs: neutral, words\n6")
    install(None)
    assert shown(shell, cell) == 42


def test_nothing_happens_outside_of_a_notebook():
    assert own_prompts.install(read_own(GIVEN)) is None


def test_papermill_leaves_cells_out_too(tmp_path):
    cells = (
        "# needs: small world\nleft = 1 / 0",
        "'left' in globals(), params.set",
        "# needs: neutral\n'has one'",
    )
    notebook = write_notebook(tmp_path / "01_dataset.ipynb", cells)
    output = tmp_path / "copy.ipynb"
    given = json.dumps({**GIVEN, "reference": "calm"})
    assert main([str(notebook), str(output), "--parameters", given, "--no-progress"]) == 0
    validation, *rest = nbformat.read(output, as_version=4).cells[2:]
    assert "60 texts of moods" in validation.outputs[0]["data"]["text/markdown"]
    output = rest[0].outputs[0]
    assert output["data"]["text/markdown"] == f"*Left out: {NEEDS['small world']}.*"
    assert output["metadata"]["text/markdown"] == {"left_out": "small world"}
    assert rest[0].source.startswith("# needs: small world")
    texts = [cell.outputs[0]["data"]["text/plain"] for cell in rest[1:]]
    assert texts == ["(False, 'moods')", "'has one'"]
