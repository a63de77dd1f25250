"""The message to a chat robot after a sweep: changes and failures, in Chinese and English."""

from collections.abc import Iterator
from typing import NamedTuple

from gray_release.release import make_printable
from gray_release.sweep.changes import FAILURE, Comparison
from gray_release.sweep.row import Row, collect_advice, count_states, count_states_in_chinese, sort_by_attention
from gray_release.times import format_time

TITLE = "灰度发布 Staged releases"  # robots of 钉钉 and 飞书 may require a keyword in each message: 灰度
_LONGEST_NAME, _LONGEST_APPID, _LONGEST_REASON = 40, 64, 120
# Names, appids and reasons are foreign text: these characters could format, mention people (<@all>) or make links.
_REPLACEMENTS = str.maketrans("<>[]*`#~|", "()()·'·-/")


class Digest(NamedTuple):
    """A message: a heading, and one line for each change and for each errCode of older failures."""

    head: list[str]
    lines: list[str]

    def write(self, limit: int, *, is_markdown: bool) -> str:
        """Write the message in at most `limit` bytes of UTF-8. A last line counts the lines that do not fit."""
        begin = [f"**{self.head[0]}**" if is_markdown else self.head[0], *self.head[1:]]
        item = "> " if is_markdown else "- "
        gap = "\n\n" if is_markdown else "\n"
        text = _cut(gap.join(begin), limit // 2)
        for index, line in enumerate(self.lines):
            left = len(self.lines) - index
            longer = f"{text}{gap}{item}{line}"
            rest = _count_rest(gap, left - 1) if left > 1 else ""
            if len(f"{longer}{rest}".encode("utf-8", "replace")) > limit:
                return f"{text}{_count_rest(gap, left)}"
            text = longer
        return text


def create_digest(comparison: Comparison, now: float) -> Digest | None:
    """Create the message; `None` if nothing has changed or failed."""
    rows = sort_by_attention(comparison.rows, now)
    lines = [*(_describe_row(row) for row in rows if row.change), *_group_failures(rows)]
    if not lines and comparison.at is not None:
        return None
    first = (
        "首次查询 · first run"
        if comparison.at is None
        else f"{format_time(comparison.at)} 以来的变化 · changes since then"
    )
    head = [f"{TITLE} {format_time(now)}", _escape(count_states(rows)), count_states_in_chinese(rows), first]
    return Digest(head, lines)


def _describe_row(row: Row) -> str:
    change = row.change
    name = f"{_shorten(row.name, _LONGEST_NAME)} " if row.name else ""
    appid = _shorten(row.appid, _LONGEST_APPID)  # a file for --from may contain any text here
    words = f"{change.english} {change.chinese}" if change and change.english != change.chinese else ""
    if change and not words:
        words = change.english
    if row.answer.failure:
        return f"{name}{appid} {words}: {row.answer.failure} {_shorten(row.reason, _LONGEST_REASON)}"
    share = "" if row.answer.percentage is None else f", {row.answer.percentage:g} %"
    state = row.answer.state
    return f"{name}{appid} {words} · {state.english} {state.chinese}{share}"


def _group_failures(rows: list[Row]) -> Iterator[str]:
    """Write a line for each errCode of the failures that are older than this sweep."""
    old = [row for row in rows if row.answer.failure and row.change is not FAILURE]
    for code, count, text in collect_advice(old):
        advice = f": {_shorten(text, _LONGEST_REASON)}" if text else ""
        yield f"{count} 个小程序查询失败 · {count} failed, {code}{advice}"


def _count_rest(gap: str, count: int) -> str:
    return f"{gap}另有 {count} 条 · and {count} more"


def _cut(text: str, limit: int) -> str:
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")


def _shorten(text: str, length: int) -> str:
    return _escape(text if len(text) <= length else f"{text[: length - 1]}…")


def _escape(text: str) -> str:
    return make_printable(text).translate(_REPLACEMENTS)
