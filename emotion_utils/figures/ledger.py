"""The claims ledger as a table that can be searched and filtered, and the claims of one chapter in the same form."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from emotion_utils.ledger.records import Entry, Row
from emotion_utils.ledger.reports import number_of
from emotion_utils.plots.figure import Shown

HEADS = ("claim", "reports", "Replication", "Scrutiny")
RECORD = "Replication, real models (record)"
"""Stands beside ours where there is a record."""
LEDGER = "../book/ledger.html"
"""Seen from a chapter."""


def ledger(entries: Sequence[Entry], *, links: bool = True) -> Shown:
    """Every claim with the reports' value, ours per model with interval and null, and both verdicts.

    `ledger.js` adds a search box and menus; the state of both stands in the address, so that it can be shared. The
    anchor of a row is ``claim-`` and the claim's id.

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
    alt = f"{len(entries)} claims. {_both(entries)}"
    label = html.escape(alt)
    kind = "emo-ledger emo-recorded" if recorded else "emo-ledger"
    markup = (
        f'<div class="{kind}" role="region" tabindex="0" aria-label="{label}"><table><caption>All {len(entries)} '
        f"claims</caption><thead><tr>{head}</tr></thead>{body}</table></div>"
    )
    return Shown(markup, alt, "The claims ledger")


def claims(entries: Sequence[Entry], caption: str = "The reports' claims, their values beside ours") -> Shown:
    """The claims of a chapter: every verdict leads to the claim's own row in the ledger.

    Parameters
    ----------
    entries
        From :func:`emotion_utils.ledger.entries.of_chapter`.
    caption
        What the table is.
    """
    head = "".join(f'<th scope="col">{name}</th>' for name in HEADS)
    label, body = html.escape(caption), "".join(map(_of_chapter, entries))
    markup = (
        f'<div class="emo-ledger emo-claims" role="region" tabindex="0" aria-label="{label}"><table><caption>{label}'
        f"</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
    return Shown(markup, f"{caption}. {_both(entries)}", caption)


def _of_chapter(entry: Entry) -> str:
    name, note = html.escape(entry.id), html.escape(entry.scrutiny_note)
    place = f"{LEDGER}#claim-{name}"
    ours = "".join(_measured(row, place) for row in entry.rows) + _notes(entry.rows)
    head = f'<a class="emo-id" href="{place}">{name}</a> {html.escape(entry.claim)}'
    said = f"{_word(entry.scrutiny, place)} <small>{note}</small>"
    cells = "".join(f"<td>{cell}</td>" for cell in (html.escape(entry.report), ours, said))
    return f'<tr><th scope="row">{head}<small>{html.escape(entry.metric)}</small></th>{cells}</tr>'


def _both(entries: Sequence[Entry]) -> str:
    """Both columns, counted."""
    replication, scrutiny = ([e.replication for e in entries], [e.scrutiny for e in entries])
    return f"Replication: {_counted(replication)}. Scrutiny: {_counted(scrutiny)}."


def _counted(words: Iterable[str]) -> str:
    return ", ".join(f"{n} {word}" for word, n in Counter(words).most_common())


def _group(entries: Sequence[Entry], root: str | None, recorded: bool) -> str:
    """Neighbouring claims of one chapter and part: what they share is said once, to keep the page small."""
    shared = {"chapter": chapter_name(entries[0].chapter), "part": entries[0].part}
    attributes = "".join(f' data-{name}="{html.escape(value)}"' for name, value in shared.items())
    rows = "".join(_row(entry, root, recorded) for entry in entries)
    return f"<tbody{attributes}>{rows}</tbody>"


def chapter_name(chapter: str) -> str:
    """What a menu calls a chapter such as ``05_steering``; nothing for one that is not in the book."""
    number, _, name = chapter.partition("_")
    return f"Chapter {int(number)}: {name.replace('_', ' ')}" if chapter else ""


def _row(entry: Entry, root: str | None, recorded: bool) -> str:
    models = "|".join(dict.fromkeys(row.model for row in entry.rows + entry.record if row.model))
    data = {"replication": entry.replication, "scrutiny": entry.scrutiny, "models": models}
    attributes = "".join(f' data-{name}="{html.escape(value)}"' for name, value in data.items())
    name, source = html.escape(entry.id), html.escape(entry.source)
    where = (
        f'<a href="#report-{number_of(entry.source)}">{source}</a>, {html.escape(_section(entry.section))}'
    )
    claim = (
        f'<th scope="row"><a class="emo-id" href="#claim-{name}">{name}</a> {html.escape(entry.claim)}'
        f"<small>{html.escape(entry.metric)}; {where}</small>{_settled(entry)}</th>"
    )
    said = _verdict(entry.scrutiny, entry.scrutinised, root)
    real = [_lines(entry.record, root) or "–"] if recorded else []
    cells = [html.escape(entry.report), _ours(entry, root), *real, f"{said} <small>{_note(entry)}</small>"]
    return f'<tr id="claim-{name}"{attributes}>{claim}{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _settled(entry: Entry) -> str:
    return (
        f"<small>settled by the author's code: {html.escape(entry.settled)}</small>" if entry.settled else ""
    )


def _section(section: str) -> str:
    return f"section {section}" if section[:1].isdigit() or section[:1].isupper() else f'"{section}"'


def _ours(entry: Entry, root: str | None) -> str:
    """A line for each model, and once what the chapter says of them."""
    if not entry.rows:
        return f"{_verdict(entry.replication)} {html.escape(entry.waits)}"
    return _lines(entry.rows, root)


def _lines(rows: Sequence[Row], root: str | None) -> str:
    return "".join(_measured(row, _page(row.decided, root)) for row in rows) + _notes(rows)


def _notes(rows: Sequence[Row]) -> str:
    notes = list(dict.fromkeys(row.note for row in rows if row.note))
    return f"<small>{html.escape('; '.join(notes))}</small>" if notes else ""


def _measured(row: Row, place: str) -> str:
    """One model: value, interval, null in the same line, and the verdict, which leads to a place."""
    told = [] if row.value is None else [f"<b>{_number(row.value)}</b>"]
    if row.low is not None and row.high is not None:
        told.append(f"[{_number(row.low)},&nbsp;{_number(row.high)}]")
    if row.null is not None:
        told.append(f"null&nbsp;<b>{_number(row.null)}</b>")
    model = f"{html.escape(row.model)} " if row.model else ""
    return f"<div>{model}{' '.join(told)} {_word(row.replication, place)}</div>"


def _note(entry: Entry) -> str:
    """What the scrutiny rests on; a claim that contradicts this one is a link to its row."""
    note, other = html.escape(entry.scrutiny_note), html.escape(entry.conflicts_with)
    return note.replace(other, f'<a href="#claim-{other}">{other}</a>', 1) if other else note


def _verdict(word: str, page: str = "", root: str | None = None) -> str:
    """A word, which leads to the cell that decided it where that is in the book."""
    return _word(word, _page(page, root))


def _page(page: str, root: str | None) -> str:
    return html.escape(root + page) if page and root is not None else ""


def _word(word: str, place: str) -> str:
    marked = f'class="emo-v {html.escape(word.replace(",", "").replace(" ", "-"))}"'
    told = html.escape(word)
    return f'<a {marked} href="{place}">{told}</a>' if place else f"<span {marked}>{told}</span>"


def _number(value: float) -> str:
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "−")
