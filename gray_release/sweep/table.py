"""The table of a sweep on a terminal of at least 80 columns."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from gray_release.picture import draw_bar
from gray_release.release import LONGEST_DAYS, make_printable
from gray_release.sweep.row import Row, collect_advice, count_states, sort_by_attention
from gray_release.times import format_distance, format_duration, format_short_time, format_zone, to_local_time

NARROWEST, WIDE, WIDEST = 80, 120, 140
BILINGUAL = 100  # fewest columns at which a table with names and changes shows each status in both languages
PERCENT_WIDTH = 6


class _Column(NamedTuple):
    title: str
    width: int
    write: Callable[[Row], Text]


def draw_table(console: Console, rows: Sequence[Row], notes: Sequence[str] = ()) -> None:
    """Print the table, the totals, the notes, and advice for the failures."""
    now = time.time()
    for line in _draw_lines(rows, min(max(console.width, NARROWEST), WIDEST), now):
        console.print(line, no_wrap=True, overflow="ellipsis", soft_wrap=console.width < NARROWEST)
    console.print(Text(count_states(rows), style="bold"))
    for note in notes:
        console.print(Text(note))
    console.print(Text(f"times in {format_zone(now)}", style="dim"))
    for code, count, text in collect_advice(rows):
        console.print(
            Text(
                make_printable(
                    f"{code}, {count} mini program{'' if count == 1 else 's'}: {text or 'its row has the reason'}"
                )
            )
        )


def _draw_lines(rows: Sequence[Row], columns: int, now: float) -> Iterator[Text]:
    chosen = _choose_columns(rows, columns, now)
    yield Text(" ").join(_fit_cell(Text(column.title, style="dim"), column.width) for column in chosen)
    progress = next(index for index, column in enumerate(chosen) if column.title == "progress")
    for row in sort_by_attention(rows, now):
        visible = chosen[:progress] if row.answer.failure else chosen
        cells = [_fit_cell(column.write(row), column.width) for column in visible]
        if row.answer.failure:
            cells.append(
                _fit_cell(Text(make_printable(row.reason)), columns - sum(column.width + 1 for column in visible))
            )
        yield Text(" ").join(cells)


def _choose_columns(rows: Sequence[Row], columns: int, now: float) -> list[_Column]:
    """Choose the columns that fit. In a narrow table, names and changes replace other columns."""
    names = max((cell_len(make_printable(row.name)) for row in rows), default=0)
    has_changes = any(row.unchanged_since is not None for row in rows)
    has_both = names > 0 and has_changes
    is_wide = columns >= (WIDEST if has_both else WIDE)
    is_short = has_both and columns < BILINGUAL
    appid = min(max([len("appid"), *(len(row.appid) for row in rows)]), 24)
    chosen = [_Column("appid", appid, lambda row: Text(make_printable(row.appid)))]
    if names:
        width = min(max(names, len("name")), 24 if columns >= WIDE else 14)
        chosen.append(_Column("name", width, lambda row: Text(make_printable(row.name))))
    chosen.append(_Column("status", 13 if is_short else 21, lambda row: _write_status(row, is_short=is_short)))
    if has_changes:
        width = 19 if is_wide else 10
        chosen.append(_Column("change", width, lambda row: _write_change(row, now, width)))
    progress = len(chosen)
    if is_wide or not (names or has_changes):
        created = 11 if is_wide else 13
        chosen.append(_Column("created", created, lambda row: _write_created(row, now, is_wide=is_wide)))
    end = 30 if is_wide else 12
    chosen.append(
        _Column(
            "everyone by 预计全量" if is_wide else "everyone by",
            end,
            lambda row: Text(_write_end(row, now, is_wide=is_wide)),
        )
    )
    track = columns - sum(column.width + 1 for column in chosen) - PERCENT_WIDTH
    chosen.insert(progress, _Column("progress", PERCENT_WIDTH + max(track, 0), lambda row: _write_progress(row, track)))
    return chosen


def _write_status(row: Row, *, is_short: bool) -> Text:
    state = row.answer.state
    if row.answer.failure:
        return Text(f"✗ {row.answer.failure}{'' if is_short else f' {state.chinese}'}", style=state.colour)
    return Text(state.english if is_short else f"{state.english} {state.chinese}", style=state.colour)


def _write_change(row: Row, now: float, width: int) -> Text:
    change = row.change
    if change:
        return Text(change.english if len(change.english) <= width else change.name, style="bold")
    since = now if row.unchanged_since is None else row.unchanged_since
    if now - since < 1:
        return Text("=", style="dim")
    duration = format_duration(now - since)
    texts = (f"unchanged {duration}", f"= {duration}")
    return Text(next((text for text in texts if len(text) <= width), duration), style="dim")


def _write_progress(row: Row, track: int) -> Text:
    share = row.answer.percentage
    if share is None:
        return Text("")
    bar = draw_bar(share, track, row.answer.state.colour) if track > 1 else ""
    return Text.assemble(f"{share:3.0f} % ", bar)


def _write_created(row: Row, now: float, *, is_wide: bool) -> Text:
    created = row.answer.created_at
    if created is None or to_local_time(created) is None:
        return Text("")
    return Text(format_short_time(created, now) if is_wide else format_distance(created, now))


def _write_end(row: Row, now: float, *, is_wide: bool) -> str:
    """Write when everyone gets the release: the time that WeChat states, else its day, such as `day 3 of 15`."""
    end = row.answer.find_end(now)
    moment = to_local_time(end.at) if end else None
    if end is None or (moment is None and end.day is None):
        return ""
    if end.day is None:
        text = format_short_time(end.at, now)
        return f"{text}, {format_distance(end.at or 0, now)}" if is_wide else text
    day = f"day {end.day} of {LONGEST_DAYS}" if is_wide or moment is None else f"day {end.day}"
    if moment is None:
        return day if end.day <= LONGEST_DAYS else f"day {end.day}"
    return f"{day}, everyone on {moment:%m-%d}" if is_wide else f"{day}, {moment:%m-%d}"


def _fit_cell(text: Text, width: int) -> Text:
    """Cut or pad a text to a width in columns."""
    text.truncate(width, overflow="ellipsis", pad=True)
    return text
