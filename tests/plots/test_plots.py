"""Figures, tables and viewers: what a page needs is required, what a reader types is escaped, what is shown is true."""

from __future__ import annotations

import html
import json
import re
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from emotion_utils import plots
from emotion_utils.core.errors import UserError
from emotion_utils.plots.figure import PLOTLY_MIME

HOSTILE = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)>"


def line(**layout: Any) -> go.Figure:
    figure = go.Figure(go.Scatter(x=[1, 2, 3], y=[0.5, 0.25, 0.125], name="small-gpt2"), layout=layout)
    return figure.update_xaxes(title="step").update_yaxes(title="loss (nats)")


def block(markup: str) -> dict[str, Any]:
    found = re.findall(r'<script type="application/json">(.*?)</script>', markup)
    assert len(found) == 1
    return json.loads(found[0])


def behind(markup: str) -> pd.DataFrame:
    csv = re.search(r'<pre class="emo-csv">(.*?)</pre>', markup, re.DOTALL)
    assert csv is not None
    return pd.read_csv(StringIO(html.unescape(csv.group(1))))


def test_a_figure_is_data_without_the_library() -> None:
    shown = plots.show(line(), title="Loss", alt="The loss halves at each step.")
    assert len(shown.markup) < 6_000
    assert block(shown.markup)["data"][0]["y"] == [0.5, 0.25, 0.125]
    assert 'aria-label="The loss halves at each step."' in shown.markup
    assert "http" not in shown.markup


def test_jupyterlab_gets_the_same_figure_with_its_title() -> None:
    bundle = plots.show(line(), title="Loss", alt="It halves.")._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", PLOTLY_MIME}
    assert bundle[PLOTLY_MIME]["layout"]["title"]["text"] == "Loss"
    assert bundle[PLOTLY_MIME]["data"] == block(bundle["text/html"])["data"]
    assert bundle["text/plain"] == "Loss: It halves."


def test_the_figure_passed_in_is_left_alone() -> None:
    figure = line()
    before = figure.to_json()
    plots.show(figure, title="Loss", alt="It halves.")
    assert figure.to_json() == before


@pytest.mark.parametrize("alt", ["", "   "])
def test_alt_text_is_required(alt: str) -> None:
    with pytest.raises(UserError, match="'Loss' needs alt text"):
        plots.show(line(), title="Loss", alt=alt)


def test_a_title_is_required_but_may_be_the_figures_own() -> None:
    with pytest.raises(UserError, match="A figure needs a title"):
        plots.show(line(), alt="It halves.")
    assert plots.show(line(title="Own"), alt="It halves.").title == "Own"


def test_axes_need_titles() -> None:
    figure = line().update_yaxes(title=None)
    with pytest.raises(UserError, match="no title on its y axis"):
        plots.show(figure, title="Loss", alt="It halves.")


def test_a_figure_without_data_is_refused() -> None:
    with pytest.raises(UserError, match="'Nothing' has no data"):
        plots.show(go.Figure(), title="Nothing", alt="Nothing.")


def test_text_of_a_model_cannot_leave_its_place() -> None:
    figure = line()
    figure.data[0].name = HOSTILE
    shown = plots.show(figure, title=HOSTILE, alt=HOSTILE, caption=HOSTILE)
    assert shown.markup.count("<script") == shown.markup.count("</script>") == 1
    assert "<img" not in shown.markup
    assert "<!--" not in shown.markup
    assert block(shown.markup)["data"][0]["name"] == HOSTILE


def test_floats_keep_six_digits_and_missing_values_are_null() -> None:
    figure = line()
    figure.data[0].y = np.array([1 / 3, np.nan, np.inf])
    assert block(plots.show(figure, title="t", alt="a").markup)["data"][0]["y"] == [0.333333, None, None]


def test_the_table_behind_a_line_has_its_points_and_axis_names() -> None:
    table = behind(plots.show(line(), title="Loss", alt="It halves.").markup)
    assert list(table.columns) == ["series", "step", "loss (nats)"]
    assert table["loss (nats)"].tolist() == [0.5, 0.25, 0.125]
    assert set(table["series"]) == {"small-gpt2"}


def test_the_table_behind_a_heat_map_has_one_row_per_cell() -> None:
    heat = go.Figure(go.Heatmap(z=[[1, 2, 3], [4, 5, 6]], x=["a", "b", "c"], colorbar_title="effect"))
    heat.update_xaxes(title="head").update_yaxes(title="layer")
    table = behind(plots.show(heat, title="t", alt="a").markup)
    assert table.set_index(["layer", "head"])["effect"].to_dict() == {
        (0, "a"): 1, (0, "b"): 2, (0, "c"): 3, (1, "a"): 4, (1, "b"): 5, (1, "c"): 6,
    }  # fmt: skip


