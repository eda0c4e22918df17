"""Types told by hand, and by what a text of every tokenizer reads when its tokens are put together again."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_utils.core.errors import UserError
from emotion_utils.novelty.token_types import OTHER, TYPES, token_texts, token_types, type_of, types_at

BY_HAND = {
    "newline": ["\n", "\n\n", " \n", "\r\n", "\n    ", "\u2028"],
    "space": [" ", "    ", "\t", "\u00a0", "\u3000"],
    "letter": [" the", "The", "été", "ß", "Anna's", "\nfoo", "λ", "嬉"],
    "digit": ["7", " 2026", "1st", "½"],
    "punctuation or symbol": [".", " --", "...", "$", '"', "“", "„", "<", "+=", ".("],
    "opening bracket": ["(", " [", "{{", "()", "「"],
    "closing bracket": [")", "}", "];", " )", "」"],
    "other": ["", "\ufffd", "a\ufffd", "\x00", "\u200b"],
}


@pytest.mark.parametrize(("name", "texts"), BY_HAND.items())
def test_the_type_is_that_of_the_first_character_that_is_no_blank(name, texts):
    assert {text: type_of(text) for text in texts} == dict.fromkeys(texts, name)


def test_every_type_is_told_by_hand():
    assert set(BY_HAND) == set(TYPES)


@pytest.mark.parametrize("text", ['Anna said: "I\'m (very) happy [1]"\n\n  x = {2}\t', "naïve 🙂 λ"])
def test_texts_of_tokens_put_together_are_the_text(tokenizers, text):
    for tokenizer in tokenizers.values():
        texts = token_texts(tokenizer)
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        told = [texts[i] for i in ids]
        assert len(texts) == len(tokenizer)
        if not any("\ufffd" in one for one in told):
            assert "".join(told) == text
        first = next(one for one in told if one.strip())
        assert text.lstrip().startswith(first.strip())


def test_special_tokens_and_pieces_of_characters_are_other(tokenizers):
    for tokenizer in tokenizers.values():
        types = token_types(tokenizer)
        assert (types[tokenizer.all_special_ids] == OTHER).all()
        smile = tokenizer("🙂", add_special_tokens=False)["input_ids"]
        if len(smile) > 1:
            assert TYPES[types[smile[-1]]] == "other"


def test_ids_beyond_the_tokenizer_are_other_and_those_below_zero_refused():
    found = types_at(np.array([[0, 1], [2, 900]]), np.array([2, 3, 4]))
    assert found.tolist() == [[2, 3], [4, OTHER]]
    with pytest.raises(UserError, match="not -1"):
        types_at(np.array([[0, -1]]), np.array([2, 3]))
