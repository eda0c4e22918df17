from __future__ import annotations

from pathlib import Path

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import BUILD, NOTEBOOKS, PROJECT_ROOT, RUNS
from emotion_utils.runtime.runs import Job, read_run

MINIMAL = "chapters:\n  01_dataset:\n"


@pytest.fixture
def write(tmp_path):
    def _write(text: str, name: str = "mine.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def test_a_minimal_file_takes_the_declared_defaults(write):
    run = read_run(write(MINIMAL))
    assert (run.name, run.profile, run.seed, run.device, run.dtype) == (
        "mine",
        "baseline",
        0,
        "cpu",
        "float32",
    )
    assert [job.name for job in run.chapters] == ["01_dataset"]
    assert run.html == PROJECT_ROOT / "_build" / "html"
    assert run.book == BUILD / "mine" / "book"


def test_a_chapter_becomes_one_job_per_model(write):
    text = "profile: smoke\nseed: 3\nchapters:\n  01_dataset:\n    models: [small-gpt2, small-llama3]\n"
    jobs = read_run(write(text)).chapters
    assert [job.model for job in jobs] == ["small-gpt2", "small-llama3"]
    assert jobs[1].output == BUILD / "mine" / "notebooks" / "01_dataset--small-llama3.ipynb"
    assert jobs[1].notebook == NOTEBOOKS / "01_dataset.ipynb"
    assert jobs[1].parameters == {
        "model": "small-llama3",
        "profile": "smoke",
        "seed": 3,
        "device": "cpu",
        "dtype": "float32",
        "run_dir": "build/mine",
    }


def test_models_of_the_run_hold_for_chapters_that_name_none(write):
    text = (
        "models: [small-llama3]\nchapters:\n  01_dataset:\n    profile: extended\n    parameters: {seed: 9}\n"
    )
    (job,) = read_run(write(text)).chapters
    assert (job.model, job.parameters["profile"], job.parameters["seed"]) == ("small-llama3", "extended", 9)


def test_a_hub_id_or_path_gives_a_fit_file_name():
    assert Job("r", "01_dataset", "meta-llama/Llama-3.1-8B", {}).name == "01_dataset--meta-llama-Llama-3.1-8B"
    assert Job("r", "01_dataset", "../models/my model", {}).name == "01_dataset--my-model"


def test_a_relative_model_path_starts_from_the_project(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = read_run(write("models: [data/models/small-llama3]\n" + MINIMAL))
    assert run.chapters[0].name == "01_dataset--small-llama3"


COMPARED = {"models": "small-gpt2, small-neo"}


@pytest.mark.parametrize("chapter", ["04_alignment", "08_statistics"])
@pytest.mark.parametrize(
    "entry",
    [
        "models: [small-gpt2, small-neo]",
        "models: small-gpt2, small-neo",
        "parameters: {models: [small-gpt2, small-neo]}",
        'parameters: {models: "small-gpt2,small-neo"}',
    ],
)
def test_models_that_a_chapter_sets_side_by_side_stand_where_models_stand(write, chapter, entry):
    (job,) = read_run(write(f"chapters:\n  {chapter}:\n    {entry}\n")).chapters
    assert job.model is None
    assert {"models": job.parameters["models"]} == COMPARED
    assert job.models == ["small-gpt2", "small-neo"]


def test_a_number_in_quotes_and_one_part_for_several_chapters(write):
    text = (
        'name: "2025"\nx-mine: &mine {profile: smoke, models: [small-gpt2]}\n'
        "chapters:\n  01_dataset: {<<: *mine}\n  02_activations:\n    <<: *mine\n    profile: extended\n"
    )
    run = read_run(write(text))
    assert run.name == "2025"
    assert [(job.name, job.parameters["profile"]) for job in run.chapters] == [
        ("01_dataset--small-gpt2", "smoke"),
        ("02_activations--small-gpt2", "extended"),
    ]


def test_the_home_folder_has_its_short_name(write, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_run(write("site: ~/pages\n" + MINIMAL)).site == tmp_path / "pages"


def test_another_place_for_the_pages(write):
    assert read_run(write("site: build/x\n" + MINIMAL)).html == BUILD / "x" / "_build" / "html"


@pytest.mark.parametrize("path", sorted(RUNS.glob("*.yaml")), ids=lambda path: path.name)
def test_the_run_files_of_the_project_are_good(path):
    assert read_run(path).chapters


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("profle: smoke\n" + MINIMAL, "", 'no key "profle": did you mean "profile"'),
        ("profile: smok\n" + MINIMAL, ", profile", 'did you mean "smoke"'),
        ("seed: true\n" + MINIMAL, ", seed", "whole number"),
        ("seed: -4\n" + MINIMAL, ", seed", "it is -4"),
        ("threads: 0\n" + MINIMAL, ", threads", "it is 0"),
        ("name: ../x\n" + MINIMAL, ", name", "letters, digits"),
        ("site: 3\n" + MINIMAL, ", site", "path of a folder"),
        ("models: small-gpt2\n" + MINIMAL, ", models", r"\[small-gpt2\]"),
        ("chapters: [01_dataset]\n", ", chapters", "mapping"),
        ("chapters:\n", ", chapters", "mapping"),
        ("chapters: {}\n", ", chapters", "no chapter to run"),
        ("seed: 1\n", ", chapters", "no chapter to run"),
        ("chapters:\n  01_datset:\n", ", chapters", 'no chapter "01_datset": did you mean "01_dataset"'),
        (
            "chapters:\n  01_dataset: {model: x}\n",
            ", chapters.01_dataset",
            'no key "model": did you mean "models"',
        ),
        ("chapters:\n  01_dataset: {models: [small-gpt3]}\n", ", chapters.01_dataset.models", "small-gpt3"),
        (
            "chapters:\n  01_dataset: {parameters: {sede: 1}}\n",
            ", chapters.01_dataset.parameters",
            'no parameter "sede"',
        ),
        (
            "chapters:\n  01_dataset: {parameters: {seed: x}}\n",
            ", chapters.01_dataset.parameters.seed",
            "whole number",
        ),
        (
            "chapters:\n  01_dataset: {parameters: {model: gpt2}}\n",
            ", chapters.01_dataset.parameters.model",
            "key models",
        ),
        (
            "chapters:\n  01_dataset: {models: [small-gpt2, small-gpt2]}\n",
            ", chapters.01_dataset.models",
            "same file",
        ),
        (
            "chapters:\n  08_statistics: {models: [small-gpt9]}\n",
            ", chapters.08_statistics.models",
            'There is no model "small-gpt9"',
        ),
        (
            "chapters:\n  08_statistics: {parameters: {models: small-gpt9}}\n",
            ", chapters.08_statistics.parameters.models",
            'There is no model "small-gpt9"',
        ),
        (
            "chapters:\n  08_statistics: {models: [small-gpt2, small-gpt2]}\n",
            ", chapters.08_statistics.models",
            'names "small-gpt2" twice',
        ),
        (
            "chapters:\n  08_statistics: {models: [small-gpt2], parameters: {models: small-neo}}\n",
            ", chapters.08_statistics.models",
            "names models too; keep one",
        ),
        (
            "chapters:\n  00_calibration: {models: [small-gpt2]}\n",
            ", chapters.00_calibration.models",
            "takes no model",
        ),
        (
            "chapters:\n  01_dataset: {parameters: {run_dir: build/x}}\n",
            ", chapters.01_dataset.parameters.run_dir",
            "follows from the name",
        ),
        ("name: 2025\n" + MINIMAL, ", name", 'YAML reads 2025 as a number; write it in quotes, as in "2025"'),
        ("name: 2025-01-02\n" + MINIMAL, ", name", "as a date; write it in quotes"),
        ("name: yes\n" + MINIMAL, ", name", "as true or false; write it in quotes"),
        ("name:\n" + MINIMAL, ", name", "as nothing; write it in quotes"),
        (f"name: {'a' * 101}\n" + MINIMAL, ", name", "at most 100 letters"),
        ("site: ~nobody-is-called-this/x\n" + MINIMAL, ", site", "somebody who is not known here"),
        ("site: README.md\n" + MINIMAL, ", site", "'README.md' is a file"),
        ("seed: 010\n" + MINIMAL, "", "line 1: 010 would be read as 8; write"),
        ("seed: 1:30\n" + MINIMAL, "", "line 1: 1:30 would be read as 90; write"),
        ("chapters:\n  01_dataset:\n    <<: 3\n", "", "line 3: expected a mapping"),
        (
            "x-a: &a {}\nchapters:\n  01_dataset:\n    <<: *a\n    <<: *a\n",
            "",
            'line 5: the key "<<" is written twice',
        ),
        ("chapters: *unknown\n", "", "line 1: found undefined alias"),
        ("x: " + "[" * 5000 + "\n", "", "nested too deeply"),
        ("- a\n- b\n", "", "mapping of names"),
        ("", "", "mapping of names"),
        ("chapters: {01_dataset: [\n", "", "not valid YAML at line"),
        ("seed: 1\nseed: 2\n" + MINIMAL, "", 'line 2: the key "seed" is written twice'),
    ],
)
def test_each_mistake_is_one_sentence_with_the_file_and_the_key(write, text, key, message):
    path = write(text)
    with pytest.raises(UserError, match=message) as caught:
        read_run(path)
    sentence = str(caught.value)
    assert f"{path}{key}" in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


def test_a_name_taken_from_the_file_says_so(write):
    with pytest.raises(UserError, match="it is 'my run', from the name of the file; write a name into it"):
        read_run(write(MINIMAL, "my run.yaml"))


def test_a_missing_binary_or_misencoded_file_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="no run file"):
        read_run(tmp_path / "none.yaml")
    with pytest.raises(UserError, match="cannot be read"):
        read_run(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UserError, match="UTF-8"):
        read_run(tmp_path / "binary.yaml")
