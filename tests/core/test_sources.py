"""What a module stands on: chains of names, faces that hand on, packages that are held; and no cache goes stale."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys

import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.core.hashing import fingerprint
from emotion_utils.core.name_uses import read_uses
from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.core.sources import READS, Modules, code_of, module_file, module_sources

LAZY = "def __getattr__(name):\n    return import_module(EXPORTS[name])\n"
FILES = {
    "__init__": 'EXPORTS = {"load": "house.models.loading", "models": "house.models.registry", "far": "rooms:near"}\n'
    + LAZY,
    "rooms/__init__": 'EXPORTS: dict[str, str] = {"near": "house.vectors.geometry:cosines"}\n' + LAZY,
    "models/__init__": "",
    "models/loading": "from house.core import errors\ndef load(): return errors.fail()",
    "models/registry": "def models(): ...",
    "core/__init__": "",
    "core/errors": "def fail(): ...",
    "core/store": "class Store: ...",
    "vectors/__init__": '"""Room."""\nVERSION = 1\n' + LAZY,
    "vectors/geometry": "from house import core\ndef cosines(): return core.store.Store()",
    "vectors/probing": "from house.vectors import geometry",
    "vectors/deep/__init__": "",
    "vectors/deep/lens": "",
    "figures/__init__": "from house.figures.style import colour\nfrom house import core",
    "figures/style": "colour = 1",
    "figures/vectors": "",
    "plain": "from house import vectors\ndef use(): return vectors.geometry.cosines()",
}


@pytest.fixture
def house(tmp_path):
    for name, source in FILES.items():
        path = tmp_path / "house" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return tmp_path


def named(root, source):
    """The modules that a source names, without the package itself."""
    found = Modules(root, "house").named(read_uses(ast.parse(source), "house"))
    return {name.removeprefix("house.") for name in found} - {"house"}


VECTORS = {"vectors", "vectors.geometry", "vectors.probing", "vectors.deep", "vectors.deep.lens"}
HELD = VECTORS | {"core", "core.errors", "core.store"}
"""Of vectors/, and of what a module in it binds: whoever holds a module can reach that through it."""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import house as eu\neu.vectors.geometry.cosines(1)", {"vectors", "vectors.geometry"}),
        ("import house\nhouse.vectors.geometry.cosines(1)", {"vectors", "vectors.geometry"}),
        ("import house.vectors.probing as p\np.f", {"vectors", "vectors.probing"}),
        ("from house import vectors\nvectors.geometry.lengths()", {"vectors", "vectors.geometry"}),
        (
            "from house import vectors\nx = vectors.deep.lens.f",
            {"vectors", "vectors.deep", "vectors.deep.lens"},
        ),
        ("from house import vectors\nvectors.deep", {"vectors", "vectors.deep", "vectors.deep.lens"}),
        (
            "from house.vectors import geometry, deep\ngeometry.f, deep.lens.f",
            {*VECTORS} - {"vectors.probing"},
        ),
        ("from house.figures import vectors as figures\nfigures.f()", {"figures", "figures.vectors"}),
        ("import house as eu\neu.load('x')", {"models.loading"}),
        ("from house import load\nload('x')", {"models.loading"}),
        ("import house as eu\neu.far()", {"rooms", "vectors.geometry"}),
        ("from house import vectors\nvectors.VERSION, vectors.__doc__", {"vectors"}),
        ("import numpy\nnumpy.vectors.geometry()", set()),
    ],
)
def test_a_chain_is_followed_as_far_as_it_names_modules(house, source, expected):
    assert named(house, source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "from house import vectors\nf(vectors)",
        "from house import vectors\nv = vectors\nv.geometry.f()",
        "from house import vectors\ngetattr(vectors, name)",
        "from house import vectors\nvectors.unknown()",
        "from house import vectors\nvectors[0]",
        "from house import vectors",
        "from house.vectors import *",
        "import house as eu\nf(eu.vectors)",
        "import house as eu\n[v for v in [eu.vectors]]",
        "from importlib import import_module\nimport_module('house.vectors').geometry",
        "import importlib\nimportlib.import_module('house.vectors')",
        "from house import vectors\n@vectors\ndef f(): ...",
        "from house import vectors\ndef f(a=vectors): ...",
        "from house import vectors\nclass A:\n    def f(self): return vectors",
        "from house import vectors\nclass A:\n    vectors = 1\n    def f(self): return vectors",
        "from house import vectors\ndef f():\n    global vectors\n    vectors = g(vectors)",
        "def f():\n    from house import vectors\n    return vectors",
        "def f():\n    global vectors\n    from house import vectors\n    vectors.geometry\ndef g(): vectors.probing",
        "try:\n    from house import vectors\nexcept ImportError:\n    vectors = None\nf(vectors)",
        "from house import vectors\nmatch x:\n    case 1:\n        f(vectors)",
        "from house import vectors\nf'{vectors}'",
        "from house import vectors\n[vectors for vectors in vectors]",
    ],
)
def test_a_package_that_is_used_in_another_way_counts_with_all_below_it(house, source):
    assert named(house, source) == HELD


@pytest.mark.parametrize(
    "source",
    [
        "from house import vectors\nvectors.geometry.f()\ndef f(vectors): return g(vectors)",
        "from house import vectors\nvectors.geometry.f()\ndef f(a, *vectors): return [v for v in vectors]",
        "from house import vectors\nvectors.geometry.f()\nf = lambda vectors: g(vectors)",
        "from house import vectors\nvectors.geometry.f()\ndef f():\n    vectors = g()\n    return h(vectors)",
        "from house import vectors\nvectors.geometry.f()\n[g(vectors) for vectors in x]",
        "from house import vectors\nvectors.geometry.f()\nx.vectors, g(vectors=1), 'vectors'",
    ],
)
def test_another_thing_of_the_same_name_is_not_the_package(house, source):
    assert named(house, source) == {"vectors", "vectors.geometry"}


def test_what_is_handed_in_under_a_type_that_is_only_named_counts(house):
    source = "if TYPE_CHECKING:\n    from house.vectors.geometry import Angle\ndef f(angle: Angle): angle.g()"
    assert named(house, source) == {"vectors", "vectors.geometry"}


def test_a_name_that_is_both_handed_on_and_a_package_is_told_by_its_use(house):
    assert named(house, "import house as eu\neu.models()") == {"models", "models.registry"}
    assert named(house, "import house as eu\neu.models.loading.load()") == {
        "models",
        "models.registry",
        "models.loading",
    }
    held = named(house, "import house as eu\nf(eu.models)")
    assert held == {"models", "models.registry", "models.loading", "core", "core.errors"}


def test_the_package_itself_when_it_is_held_is_all_of_it(house):
    everything = set(Modules(house, "house").files) - {"house"}
    assert {f"house.{name}" for name in named(house, "import house as eu\nf(eu)")} == everything
    assert {f"house.{name}" for name in named(house, "import house as eu\neu.unknown")} == everything


def test_a_package_that_a_face_or_a_module_hands_on_is_followed_through_it(house):
    core = {"core", "core.errors", "core.store"}
    known = Modules(house, "house")
    # figures/__init__ binds `core` and does not use it itself: somebody may, from there
    assert known.closure(["house.figures"]) == {"house", "house.figures", "house.figures.style"} | {
        f"house.{name}" for name in core
    }
    assert named(house, "from house import plain\nplain.vectors.probing.f()") == {
        "plain",
        "vectors",
        "vectors.probing",
    }
    assert named(house, "from house.plain import vectors\nvectors.probing.f()") == {
        "plain",
        "vectors",
        "vectors.probing",
    }


def test_the_closure_goes_through_modules_that_use_packages_by_name(house):
    known = Modules(house, "house")
    assert known.closure(["house.plain"]) == {
        "house",
        "house.plain",
        "house.vectors",
        "house.vectors.geometry",
        "house.core",
        "house.core.store",
    }
    assert "house.core.errors" in known.closure(["house.models.loading"])
    assert known.closure(["house.vectors"]) == {"house", "house.vectors"}


def test_relative_imports_are_read(house):
    (house / "house" / "vectors" / "probing.py").write_text(
        "from . import geometry\nfrom ..core.store import Store"
    )
    (house / "house" / "core" / "__init__.py").write_text("from .errors import fail")
    reached = Modules(house, "house").closure(["house.vectors.probing"])
    assert {"house.vectors.geometry", "house.core.store", "house.core.errors"} <= reached
    assert "house.vectors.deep.lens" not in reached


def test_a_face_that_hands_on_a_module_that_does_not_exist_is_an_error(house):
    (house / "house" / "rooms" / "__init__.py").write_text('EXPORTS = {"near": "house.vectors.gone"}')
    with pytest.raises(
        UserError, match=r'house\.rooms hands on "near" from house\.vectors\.gone, which is no module'
    ):
        named(house, "import house as eu\neu.far()")


def test_a_module_that_does_not_exist_is_an_error(house):
    with pytest.raises(UserError, match=r"There is no module house\.gone\."):
        Modules(house, "house").closure(["house.gone"])
    with pytest.raises(UserError, match=r"There is no module emotion_utils\.gone\."):
        module_file("emotion_utils.gone")
    assert module_file("emotion_utils.plots") == PROJECT_ROOT / "emotion_utils" / "plots" / "__init__.py"


BESIDE_GRIMP = """
import grimp
from emotion_utils.core.sources import Modules
graph = grimp.build_graph("emotion_utils", cache_dir=None, exclude_type_checking_imports=True)
known = Modules()
print(set(known.files) ^ graph.modules)
print([name for name in known.files if graph.find_modules_directly_imported_by(name) - known.direct(name)])
"""


def test_the_real_package_is_read_as_another_reader_of_imports_reads_it():
    # in a process of its own, where annotations are not checked: it reads every file
    command = [sys.executable, "-c", BESIDE_GRIMP]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["set()", "[]", ""]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package and what belongs to its code; who edits it, puts it back."""
    tmp_path = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT_ROOT / "emotion_utils", tmp_path / "emotion_utils", ignore=ignored)
    shutil.copytree(PROJECT_ROOT / "data" / "lexicons", tmp_path / "data" / "lexicons")
    return tmp_path


