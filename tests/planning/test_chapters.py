"""What chapters ask for: every section is a cell of its notebook, and what one job has paid the next does not."""

from __future__ import annotations

import json

import pytest

from emotion_utils.core.paths import NOTEBOOKS
from emotion_utils.core.profiles import STEERING_SIZES
from emotion_utils.models.comparison import CONTROL, companions
from emotion_utils.planning.chapters import REST, Asked
from emotion_utils.planning.generating import JUDGED, OUTSIDE
from emotion_utils.planning.outlines import sections_of
from emotion_utils.planning.texts import Texts, counted, of_set
from emotion_utils.runtime.schema import CHAPTERS
from emotion_utils.scoring.agreement import outside_texts
from emotion_utils.scoring.classifier import training_texts

TWO = ["smollm2-135m", "gemma3-270m"]


def cells(chapter):
    told = json.loads((NOTEBOOKS / f"{chapter}.ipynb").read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in told["cells"] if cell["cell_type"] == "code"]


def asked(model="smollm2-135m", profile="baseline", **more):
    return Asked([model], profile, **more)


def by_name(chapter, request):
    return {section.name: section for section in sections_of(chapter, request)}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_section_is_one_cell_of_the_notebook_but_for_the_rest(chapter):
    sections = sections_of(chapter, Asked(TWO, "baseline"))
    assert [section.name for section in sections if not section.marker] == [REST]
    for section in sections:
        if section.marker:
            assert sum(section.marker in code for code in cells(chapter)) == 1, section.marker


def test_a_section_is_counted_once_by_name():
    for chapter in CHAPTERS:
        names = [section.name for section in sections_of(chapter, Asked(TWO, "baseline"))]
        assert len(set(names)) == len(names)


def test_what_a_job_has_read_the_next_chapter_takes_from_the_store():
    paid: set[tuple[str, str]] = set()
    first = by_name("02_activations", asked(paid=paid))
    then = by_name("03_emotion_vectors", asked(paid=paid))
    alone = by_name("03_emotion_vectors", asked())
    assert len(first["read"].passes) == len(alone["read"].passes) == 1
    assert then["read"].passes == ()
    assert first["read"].passes[0][1].tokens == sum(
        of_set(name).tokens for name in ("baseline", "implicit", "unfamiliar")
    )


def test_models_beside_the_page_are_paid_by_the_first_page():
    paid: set[tuple[str, str]] = set()
    first = by_name("05_steering", asked("small-gpt2", paid=paid))["beside"].units
    second = by_name("05_steering", asked("small-llama3", paid=paid))
    assert first == len(companions("small-gpt2", "baseline")) - 1
    assert second["beside"].units == 0
    assert (second["trial"].passes, second["trial"].units) == ((), 0.0)
    assert by_name("05_steering", asked(CONTROL, "smoke", paid=paid))["beside"].units == 0


@pytest.mark.parametrize("profile", STEERING_SIZES)
def test_a_model_from_the_reference_on_spends_about_its_budget(profile):
    """Tokens through the steered model, against the number that the profile states."""
    sections = sections_of("05_steering", asked("smollm2-135m", profile))
    own = sum(
        passes.tokens
        for section in sections
        for shape, passes in section.passes
        if shape.vocabulary == 49_152
    )
    assert 0.75 * STEERING_SIZES[profile].tokens < own < 1.15 * STEERING_SIZES[profile].tokens


def test_a_chat_and_a_separator_are_asked_of_models_that_have_them():
    with_both = asked("smollm2-135m")
    without = asked("gemma3-270m")
    assert by_name("03_emotion_vectors", with_both)["chat"].passes
    assert by_name("03_emotion_vectors", without)["chat"].passes == ()
    assert by_name("02_activations", with_both)["separator"].passes
    assert by_name("02_activations", without)["separator"].passes == ()


def test_the_control_compares_the_sets_beside_a_profile_whatever_its_own_size_is():
    """Its time grows with the pairs of the same two sets, and those of the profile's own prompts."""
    small, large = (
        by_name("02_activations", asked("small-llama3", profile))["control"]
        for profile in ("smoke", "baseline")
    )
    pairs = {name: of_set(name).n ** 2 for name in ("smoke", "baseline", "implicit", "unfamiliar")}
    beside = (pairs["implicit"] + pairs["unfamiliar"]) / pairs["baseline"]
    layers = asked("small-llama3").shape.n_layers + 1
    assert large.units == pytest.approx(beside * layers + 5 * (1 + beside))
    assert large.units - small.units == pytest.approx(5 * (1 - pairs["smoke"] / pairs["baseline"]))


def test_own_texts_take_the_place_of_all_sets():
    own = asked(own=Texts(50, 600))
    ((_, read),) = by_name("02_activations", own)["read"].passes
    assert read.tokens == 600
    assert own.elsewhere == {}


def test_a_gpu_reads_in_larger_batches():
    on_gpu, on_cpu = (by_name("02_activations", asked(on_cpu=flag)) for flag in (False, True))
    assert on_gpu["read"].passes[0][1].passes < on_cpu["read"].passes[0][1].passes / 5


def test_what_judges_learn_from_is_counted():
    for table, told in ((training_texts(0), JUDGED), (outside_texts(), OUTSIDE)):
        texts = counted(table)
        assert (texts.n, texts.tokens) == pytest.approx((told.n, told.tokens), rel=0.05)
