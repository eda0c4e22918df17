from __future__ import annotations

import math
import sys
import types

import pytest
from notebook_factory import PARAMETERS

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.runtime.parameters import Parameters, assignments, model_names, validate
from emotion_utils.runtime.schema import CHAPTERS, Parameter, chapter_schema

GIVEN = {"model": "small-gpt2", "profile": "smoke", "seed": 7}
TEMPERATURE = Parameter("temperature", float, 1.0, "of sampling", minimum=0, maximum=2)


def in_ipython(*cells: str, **names: object) -> dict[str, object]:
    """The namespace that a notebook has after it has executed `cells`."""
    namespace: dict[str, object] = {"In": ["", *cells], "Out": {}, "_i": "x", "__name__": "__main__", **names}
    for cell in cells:
        exec(cell, namespace)  # noqa: S102
    return namespace


def test_values_are_kept_and_missing_ones_have_the_declared_default():
    checked = validate(GIVEN, "01_dataset")
    assert (checked.model, checked.profile, checked.seed) == ("small-gpt2", "smoke", 7)
    assert (checked.device, checked["dtype"]) == ("cpu", "float32")
    assert set(checked) == {p.name for p in CHAPTERS["01_dataset"]}


def test_parameters_are_read_only():
    checked = validate(GIVEN, "01_dataset")
    with pytest.raises(AttributeError, match="read-only"):
        checked.seed = 8
    with pytest.raises(AttributeError, match='did you mean "seed"'):
        _ = checked.sead


def test_run_path_starts_from_the_project_and_not_from_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Parameters({"run_dir": "build/here"}).run_path == PROJECT_ROOT / "build" / "here"
    assert Parameters({"run_dir": str(tmp_path)}).run_path == tmp_path


def test_an_unknown_name_is_refused_with_the_near_miss():
    with pytest.raises(UserError, match=r'01_dataset has no parameter "modle": did you mean "model"\?'):
        validate({**GIVEN, "modle": "gpt2"}, "01_dataset")


def test_an_unknown_chapter_lists_the_chapters():
    with pytest.raises(
        UserError, match=r'no chapter "01_datasets": did you mean "01_dataset"\? Known: .*01_dataset'
    ):
        validate(GIVEN, "01_datasets")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("seed", True, r'"seed" must be a whole number .* but it is True \(true or false\)'),
        ("seed", "0", r'"seed" must be a whole number .* but it is \'0\' \(text\)'),
        ("seed", 1.0, r'"seed" must be a whole number'),
        ("seed", -1, r'"seed" must be a whole number from 0 to 4,294,967,295, but it is -1\.$'),
        ("seed", None, r'"seed" must be a whole number .* NoneType'),
        ("profile", "smok", r'"profile" cannot be \'smok\' .*did you mean "smoke"'),
        ("profile", 3, r'"profile" must be one of smoke, baseline, extended and powered'),
        ("model", 123, r'"model" must be a registry name'),
        ("model", " ", r'"model" must be a registry name'),
        ("device", "gpu", r'"device" must be one of cpu, .*, but it is \'gpu\'\. Did you mean "cuda"\?$'),
        ("device", "tpu", r'"device" must be one of cpu, .*, but it is \'tpu\'\.$'),
        ("dtype", "float16", r'"dtype" cannot be'),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence(name, value, message):
    with pytest.raises(UserError, match=message) as caught:
        validate({**GIVEN, name: value}, "01_dataset")
    assert "\n" not in str(caught.value)


def test_an_unknown_model_is_refused_without_importing_torch(monkeypatch):
    loaded = set(sys.modules)
    with pytest.raises(UserError, match="small-gpt3"):
        validate({**GIVEN, "model": "small-gpt3"}, "01_dataset")
    assert not {"transformers", "transformer_lens"} & (set(sys.modules) - loaded)


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(UserError, match='no device "cuda:97"'):
        validate({**GIVEN, "device": "cuda:97"}, "01_dataset")


def test_numbers_take_whole_numbers_but_neither_truth_values_nor_nan():
    assert TEMPERATURE.check(1) == 1.0
    assert isinstance(TEMPERATURE.check(1), float)
    for bad in (True, "1", math.nan, math.inf, 2.5):
        with pytest.raises(UserError, match="temperature"):
            TEMPERATURE.check(bad)


def test_in_a_notebook_only_the_parameter_cells_count():
    namespace = in_ipython(PARAMETERS, "import math\nmine = 3", "note = 'a reader tries something'")
    assert validate(namespace, "01_dataset").seed == 0


def test_in_a_notebook_the_injected_cell_overrides_and_its_unknown_names_are_found():
    assert validate(in_ipython(PARAMETERS, "# Parameters\nseed = 5\n"), "01_dataset").seed == 5
    with pytest.raises(UserError, match='"sed"'):
        validate(in_ipython(PARAMETERS, "# Parameters\nsed = 5\n"), "01_dataset")


def test_in_a_notebook_a_misspelt_parameters_cell_can_be_mended_without_a_new_kernel():
    wrong = PARAMETERS.replace("seed:", "sead:")
    with pytest.raises(UserError, match="sead"):
        validate(in_ipython(wrong), "01_dataset")
    assert validate(in_ipython(wrong, PARAMETERS), "01_dataset").seed == 0


def test_modules_functions_and_private_names_of_a_plain_namespace_are_no_parameters():
    extra = {"math": math, "helper": lambda: 1, "_hidden": 1, "Thing": types.SimpleNamespace}
    assert validate({**GIVEN, **extra}, "01_dataset").seed == 7


def test_assignments_reads_plain_and_annotated_ones_and_refuses_other_cells():
    assert list(assignments("a: int = 1\nb = 'x'  # why")) == ["a", "b"]
    assert assignments("a = 1\nprint(a)") == {}
    assert assignments("a = = 1") == {}


def test_defaults_of_every_chapter_pass_their_own_check():
    for chapter in CHAPTERS:
        for parameter in chapter_schema(chapter).values():
            assert parameter.check(parameter.default) == parameter.default
            assert parameter.doc


def test_a_list_of_models_is_checked_name_by_name():
    checked = validate({"models": "small-gpt2,small-neo"}, "04_alignment")
    assert model_names(checked) == ["small-gpt2", "small-neo"]
    assert len(model_names(validate({}, "04_alignment"))) == 6
    with pytest.raises(UserError, match='no model "small-gtp2"'):
        validate({"models": "small-neo, small-gtp2"}, "04_alignment")
    with pytest.raises(UserError, match='names "small-neo" twice'):
        validate({"models": "small-neo, small-neo"}, "04_alignment")
    with pytest.raises(UserError, match="with commas between"):
        validate({"models": ",small-neo"}, "04_alignment")
