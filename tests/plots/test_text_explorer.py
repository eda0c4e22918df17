"""The explorer of steered texts: each combination once, nothing escapes, small, and readable without its script."""

from __future__ import annotations

import json
import re
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from emotion_utils import plots
from emotion_utils.core.errors import UserError
from emotion_utils.plots.figure import PLOTLY_MIME

HOSTILE = "</script><img src=x onerror=alert(1)><!-- & </div>"
EMOTIONS, PROMPTS, LAYERS, ALPHAS = (
    ["joy", "anger"],
    ["At noon Ada said:", "Ben wrote:"],
    [3, 1],
    [2.0, 0.0, 0.5],
)
SCORES = {"target": "says the target emotion", "perplexity": "perplexity / genuine"}


def rows() -> pd.DataFrame:
    """Every combination once; the score is a number that names its row: 1000 e + 100 p + 10 layer + alpha."""
    table = pd.DataFrame(
        product(EMOTIONS, PROMPTS, LAYERS, ALPHAS), columns=["emotion", "prompt", "layer", "alpha"]
    )
    places = 1000 * table["emotion"].map(EMOTIONS.index) + 100 * table["prompt"].map(PROMPTS.index)
    table["target"] = places + 10 * table["layer"] + table["alpha"]
    table["perplexity"] = 1.0
    table["text"] = [
        f"Said {target:g}." if alpha else "Nothing."
        for target, alpha in table[["target", "alpha"]].to_numpy()
    ]
    return table


def explored(table: pd.DataFrame, **changes: Any) -> plots.Shown:
    given = {"title": "Steered texts", "alt": "More alpha, more of it.", "scores": SCORES, **changes}
    return plots.explorer(table, **given)


def block(shown: plots.Shown) -> dict[str, Any]:
    found = re.findall(r'<script type="application/json">(.*?)</script>', shown.markup)
    assert len(found) == 1
    return json.loads(found[0])


def test_each_combination_finds_its_text_and_scores_whatever_the_order_of_the_rows() -> None:
    table = rows().sample(frac=1, random_state=0)
    data = block(explored(table))
    order = product(data["emotions"], data["prompts"], data["layers"], data["alphas"])
    keyed = table.set_index(["emotion", "prompt", "layer", "alpha"])
    for at, combination in enumerate(order):
        row = keyed.loc[combination]
        assert data["texts"][data["text"][at]] == row["text"]
        assert data["scores"][0]["values"][at] == float(f"{row['target']:.3g}")
    assert at + 1 == len(table) == len(data["text"])


def test_controls_are_in_order_and_texts_are_kept_once() -> None:
    data = block(explored(rows()))
    assert (data["emotions"], data["prompts"]) == (EMOTIONS, PROMPTS)
    assert (data["layers"], data["alphas"]) == ([1, 3], [0, 0.5, 2])
    assert len(data["texts"]) == len(set(data["texts"])) == 17
    assert [score["label"] for score in data["scores"]] == list(SCORES.values())
    assert data["colours"][1] == plots.emotion_colour("anger")


def test_the_table_passed_in_is_left_alone() -> None:
    table = rows()
    explored(table)
    pd.testing.assert_frame_equal(table, rows())


def test_scores_keep_three_digits_and_what_is_not_finite_becomes_null() -> None:
    table = rows()
    table["perplexity"] = [1 / 3, np.nan, np.inf, *[12345.6] * (len(table) - 3)]
    values = block(explored(table))["scores"][1]["values"]
    assert (values.count(None), values.count(0.333), values.count(12300)) == (2, 1, len(table) - 3)


def test_yes_and_no_stay_what_they_are() -> None:
    table = rows()
    table["target"] = table["alpha"] > 1
    data = block(explored(table))
    assert data["scores"][0]["values"][:3] == [False, False, True]
    assert data["range"] == [0, 1]


@pytest.mark.parametrize(
    ("target", "bounds"), [([-2.0, 4.0], [-2, 4]), ([0.5, 0.8], [0, 0.8]), ([0.0, 0.0], [0, 1])]
)
def test_the_scale_of_the_map_is_one_for_all_and_holds_zero(target: list[float], bounds: list[float]) -> None:
    table = rows().assign(target=target * 12)
    shown = explored(table)
    assert block(shown)["range"] == bounds
    assert {(trace["zmin"], trace["zmax"]) for trace in shown.figure["data"]} == {tuple(bounds)}


def test_it_opens_where_the_weakest_steering_comes_near_the_best() -> None:
    table = rows().assign(target=0.0)
    table.loc[(table["layer"] == 3) & (table["alpha"] == 2), "target"] = 1.0
    table.loc[(table["layer"] == 1) & (table["alpha"] == 0.5), "target"] = 0.95
    table.loc[(table["layer"] == 3) & (table["alpha"] == 0.5), "target"] = 0.5
    assert block(explored(table))["start"] == [0, 1]


@pytest.mark.parametrize("target", [np.nan, -1.0, 0.0])
def test_it_opens_on_a_steered_text_even_if_no_score_tells_where(target: float) -> None:
    assert block(explored(rows().assign(target=target)))["start"] == [0, 1]


def test_a_table_of_untouched_texts_alone_opens_on_them() -> None:
    table = rows()
    assert block(explored(table[table["alpha"] == 0]))["start"] == [1, 0]


