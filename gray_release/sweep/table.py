"""The table of a sweep, for terminals from 80 columns on."""

import time
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from gray_release.picture import bar
from gray_release.release import DELETED, FINISHED, number, plain
from gray_release.sweep.row import Row, advice, by_attention, totals
from gray_release.times import absolute, relative

NARROWEST, WIDEST = 80, 140
STATUS, PERCENT, TIME = 20, 5, 13  # columns
DATE = len("2026-11-24 17:33 ")


def draw(console: Console, rows: Sequence[Row]) -> None:
    """Print the table, its totals, and what to do about the failures."""
    for line in _lines(rows, min(max(console.width, NARROWEST), WIDEST)):
        console.print(line, no_wrap=True, overflow="ellipsis", soft_wrap=console.width < NARROWEST)
    console.print(Text(totals(rows), style="bold"))
    for code, count, text in advice(rows):
        console.print(Text(plain(f"{code} ({count}): {text or 'see the reason in its row'}")))


def _lines(rows: Sequence[Row], columns: int) -> Iterator[Text]:
    widest = max((len(row.appid) for row in rows), default=0)
    appid = min(max(widest, len("appid")), 24)
    when = TIME + (DATE if columns >= WIDEST - 10 else 0)
    track = columns - appid - STATUS - PERCENT - 2 * when - 5
    widths = (appid, STATUS, PERCENT + 1 + track, when, when)
    titles = ("appid", "status", "progress", "created", "expected")
    yield Text(" ").join(_cell(Text(title), width) for title, width in zip(titles, widths, strict=True))
    now = time.time()
    for row in by_attention(rows):
        answer = row.answer
        state = answer.state
        words = f"{state.english} {state.chinese}"
        cells = [_cell(Text(plain(row.appid)), appid)]
        if answer.failure:
            cells.append(_cell(Text(f"✗ {answer.failure} {state.chinese}", style=state.colour), STATUS))
            cells.append(_cell(Text(plain(row.reason)), columns - appid - STATUS - 2))
        else:
            cells.append(_cell(Text(words, style=state.colour), STATUS))
            share = answer.percentage
            progress = Text("")
            if share is not None:
                progress = Text.assemble(f"{share:3.0f} % ", bar(share, track, state.colour))
            cells.append(_cell(progress, widths[2]))
            due = None if state in (FINISHED, DELETED) else answer.plan.get("defaultFinishTimestamp")
            cells += [_cell(_when(at, now, when), when) for at in (answer.plan.get("createTimestamp"), due)]
        yield Text(" ").join(cells)


def _when(at: object, now: float, width: int) -> Text:
    seconds = number(at)
    text = absolute(seconds)
    if seconds is None or text == "unknown":
        return Text("")
    return Text(f"{text[:16]} {relative(seconds, now)}" if width > TIME else relative(seconds, now))


def _cell(text: Text, width: int) -> Text:
    """Cut or fill a text to so many columns."""
    text.truncate(width, overflow="ellipsis", pad=True)
    return text
