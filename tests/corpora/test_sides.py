import numpy as np
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.corpora.documents import Document
from emotion_utils.corpora.sides import SHARES, sides


def made(groups: dict[str, tuple[str, ...]], each: int = 4) -> list[Document]:
    """Documents of groups, so many in each domain of a group."""
    return [
        Document("text", domain, group, f"{group}/{domain}/{at}")
        for group, domains in groups.items()
        for domain in domains
        for at in range(each)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_no_group_stands_on_two_sides_in_any_domain(seed):
    documents = made({f"p{at}": ("python", "prose") if at % 2 else ("python",) for at in range(40)})
    split, notes = sides(documents, np.full(len(documents), 3), SHARES, seed)
    of_group = {
        d.group: {s for e, s in zip(documents, split, strict=True) if e.group == d.group} for d in documents
    }
    assert {len(found) for found in of_group.values()} == {1}
    assert notes == ()
    for domain in ("python", "prose"):
        own = split[[d.domain == domain for d in documents]]
        assert {name: (own == name).mean() for name in SHARES} == pytest.approx(SHARES, abs=0.101)


def test_seeds_give_other_splits():
    documents = made({f"p{at}": ("d",) for at in range(40)})
    assert (
        len({tuple(sides(documents, np.full(len(documents), 3), SHARES, seed)[0]) for seed in range(4)}) == 4
    )


def test_a_domain_of_three_groups_is_on_every_side_however_large_the_first_is():
    documents = made({f"a{at}": ("a",) for at in range(20)} | {f"b{at}": ("b",) for at in range(3)})
    windows = np.array([900 if d.group == "b0" else 2 for d in documents])
    split, notes = sides(documents, windows, SHARES)
    assert {s for d, s in zip(documents, split, strict=True) if d.domain == "b"} == set(SHARES)
    assert notes == ()


def test_the_only_group_of_a_domain_is_split_by_document_and_said():
    documents = made({f"a{at}": ("a",) for at in range(10)}) + made({"alone": ("b",)}, each=20)
    split, notes = sides(documents, np.ones(len(documents), dtype=int), SHARES)
    own = [str(s) for d, s in zip(documents, split, strict=True) if d.domain == "b"]
    assert {name: own.count(name) for name in SHARES} == {"train": 16, "validation": 2, "test": 2}
    assert "b has one group of documents" in notes[0]


def test_what_the_source_says_is_kept():
    documents = [
        Document("t", "d", f"g{at}", "n", split) for at, split in enumerate(["test"] * 5 + ["train"] * 5)
    ]
    split, notes = sides(documents, np.ones(10, dtype=int), SHARES)
    assert split.tolist() == ["test"] * 5 + ["train"] * 5
    assert notes == ("d has no windows for validation: it has too few groups.",)


def test_other_shares_and_splits_are_refused():
    documents = made({f"p{at}": ("d",) for at in range(5)})
    windows = np.ones(len(documents), dtype=int)
    with pytest.raises(UserError, match="sum to 1"):
        sides(documents, windows, {"train": 0.8, "validation": 0.1, "test": 0.2})
    with pytest.raises(UserError, match='of the split "dev"'):
        sides(
            [*documents, Document("t", "d", "g", "n", "dev")], np.ones(len(documents) + 1, dtype=int), SHARES
        )
