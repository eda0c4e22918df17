import pytest

import emotion_utils as eu
from emotion_utils.core.errors import UserError


def test_every_kind_of_source_has_its_door(tmp_path):
    few = {"train": 1, "validation": 1, "test": 1}
    assert len(eu.corpora.read("small world", groups=few, characters=10).documents) == 51
    (tmp_path / "a.txt").write_text("hello")
    assert eu.corpora.read(str(tmp_path)).documents[0].text == "hello"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("smal world", 'did you mean "small world"'),
        ("package", 'did you mean "packages"'),
        ("hub:", "Known: small world, packages"),
        ("", "Known: small world, packages"),
        ("/nowhere/at/all", "Known: small world, packages, hub:name and the path of a folder or file"),
    ],
)
def test_another_source_is_refused_with_the_nearest(source, said):
    with pytest.raises(UserError, match=said):
        eu.corpora.read(source)
