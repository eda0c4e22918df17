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


def test_a_missing_binary_or_misencoded_file_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="no run file"):
        read_run(tmp_path / "none.yaml")
    with pytest.raises(UserError, match="cannot be read"):
        read_run(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UserError, match="UTF-8"):
        read_run(tmp_path / "binary.yaml")