def now(module, root):
    """The code of a module, without the memory of the process."""
    return fingerprint(module_sources([module], root))


@pytest.mark.parametrize(
    "module", ["emotion_utils.activations.extraction", "emotion_utils.engine.generation"]
)
def test_an_edit_of_any_module_that_a_store_key_stands_on_is_a_miss_and_no_other_is(copy, module):
    known = Modules(copy)
    closure = known.closure([module])
    assert {
        "emotion_utils.models.families",
        "emotion_utils.models.hooks",
        "emotion_utils.models.batches",
        module,
    } <= closure
    sources = {name: path.read_text() for name, path in known.files.items()}
    before = now(module, copy)
    assert before == code_of(module)  # of the package itself
    for name in closure:
        known.files[name].write_text(sources[name] + "\nedited = True\n")
        assert now(module, copy) != before, name
        known.files[name].write_text(sources[name])
    others = set(sources) - closure
    assert {"emotion_utils.cli", "emotion_utils.runtime.dependencies", "emotion_utils.plots.figure"} <= others
    for name in others:
        known.files[name].write_text(sources[name] + "\nedited = True\n")
    unchanged = now(module, copy)
    for name in others:
        known.files[name].write_text(sources[name])
    assert unchanged == before


def test_files_that_modules_read_belong_to_their_code(copy):
    assert set(READS) <= set(Modules(copy).files)
    for module, (folder, pattern) in READS.items():
        file, *others = (copy / folder).rglob(pattern)
        assert {file, *others} <= set(module_sources([module], copy))
        before, text = now(module, copy), file.read_text()
        file.write_text(text + "\n")
        after = now(module, copy)
        file.write_text(text)
        assert after != before
    assert not any(
        path.suffix == ".yaml" for path in module_sources(["emotion_utils.activations.extraction"], copy)
    )


def test_the_code_of_a_process_is_what_it_was_when_first_asked(copy):
    path = copy / "emotion_utils" / "core" / "errors.py"
    before, text = code_of("emotion_utils.core.errors", copy), path.read_text()
    path.write_text(text + "edited = True\n")
    after = code_of("emotion_utils.core.errors", copy), now("emotion_utils.core.errors", copy)
    path.write_text(text)
    assert after[0] == before
    assert after[1] != before