def test_texts_of_a_model_cannot_leave_their_place() -> None:
    table = rows().assign(text=HOSTILE)
    table["emotion"] += HOSTILE
    table["prompt"] += HOSTILE
    shown = explored(table, title=HOSTILE, alt=HOSTILE, caption=HOSTILE, scores={"target": HOSTILE})
    assert shown.markup.count("<script") == shown.markup.count("</script>") == 1
    assert "<img" not in shown.markup
    assert "<!--" not in shown.markup
    assert shown.markup.count("<div") == shown.markup.count("</div")
    assert block(shown)["texts"] == [HOSTILE]
    spoken = json.dumps({key: shown.figure[key] for key in ("data", "layout")})
    assert "<img" not in spoken
    assert "</script" not in spoken


def test_some_texts_show_without_script() -> None:
    markup = re.sub(r"<script.*?</script>", "", explored(rows()).markup)
    assert '<p class="emo-alt">More alpha, more of it.</p>' in markup
    assert "4 of the 24 texts, after “At noon Ada said:”" in markup
    assert markup.count("<td>Nothing.</td>") == 2
    assert "<td>Said 30.5.</td>" in markup
    assert '<th scope="col" class="num">says the target emotion</th>' in markup


def test_five_hundred_texts_stay_small() -> None:
    order = product(
        ["gratitude", "anger", "apology", "joy"],
        [f"{p} {'context ' * 12}" for p in range(5)],
        range(5),
        range(5),
    )
    table = pd.DataFrame(order, columns=["emotion", "prompt", "layer", "alpha"])
    generator = np.random.default_rng(0)
    letters = np.array(list("abcdefghij klmnopqrst uvwxyz"))
    table["text"] = ["".join(generator.choice(letters, 120)) for _ in range(len(table))]
    table["target"], table["perplexity"] = generator.random((2, len(table)))
    assert len(table) == 500
    assert len(explored(table).markup.encode()) < 90_000


def test_jupyterlab_gets_a_heat_map_per_emotion_and_context_with_the_texts_in_it() -> None:
    table = rows()
    table.loc[(table["layer"] == 3) & (table["alpha"] == 2), "text"] = "One <b>bold</b> word. " + "word " * 30
    figure = explored(table)._repr_mimebundle_()[PLOTLY_MIME]
    assert [trace["visible"] for trace in figure["data"]] == [True, False, False, False]
    buttons = figure["layout"]["updatemenus"][0]["buttons"]
    assert [button["label"] for button in buttons] == [
        "joy | 1. At noon Ada said:", "joy | 2. Ben wrote:", "anger | 1. At noon Ada said:", "anger | 2. Ben wrote:",
    ]  # fmt: skip
    assert buttons[2]["args"] == [{"visible": [False, False, True, False]}]
    last = figure["data"][3]
    assert (last["x"], last["y"]) == (["0", "0.5", "2"], ["1", "3"])
    assert last["z"][1][2] == 1130  # 1132 to three digits
    assert last["text"][1][2].startswith(
        "layer 3, alpha 2<br>says the target emotion: 1.13e+03<br>perplexity / genuine: 1<br><br>"
        "Ben wrote:<br>→<br>One &lt;b&gt;bold"
    )
    assert max(map(len, last["text"][1][2].split("<br>"))) < 80


def test_the_heat_map_says_what_is_no_number() -> None:
    table = rows().assign(target=True, perplexity=np.nan)
    table.loc[0, "text"] = " "
    texts = explored(table).figure["data"][0]["text"]
    assert texts[1][2] == (
        "layer 3, alpha 2<br>says the target emotion: yes<br>perplexity / genuine: –"
        "<br><br>At noon Ada said:<br>→<br>no text"
    )


def test_alt_text_and_title_are_required() -> None:
    with pytest.raises(UserError, match="An explorer needs a title"):
        explored(rows(), title=" ")
    with pytest.raises(UserError, match="'Steered texts' needs alt text"):
        explored(rows(), alt="")


def test_the_first_missing_or_doubled_combination_is_named() -> None:
    table = rows()
    with pytest.raises(
        UserError, match=r"has no text for emotion 'joy', prompt 'Ben wrote:', layer 3, alpha 0\.5: every"
    ):
        explored(table.drop(index=[8, 20]))
    with pytest.raises(
        UserError, match=r"has 2 texts for emotion 'anger', prompt 'Ben wrote:', layer 1, alpha 0\.5: every"
    ):
        explored(pd.concat([table, table.tail(1)]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer": 1.5}, "layers of type float64: use whole numbers"),
        ({"alpha": np.nan}, "needs finite numbers as alpha"),
        ({"alpha": "2"}, "needs finite numbers as alpha"),
        ({"alpha": 1.0}, "no texts of the untouched model"),
        ({"text": None}, "None as text: every text must be a text"),
        ({"emotion": 7}, "7 as emotion"),
        ({"target": "high"}, "needs numbers in 'target'"),
    ],
)
def test_values_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        explored(rows().assign(**change))


def test_missing_columns_scores_and_rows_are_refused() -> None:
    with pytest.raises(UserError, match="needs a column 'perplexity'"):
        explored(rows().drop(columns="perplexity"))
    with pytest.raises(UserError, match="has no scores"):
        explored(rows(), scores={})
    with pytest.raises(UserError, match="cannot use 'layer' as a score"):
        explored(rows(), scores={"layer": "layer"})
    with pytest.raises(UserError, match="empty table"):
        explored(rows().head(0))
