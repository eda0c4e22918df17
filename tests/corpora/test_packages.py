import shutil

import pytest
from made_site import made_site, words

from emotion_utils.core.errors import UserError
from emotion_utils.corpora import manifest as making
from emotion_utils.corpora.packages import check_packages, missing, read_packages


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setattr(making, "FEWEST", 1_000)
    site, requirements = made_site(tmp_path)
    return site, making.write_manifest(making.make_manifest(site, requirements), tmp_path / "m.json")


def test_what_is_as_in_the_manifest_is_read(site):
    corpus = read_packages(*site)
    assert {d.name: d.text for d in corpus.documents} == {
        f"p{at}/{part}.py": words(10 * at + part).strip() for at in range(12) for part in range(2)
    }
    assert {d.domain for d in corpus.documents} == {"python"}
    assert {d.group for d in corpus.documents} == {f"p{at}" for at in range(12)}
    assert "licences of their 12 packages" in corpus.notes[0]
    assert missing(check_packages(*site)) == ""


def test_what_differs_or_is_missing_is_left_out_and_said(site):
    (site[0] / "p3" / "0.py").write_text(words(999))
    shutil.rmtree(site[0] / "p4")
    shutil.rmtree(site[0] / "p5-1.2.dist-info")
    files = check_packages(*site)
    assert files["state"].value_counts().to_dict() == {"same": 19, "missing": 4, "differs": 1}
    with pytest.raises(
        UserError, match=r"Of 24 files 5 are not as in the manifest .1 differs and 4 missing.*p5"
    ):
        read_packages(*site)
    corpus = read_packages(*site, least=0.75)
    assert len(corpus.documents) == 19
    assert "p5 (1.2 is asked for, nothing is installed)" in corpus.notes[1]
