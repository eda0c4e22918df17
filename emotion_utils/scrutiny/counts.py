"""The reports' claims about prompts, files and bytes: sums and products of printed counts."""

from __future__ import annotations

from functools import partial

from emotion_utils.scrutiny.judging import TRUE, Rule, follows, reprinted, without_null
from emotion_utils.scrutiny.rules import Row, Rows, Scrutiny, computed, printed, settled, spread, value

EMOTIONS, LAYERS, WIDTH, STREAMS = 4, 12, 768, 2
"""Of the reports' three small models; residual stream and output of the MLP are kept. One emotion is neutral."""
BYTES = {"half": 2, "single": 4}
MEGA = 1e6
PROFILES = ("baseline", "extended")
NO_NULL = {
    "P1.tokens.mean": "a mean length of the report's own prompts",
    "P1.chars.baseline": "a mean length of the report's own prompts",
    "P1.chars.extended": "a mean length of the report's own prompts",
    "P2.throughput": "a speed, of a machine that is not named",
}


def rules(rows: Rows) -> list[Rule]:
    """Those for the claims of Phases 1 and 2.

    Parameters
    ----------
    rows
        All claims.
    """
    models = len(str(rows["P2.throughput"]["model"]).split("|"))
    by_emotion, both = "prompts in all, less the other profile's, by emotion", "prompts of both profiles"
    return [
        *without_null("a property of the report's own prompts or machine", NO_NULL),
        follows("sums and means of printed figures", "P1.size.baseline", partial(_of_one, "extended"), by_emotion),
        follows("sums and means of printed figures", "P1.size.extended", partial(_of_one, "baseline"), by_emotion),
        follows("sums and means of printed figures", "P1.size.total", _of_both, both),
        *(
            follows("sums and means of printed figures", f"P2.files.{name}", partial(_files, name, models),
                    f"prompts x {models} models")
            for name in PROFILES
        ),
        _bytes_rule(models),
    ]  # fmt: skip


def _of_one(other: str, rows: Rows) -> tuple[float, float]:
    size = value(rows, "P1.size.total") / EMOTIONS - value(rows, f"P1.size.{other}")
    return size, size


def _of_both(rows: Rows) -> tuple[float, float]:
    total = EMOTIONS * sum(value(rows, f"P1.size.{name}") for name in PROFILES)
    return total, total


def _files(name: str, models: int, rows: Rows) -> tuple[float, float]:
    files = models * EMOTIONS * value(rows, f"P1.size.{name}")
    return files, files


def _tokens(rows: Rows, profile: str) -> tuple[float, float]:
    """Mean tokens of a profile: the printed mean, or less or more as its mean characters are those of all prompts."""
    sizes = {name: value(rows, f"P1.size.{name}") for name in PROFILES}
    characters = {name: value(rows, f"P1.chars.{name}") for name in PROFILES}
    overall = sum(sizes[name] * characters[name] for name in PROFILES) / sum(sizes.values())
    low, high = printed(rows["P1.tokens.mean"])
    ratio = characters[profile] / overall
    return low * min(1.0, ratio), high * max(1.0, ratio)


def _megabytes(rows: Rows, profile: str, models: int, width: int) -> tuple[float, float]:
    """What all states of a profile take, at so many bytes for a number."""
    files = models * EMOTIONS * value(rows, f"P1.size.{profile}")
    low, high = (end * files * LAYERS * WIDTH * STREAMS * width / MEGA for end in _tokens(rows, profile))
    return low, high


def _bytes_rule(models: int) -> Rule:
    """Of the profile that the author's list of files is about; of both where nothing says which."""
    claim = "P2.bytes"

    def sizes(rows: Rows) -> dict[str, tuple[float, float]]:
        only = settled(rows[claim]).get("profile")
        if only:
            return {f"{name} precision": _megabytes(rows, only, models, each) for name, each in BYTES.items()}
        found = {}
        for name, each in BYTES.items():
            parts = [_megabytes(rows, profile, models, each) for profile in PROFILES]
            found[f"{name} precision"] = sum(p[0] for p in parts), sum(p[1] for p in parts)
        return found

    def judge(rows: Rows) -> dict[str, Scrutiny]:
        tried = [computed(rows[claim], *own, name) for name, own in sizes(rows).items()]
        holds = any(one.word == "arithmetic holds" for one in tried)
        told = ", ".join(f"{spread(*own)} MB in {name}" for name, own in sizes(rows).items())
        only = settled(rows[claim]).get("profile")
        which = (
            f"of the {only} profile, as {rows[claim]['settled_source']} lists them"
            if only
            else "of all prompts"
        )
        about = f"both streams of the files {which}: {told}; mean tokens as printed, or in step with the characters"
        return {claim: Scrutiny("arithmetic holds" if holds else "arithmetic fails", about)}

    def plant(rows: Rows, _: object) -> dict[str, Row]:
        low, high = sizes(rows)["single precision"]
        return {claim: reprinted(rows[claim], (low + high) / 2)}

    return Rule("size of stored states", (claim,), judge, plant=plant, planted=TRUE)
