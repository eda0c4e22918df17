import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.corpora.documents import Corpus, Document, check_domains, join


def test_pieces_joined_come_apart_again():
    pieces = ["one", "two words", "", "four"]
    document = join(pieces, "letters", "g", "n")
    assert document.text == "onetwo wordsfour"
    assert document.pieces == pieces
    assert Document("whole", "d", "g", "n").pieces == ["whole"]


def test_one_domain_cannot_be_read_and_two_can():
    one = [Document("a", "mail", "1", "1"), Document("b", "mail", "2", "2")]
    with pytest.raises(UserError, match=r"2 documents are of 1 domain \(mail\)"):
        check_domains(one)
    check_domains([*one, Document("c", "code", "3", "3")])
    assert Corpus("s", (*one, Document("c", "code", "3", "3"))).domains == ["code", "mail"]
