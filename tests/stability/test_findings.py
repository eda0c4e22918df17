"""What is said of circuits chosen anew, and beside random sets, for every outcome."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.stability import beside, findings
from emotion_utils.stability.kinds import MEAN, RESAMPLE
from emotion_utils.stability.membership import Overlap
from emotion_utils.stability.rechosen import ABOVE, Rechosen


def again(shared=(0.8, 0.8, 0.7, 0.7), by_chance=0.2, resampled=0.9, paid=True, often=(1.0, 0.5, 0.0)):
    """Circuits chosen anew, with invented results."""
    frequencies = pd.DataFrame(
        {
            "layer": 0,
            "head": range(3),
            "name": ["L0H0", "L0H1", "L0H2"],
            "frequency": often,
            "member": [True, True, True],
        }
    )
    halves = pd.DataFrame({"split": [1, 1, 2, 2], "heads": 3, "shared": shared})
    kinds = pd.DataFrame(
        [(ABOVE, MEAN, 0.95, 0.9, 1.0, 90, 10), (ABOVE, RESAMPLE, resampled, resampled - 0.1, 1.0, 90, 10)],
        columns=["circuit", "kind", "share", "low", "high", "n", "n_groups"],
    )
    errors = (
        pd.DataFrame({"kind": [MEAN, RESAMPLE], "effect": 0.2, "error": [0.02, 0.03]})
        if paid
        else pd.DataFrame()
    )
    other = Overlap(0.75, 0.7, 0.8, 0.2) if paid else None
    return Rechosen(
        30, (3, 5), frequencies, Overlap(0.85, 0.7, 1.0, 0.25), Overlap(0.9, 0.8, 1.0, 0.25), halves, by_chance, kinds,
        other, other, errors, 0.01 if paid else float("nan"),
    )  # fmt: skip


def test_members_are_named_by_how_often_they_are_chosen():
    found = findings.members_found(again().frequencies)
    assert (found.always, found.sometimes, found.missed) == (("L0H0",), ("L0H1",), ("L0H2",))
    text = findings.membership_in_words(again())
    for words in (
        "30 resamples",
        "3 to 5 heads",
        "1 heads are in at least 95% of them (L0H0)",
        "**85%**",
        "**75%**",
    ):
        assert words in text
    assert text.endswith("most choices leave out: L0H2.")
    none = findings.membership_in_words(again(often=(0.5, 0.6, 0.7)))
    assert "no head is in 95% of them, and 3 come and go" in none
    assert none.endswith("leave out: none.")


def test_kinds_are_told_with_their_errors_or_with_what_is_not_paid_for():
    text = findings.kinds_in_words(again())
    for words in ("**95%**", "**90%**", "share 75%", "0.020 nats", "0.030 by resampling", "0.010 of it"):
        assert words in text
    assert "not paid for" in findings.kinds_in_words(again(paid=False))
    assert findings.kept_under(again(resampled=0.7), RESAMPLE).tolist() == pytest.approx([0.7, 0.6, 1.0])


@pytest.mark.parametrize(
    ("shared", "same"),
    [((0.8, 0.8, 0.7, 0.7), True), ((0.1, 0.1, 0.2, 0.2), False), ((0.8, 0.8, 0.1, 0.1), None)],
)
def test_halves_share_more_than_random_circuits_in_all_splits_in_none_or_in_some(shared, same):
    assert findings.same_heads(again(shared)) is same


def test_main_numbers_have_their_null_and_units():
    table = findings.main_numbers(again()).set_index("finding")
    first = table.loc["heads that circuits of two halves of the units share (Jaccard); null: random"]
    assert (first["value"], first["null"], first["n"]) == (pytest.approx(0.75), 0.2, 4)
    second = table.loc["difference that the circuit keeps under resample ablation, share"]
    assert (second["value"], second["high"], second["n"]) == (0.9, 1.0, 10)


def sets(nats, texts):
    """Rows for equal norm; each is (sets that do as much, of all, p of the equivalence test)."""
    rows = []
    for measure, (as_much, n, alike) in ((beside.NATS, nats), (beside.TEXTS, texts)):
        value = (11.0, 3.0) if measure == beside.NATS else (0.92, 0.91)
        rows.append(
            dict.fromkeys(beside.COLUMNS, 0.0)
            | {"measure": measure, "kind": beside.STRONG, "circuit": value[0], "random": value[1], "sets": n,
               "as_much": as_much, "p": (1 + as_much) / (1 + n), "p_equivalence": alike}
        )  # fmt: skip
    return pd.DataFrame(rows)


MORE, AS_MUCH, REACHED, FEW = (0, 50, 0.9), (9, 19, 0.01), (9, 19, 0.9), (0, 4, float("nan"))


@pytest.mark.parametrize(
    ("nats", "texts", "title", "words"),
    [
        (
            MORE,
            MORE,
            "more than random heads, in log-odds and in texts",
            "circuit does more than random sets",
        ),
        (MORE, AS_MUCH, "in texts such heads do as well", "do as much on average"),
        (MORE, REACHED, "in texts such heads do as well", "cannot be told from random sets"),
        (AS_MUCH, MORE, "in log-odds such heads do as well", "circuit does more"),
        (AS_MUCH, REACHED, "Random heads do as well as the circuit", "p = 0.50"),
        (MORE, FEW, "The circuit beside random heads", "too few sets to say more (at least 19)"),
    ],
)
def test_the_figure_and_the_sentence_say_what_the_sets_do(nats, texts, title, words):
    both = sets(nats, texts)
    assert title in findings.beside_title(both)
    assert words in findings.beside_in_words(both.iloc[1], 12.0)
    text = findings.sets_in_words(both, 12.0)
    assert "11.00 nats beside 3.00 of 12.00" in text
    assert "92% of the replies beside 91%" in text
