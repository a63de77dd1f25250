"""The changes since an earlier sweep."""

from typing import Any

import pytest

from gray_release.sweep.changes import compare_rows, describe_changes
from gray_release.sweep.row import Row

NOW = 1_800_000_000
DAY = 86_400
RUNNING = {"status": 1, "grayPercentage": 20, "createTimestamp": NOW - 3 * DAY}
OTHER = {"status": 1, "grayPercentage": 5, "createTimestamp": NOW - DAY}
PAUSED = {**RUNNING, "status": 2}
FINISHED = {"status": 3, "grayPercentage": 100, "createTimestamp": NOW - 3 * DAY}


def create_row(plan: Any, **more: Any) -> Row:
    """Create a row."""
    return Row.from_json({"appid": "wx1", "errCode": 0, "grayReleasePlan": plan, **more})


FAILED = Row.from_json({"appid": "wx1", "errCode": 61003, "errMsg": "x"})


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        (create_row(None), create_row(RUNNING), "started"),
        (create_row({"status": 0}), create_row(RUNNING), "started"),
        (create_row(FINISHED), create_row(OTHER), "started"),
        (create_row(RUNNING), create_row(OTHER), "started"),
        (create_row({"status": 4}), create_row(RUNNING), "started"),
        (create_row(RUNNING), create_row({**RUNNING, "grayPercentage": 32.5}), "moved"),
        (create_row(RUNNING), create_row({**RUNNING, "grayPercentage": 8}), "moved"),
        (create_row({**RUNNING, "grayPercentage": 0, "supportDebugerFirst": True}), create_row(RUNNING), "moved"),
        (create_row(RUNNING), create_row(PAUSED), "paused"),
        (create_row(None), create_row(PAUSED), "paused"),
        (create_row(PAUSED), create_row({**RUNNING, "grayPercentage": 30}), "resumed"),
        (create_row(PAUSED), create_row({**PAUSED, "grayPercentage": 30}), "moved"),
        (create_row(RUNNING), create_row(FINISHED), "finished"),
        (create_row({"status": 0}), create_row(FINISHED), "finished"),
        (create_row(FINISHED), create_row({**FINISHED, "createTimestamp": NOW}), "finished"),
        (create_row(RUNNING), create_row({"status": 4}), "withdrawn"),
        (create_row(RUNNING), create_row({"status": 0}), "ended"),
        (create_row(PAUSED), create_row({**RUNNING, "status": 0}), "ended"),
        (create_row(RUNNING), create_row(None), "ended"),
        (create_row(RUNNING), create_row({**RUNNING, "status": 5}), "changed"),
        (create_row(RUNNING), FAILED, "failed"),
        (Row.from_json({"appid": "wx1", "errCode": -1}), FAILED, "failed"),
        (FAILED, create_row(RUNNING), "answers"),
        (Row.from_json({**FAILED.json, "lastGrayReleasePlan": RUNNING}), create_row(PAUSED), "paused"),
        (Row.from_json({**FAILED.json, "lastGrayReleasePlan": RUNNING}), create_row(RUNNING), "answers"),
        (create_row(RUNNING), create_row(RUNNING), None),
        (create_row(FINISHED), create_row({"status": 0}), None),
        (create_row({"status": 0}), create_row(None), None),
        (create_row({"status": 4}), create_row({"status": 4}), None),
        (FAILED, FAILED, None),
    ],
)
def test_changes(before: Row, after: Row, name: str | None) -> None:
    """Each change has a name, and the next comparison does not find it again."""
    compared = compare_rows([after], [before], NOW - DAY, NOW)
    [found] = compared.rows
    assert (found.change and found.change.name) == name == found.json.get("change")
    [again] = compare_rows([after], compared.rows, NOW, NOW + DAY).rows
    assert again.change is None
    assert again.unchanged_since == (NOW if name else NOW - DAY)


def test_a_failure_in_between() -> None:
    """A change during failures is found at the first answer after them."""
    days = [create_row(RUNNING), FAILED, FAILED, create_row(PAUSED)]
    rows: list[Row] | None = None
    seen = []
    for day, answer in enumerate(days):
        rows = compare_rows([answer], rows, NOW + (day - 1) * DAY, NOW + day * DAY).rows
        seen.append(rows[0].change and rows[0].change.name)
    assert seen == [None, "failed", None, "paused"]


def test_points() -> None:
    """A change of the percentage has the difference in points."""
    [found] = compare_rows([create_row({**RUNNING, "grayPercentage": 32.5})], [create_row(RUNNING)], NOW, NOW).rows
    assert found.change
    assert found.change.english == "+12.5 %"


def test_lists_that_differ() -> None:
    """Added mini programs are new, removed ones are counted, and the first run has no changes."""
    others = [Row.from_json({"appid": appid, "errCode": 0}) for appid in ("wx2", "wx3")]
    compared = compare_rows([create_row(RUNNING)], others, NOW - DAY, NOW)
    assert [found.json["change"] for found in compared.rows] == ["new"]
    assert "1 new, 0 unchanged, 2 no longer in the list" in describe_changes(compared)
    first = compare_rows([create_row(RUNNING)], None, 0, NOW)
    assert (first.rows[0].change, "first run" in describe_changes(first)) == (None, True)
