import json

import pytest
from made_site import VERSION, install, made_site, words

from emotion_utils.core.errors import UserError
from emotion_utils.core.paths import PROJECT_ROOT
from emotion_utils.corpora import manifest as making
from emotion_utils.corpora.installed import VENDORED
from emotion_utils.runtime.doctor import pins


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(making, "FEWEST", 1_000)


def of_domain(made, domain):
    return {
        name: entry["files"][domain] for name, entry in made["packages"].items() if domain in entry["files"]
    }


def test_files_of_all_pinned_packages_are_chosen(tmp_path, small):
    made = making.make_manifest(*made_site(tmp_path))
    files = of_domain(made, "python")
    assert {name: sorted(path for path, _, _ in some) for name, some in files.items()} == {
        f"p{at}": [f"p{at}/0.py", f"p{at}/1.py"] for at in range(12)
    }
    assert made["domains"] == ["python"]
    assert made["fell_out"]["json"] == {"packages": 0, "characters": 0}
    assert files["p3"][0][2] == len(words(30).strip())
    assert made["packages"]["p3"]["licence"] == "MIT"
    assert {entry["project"] for entry in made["packages"].values()} == {f"p{at}" for at in range(12)}


def test_a_file_in_two_packages_is_taken_once_and_makes_them_one_project(tmp_path, small):
    site, requirements = made_site(tmp_path)
    install(site, "p3", {"p3/0.py": words(30), "p3/copy.py": words(51) + "end\n"})
    made = making.make_manifest(site, requirements)
    assert made["near_duplicates"] == 1
    assert made["packages"]["p3"]["project"] == made["packages"]["p5"]["project"] == "p3"
    taken = [path for some in of_domain(made, "python").values() for path, _, _ in some]
    assert len({"p3/copy.py", "p5/1.py"} & set(taken)) == 1


def test_packages_of_one_repository_are_one_project(tmp_path, small):
    site, requirements = made_site(tmp_path)
    for name in ("p1", "p2"):
        install(site, name, {f"{name}/0.py": words(10 * int(name[1]))}, home="https://github.com/a/b")
    made = making.make_manifest(site, requirements)
    assert made["packages"]["p2"]["project"] == "p1"


def test_no_package_gives_more_than_a_fifth_of_a_domain(tmp_path, small):
    site, requirements = made_site(tmp_path)
    install(site, "p0", {f"p0/{at}.py": words(1_000 + at) for at in range(60)})
    files = of_domain(making.make_manifest(site, requirements), "python")
    sizes = {name: sum(size for _, _, size in some) for name, some in files.items()}
    assert 0.1 < sizes["p0"] / sum(sizes.values()) <= 0.2


def test_a_domain_of_too_few_packages_falls_out(tmp_path, small):
    made = making.make_manifest(*made_site(tmp_path, 9))
    assert made["domains"] == []
    assert made["fell_out"]["python"]["packages"] == 9
    assert made["packages"] == {}


def test_packages_that_are_not_installed_as_pinned_are_named(tmp_path):
    site, requirements = made_site(tmp_path)
    requirements.write_text(f"p1==9.9\nP_2=={VERSION}\ngone=={VERSION}\np2=={VERSION}\n")
    with pytest.raises(UserError, match=r"3 of 4 pinned packages .*\(p1 9.9, p-2 1.2, gone 1.2\)"):
        making.make_manifest(site, requirements)


def test_a_manifest_is_read_as_written_and_not_after_a_change(tmp_path, small):
    made = making.make_manifest(*made_site(tmp_path))
    path = making.write_manifest(made, tmp_path / "new" / "m.json")
    assert making.read_manifest(path) == made
    path.write_text(path.read_text().replace("p3/0.py", "p3/9.py"))
    with pytest.raises(UserError, match="its hash differs: restore it from git"):
        making.read_manifest(path)
    path.write_text("[]")
    with pytest.raises(UserError, match="is no manifest of version 1"):
        making.read_manifest(path)


def test_the_same_packages_give_the_same_manifest_in_whatever_order_they_lie(tmp_path, small):
    made = making.make_manifest(*made_site(tmp_path / "one"))
    site, requirements = made_site(tmp_path / "two")
    for record in site.glob("*/RECORD"):
        record.write_text("\n".join(reversed(record.read_text().splitlines())) + "\n")
    requirements.write_text("\n".join(reversed(requirements.read_text().splitlines())) + "\n")
    assert making.make_manifest(site, requirements) == made


def test_the_committed_manifest_is_of_the_pins_and_keeps_its_rules():
    manifest = making.read_manifest()
    pinned = {
        making.spelled(name): version
        for name, version in pins((PROJECT_ROOT / "requirements.txt").read_text()).items()
    }
    assert {name: entry["version"] for name, entry in manifest["packages"].items()}.items() <= pinned.items()
    assert making.MANIFEST.stat().st_size <= 400_000
    assert {"python", "c", "prose", "json", "javascript"} <= set(manifest["domains"])
    for domain in manifest["domains"]:
        sizes = {name: sum(size for _, _, size in some) for name, some in of_domain(manifest, domain).items()}
        assert len(sizes) >= making.PACKAGES
        assert max(sizes.values()) <= making.LARGEST_SHARE * sum(sizes.values())
        assert sum(sizes.values()) <= making.CHARACTERS
    paths = [
        path
        for entry in manifest["packages"].values()
        for some in entry["files"].values()
        for path, _, _ in some
    ]
    assert len(set(paths)) == len(paths)
    assert not any(VENDORED & set(path.split("/")) or path.endswith(("RECORD", ".pyc")) for path in paths)
    assert json.dumps(manifest["packages"]).count('"licence": ""') == 0
