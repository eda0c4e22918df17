"""What a language asks of the grammar: how sentences are joined, how people are mentioned, articles and capitals.

Words and templates of a language are a folder of YAML files; what is here is the little that no template can say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from emotion_utils.core.errors import UserError
from emotion_utils.smallworld.people import Person

People = dict[str, list[Person]]
"""By the mode in which a form writes them: those who can be meant."""


@dataclass(frozen=True)
class Language:
    """One language of the small world.

    Attributes
    ----------
    name
        Of its folder: the ISO 639-1 code.
    title
        In English.
    blank
        Between two sentences; empty where a language has none.
    capitals
        Whether a sentence begins with one.
    ends
        Characters that end a sentence.
    modes
        Ways in which a form may write a person.
    called
        Those of ``modes`` in which a person can be called by name.
    mentions, gendered
        Forms of a mention, and those that show the person's gender.
    mention
        Person, form and style to what is written.
    people
        Words by category to the people of the world.
    word
        Regular expression of a word in a fixed piece of text.
    pronouns
        Words that only mentions write.
    politeness
        Formality of a form to the weight of reactions of each politeness in it.
    article
        A noun to the noun with its indefinite article; None where a language has no articles.
    """

    name: str
    title: str
    blank: str
    capitals: bool
    ends: str
    modes: tuple[str, ...]
    called: frozenset[str]
    mentions: frozenset[str]
    gendered: frozenset[str]
    mention: Callable[[Person, str, str], str]
    people: Callable[[Mapping[str, Sequence[str]]], People]
    word: str
    pronouns: frozenset[str]
    politeness: Mapping[str, Mapping[str, float]]
    article: Callable[[str], str] | None = None


# --- English: by name ("Tom"), by role ("the nurse"), as I (the writer) or as you (the reader)
FORMS = ("", "o", "gen", "he", "him", "his", "himself", "was")
FIRST = dict(zip(FORMS, ("I", "me", "my", "I", "me", "my", "myself", "was"), strict=True))
SECOND = dict(zip(FORMS, ("you", "you", "your", "you", "you", "your", "yourself", "were"), strict=True))
MASCULINE = {"he": "he", "him": "him", "his": "his", "himself": "himself", "was": "was"}
FEMININE = {"he": "she", "him": "her", "his": "her", "himself": "herself", "was": "was"}
VOWEL_SOUND_EXCEPTIONS = ("uni", "use", "usu", "uku", "one", "eu")
SILENT_H = ("hour", "honest", "heir")


def english_article(noun: str) -> str:
    """``noun`` with "a" or "an" in front, by its sound."""
    low = noun.lower()
    vowel = low[0] in "aeiou" and not low.startswith(VOWEL_SOUND_EXCEPTIONS)
    return ("an " if vowel or low.startswith(SILENT_H) or low.startswith(("8", "11", "18")) else "a ") + noun


def english_mention(person: Person, form: str, style: str = "plain") -> str:
    """Write one mention: of Person("name", "Tom", "m") the form "his" is "his"."""
    if person.mode == "I":
        return FIRST[form]
    if person.mode == "you":
        return SECOND[form]
    if form in ("", "o", "name"):
        return person.noun
    if form == "gen":
        return person.noun + ("'" if person.noun.endswith("s") else "'s")
    return (MASCULINE if person.gender == "m" else FEMININE)[form]


def _given_names(words: Mapping[str, Sequence[str]]) -> list[Person]:
    return [Person("name", noun, g) for g, key in (("m", "male"), ("f", "female")) for noun in words[key]]


def _english_people(words: Mapping[str, Sequence[str]]) -> People:
    return {"name": _given_names(words), "role": [Person("role", f"the {job}") for job in words["job"]]}


ENGLISH = Language(
    name="en",
    title="English",
    blank=" ",
    capitals=True,
    ends=".!?",
    modes=("name", "role", "I", "you"),
    called=frozenset({"name"}),
    mentions=frozenset({*FIRST, "name"}),
    gendered=frozenset({"he", "him", "his", "himself"}),
    mention=english_mention,
    people=_english_people,
    word=r"[A-Za-z]+(?:'[a-z]+)?",
    pronouns=frozenset(
        word
        for words in (FIRST, SECOND, MASCULINE, FEMININE)
        for form, word in words.items()
        if form != "was"
    ),
    politeness={
        "formal": {"polite": 3.0, "plain": 2.0, "blunt": 0.5},
        "plain": {"polite": 1.0, "plain": 1.5, "blunt": 1.0},
        "casual": {"polite": 0.5, "plain": 1.5, "blunt": 2.0},
    },
    article=english_article,
)


# --- Japanese: by given name ("健太"), by surname with さん ("田中さん"), by role ("店長") or as 私 (the writer)
SELF = "私"
JAPANESE_RUN = "[一-鿿々]+|[ァ-ヺー]+|[ぁ-ゖー]+"
"""A run of one script: the nearest to a word that a text without blanks shows."""
GIVEN = {("plain", True): "てくれた", ("plain", False): "た", ("polite", True): "てくれました"}


def japanese_mention(person: Person, form: str, style: str = "plain") -> str:
    """Write one mention. Particles stand in the template, and nothing shows a gender.

    ``san`` calls by name politely, ``name`` without a suffix. ``ta`` is the ending of a verb whose deed does the person
    good: the writer says くれる of what was done for the writer, and not of what was done for others.
    """
    if form == "ta":
        return GIVEN.get((style, person.mode == "I"), "ました")
    if person.mode == "I":
        return SELF
    return person.noun + ("さん" if form == "san" and person.mode == "name" else "")


def _japanese_people(words: Mapping[str, Sequence[str]]) -> People:
    return {
        "name": _given_names(words),
        "san": [Person("san", f"{surname}さん") for surname in words["surname"]],
        "role": [Person("role", job) for job in words["job"]],
    }


JAPANESE = Language(
    name="ja",
    title="Japanese",
    blank="",
    capitals=False,
    ends="。！？",
    modes=("name", "san", "role", "I"),
    called=frozenset({"name", "san"}),
    mentions=frozenset({"", "name", "san", "ta"}),
    gendered=frozenset(),
    mention=japanese_mention,
    people=_japanese_people,
    word=f"{JAPANESE_RUN}|[A-Za-z]+",
    pronouns=frozenset({SELF}),
    politeness={  # a letter in keigo does not break into plain speech
        "formal": {"polite": 8.0, "plain": 0.5, "blunt": 0.1},
        "plain": {"polite": 1.0, "plain": 1.5, "blunt": 1.0},
        "casual": {"polite": 0.2, "plain": 2.0, "blunt": 2.0},
    },
)

LANGUAGES = {language.name: language for language in (ENGLISH, JAPANESE)}


def language_of(name: str) -> Language:
    """The language of this code.

    Raises
    ------
    UserError
        For one that the grammar does not know.
    """
    if name not in LANGUAGES:
        raise UserError(f"There is no small world in the language {name!r}. Known: {', '.join(LANGUAGES)}.")
    return LANGUAGES[name]
