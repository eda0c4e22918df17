"""The findings of the welcome page could have come out otherwise, and say so; without a record they are the run's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emotion_utils.ledger import headlines as h
from emotion_utils.ledger.picture import CLAIMS, picture
from emotion_utils.ledger.records import Entry, Row
from emotion_utils.ledger.sources import Sources, gather
from emotion_utils.record.findings import keep_findings
from emotion_utils.record.record_file import chapter_code
from tests.recorded import NAN, findings, part, record

PAIR = "SmolLM2 135M and Gemma 3 270M, pretrained"
MODELS = ("smollm2-135m", "gemma3-270m")


def entry(name, value, null, model=PAIR, small=(), report="0.99"):
    """A claim with what the record has of it, and what the run has."""
    recorded = [
        Row(model, value, None, None, null, 70, None, "other model", "", "notebooks/04_alignment.html#record")
    ]
    ran = [
        Row("small-gpt2", *one, None, None, None, 70, None, "other model", "", "p.html#decided")
        for one in small
    ]
    return Entry(
        name, "c", "m", report, "Phase 3.5", "04_alignment", "s", "1", "", "other model", "", "at chance", "", "",
        tuple(ran), tuple(recorded if value is not None else ()),
    )  # fmt: skip


def of(*parts, kept=(), entries=()):
    return Sources(list(entries) or [entry(h.AFTER, None, None)], parts, kept)


@pytest.mark.parametrize(
    ("value", "null", "bold", "plain"),
    [
        (0.993, 0.998, "A score of 0.99 says nothing", "0.993; with wrong pairs of sentences, 0.998."),
        (0.96, 0.25, "A score such as 0.99 tells right pairs from wrong ones", "0.96; with wrong pairs of sentences, "
         "0.25."),
    ],
)  # fmt: skip
def test_the_score_beside_wrong_pairs(value, null, bold, plain):
    found = h.score(of(entries=[entry(h.AFTER, value, null)]))
    assert (found.bold, found.models) == (bold, (PAIR,))
    assert found.plain.endswith(plain)
    assert found.page == "notebooks/04_alignment.html#record"


def test_two_pairs_that_differ_are_some():
    one = entry(h.AFTER, 0.993, 0.998)
    both = replace(one, record=(*one.record, replace(one.record[0], model="a", null=0.1)))
    assert h.score(of(entries=[both])).bold == "A score of 0.99 says nothing on some models"


@pytest.mark.parametrize(
    ("value", "small", "bold"),
    [
        (0.95, 1.0, "Something is shared all the same"),
        (0.95, 0.5, "Nothing shared can be told from chance"),
        (0.83, 1.0, "Nothing shared can be told from chance"),
    ],
)
def test_what_is_shared(value, small, bold):
    rows = [
        (h.PROBE, value, NAN, NAN, 0.84, 2), (h.PROBE_SMALL, small, NAN, NAN, 0.05, 2),
        (h.GEOMETRY, 0.56, 0.5, 0.6, 0.1, 1), (h.WORDS_ALONE, 0.53, NAN, NAN, NAN, 1),
    ]  # fmt: skip
    found = h.shared(of(part("04_alignment", ", ".join(MODELS), *rows)))
    assert found.bold == bold
    assert "where wrong pairs give 0.84; emotion geometry agrees at 0.56 (0.50 to 0.60)" in found.plain
    assert "with the words alone at 0.53, permuted prompts below 0.10." in found.plain
    assert h.shared(of(part("04_alignment", ", ".join(MODELS), ("else", 1, 1, 1, 1, 1)))) is None


@pytest.mark.parametrize(
    ("lows", "bold"),
    [
        ((0.71, 0.65), "Vectors read more than words, a little"),
        ((0.71, 0.55), "Vectors read more than words on some models"),
        ((0.51, 0.55), "That vectors read more than words cannot be told from chance"),
    ],
)
def test_vectors_beside_words(lows, bold):
    parts = [
        part(
            "03_emotion_vectors", model,
            (h.EMOTIONAL, 0.77, 0.7, 0.82, 0.5, 34), (h.BAG, 0.6, NAN, NAN, NAN, 34),
            (h.GAIN, 0.17, low - 0.6, 0.25, 0.0, 34),
            (h.WHICH, 0.55, 0.45, 0.6, 0.5, 34),
        )
        for model, low in zip(MODELS, lows, strict=True)
    ]  # fmt: skip
    found = h.vectors(of(*parts))
    assert found.bold == bold
    assert found.models == ("SmolLM2 135M, pretrained", "Gemma 3 270M, pretrained")
    assert "they hardly know which emotion it is: 0.55 against the other emotions." in found.plain


def test_a_large_lead_is_not_called_a_little_and_vectors_may_know_the_emotion():
    rows = [
        (h.EMOTIONAL, 0.95, 0.9, 0.99, 0.5, 34),
        (h.BAG, 0.5, NAN, NAN, NAN, 34),
        (h.GAIN, 0.45, 0.3, 0.5, 0.0, 34),
        (h.WHICH, 0.8, 0.7, 0.9, 0.5, 34),
    ]
    found = h.vectors(of(part("03_emotion_vectors", MODELS[0], *rows)))
    assert found.bold == "Vectors read more than words"
    assert "; they know which emotion it is: 0.80 (0.70 to 0.90) against" in found.plain


@pytest.mark.parametrize(
    ("ps", "bold"),
    [
        ((0.01, 0.01), "Steering turns replies, beyond what random vectors do"),
        ((0.01, 0.3), "Steering turns replies to some emotions, not to all"),
        ((0.04, 0.04), "That steering does more than random vectors cannot be told from chance"),
        ((0.3, 1.0), "That steering does more than random vectors cannot be told from chance"),
    ],
)
def test_steering_beside_random_vectors(ps, bold):
    """P has random vectors as units and is corrected over the emotions: twice .04 is no finding."""
    rows = [
        row
        for emotion, value, p in zip(("gratitude", "anger"), (0.5, 0.3), ps, strict=True)
        for row in (
            (f"{emotion}{h.STEERED}", value, NAN, NAN, 0.06, 36), (f"{emotion}{h.RANDOM_P}", p, NAN, NAN, NAN, 100),
        )
    ]  # fmt: skip
    found = h.steering(of(part("05_steering", MODELS[0], *rows, ("else", 1, NAN, NAN, NAN, 1))))
    assert found.bold == bold
    assert found.plain == (
        "Of the texts that are steered to an emotion 0.40 say it, a mean over emotions; with random vectors of equal "
        "length 0.060."
    )


@pytest.mark.parametrize(
    ("blind", "bold"),
    [
        (1.0, "Steering begins a reply; it need not move an understanding"),
        (0.0, "Steering turns replies, beyond what random vectors do"),
    ],
)
def test_a_blind_model_that_is_steered_as_well_and_a_bias_are_said(blind, bold):
    rows = [
        (f"gratitude{h.STEERED}", 0.5, 0.3, 0.6, 0.06, 36), (f"gratitude{h.RANDOM_P}", 0.01, NAN, NAN, NAN, 100),
        (h.BLIND_SHARE, blind, NAN, NAN, NAN, 3),
        (h.BIAS_SHARE, 0.7, NAN, NAN, NAN, 3),
    ]  # fmt: skip
    elsewhere = part("05_steering", "small-gpt2", (h.BIAS_SHARE, 0.2, NAN, NAN, NAN, 3))
    found = h.steering(of(part("05_steering", MODELS[0], *rows), kept=(elsewhere,)))
    assert found.bold == bold
    assert (
        "a bias on the first words alone raises the emotion's replies by 70% of what the vector does"
        in found.plain
    )
    share = "100%" if blind else "0%"
    assert found.plain.endswith(f"trained on causes without meaning is steered to {share} of the emotions.")


def test_a_bias_on_another_model_is_not_put_beside_these_numbers():
    elsewhere = part("05_steering", "small-gpt2", (h.BIAS_SHARE, 0.2, NAN, NAN, NAN, 3))
    row = (f"gratitude{h.STEERED}", 0.5, 0.3, 0.6, 0.06, 36)
    found = h.steering(of(part("05_steering", MODELS[0], row), kept=(elsewhere,)))
    assert "first words" not in found.plain


@pytest.mark.parametrize(
    ("rho", "bold"),
    [
        ((0.03, -0.1, 0.12), "Heads that look need not be heads that act"),
        ((0.25, NAN, NAN), "Heads that look need not be heads that act"),
        ((0.45, NAN, NAN), "Heads that look are heads that act, too"),
        ((0.3, 0.0, 0.6), "Heads that look need not be heads that act"),
        ((0.6, 0.4, 0.7), "Heads that look are heads that act, too"),
    ],
)
def test_heads_that_look(rho, bold):
    screened = part("06_head_screening", MODELS[0], (h.LOOKING, *rho, 0.0, 270))
    patched = part("07_head_patching", MODELS[0], (h.CIRCUIT, 0.8, 0.7, 0.9, 0.72, 30))
    found = h.heads(of(screened, patched))
    assert found.bold == bold
    assert (
        "a circuit alone keeps 0.80 (0.70 to 0.90) of the effect, as many random heads 0.72." in found.plain
    )


@pytest.mark.parametrize("low", [0.2, 0.95])
def test_what_a_circuit_does_in_texts_is_told_from_random_heads_or_not(low):
    screened = part("06_head_screening", MODELS[0], (h.LOOKING, 0.0, -0.1, 0.1, 0.0, 270))
    rows = [(h.CIRCUIT, 0.8, 0.7, 0.9, 0.72, 30), (h.IN_TEXTS, 0.97, low, 0.99, 0.91, 30)]
    found = h.heads(of(screened, part("07_head_patching", MODELS[0], *rows)))
    assert ("which cannot be told apart" in found.plain) == (low < 0.91)
    assert "in texts it turns 0.97" in found.plain


def test_a_finding_that_was_not_measured_is_left_out():
    assert h.headlines(of()) == []
    assert "are not in this run" in h.in_html([])
    assert len(h.lacking(of())) == 5
    one = part("06_head_screening", MODELS[0], (h.LOOKING, 0.0, NAN, NAN, 0.0, 270))
    assert len(h.lacking(of(one))) == 4


def test_without_a_record_the_findings_are_those_of_the_run(tmp_path):
    keep_findings(tmp_path, "06_head_screening", "small-gpt2", findings((h.LOOKING, 0.5, 0.4, 0.6, 0, 32)))
    one = entry(h.AFTER, None, None, small=[(0.83,)])
    sources = gather(tmp_path, [one], tmp_path / "real.json")
    found = h.heads(sources)
    assert (found.bold, found.models) == (
        "Heads that look are heads that act, too", ("small-gpt2, small world",),
    )  # fmt: skip
    assert "There is no record of real pretrained models" in h.origin(sources)
    path = record(
        tmp_path / "real.json", part("06_head_screening", MODELS[0], (h.LOOKING, 0.0, -0.1, 0.1, 0, 270))
    )
    both = gather(tmp_path, [one], path)
    assert h.heads(both).models == ("SmolLM2 135M, pretrained",)


def test_the_record_says_since_when_and_what_has_changed():
    row = ("x", 1, NAN, NAN, NAN, 1)
    now = part("03_emotion_vectors", MODELS[0], row, code=chapter_code("03_emotion_vectors"))
    old = [part("05_steering", name, row) for name in MODELS]
    assert h.origin(of(now)).endswith("a record of 29 November 2026, commit abc123.")
    assert h.origin(of(now, *old)).endswith("The code of Chapter 5 has changed since.")
    assert "SmolLM2 135M and Gemma 3 270M are pretrained models with 4-bit weights." in h.origin(of(*old))


def test_the_list_is_escaped_and_leads_to_the_page():
    one = h.Headline("<b>", "a & b", ("x<y",), "notebooks/04.html#record")
    markup = h.in_html([one, one._replace(page="")])
    assert "<b>&lt;b&gt;.</b> a &amp; b" in markup
    assert '<a href="../notebooks/04.html#record">x&lt;y</a>' in markup
    assert "<span>x&lt;y</span>" in markup


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (("A, pretrained", "B, pretrained"), "A and B, pretrained"),
        (("A, pretrained", "b, small world"), "A, pretrained; b, small world"),
        ((PAIR,), PAIR),
        (tuple(f"{name}, small world" for name in "abcd"), "4 models, small world"),
        (("mine",), "mine"),
    ],
)
def test_the_world_of_several_models_is_said_once(models, words):
    assert f"*{words}*" in h.in_markdown([h.Headline("b", "p", models, "")])


def test_the_picture_has_reported_ours_and_nothing_of_every_claim_that_was_measured():
    table = picture(of(entries=[entry(h.AFTER, 0.993, 0.998), entry("P3.cos.end.ga", None, None)]))
    assert set(table["claim"]) == {h.AFTER}
    by_kind = dict(list(table.groupby("kind")))
    assert by_kind["reported"]["value"].tolist() == [0.99]
    assert by_kind["ours"][["model", "value"]].to_numpy().tolist() == [[PAIR, 0.993]]
    nothing = by_kind["nothing there"]
    assert 0.998 in nothing["value"].tolist()
    assert (nothing["model"] == "models that share nothing").sum() == 3  # the scales of the calibration
    assert picture(of()).empty
    assert h.AFTER in CLAIMS
