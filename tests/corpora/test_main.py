from made_site import made_site

from emotion_utils.corpora import manifest as making
from emotion_utils.corpora.__main__ import main


def test_a_manifest_is_made_and_checked(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(making, "FEWEST", 1_000)
    site, requirements = made_site(tmp_path)
    places = ["--site", str(site), "--manifest", str(tmp_path / "m.json")]
    assert main(["manifest", *places, "--requirements", str(requirements)]) == 0
    assert "12 packages, domains python" in capsys.readouterr().out
    assert main(["check", *places]) == 0
    assert "All 24 files are as in the manifest." in capsys.readouterr().out
    (site / "p3" / "0.py").write_text("other")
    assert main(["check", *places]) == 1
    assert "Of 24 files 1 are not as in the manifest (1 differs)" in capsys.readouterr().out


def test_bad_input_ends_in_a_sentence(tmp_path, capsys):
    assert main(["check", "--manifest", str(tmp_path / "gone.json")]) == 2
    assert capsys.readouterr().err.startswith("error: There is no file")
