"""The table and the web page of a sweep."""

import io
import re
import time
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from rich.console import Console

from gray_release.release import FAILED, MEMBERS, NONE, OVER, STATES, State
from gray_release.sandbox import fleet
from gray_release.sweep.changes import compare_rows
from gray_release.sweep.page import write_page
from gray_release.sweep.row import Row, sort_by_attention
from gray_release.sweep.table import draw_table
from handler.telemetry.hints import HINTS

NOW = 1_800_000_000
DAY = 86_400
FAIL = "openapi.operation.getGrayReleasePlan:fail "
ROWS = [
    *(
        Row.from_json({"appid": appid, "errCode": 0, "grayReleasePlan": plan})
        for appid, plan in fleet.create_plans(fleet.create_appids(20), NOW).items()
    ),
    Row.from_json({"appid": "wx-<b>", "errCode": 61003, "errMsg": f"{FAIL}\x1b[2J<script>"}),
    Row.from_json({"appid": "wx-refused", "errCode": 48001, "errMsg": f"{FAIL}no permission {'very ' * 40}rid: 1"}),
    Row.from_json({"appid": "wx-new", "errCode": 0, "grayReleasePlan": {"status": 5, "grayPercentage": 1e9}}),
    Row.from_json({"appid": "wx-odd", "errCode": 0, "grayReleasePlan": {"status": "1", "createTimestamp": 1e300}}),
]


def draw(rows: list[Row], columns: int, **options: Any) -> str:
    """Return the table as drawn on a terminal with this number of columns."""
    stream = io.StringIO()
    draw_table(Console(file=stream, width=columns, force_terminal=True, highlight=False, **options), rows)
    return stream.getvalue()


@pytest.mark.parametrize("columns", [80, 140, 300])
@pytest.mark.parametrize("colour", [True, False])
def test_table(columns: int, colour: bool) -> None:  # noqa: FBT001 - pytest passes parameters by name
    """Every mini program has one line that fits, and totals and advice follow the table."""
    text = draw(ROWS, columns, no_color=not colour)
    assert bool(re.search(r"\x1b\[3\d", text)) == colour
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "\x1b" not in plain
    lines = plain.splitlines()
    widths = [sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line) for line in lines]
    assert max(widths) <= columns
    assert [line.split()[0] for line in lines[1:25]] == [row.appid for row in sort_by_attention(ROWS)]
    states = [re.split(r" [^ -~]", line[19:40])[0].strip() for line in lines[3:25]]
    assert list(dict.fromkeys(states)) == [
        "paused",
        "rolling out",
        "status 5",
        "members only",
        "finished",
        "not under way",
        "no release",
    ]
    assert [line[19:26] for line in lines[1:3]] == ["✗ 48001", "✗ 61003"]
    assert (
        "24 mini programs: 2 failed, 2 paused, 10 rolling out, 1 status 5, 4 finished, 5 without a release"
        in " ".join(plain.split())
    )
    assert f"48001, 1 mini program: {HINTS[48001][:40]}" in plain
    assert re.search(r"paused 暂停中 +13 % ━+─+ ", plain)


@pytest.mark.parametrize("state", [*STATES.values(), MEMBERS, OVER, NONE, FAILED])
def test_words_of_a_state(state: State) -> None:
    """The column of a table without names and changes has room for a state in both languages."""
    plan: dict[str, Any] = {MEMBERS: {"status": 1, "supportDebugerFirst": True}, OVER: {"status": 0}}.get(
        state, {"status": next((number for number, one in STATES.items() if one == state), None), "grayPercentage": 8}
    )
    failure = {"errCode": 61003, "errMsg": f"{FAIL}no"} if state is FAILED else {"errCode": 0, "grayReleasePlan": plan}
    assert f"{state.chinese} " in draw([Row.from_json({"appid": "wx1", **failure})], 80, no_color=True)


def test_order() -> None:
    """The order is failures, paused releases, running ones by the time left, and stalled ones."""

    def row(appid: str, share: float, days: float, **more: Any) -> Row:
        plan = {"status": 1, "grayPercentage": share, "createTimestamp": NOW - days * DAY, **more.pop("plan", {})}
        return replace(Row.from_json({"appid": appid, "errCode": 0, "grayReleasePlan": plan}), **more)

    rows = [
        row("still", 40, 10, unchanged_since=NOW - 2 * DAY),
        row("young", 90, 1),
        row("stated", 10, 1, plan={"defaultFinishTimestamp": NOW + DAY}),
        row("old", 20, 9, unchanged_since=NOW - 3600),
        row("paused", 20, 14, plan={"status": 2}),
        row("finished", 100, 14, plan={"status": 3}),
        row("members", 0, 14, plan={"supportDebugerFirst": True}),
        Row.from_json({"appid": "failed", "errCode": 61003}),
    ]
    order = ["failed", "paused", "stated", "old", "young", "members", "still", "finished"]
    assert [row.appid for row in sort_by_attention(rows, NOW)] == order


