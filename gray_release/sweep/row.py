"""A row of a sweep: a mini program and the answer for it; what needs attention comes first."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from gray_release.release import DELETED, FAILED, FINISHED, INITIAL, MEMBERS, NONE, OVER, PAUSED, RUNNING, Answer, Json
from handler.contract import camel_case
from handler.errors import API, refused

_ORDER = (FAILED, PAUSED, None, INITIAL, FINISHED, DELETED, OVER, NONE)  # None: rolling out, and what nobody documents


@dataclass(frozen=True)
class Row:
    """The answer for one mini program; `json` is `{"appid", "name"?, "errCode", "errMsg", "grayReleasePlan"?}`."""

    appid: str
    name: str  # what the list calls the mini program, empty where it does not
    answer: Answer
    json: Json

    @classmethod
    def of(cls, value: Json) -> "Row":
        """Read a row from its JSON object."""
        # Not `Answer.of`: a row is no HTTP reply, even where WeChat has put a `statusCode` into it.
        body = {key: item for key, item in value.items() if key not in ("appid", "name")}
        name = value.get("name")
        return cls(value["appid"], name if isinstance(name, str) else "", Answer(camel_case(body)), value)

    @property
    def reason(self) -> str:
        """What WeChat, or the function, said of a failure."""
        return str(self.answer.body.get("errMsg") or "").removeprefix(f"{API}:fail ")

    @property
    def hint(self) -> str | None:
        """What to do about a failure."""
        # Not before the function has run: its log goes to the stdout that it finds when it is loaded.
        from handler.telemetry.hints import hint  # noqa: PLC0415

        return hint(refused(self.answer.failure, self.reason)) if self.answer.failure else None


def by_attention(rows: Iterable[Row]) -> list[Row]:
    """Sort: failed by errCode, paused, rolling out by percentage, not started, finished, none."""

    def key(row: Row) -> tuple[int, int, float, str]:
        state = row.answer.state
        return (
            _ORDER.index(state if state in _ORDER else None),
            row.answer.failure or 0,
            row.answer.percentage or 0,
            row.appid,
        )

    return sorted(rows, key=key)


def totals(rows: Iterable[Row]) -> str:
    """Count the rows in one line, in the order of the table: `3 mini programs: 1 failed, 2 rolling out`."""
    alike = {MEMBERS: RUNNING.english, OVER: "none", NONE: "none"}
    counted = Counter(alike.get(row.answer.state, row.answer.state.english) for row in by_attention(rows))
    number = sum(counted.values())
    parts = ", ".join(f"{count} {words}" for words, count in counted.items())
    return f"{number} mini program{'' if number == 1 else 's'}{': ' if parts else ''}{parts}"


def advice(rows: Iterable[Row]) -> list[tuple[int, int, str]]:
    """Return each errCode with how many have it and what to do, the most frequent first."""
    failed = [row for row in rows if row.answer.failure]
    counted = Counter(row.answer.failure for row in failed)
    hints = {row.answer.failure: row.hint for row in reversed(failed)}
    return [(code, count, hints[code] or "") for code, count in counted.most_common() if code]
