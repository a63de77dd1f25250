"""A row of a sweep: a mini program and its answer. Rows that need attention come first."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gray_release.release import DELETED, FAILED, FINISHED, INITIAL, MEMBERS, NONE, OVER, PAUSED, RUNNING, Answer, Json
from handler.contract import to_camel_case
from handler.errors import API, refused

STALLED_SECONDS = 86_400  # a release normally moves at least once a day
# None stands for rolling out and for unknown states.
_ORDER = (FAILED, PAUSED, None, INITIAL, FINISHED, DELETED, OVER, NONE)
_MAIN_STATES = (FAILED, PAUSED, RUNNING, FINISHED)
_NEVER = float("inf")


class Change(NamedTuple):
    """A change since an earlier sweep: its name in JSON, and its words in English and Chinese."""

    name: str
    english: str
    chinese: str


@dataclass(frozen=True)
class Row:
    """The answer for one mini program; `json` is `{"appid", "name"?, "errCode", "errMsg", "grayReleasePlan"?}`.

    After a comparison with an earlier sweep, `change` is the change (`None` if there is none), and `unchanged_since`
    the Unix time since when the row has been the same.
    """

    appid: str
    name: str  # the mini program's name in the list; empty if it has none
    answer: Answer
    json: Json
    change: Change | None = None
    unchanged_since: float | None = None

    @classmethod
    def from_json(cls, value: Json) -> "Row":
        """Read a row from its JSON object."""
        # Not `Answer.from_reply`: it would mistake a row with a `statusCode` from WeChat for an HTTP reply.
        body = {key: item for key, item in value.items() if key not in ("appid", "name")}
        name = value.get("name")
        return cls(value["appid"], name if isinstance(name, str) else "", Answer(to_camel_case(body)), value)

    @property
    def reason(self) -> str:
        """The reason of a failure, from WeChat or the function."""
        return str(self.answer.body.get("errMsg") or "").removeprefix(f"{API}:fail ")

    @property
    def hint(self) -> str | None:
        """The advice for a failure."""
        # Imported late: the function always logs to the `sys.stdout` of the moment when it is first imported.
        from handler.telemetry.hints import find_hint  # noqa: PLC0415

        return find_hint(refused(self.answer.failure, self.reason)) if self.answer.failure else None

    def is_stalled(self, now: float) -> bool:
        """Return whether the release is under way but does not move: members only, or unchanged for a day."""
        if self.answer.state is MEMBERS:
            return True
        since = now if self.unchanged_since is None else self.unchanged_since
        return self.answer.is_under_way and self.change is None and now - since >= STALLED_SECONDS


def sort_by_attention(rows: Iterable[Row], now: float | None = None) -> list[Row]:
    """Sort by state: failed, paused, rolling out, stalled, not started, finished, none.

    Failures are sorted by errCode, running releases by the time left.
    """
    moment = time.time() if now is None else now

    def key(row: Row) -> tuple[int, int, bool, float, float, str]:
        answer, state = row.answer, row.answer.state
        end = answer.find_end(moment)
        return (
            _ORDER.index(state if state in _ORDER else None),
            answer.failure or 0,
            state is not PAUSED and row.is_stalled(moment),
            end.at if end and end.at else _NEVER,
            -(answer.percentage or 0),
            row.appid,
        )

    return sorted(rows, key=key)


def count_states(rows: Iterable[Row]) -> str:
    """Write the counts of states in one line, in the table's order: `3 mini programs: 1 failed, 2 rolling out`."""
    groups = {MEMBERS: RUNNING.english, OVER: "without a release", NONE: "without a release"}
    counts = Counter(groups.get(row.answer.state, row.answer.state.english) for row in sort_by_attention(rows))
    number = sum(counts.values())
    parts = ", ".join(f"{count} {words}" for words, count in counts.items())
    return f"{number} mini program{'' if number == 1 else 's'}{': ' if parts else ''}{parts}"


def count_states_in_chinese(rows: Sequence[Row]) -> str:
    """Write the counts of the main states in Chinese."""
    counts = [(state, sum(row.answer.state.name == state.name for row in rows)) for state in _MAIN_STATES]
    return f"共 {len(rows)} 个小程序：" + "，".join(f"{state.chinese} {count}" for state, count in counts)


def collect_advice(rows: Iterable[Row]) -> list[tuple[int, int, str]]:
    """Return each errCode with the number of its rows and the advice, most frequent first."""
    failed = [row for row in rows if row.answer.failure]
    counted = Counter(row.answer.failure for row in failed)
    hints = {row.answer.failure: row.hint for row in reversed(failed)}
    return [(code, count, hints[code] or "") for code, count in counted.most_common() if code]
