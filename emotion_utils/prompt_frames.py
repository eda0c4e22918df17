"""Frames and objects of the `powered` prompt set: what `prompt_templates.build_powered` puts together."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FRAMES", "ITEMS", "Frame", "Item"]


class Item(NamedTuple):
    """An object and what people do to it: past tense and gerund of a kind, a harmful and a plain act."""

    topic: str
    noun: str
    good: str
    gooding: str
    bad: str
    bading: str
    plain: str
    plaining: str


class Frame(NamedTuple):
    """One construction per emotion, in the order of `EMOTIONS`."""

    split: str
    names: tuple[str, str, str, str]
    texts: tuple[str, str, str, str]


# topic noun, then past tense and gerund of the good, the bad and the plain act
ITEMS: dict[str, str] = {
    "build": """
home lamp fixed fixing broke breaking moved moving
home bench painted painting broke breaking moved moving
home curtain mended mending tore tearing opened opening
home door painted painting scratched scratching closed closing
home mirror washed washing broke breaking moved moving
home clock repaired repairing dropped dropping moved moving
kitchen pan washed washing burned burning moved moving
kitchen oven fixed fixing broke breaking opened opening
kitchen kettle fixed fixing dropped dropping filled filling
kitchen soup saved saving spilled spilling ate eating
school notebook found finding lost losing opened opening
school essay saved saving tore tearing copied copying
school ruler found finding broke breaking moved moving
office printer repaired repairing broke breaking moved moving
office report saved saving deleted deleting opened opening
office chair mended mending broke breaking moved moving
office folder found finding lost losing opened opening
travel suitcase carried carrying lost losing packed packing
travel ticket found finding lost losing packed packing
travel map mended mending tore tearing opened opening
garden hedge watered watering ruined ruining passed passing
garden plant watered watering ruined ruining moved moving
garden fence painted painting broke breaking passed passing
garden spade mended mending lost losing moved moving
sport racket mended mending broke breaking packed packing
sport ball found finding lost losing packed packing
music guitar repaired repairing dropped dropping played playing
music flute mended mending broke breaking played playing
technology laptop repaired repairing dropped dropping opened opening
technology phone found finding lost losing charged charging
technology camera fixed fixing broke breaking charged charging
money wallet found finding lost losing opened opening
town bike repaired repairing scratched scratching parked parking
town car washed washing dented denting parked parking
shopping basket carried carrying dropped dropping filled filling
family cake saved saving dropped dropping cut cutting
""",
    "select": """
family scarf mended mending tore tearing packed packing
health watch found finding lost losing sold selling
home vase washed washing broke breaking filled filling
travel umbrella found finding lost losing opened opening
travel tent repaired repairing tore tearing packed packing
home table painted painting scratched scratching moved moving
music radio fixed fixing dropped dropping played playing
school book found finding lost losing read reading
shopping shirt washed washing ruined ruining packed packing
garden gate painted painting broke breaking closed closing
sport boat painted painting damaged damaging moved moving
kitchen cup washed washing broke breaking filled filling
""",
    "test": """
