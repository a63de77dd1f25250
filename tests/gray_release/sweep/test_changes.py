"""What has changed since an earlier sweep."""

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


def row(plan: Any, **more: Any) -> Row:
    """Return the row of an answer."""
    return Row.from_json({"appid": "wx1", "errCode": 0, "grayReleasePlan": plan, **more})


FAILED = Row.from_json({"appid": "wx1", "errCode": 61003, "errMsg": "x"})


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        (row(None), row(RUNNING), "started"),
        (row({"status": 0}), row(RUNNING), "started"),
        (row(FINISHED), row(OTHER), "started"),
        (row(RUNNING), row(OTHER), "started"),
        (row({"status": 4}), row(RUNNING), "started"),
        (row(RUNNING), row({**RUNNING, "grayPercentage": 32.5}), "moved"),
        (row(RUNNING), row({**RUNNING, "grayPercentage": 8}), "moved"),
        (row({**RUNNING, "grayPercentage": 0, "supportDebugerFirst": True}), row(RUNNING), "moved"),
        (row(RUNNING), row(PAUSED), "paused"),
        (row(None), row(PAUSED), "paused"),
        (row(PAUSED), row({**RUNNING, "grayPercentage": 30}), "resumed"),
        (row(PAUSED), row({**PAUSED, "grayPercentage": 30}), "moved"),
        (row(RUNNING), row(FINISHED), "finished"),
        (row({"status": 0}), row(FINISHED), "finished"),
        (row(FINISHED), row({**FINISHED, "createTimestamp": NOW}), "finished"),
        (row(RUNNING), row({"status": 4}), "withdrawn"),
        (row(RUNNING), row({"status": 0}), "ended"),
        (row(PAUSED), row({**RUNNING, "status": 0}), "ended"),
        (row(RUNNING), row(None), "ended"),
        (row(RUNNING), row({**RUNNING, "status": 5}), "changed"),
        (row(RUNNING), FAILED, "failed"),
        (Row.from_json({"appid": "wx1", "errCode": -1}), FAILED, "failed"),
        (FAILED, row(RUNNING), "answers"),
        (Row.from_json({**FAILED.json, "lastGrayReleasePlan": RUNNING}), row(PAUSED), "paused"),
        (Row.from_json({**FAILED.json, "lastGrayReleasePlan": RUNNING}), row(RUNNING), "answers"),
        (row(RUNNING), row(RUNNING), None),
        (row(FINISHED), row({"status": 0}), None),
        (row({"status": 0}), row(None), None),
        (row({"status": 4}), row({"status": 4}), None),
        (FAILED, FAILED, None),
    ],
)
def test_changes(before: Row, after: Row, name: str | None) -> None:
    """Each change has its name, and is told once: compared with the new rows, nothing has changed."""
    compared = compare_rows([after], [before], NOW - DAY, NOW)
    [found] = compared.rows
    assert (found.change and found.change.name) == name == found.json.get("change")
    [again] = compare_rows([after], compared.rows, NOW, NOW + DAY).rows
    assert again.change is None
    assert again.unchanged_since == (NOW if name else NOW - DAY)


def test_a_failure_in_between() -> None:
    """What happens to a release while it could not be asked for is told afterwards."""
    days = [row(RUNNING), FAILED, FAILED, row(PAUSED)]
    rows: list[Row] | None = None
    seen = []
    for day, answer in enumerate(days):
        rows = compare_rows([answer], rows, NOW + (day - 1) * DAY, NOW + day * DAY).rows
        seen.append(rows[0].change and rows[0].change.name)
    assert seen == [None, "failed", None, "paused"]


def test_points() -> None:
    """A release that moved says by how many points."""
    [found] = compare_rows([row({**RUNNING, "grayPercentage": 32.5})], [row(RUNNING)], NOW, NOW).rows
    assert found.change
    assert found.change.english == "+12.5 %"


def test_lists_that_differ() -> None:
    """A mini program that joins is new, one that is gone is counted, and the first run has nothing to compare with."""
    others = [Row.from_json({"appid": appid, "errCode": 0}) for appid in ("wx2", "wx3")]
    compared = compare_rows([row(RUNNING)], others, NOW - DAY, NOW)
    assert [found.json["change"] for found in compared.rows] == ["new"]
    assert "1 new, 0 unchanged, 2 not asked for any more" in describe_changes(compared)
    first = compare_rows([row(RUNNING)], None, 0, NOW)
    assert (first.rows[0].change, "first run" in describe_changes(first)) == (None, True)