def test_a_given_table_goes_behind_and_a_long_one_is_cut_openly() -> None:
    data = pd.DataFrame({"n": range(1_500)})
    shown = plots.show(line(), title="t", alt="a", data=data)
    assert "Data: the first 1,000 of 1,500 rows" in shown.markup
    assert behind(shown.markup)["n"].tolist() == list(range(1_000))


def test_the_colours_of_the_emotions_differ_and_are_stable() -> None:
    colours = [plots.emotion_colour(name) for name in ("gratitude", "anger", "apology", "neutral")]
    assert len(set(colours)) == 4
    assert plots.emotion_colour("joy") == plots.emotion_colour("joy") in plots.PALETTE


@pytest.mark.parametrize("page", ["#fdfcfa", "#14181d"])
@pytest.mark.parametrize("colour", [*plots.PALETTE, *plots.EMOTION_COLOURS.values()])
def test_every_colour_stands_out_on_light_and_dark_pages(colour: str, page: str) -> None:
    def luminance(code: str) -> float:
        linear = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in linear]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(colour), luminance(page)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 2


def test_a_table_is_captioned_escaped_and_aligned() -> None:
    data = pd.DataFrame(
        {"text": [HOSTILE, "b"], "n": [1234, 5], "share": [0.1234, np.nan], "ok": [True, False]}
    )
    markup = plots.table(data, "Counts", formats={"share": ".1%"}).markup
    assert "<caption>Counts</caption>" in markup
    assert "<script" not in markup
    assert '<td class="num">1,234</td><td class="num">12.3%</td><td>yes</td>' in markup
    assert '<td class="num">5</td><td class="num">–</td><td>no</td>' in markup
    assert markup.count('<th scope="col"') == 4


def test_a_table_says_what_it_leaves_out() -> None:
    data = pd.DataFrame({"n": range(300)}, index=pd.Index(range(300), name="prompt"))
    shown = plots.table(data, "Prompts", index=True, max_rows=10)
    assert "(the first 10 of 300 rows)" in shown.markup
    assert shown.markup.count('<th scope="row">') == 10


def test_a_table_refuses_a_missing_caption_and_an_unknown_column() -> None:
    with pytest.raises(UserError, match="A table needs a caption"):
        plots.table(pd.DataFrame({"n": [1]}), " ")
    with pytest.raises(UserError, match="no column 'm' to format"):
        plots.table(pd.DataFrame({"n": [1]}), "Counts", formats={"m": ".1f"})


def test_tokens_hold_rounded_values_and_escaped_words() -> None:
    shown = plots.tokens(["a", HOSTILE], [1.23456, -0.5], title="t", alt="a")
    props = block(shown.markup)
    assert props["tokens"] == ["a", HOSTILE]
    assert props["values"] == [1.235, -0.5]
    assert (props["minValue"], props["maxValue"]) == (-1.235, 1.235)
    assert shown.markup.count("<script") == 1
    assert "rgba(58,143,208,0.70)" in shown.markup
    assert behind(shown.markup)["token"].tolist() == ["a", HOSTILE]


def test_tokens_show_without_script_and_without_plotly_data() -> None:
    bundle = plots.tokens(["one", " two"], [0, 0], title="t", alt="a")._repr_mimebundle_()
    assert re.findall(r"<span[^>]*>([^<]*)</span>", bundle["text/html"]) == ["one", " two"]
    assert PLOTLY_MIME not in bundle


@pytest.mark.parametrize(("values", "message"), [([1.0], "2 tokens"), ([1.0, np.nan], "only finite")])
def test_tokens_refuse_values_that_do_not_fit(values: list[float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        plots.tokens(["a", "b"], values, title="t", alt="a")


def test_attention_is_rounded_and_lists_its_largest_weights() -> None:
    patterns = np.array([[[1.0, 0.0], [0.12345, 0.87655]]])
    shown = plots.attention(["a", "b"], patterns, title="t", alt="a", heads=["L0H0"])
    assert block(shown.markup)["attention"] == [[[1, 0], [0.123, 0.877]]]
    assert behind(shown.markup)["weight"].tolist() == [1, 0.877, 0.123, 0]
    assert behind(shown.markup).loc[2, ["query", "key"]].tolist() == ["1: b", "0: a"]


def test_attention_is_a_heat_map_per_head_in_jupyterlab() -> None:
    patterns = np.tril(np.ones((3, 4, 4))) / np.arange(1, 5)[None, :, None]
    bundle = plots.attention(list("abcd"), patterns, title="t", alt="a")._repr_mimebundle_()
    assert [trace["visible"] for trace in bundle[PLOTLY_MIME]["data"]] == [True, False, False]
    assert bundle[PLOTLY_MIME]["data"][0]["z"][3] == [0.25] * 4


def test_attention_refuses_a_wrong_shape() -> None:
    with pytest.raises(UserError, match=r"shape \(2, 2\)"):
        plots.attention(["a", "b"], np.eye(2), title="t", alt="a")