@pytest.mark.parametrize(
    ("plan", "day", "words"),
    [
        ({"createTimestamp": NOW - 2.5 * DAY}, 3, "everyone on"),
        ({"createTimestamp": NOW - 14.9 * DAY}, 15, "everyone on"),
        ({"createTimestamp": NOW - 15.1 * DAY}, 16, ""),
        ({"createTimestamp": NOW - 2.5 * DAY, "status": 2}, 3, ""),
        ({"createTimestamp": NOW - DAY, "defaultFinishTimestamp": NOW + 2 * DAY}, None, "in 2 days"),
        ({"createTimestamp": NOW - DAY, "defaultFinishTimestamp": 0}, 2, "everyone on"),
        ({"createTimestamp": NOW + DAY}, None, ""),
        ({"createTimestamp": 0}, None, ""),
        ({"createTimestamp": 1e300}, None, ""),
        ({"createTimestamp": NOW - DAY, "status": 3}, None, ""),
    ],
)
def test_everyone(plan: dict[str, Any], day: int | None, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a time from WeChat, everyone gets the release on the fifteenth day."""
    monkeypatch.setattr("time.time", lambda: NOW)
    row = Row.from_json({"appid": "wx1", "errCode": 0, "grayReleasePlan": {"status": 1, "grayPercentage": 8, **plan}})
    for text in (draw([row], 140), Page(write_page([row], NOW)).text):
        assert f"day {day}" in text if day else "day " not in text.replace("day ago", "")
        assert not words or words in text or words == "everyone on"
    assert words in draw([row], 140)
    assert "defaultFinishTimestamp" not in row.json["grayReleasePlan"] or "defaultFinishTimestamp" in plan


@pytest.mark.parametrize("columns", [80, 99, 100, 119, 120, 130, 139, 140])
def test_names_and_changes(columns: int) -> None:
    """Names and changes have columns, and all lines fit; Chinese characters are two columns wide."""
    names = ["花点时间", "Very Long English Shop Name That Goes On", "<b>\x1b[2J", ""]
    named = [Row.from_json({**row.json, "name": names[index % 4]}) for index, row in enumerate(ROWS)]
    earlier = [Row.from_json({**row.json, "grayReleasePlan": {"status": 1}}) for row in named[2:]]
    compared = compare_rows(named, earlier, NOW - DAY, NOW)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", draw(compared.rows, columns)).splitlines()[: len(ROWS) + 1]
    widths = [sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line) for line in lines]
    assert max(widths) <= columns
    assert "progr…" not in lines[0]
    assert not [line for line in lines if re.search(r"(day \d|in \d+ days?).*…$", line)]
    assert sum("花点时间" in line for line in lines) == 6
    assert sum("\x1b" in line for line in lines) == 0
    text = write_page(compared.rows, NOW, compared)
    assert "<b>&lt;b&gt;" in text
    assert Page(text).text.count("花点时间") == 6
    assert "已暂停" in text
    assert "since 2027" in text


def test_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table names the local time zone with its offset, because several zones share a name."""
    for zone, words in (("Asia/Shanghai", "CST (UTC+08:00)"), ("UTC", "times in UTC"), ("Asia/Kolkata", "(UTC+05:30)")):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert words in draw(ROWS, 80)
        assert words in write_page(ROWS, NOW)
    monkeypatch.undo()
    time.tzset()


class Page(HTMLParser):
    """A parser that collects a page's elements, text and links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect an element."""
        self.tags.append(tag)
        self.loads += [name for name, _ in attrs if name in ("src", "href", "onload", "onclick")]

    def handle_data(self, data: str) -> None:
        """Collect a text."""
        self.text += data


def test_page() -> None:
    """The page has every row and a dark style, loads nothing and has no script."""
    text = write_page(ROWS, NOW)
    found = Page(text)
    assert found.loads == []
    assert not {"script", "link", "img", "iframe"} & set(found.tags)
    assert "url(" not in text
    assert "@media (prefers-color-scheme: dark)" in text
    assert found.tags.count("tr") == len(ROWS) + 1
    assert all(row.appid in found.text for row in ROWS)
    assert "61003 " in found.text
    assert HINTS[48001] in found.text


def test_no_rows() -> None:
    """A sweep without rows gives an empty table."""
    assert draw([], 80).count("0 mini programs") == 1
    assert "0 mini programs" in write_page([], NOW)
