"""The claims ledger as a table that can be searched and filtered, and read whole without JavaScript."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from emotion_utils.ledger.records import Entry, Row
from emotion_utils.plots.figure import Shown

HEADS = ("claim", "reports", "ours, by model", "without any model")
RECORD = "real models, pretrained (record)"
"""Stands beside ours where there is a record."""


def ledger(entries: Sequence[Entry], *, links: bool = True) -> Shown:
    """Every claim with the reports' value, ours per model with interval and null, and both verdicts.

    `ledger.js` adds a search box and menus; the state of both stands in the address, so that it can be shared. Every
    row has the claim's id as its anchor.

    Parameters
    ----------
    entries
        From :func:`emotion_utils.ledger.assembly.assemble`.
    links
        Whether the cells that decided a claim are in the same book.
    """
    recorded = any(entry.record for entry in entries)
    heads = [*HEADS[:3], RECORD, *HEADS[3:]] if recorded else HEADS
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    together = groupby(entries, key=lambda entry: (entry.chapter, entry.part))
    body = "".join(_group(list(group), "../" if links else None, recorded) for _, group in together)
    counts = Counter(entry.verdict for entry in entries)
    words = Counter(entry.scrutiny for entry in entries)
    alt = (
        f"{len(entries)} claims: {', '.join(f'{n} {verdict}' for verdict, n in counts.most_common())}; without any "
        f"model: {', '.join(f'{n} {word}' for word, n in words.most_common())}."
    )
    label = html.escape(alt)
    kind = "emo-ledger emo-recorded" if recorded else "emo-ledger"
    markup = (
        f'<div class="{kind}" role="region" tabindex="0" aria-label="{label}"><table><caption>All {len(entries)} '
        f"claims</caption><thead><tr>{head}</tr></thead>{body}</table></div>"
    )
    return Shown(markup, alt, "The claims ledger")


def _group(entries: Sequence[Entry], root: str | None, recorded: bool) -> str:
    """Neighbouring claims of one chapter and part: what they share is said once, to keep the page small."""
    chapter, part = html.escape(entries[0].chapter.replace("_", " ")), html.escape(entries[0].part)
    rows = "".join(_row(entry, root, recorded) for entry in entries)
    return f'<tbody data-chapter="{chapter}" data-part="{part}">{rows}</tbody>'


def _row(entry: Entry, root: str | None, recorded: bool) -> str:
    models = "|".join(dict.fromkeys(row.model for row in entry.rows + entry.record if row.model))
    data = {"verdict": entry.verdict, "scrutiny": entry.scrutiny, "models": models}
    attributes = "".join(f' data-{name}="{html.escape(value)}"' for name, value in data.items())
    name = html.escape(entry.id)
    where = html.escape(f"{entry.part}, section {entry.section}")
    claim = (
        f'<th scope="row"><a class="emo-id" href="#{name}">{name}</a> {html.escape(entry.claim)}'
        f"<small>{html.escape(entry.metric)}; {where}</small></th>"
    )
    said = _verdict(entry.scrutiny, entry.scrutinised, root)
    real = [_lines(entry.record, root) or "–"] if recorded else []
    cells = [html.escape(entry.report), _ours(entry, root), *real, f"{said} <small>{_note(entry)}</small>"]
    return f'<tr id="{name}"{attributes}>{claim}{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _ours(entry: Entry, root: str | None) -> str:
    """A line for each model, and once what the chapter says of them."""
    if not entry.rows:
        return f"{_verdict(entry.verdict)} {html.escape(entry.waits)}"
    return _lines(entry.rows, root)


def _lines(rows: Sequence[Row], root: str | None) -> str:
    notes = list(dict.fromkeys(row.note for row in rows if row.note))
    told = f"<small>{html.escape('; '.join(notes))}</small>" if notes else ""
    return "".join(_measured(row, root) for row in rows) + told


def _measured(row: Row, root: str | None) -> str:
    """One model: value, interval, null, and the verdict, which leads to the cell that decided it."""
    told = [] if row.value is None else [f"<b>{_number(row.value)}</b>"]
    if row.low is not None and row.high is not None:
        told.append(f"[{_number(row.low)},&nbsp;{_number(row.high)}]")
    if row.null is not None:
        told.append(f"null&nbsp;{_number(row.null)}")
    model = f"{html.escape(row.model)} " if row.model else ""
    held = {True: ", rule holds", False: ", rule fails", None: ""}[
        row.holds if row.verdict == "other model" else None
    ]
    return f"<div>{model}{' '.join(told)} {_verdict(row.verdict, row.decided, root)}{held}</div>"


def _note(entry: Entry) -> str:
    """What the scrutiny rests on; a claim that contradicts this one is a link to its row."""
    note, other = html.escape(entry.scrutiny_note), html.escape(entry.conflicts_with)
    return note.replace(other, f'<a href="#{other}">{other}</a>', 1) if other else note


def _verdict(word: str, page: str = "", root: str | None = None) -> str:
    """A word, which leads to the cell that decided it where that is in the book."""
    marked = f'class="emo-v {html.escape(word.replace(" ", "-"))}"'
    if page and root is not None:
        return f'<a {marked} href="{html.escape(root + page)}">{html.escape(word)}</a>'
    return f"<span {marked}>{html.escape(word)}</span>"


def _number(value: float) -> str:
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "−")
