"""What a page shows of vectors that are carried over: a real pair from a record beside miniatures of the run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from carried import MAPS, invented

from emotion_utils.alignment.mapped_vectors import MAPPED, WRONG_PAIRS
from emotion_utils.figures import scaling as figures
from emotion_utils.scaling import transfer_summaries as summaries
from emotion_utils.scaling.real_pair import transfer_tables, with_record
from emotion_utils.scaling.record import FOLDER, read_record, write_record
from emotion_utils.scaling.results import carried_of
from emotion_utils.scaling.transfer_findings import RIVALS

REAL = {"source": "smollm2-135m", "target": "gemma3-270m"}
BACK = {"source": "gemma3-270m", "target": "smollm2-135m"}
SMALL = {"source": "small-gpt2", "target": "small-llama3"}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Miniatures of a run, between which nothing is carried, and a record of real models, both ways."""
    carried = pd.concat([invented(pair=REAL), invented(own=5.0, mapped=1.0, spread=0.1, pair=BACK)])
    record = read_record(FOLDER)
    whole = replace(record, tables={**record.tables, **transfer_tables(carried)})
    folder = tmp_path_factory.mktemp("record")
    write_record(whole, folder)
    ours = transfer_tables(invented(n=6, pair=SMALL))
    return with_record(ours, read_record(folder).tables)


def test_the_real_pair_stands_beside_the_miniatures_with_its_effects(both):
    shown = summaries.main_effects(both["transfer_shares"], both["transfer_verdicts"])
    assert shown["kind"].tolist() == ["miniature"] * 2 + ["real"] * 4
    assert shown.columns[0] == "kind"
    assert shown["map"].tolist() == [*MAPS] * 3
    row = shown[(shown["source"] == "smollm2-135m") & (shown["map"] == "ridge")].iloc[0]
    said = ["own vector, nats", "mapped vector, nats", "wrong pairs, nats", "random vectors, nats"]
    assert row[said].tolist() == pytest.approx([10, 8, 1, 0.5], abs=0.2)  # as planted
    assert row["mapped, of own"] == pytest.approx(0.8, abs=0.02)
    assert row["95 % from"] < row["mapped, of own"] < row["to"]
    assert shown["carried over"].tolist() == ["cannot be told"] * 2 + ["yes"] * 2 + ["no"] * 2
    assert np.isnan(shown["mapped, of own"].iloc[0])  # of six kinds of events no interval is known


def test_real_models_and_miniatures_are_counted_apart(both):
    text = summaries.summarise(both["transfer_shares"], both["transfer_verdicts"])
    assert text.startswith(
        "Carried over, between real models: **yes** in 2 and **no** in 2 of 4 cases; between miniatures: "
        "**cannot be told** in 2 of 2 cases."
    )
    assert (
        "- *smollm2-135m* to *gemma3-270m*, ridge: **yes** by the replies, mean of the emotions (p = 0.020"
        in text
    )
    assert "by emotion 2 yes, 0 no, 0 cannot be told. Shares of the own effect: replies 80%" in text
    assert "*small-gpt2* to *small-llama3*, ridge: **cannot be told**" in text
    assert "replies unknown, wrong pairs unknown; log-odds unknown" in text
    assert "nan" not in text


def test_without_a_record_the_run_stands_alone():
    ours = transfer_tables(invented(pair=SMALL))
    alone = with_record(ours, read_record(FOLDER).tables | {name: pd.DataFrame() for name in ours})
    shown = summaries.main_effects(alone["transfer_shares"], alone["transfer_verdicts"])
    assert shown["kind"].tolist() == ["miniature", "miniature"]
    text = summaries.summarise(alone["transfer_shares"], alone["transfer_verdicts"])
    assert "real models" not in text
    assert text.startswith("Carried over, between miniatures: **yes** in 2 of 2 cases.")


@pytest.mark.parametrize(
    ("source", "target", "kind"),
    [
        ("gpt2", "llama3-8b", "real"),
        ("small-gpt2", "gpt2", "mixed"),
        ("small-gpt2", "small-neo", "miniature"),
    ],
)
def test_a_pair_is_real_mixed_or_miniature(source, target, kind):
    assert summaries.kind_of_pair(source, target) == kind


def test_columns_are_words(both):
    for name in ("transfer_verdicts", "transfer_power", "transfer_costs"):
        shown = summaries.in_words(both[name])
        assert shown["kind"].isin(list(summaries.KINDS.values())).all()
        assert not [column for column in shown if "_" in column]
        assert len(shown) == len(both[name])
    assert shown.columns[0] == "kind"


def test_the_real_pair_is_drawn_and_answered(both):
    arms = [MAPPED, *RIVALS]
    shares = both["transfer_shares"]
    gain = shares[(shares["outcome"] == "gain") & (shares["emotion"] == "mean") & shares["arm"].isin(arms)]
    drawn = figures.transfer(gain, MAPPED)
    assert "of 6 rows" in drawn.alt or "over 6 rows" in drawn.alt
    kept = shares[shares["outcome"] == "gain"]
    carried = carried_of(both["transfer_verdicts"], kept, MAPPED, WRONG_PAIRS)
    assert [one.verdict for one in carried] == ["cannot be told"] * 2 + ["yes"] * 2 + ["no"] * 2
