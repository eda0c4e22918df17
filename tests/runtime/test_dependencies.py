from __future__ import annotations

import pytest
from notebook_factory import write_notebook

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import PROJECT_ROOT, RUNS
from emotion_utils.models.registry import MINIATURES
from emotion_utils.runtime import dependencies
from emotion_utils.runtime.dependencies import (
    book_inputs,
    imported_modules,
    job_inputs,
    jobs_before,
    package_sources,
)
from emotion_utils.runtime.runs import Job, read_run


def _sources(path):
    return {str(file.relative_to(PROJECT_ROOT)) for file in package_sources(path)}


def test_imports_are_read_from_code_cells_and_magics_are_skipped(tmp_path):
    cells = [
        "%matplotlib inline\nimport numpy\nfrom emotion_utils.prompts.loading import load_profile",
    ]
    found = imported_modules(write_notebook(tmp_path / "n.ipynb", cells))
    assert {"emotion_utils.runtime.parameters", "emotion_utils.prompts.loading"} <= found
    assert not any(name.startswith("numpy") for name in found)


@pytest.mark.parametrize("cell", ["table = %time eu.vectors.geometry.cosines(1)", "eu.show?", "not python ("])
def test_a_cell_that_cannot_be_read_may_use_the_whole_package(tmp_path, cell):
    found = imported_modules(write_notebook(tmp_path / "n.ipynb", ["import emotion_utils as eu", cell]))
    assert {"emotion_utils.vectors.geometry", "emotion_utils.circuits.patching"} <= found


def test_sources_are_what_the_imports_reach_and_no_more(tmp_path):
    sources = _sources(write_notebook(tmp_path / "n.ipynb"))
    # parameters asks the loading of models late, inside a function, and that asks their files
    reached = ("runtime/parameters", "core/errors", "models/registry", "models/files")
    assert {f"emotion_utils/{name}.py" for name in reached} <= sources
    assert "emotion_utils/__init__.py" in sources
    assert (
        not {"emotion_utils/cli.py", "emotion_utils/runtime/snakemake.py", "emotion_utils/plots/figure.py"}
        & sources
    )


def test_a_package_brings_its_modules_and_the_small_world_its_content(tmp_path):
    sources = _sources(write_notebook(tmp_path / "n.ipynb", ["from emotion_utils import plots, smallworld"]))
    assert "emotion_utils/plots/figure.py" in sources
    assert "emotion_utils/smallworld/grammar.py" in sources
    assert any(name.startswith("emotion_utils/smallworld/content/en/") for name in sources)


def test_names_that_a_notebook_reaches_through_the_package_are_followed(tmp_path):
    cells = [
        "import emotion_utils as eu",
        "eu.statistics.flips.sign_flip_p(1\n    % 2)",
        "%time eu.statistics.power.x\n!eu.heads\n%timeit -n 3 eu.plots",
    ]
    found = imported_modules(write_notebook(tmp_path / "n.ipynb", cells))
    assert found == {
        "emotion_utils",
        "emotion_utils.runtime",
        "emotion_utils.runtime.parameters",
        "emotion_utils.statistics",
        "emotion_utils.statistics.flips",
        "emotion_utils.statistics.power",
    }


def test_a_chapter_that_compares_models_depends_on_all_of_them():
    chapters = {name: Job("r", name, "small-gpt2", {}) for name in ("01_dataset", "03_emotion_vectors")}
    weights = {
        name: {path.parent.name for path in job_inputs(job) if path.suffix == ".safetensors"}
        for name, job in chapters.items()
    }
    assert weights == {"01_dataset": {"small-gpt2"}, "03_emotion_vectors": set(MINIATURES)}


def test_chapters_wait_for_the_chapters_that_they_read():
    jobs = read_run(RUNS / "small.yaml").chapters
    read = ("04_alignment", "05_steering", "06_head_screening", "07_head_patching")
    statistics = Job("small", "08_statistics", None, {})
    assert jobs_before(statistics, [*jobs, statistics]) == [job for job in jobs if job.chapter in read]
    assert len(jobs_before(statistics, jobs)) == 8
    assert jobs_before(statistics, [statistics]) == []
    steered = {job.chapter for job in jobs_before(Job("small", "09_scaling", None, {}), jobs)}
    assert steered == {"04_alignment", "05_steering"}
    taken_apart = {job.chapter for job in jobs_before(Job("small", "12_features", None, {}), jobs)}
    assert taken_apart == {"11_circuits"}
    reading = ("08_statistics", "09_scaling", "12_features")
    others = [job for job in jobs if job.chapter not in reading]
    assert all(jobs_before(job, [*jobs, statistics]) == [] for job in others)


def test_a_chapter_that_shows_the_record_depends_on_it_but_for_the_run_that_it_is_made_from(
    tmp_path, monkeypatch
):
    shows = "import emotion_utils as eu\neu.record.findings.beside_record('03', None, 'a')"
    write_notebook(tmp_path / "03_emotion_vectors.ipynb", [shows])
    path = tmp_path / "real.json"
    monkeypatch.setattr(dependencies, "_RECORD", path)
    monkeypatch.setattr(Job, "notebook", property(lambda job: tmp_path / f"{job.chapter}.ipynb"))

    def waits(run, chapter="03_emotion_vectors"):
        return path in job_inputs(Job(run, chapter, "small-gpt2", {}))

    assert not waits("small")  # there is none
    path.write_text('{"run": "real"}', encoding="utf-8")
    assert waits("small")
    assert not waits("real")
    path.write_text("damaged", encoding="utf-8")
    assert waits("real")  # which its chapter will say
    write_notebook(tmp_path / "01_dataset.ipynb")
    assert not waits("small", "01_dataset")


@pytest.mark.parametrize(
    ("chapter", "room", "other"),
    [("09_scaling", "scaling", "axes.axes_of({})"), ("10_predictability", "predictability", "sizes.SIZES")],
)
def test_a_chapter_that_reads_a_record_of_its_own_depends_on_its_files(
    tmp_path, monkeypatch, chapter, room, other
):
    head = "import emotion_utils as eu\neu"
    write_notebook(tmp_path / f"{chapter}.ipynb", [f"{head}.{room}.record.read_record()"])
    write_notebook(tmp_path / "01_dataset.ipynb", [f"{head}.{room}.{other}"])
    monkeypatch.setitem(dependencies._KEPT, f"emotion_utils.{room}.record", tmp_path)
    monkeypatch.setattr(Job, "notebook", property(lambda job: tmp_path / f"{job.chapter}.ipynb"))
    kept = tmp_path / "record.json"
    kept.write_text("{}", encoding="utf-8")
    assert kept in job_inputs(Job("small", chapter, None, {}))
    assert kept not in job_inputs(Job("small", "01_dataset", "small-gpt2", {}))


def test_a_missing_notebook_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="no notebook"):
        imported_modules(tmp_path / "none.ipynb")


def test_the_book_depends_on_prose_settings_and_sources_and_not_on_what_it_generates():
    names = {str(path.relative_to(PROJECT_ROOT)) for path in book_inputs()}
    assert {"_config.yml", "_toc.yml", "book/index.md", "emotion_utils/book/staging.py"} <= names
    assert not any("__pycache__" in name or "_vendor/" in name for name in names)