shopping jacket washed washing ruined ruining packed packing
garden ladder mended mending broke breaking moved moving
technology tablet repaired repairing dropped dropping charged charging
home sofa mended mending ruined ruining moved moving
family ring found finding lost losing sold selling
music violin repaired repairing dropped dropping played playing
town window washed washing broke breaking opened opening
travel bag carried carrying lost losing packed packing
family letter saved saving burned burning read reading
sport kite mended mending tore tearing packed packing
office desk painted painting scratched scratching moved moving
kitchen jar opened opening dropped dropping filled filling
""",
}


def _frame(split: str, *lines: str) -> Frame:
    """Frame from four 'name: sentence' lines."""
    names, texts = zip(*(line.split(": ", 1) for line in lines), strict=True)
    return Frame(split, names, texts)


FRAMES: tuple[Frame, ...] = (
    _frame(
        "build",
        "thank_you_for: Thank you for {gooding} my {noun}.",
        "angry_about: I am angry at you for {bading} my {noun}.",
        "sorry_for: I am sorry for {bading} your {noun}.",
        "at_home_doing: I am at home {plaining} the {noun}.",
    ),
    _frame(
        "build",
        "thanks_for: Thanks for {gooding} the {noun} for me.",
        "so_mad_at: I am so mad at you for {bading} the {noun}.",
        "sorry_about_doing: Sorry about {bading} the {noun} yesterday.",
        "were_doing: We were {plaining} the {noun} yesterday.",
    ),
    _frame(
        "build",
        "so_grateful_for: I am so grateful to you for {gooding} my {noun}.",
        "furious_with: I am furious with you for {bading} my {noun}.",
        "apologize_for: I apologize to you for {bading} your {noun}.",
        "with_uncle_doing: I was with my uncle, {plaining} the {noun}.",
    ),
    _frame(
        "build",
        "really_appreciate: I really appreciate you {gooding} my {noun}.",
        "annoyed_about: I am annoyed that you {bad} my {noun}.",
        "regret_doing: I regret {bading} your {noun}.",
        "was_doing_at_noon: I was {plaining} the {noun} at noon.",
    ),
    _frame(
        "build",
        "statement_thank_you: You {good} my {noun}, thank you.",
        "statement_fed_up: You {bad} my {noun}, I am fed up.",
        "confession_sorry: I {bad} your {noun}, sorry.",
        "as_usual: I {plain} the {noun} on Monday, as usual.",
    ),
    _frame(
        "build",
        "thanked_person: I thanked my uncle for {gooding} the {noun}.",
        "angry_with_person: I was angry with my uncle for {bading} the {noun}.",
        "apologized_to_person: I apologized to my uncle for {bading} the {noun}.",
        "talked_while: I talked with my uncle while {plaining} the {noun}.",
    ),
    _frame(
        "build",
        "my_thanks_go_to: My thanks go to all who {good} the {noun}.",
        "fed_up_with: I am fed up with people {bading} the {noun}.",
        "my_apologies_for: My apologies for {bading} the {noun} again.",
        "on_monday_at_noon: On Monday we {plain} the {noun} at noon.",
    ),
    _frame(
        "build",
        "thankful_for: I am so thankful that you {good} the {noun}.",
        "so_furious_that: I am so furious that you {bad} the {noun}.",
        "so_sorry_that: I am so sorry that I {bad} the {noun}.",
        "quite_sure_that: I am quite sure that we {plain} the {noun}.",
    ),
    _frame(
        "build",
        "want_to_thank: I want to thank the man who {good} my {noun}.",
        "mad_at_person: I am mad at the man who {bad} my {noun}.",
        "please_forgive: Please forgive my son, he {bad} your {noun}.",
        "know_person: I know the man who {plain} the {noun}.",
    ),
    _frame(
        "build",
        "cannot_thank_enough: We cannot thank you enough for {gooding} our {noun}.",
        "still_angry: We are still angry that you {bad} our {noun}.",
        "owe_an_apology: We owe you an apology for {bading} your {noun}.",
        "all_outside_doing: We have all been outside, {plaining} our {noun}.",
    ),
    _frame(
        "build",
        "kind_thanks: It was kind that you {good} the {noun}, thanks.",
        "is_outrageous: It is outrageous that you {bad} the {noun}.",
        "wrong_sorry: It was wrong that I {bad} the {noun}, sorry.",
        "monday_when: It was Monday when we {plain} the {noun}, I think.",
    ),
    _frame(
        "build",
        "name_thank_you: Peter, thank you for {gooding} that {noun}.",
        "name_angry: Tom, I am angry because you {bad} that {noun}.",
        "name_forgive_me: Anna, forgive me for {bading} that {noun}.",
        "name_still_doing: Anna, we are still {plaining} that {noun}.",
    ),
    _frame(
        "select",
        "appreciate_that: I appreciate that you {good} my {noun}.",
        "mad_because: I am mad because you {bad} my {noun}.",
        "regret_that: I regret that I {bad} your {noun}.",
        "think_that: I think that we {plain} the {noun}.",
    ),
    _frame(
        "select",
        "grateful_that: I am grateful that you {good} the {noun}.",
        "outraged_by: I am outraged that you {bad} the {noun}.",
        "accept_my_apology: Please accept my apology for {bading} the {noun}.",
        "list_says_that: The list says that we {plain} the {noun}.",
    ),
    _frame(
        "select",
        "big_thank_you: A big thank you to everyone who {good} our {noun}.",
        "do_not_make_angry: Do not make me angry by {bading} our {noun}.",
        "let_me_apologize: Let me apologize for {bading} your {noun}.",
        "son_and_i: My son and I were {plaining} our {noun}.",
    ),
    _frame(
        "select",
        "thank_you_so_much: Thank you so much, you {good} my {noun}.",
        "how_annoying: How annoying, you {bad} my {noun}.",
        "must_apologize: I must apologize, I {bad} your {noun}.",
        "last_week: Last week, I think, we {plain} the {noun}.",
    ),
    _frame(
        "test",
        "please_thank: Please thank the woman who {good} my {noun}.",
        "get_angry_when: I get angry when people are {bading} my {noun}.",
        "can_you_forgive: Can you forgive me for {bading} your {noun}?",
        "get_home_when: I get home when they are {plaining} the {noun}.",
    ),
    _frame(
        "test",
        "and_i_am_grateful: You {good} the {noun} and I am grateful.",
        "and_i_am_angry: You {bad} the {noun} and I am angry.",
        "and_i_am_sorry: I {bad} the {noun} and I am sorry.",
        "and_i_am_outside: You {plain} the {noun} and I am outside.",
    ),
    _frame(
        "test",
        "has_my_gratitude: You have my gratitude for {gooding} the {noun}.",
        "full_of_anger: I am full of anger at you for {bading} the {noun}.",
        "can_only_apologize: I can only apologize for {bading} the {noun}.",
        "have_a_plan_for: You have a plan for {plaining} the {noun}.",
    ),
    _frame(
        "test",
        "always_grateful: I will always be grateful to you for {gooding} my {noun}.",
        "never_so_angry: I have never been so angry, you {bad} my {noun}.",
        "hope_you_forgive: I hope you forgive me for {bading} your {noun}.",
        "still_be: I will still be in the room, {plaining} the {noun}.",
    ),
)
