import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.corpora.texts import small_world
from emotion_utils.smallworld.corpus import training_documents
from emotion_utils.training.configs import spec_of

FEW = {"train": 2, "validation": 1, "test": 1}


@pytest.fixture(scope="module")
def corpus():
    return small_world(groups=FEW, characters=600)


def test_every_seed_writes_a_document_of_each_register(corpus, grammar):
    registers = sorted({form.register for form in grammar.content.forms})
    assert len(registers) == 17
    assert corpus.domains == registers
    assert len(corpus.documents) == 17 * 4
    assert {d.group: d.split for d in corpus.documents} == {
        "train 0.0": "train",
        "train 0.1": "train",
        "validation 0.0": "validation",
        "test 0.0": "test",
    }
    assert min(len(d.text) for d in corpus.documents) >= 600


def test_all_texts_are_of_the_world_and_each_split_of_its_part(corpus, grammar):
    for document in corpus.documents[::5]:
        view = "heldout_templates" if document.split == "test" else "train"
        for piece in document.pieces[:2]:
            assert grammar.is_grammatical(piece, view)


def test_test_documents_tell_causes_in_wordings_that_training_cannot_write(corpus, grammar):
    told = [d for d in corpus.documents if d.split == "test" and d.domain != "utterance"]
    first = [d.pieces[0] for d in told]
    assert [text for text in first if grammar.is_grammatical(text, "train")] == []


def test_no_document_repeats_one_of_the_training(corpus, grammar):
    trained = {d.text for d in training_documents(grammar, 500, spec_of("small-gpt2").corpus_seed)}
    assert not trained & {p for d in corpus.documents if d.domain != "utterance" for p in d.pieces}


def test_the_same_seed_writes_the_same_and_another_one_does_not(corpus):
    assert small_world(groups=FEW, characters=600).documents == corpus.documents
    other = small_world(seed=1, groups=FEW, characters=600)
    assert not {d.text for d in other.documents} & {d.text for d in corpus.documents}


def test_other_splits_are_refused():
    with pytest.raises(UserError, match="at least one seed each"):
        small_world(groups={"train": 2})
