"""The emotion word, its match in the neutral partner, and the tokens that cover them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from emotion_utils.core.emotions import emotions_of
from emotion_utils.models.positions import Offsets, covering
from emotion_utils.prompts.partners import partners
from emotion_utils.prompts.report import at_most, by_emotion, shorten


def pairs(prompts: pd.DataFrame, per_emotion: int = 2, seed: int = 0) -> pd.DataFrame:
    """Put emotional prompts beside their neutral partners, the emotion word and its match marked by brackets.

    Parameters
    ----------
    prompts
    per_emotion
        At most; fewer where emotions are many.
    seed
        Of the draw.

    Returns
    -------
    Columns `emotion, emotional, neutral`.
    """
    chosen = partners(prompts)
    shuffled = chosen.sample(frac=1, random_state=seed)
    chosen = by_emotion(shuffled.groupby("emotion").head(at_most(per_emotion, prompts)))
    rows = [
        (row.emotion, _marked(row.text, row.emotion_start, row.emotion_end),
         _marked(row.partner_text, row.match_start, row.match_end))
        for row in chosen.itertuples()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["emotion", "emotional", "neutral"])


def span_report(sets: Mapping[str, pd.DataFrame], offsets: Offsets | None = None) -> pd.DataFrame:
    """Report how often the emotion word and its neutral match were found, and whether tokens begin and end with it.

    Parameters
    ----------
    sets
        Prompts by name; only emotional prompts count.
    offsets
        For example `models.loading.token_offsets(name)`; None leaves the token columns out.

    Returns
    -------
    Columns `profile, emotional, with_word, with_match` and, with offsets, `on_token_edges` (share of emotion words that
    a run of whole tokens covers exactly, a leading space apart) and `tokens_per_word`.
    """
    rows = []
    for name, prompts in sets.items():
        emotional = prompts[prompts["emotion"] != "neutral"]
        found = emotional.dropna(subset=["emotion_start"])
        row = {
            "profile": name,
            "emotional": len(emotional),
            "with_word": len(found) / max(len(emotional), 1),
            "with_match": float(emotional["match_start"].notna().mean()) if len(emotional) else float("nan"),
        }
        if offsets is not None:
            row |= _on_tokens(found, offsets)
        rows.append(row)
    return pd.DataFrame(rows)


def _on_tokens(found: pd.DataFrame, offsets: Offsets) -> dict[str, float]:
    exact, sizes_ = [], []
    for text, start, end, spans in zip(
        found["text"],
        found["emotion_start"],
        found["emotion_end"],
        offsets(found["text"].tolist()),
        strict=True,
    ):
        inside = [spans[i] for i in covering(spans, start, end)]
        exact.append(bool(inside) and text[inside[0][0] : inside[-1][1]].strip() == text[start:end])
        sizes_.append(len(inside))
    nan = float("nan")
    return {
        "on_token_edges": float(np.mean(exact)) if exact else nan,
        "tokens_per_word": float(np.mean(sizes_)) if sizes_ else nan,
    }


def _marked(text: str, start: Any, end: Any) -> str:
    if pd.isna(start) or pd.isna(end):
        return shorten(text)
    return shorten(f"{text[:start]}[{text[start:end]}]{text[end:]}")


def marked_prompt(prompts: pd.DataFrame) -> pd.Series:
    """The first prompt with a marked emotion word, of the last emotion that has one."""
    marked = prompts[prompts["emotion_start"].notna()]
    return marked[marked["emotion"] == emotions_of(marked)[-1]].iloc[0]


def token_marks(prompt: pd.Series, offsets: Offsets) -> tuple[list[str], list[float]]:
    """Cut one prompt into its tokens, and mark with 1 those that the emotion word touches.

    Returns
    -------
    The tokens as text, together the whole prompt, and one mark each.
    """
    text, spans = prompt["text"], offsets([prompt["text"]])[0]
    # a token takes along what stands before it and belongs to none, such as a space
    starts = [0] + [end for _, end in spans[:-1]]
    words = [text[start:end] for start, (_, end) in zip(starts, spans, strict=True)]
    inside = covering(spans, prompt["emotion_start"], prompt["emotion_end"])
    return words, [float(i in inside) for i in range(len(words))]
