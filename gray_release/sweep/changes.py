"""Compare the rows of a sweep with those of an earlier one: what changed, or since when nothing did."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from gray_release.release import DELETED, FINISHED, PAUSED, Answer, read_number
from gray_release.sweep.row import Change, Row
from gray_release.times import format_time

ADDITION = Change("new", "new", "新增")
START = Change("started", "started", "已开始")
PAUSE = Change("paused", "paused", "已暂停")
RESUMPTION = Change("resumed", "resumed", "已恢复")
FINISH = Change("finished", "finished", "已全量")
WITHDRAWAL = Change("withdrawn", "withdrawn", "已撤回")
END = Change("ended", "over or withdrawn", "已结束或已撤回")
FAILURE = Change("failed", "failed", "查询失败")
RECOVERY = Change("answers", "answers again", "查询已恢复")


class Comparison(NamedTuple):
    """Rows with their changes since an earlier sweep. `at` is the time of that sweep; `None` if there was none."""

    rows: list[Row]
    at: float | None
    missing: int  # number of mini programs that only the earlier sweep has


def compare_rows(rows: Iterable[Row], earlier: Sequence[Row] | None, at: float, now: float) -> Comparison:
    """Compare rows with those of an earlier sweep at Unix time `at`; `None` if there was none."""
    if earlier is None:
        return Comparison([_add_change(row, None, now, {}) for row in rows], None, 0)
    before = {row.appid: row for row in earlier}
    new_rows = [_compare_row(row, before.get(row.appid), at, now) for row in rows]
    return Comparison(new_rows, at, len(before.keys() - {row.appid for row in new_rows}))


def describe_changes(comparison: Comparison) -> str:
    """Write the counts of changes in one line: `since 2026-11-25 09:00:00 UTC: 1 paused, 2 moved, 9 unchanged`."""
    if comparison.at is None:
        return "first run, nothing to compare with"
    changes = (row.change.name if row.change else "unchanged" for row in comparison.rows)
    # The change is named "answers": "2 answers" would read as if nobody else had answered.
    names = Counter("answering again" if name == RECOVERY.name else name for name in changes)
    parts = [f"{count} {name}" for name, count in names.most_common() if name != "unchanged"]
    parts.append(f"{names['unchanged']} unchanged")
    if comparison.missing:
        parts.append(f"{comparison.missing} no longer in the list")
    return f"since {format_time(comparison.at)}: {', '.join(parts)}"


def _compare_row(row: Row, before: Row | None, at: float, now: float) -> Row:
    if before is None:
        return _add_change(row, ADDITION, now, {})
    change = _find_change(row.answer, before)
    since = read_number(before.json.get("unchangedSince")) or at
    return _add_change(row, change, now if change else since, before.json)


def _add_change(row: Row, change: Change | None, since: float, before: Mapping[str, Any]) -> Row:
    """Add the fields that the next comparison needs. After a failure these include the last known plan."""
    json = dict(row.json)
    if change:
        json["change"] = change.name
    json["unchangedSince"] = int(since)
    if row.answer.failure:
        for name in ("grayReleasePlan", "lastGrayReleasePlan"):
            if name in before:
                json["lastGrayReleasePlan"] = before[name]
    return replace(row, json=json, change=change, unchanged_since=since)


def _find_change(new: Answer, before: Row) -> Change | None:
    if new.failure:
        return None if before.answer.failure == new.failure else FAILURE
    if not before.answer.failure:
        return _find_step(before.answer, new)
    if "lastGrayReleasePlan" not in before.json:
        return RECOVERY
    return _find_step(Answer({"errCode": 0, "grayReleasePlan": before.json["lastGrayReleasePlan"]}), new) or RECOVERY


def _find_step(old: Answer, new: Answer) -> Change | None:  # noqa: PLR0911 - one return for each change
    is_another = bool(old.created_at and new.created_at and old.created_at != new.created_at)
    for state, change in ((FINISHED, FINISH), (DELETED, WITHDRAWAL), (PAUSED, PAUSE)):
        if new.state is state and (is_another or old.state is not state):
            return change
    if not new.is_under_way:
        return END if old.is_under_way else None
    if is_another or not old.is_under_way:
        return START
    if old.state is PAUSED and new.state is not PAUSED:
        return RESUMPTION
    points = round((new.percentage or 0) - (old.percentage or 0), 4)
    if points:
        return Change("moved", f"{points:+g} %", f"{points:+g} %")
    if old.state.name != new.state.name:
        return Change("changed", f"now {new.state.english}", f"变为{new.state.chinese}")
    return None
