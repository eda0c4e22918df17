"""What is said of circuits chosen anew, and beside random sets, for every outcome."""

from __future__ import annotations

import pandas as pd
import pytest

from emotion_utils.stability import beside, findings
from emotion_utils.stability.kinds import MEAN, RESAMPLE
from emotion_utils.stability.membership import Overlap
from emotion_utils.stability.rechosen import ABOVE, Rechosen

NAN = float("nan")


def again(
    shared=(0.8, 0.8, 0.7, 0.7), by_chance=0.2, p=0.005, resampled=0.9, paid=True, often=(1.0, 0.5, 0.0)
):
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
        30, (3, 5), frequencies, Overlap(0.85, 0.7, 1.0, 0.25), Overlap(0.9, 0.8, 1.0, 0.25), halves, by_chance, p,
        kinds, other, other, errors, 0.01 if paid else float("nan"),
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
    ("shared", "p", "same", "words"),
    [
        ((0.8, 0.8, 0.7, 0.7), 0.005, True, "**75%**, more than random ones (20%, p = 0.005)"),
        ((0.8, 0.8, 0.1, 0.1), 0.05, True, "more than random ones"),  # the mean decides, not each split
        ((0.3, 0.3, 0.3, 0.3), 0.051, None, "which cannot be told from random ones (20%, p = 0.051)"),
        ((0.2, 0.2, 0.2, 0.2), 0.6, False, "no more than random ones"),
        ((0.1, 0.1, 0.2, 0.2), 0.9, False, "**15%**, no more than random ones (20%, p = 0.900)"),
        ((NAN,) * 4, NAN, None, "cannot be compared"),
    ],
)
def test_halves_share_more_than_random_circuits_no_more_or_cannot_be_told(shared, p, same, words):
    assert findings.same_heads(again(shared, p=p)) is same
    assert words in findings.membership_in_words(again(shared, p=p))


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


MORE, AS_MUCH, AS_WELL = (0, 50, 0.9), (9, 19, 0.01), (10, 19, 0.9)
OPEN, ONE, FEW = (9, 19, 0.9), (1, 2, 0.9), (0, 4, NAN)


@pytest.mark.parametrize(
    ("nats", "texts", "title", "words"),
    [
        (
            MORE,
            MORE,
            "The circuit does more than random heads, in log-odds and in texts",
            "the circuit does more than random sets (0 of 50 do as much, p = 0.02)",
        ),
        (
            MORE,
            AS_MUCH,
            "In log-odds the circuit does more than random heads; in texts such heads do as well",
            "random sets do as well on average (9 of 19 do as much; the gap is smaller than the bound)",
        ),
        (
            MORE,
            OPEN,
            "In log-odds the circuit does more than random heads; in texts it cannot be told from such heads",
            "the circuit cannot be told from random sets (9 of 19 do as much, p = 0.50)",
        ),
        (
            AS_MUCH,
            MORE,
            "In texts the circuit does more than random heads; in log-odds such heads do as well",
            "circuit does more",
        ),
        (
            AS_MUCH,
            AS_WELL,
            "Random heads do as well as the circuit",
            "random sets do as well (10 of 19 do as much, p = 0.55)",
        ),
        (
            AS_WELL,
            ONE,
            "In log-odds random heads do as well as the circuit; in texts it cannot be told from such heads",
            "cannot be told from random sets (1 of 2 do as much, p = 0.67, too few sets to say more: at least 19)",
        ),
        (
            ONE,
            MORE,
            "In texts the circuit does more than random heads; in log-odds it cannot be told from such heads",
            "circuit does more",
        ),
        (
            OPEN,
            AS_WELL,
            "In texts random heads do as well as the circuit; in log-odds it cannot be told from such heads",
            "random sets do as well",
        ),
        (
            OPEN,
            FEW,
            "The circuit cannot be told from random heads, in log-odds or in texts",
            "(0 of 4 do as much, p = 0.20, too few sets",
        ),
    ],
)
def test_the_figure_and_the_sentence_say_what_the_sets_do(nats, texts, title, words):
    both = sets(nats, texts)
    assert findings.beside_title(both) == title
    assert words in findings.beside_in_words(both.iloc[1], 12.0)
    text = findings.sets_in_words(both, 12.0)
    assert "11.00 nats beside 3.00 of 12.00" in text
    assert "92% of the replies beside 91%" in text
