"""The table and the page of a sweep."""

import io
import re
import unicodedata
from html.parser import HTMLParser
from typing import Any

import pytest
from rich.console import Console

from gray_release.sandbox import fleet
from gray_release.sweep.page import page
from gray_release.sweep.row import Row, by_attention
from gray_release.sweep.table import draw
from handler.telemetry.hints import HINTS

NOW = 1_800_000_000
FAIL = "openapi.operation.getGrayReleasePlan:fail "
ROWS = [
    *(
        Row.of({"appid": appid, "errCode": 0, "grayReleasePlan": plan})
        for appid, plan in fleet.plans(fleet.appids(20), NOW).items()
    ),
    Row.of({"appid": "wx-<b>", "errCode": 61003, "errMsg": f"{FAIL}\x1b[2J<script>"}),
    Row.of({"appid": "wx-refused", "errCode": 48001, "errMsg": f"{FAIL}no permission {'very ' * 40}rid: 1"}),
    Row.of({"appid": "wx-new", "errCode": 0, "grayReleasePlan": {"status": 5, "grayPercentage": 1e9}}),
    Row.of({"appid": "wx-odd", "errCode": 0, "grayReleasePlan": {"status": "1", "createTimestamp": 1e300}}),
]


def drawn(rows: list[Row], columns: int, **options: Any) -> str:
    """Draw the table as a terminal of so many columns shows it."""
    stream = io.StringIO()
    draw(Console(file=stream, width=columns, force_terminal=True, highlight=False, **options), rows)
    return stream.getvalue()


@pytest.mark.parametrize("columns", [80, 140, 300])
@pytest.mark.parametrize("colour", [True, False])
def test_table(columns: int, colour: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Each mini program has a line that fits, what needs attention first, then the totals and what to do."""
    text = drawn(ROWS, columns, no_color=not colour)
    assert bool(re.search(r"\x1b\[3\d", text)) == colour
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "\x1b" not in plain
    lines = plain.splitlines()
    widths = [sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line) for line in lines]
    assert max(widths) <= columns
    assert [line.split()[0] for line in lines[1:25]] == [row.appid for row in by_attention(ROWS)]
    states = [re.split(r" [^ -~]", line[19:39])[0].strip() for line in lines[3:25]]
    assert list(dict.fromkeys(states)) == [
        "paused",
        "members only",
        "rolling out",
        "status 5",
        "finished",
        "not under way",
        "no release",
    ]
    assert [line[19:26] for line in lines[1:3]] == ["✗ 48001", "✗ 61003"]
    assert "24 mini programs: 2 failed, 2 paused, 10 rolling out, 1 status 5, 4 finished, 5 none" in " ".join(
        plain.split()
    )
    assert f"48001 (1): {HINTS[48001][:40]}" in plain
    assert re.search(r"paused 暂停中 +13 % ━+─+ ", plain)


def test_percentages_rise() -> None:
    """Releases under way stand in the order of their percentage."""
    shares = [row.answer.percentage or 0 for row in by_attention(ROWS) if row.answer.state.name == "running"]
    assert len(shares) == 10
    assert shares == sorted(shares)


class Page(HTMLParser):
    """Collects a page's elements, its text, and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append(tag)
        self.loads += [name for name, _ in attrs if name in ("src", "href", "onload", "onclick")]

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


def test_page() -> None:
    """The page needs nothing else and runs nothing, has every row, and looks as the reader's system does."""
    text = page(ROWS, NOW)
    found = Page(text)
    assert found.loads == []
    assert not {"script", "link", "img", "iframe"} & set(found.tags)
    assert "url(" not in text
    assert "@media (prefers-color-scheme: dark)" in text
    assert found.tags.count("tr") == len(ROWS) + 1
    assert all(row.appid in found.text for row in ROWS)
    assert "61003 " in found.text
    assert HINTS[48001] in found.text


def test_nobody() -> None:
    """No rows give a table without any."""
    assert drawn([], 80).splitlines()[-1].count("0 mini programs") == 1
    assert "0 mini programs" in page([], NOW)
