"""The function's answer in words: a failure, or the state of a release.

WeChat documents the status numbers on its page of getGrayReleasePlan. Real releases show two more facts. Status 0
without a percentage also means that the release is over or was withdrawn. A release that only the mini program's
members get stays at status 1 with 0 percent.
"""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from handler.contract import to_camel_case

Json = dict[str, Any]


class State(NamedTuple):
    """A state: its name for `--until`, its words in English and Chinese, and its colour in a terminal."""

    name: str
    english: str
    chinese: str
    colour: str


FAILED = State("failed", "failed", "失败", "red")
PAUSED = State("paused", "paused", "暂停中", "yellow")
RUNNING = State("running", "rolling out", "执行中", "cyan")
MEMBERS = State("running", "members only", "仅限成员", "cyan")
INITIAL = State("initial", "not started", "初始", "white")
OVER = State("initial", "not under way", "未进行", "white")
FINISHED = State("finished", "finished", "执行完毕", "green")
DELETED = State("deleted", "deleted", "被删除", "red")
NONE = State("none", "no release", "暂无发布", "white")

STATES = {0: INITIAL, 1: RUNNING, 2: PAUSED, 3: FINISHED, 4: DELETED}  # WeChat's numbers
STATE_NAMES = tuple(state.name for state in (*STATES.values(), NONE))  # what `--until` accepts


LONGEST_DAYS = 15  # WeChat finishes a release 15 days after its creation (its help pages of 2017)
_DAY_SECONDS = 86_400


class End(NamedTuple):
    """When a release reaches everyone.

    `at` is a Unix time; `None` if the release is paused or older than `LONGEST_DAYS`. `day` counts the days of the
    release from 1; `None` if WeChat stated the time.
    """

    at: float | None
    day: int | None


@dataclass(frozen=True)
class Answer:
    """The function's answer in camelCase, the same for every trigger."""

    body: Json

    @classmethod
    def from_reply(cls, reply: Json) -> "Answer":
        """Read a reply: a result, a failure, or an HTTP response that has one of them as its body."""
        body = json.loads(reply["body"] or "{}") if "statusCode" in reply else reply
        if "errcode" in body:
            body = {"errCode": body["errcode"], "errMsg": body.get("errmsg"), **body}
        elif reply.get("statusCode", 200) >= 400:  # a reply to HEAD has no body
            body = {"errCode": -1, "errMsg": f"HTTP {reply['statusCode']}", **body}
        return cls(to_camel_case(body))

    @property
    def failure(self) -> int | None:
        """The errCode of a failure; `None` without one."""
        return self.body.get("errCode") or None

    @property
    def plan(self) -> Json:
        """The plan; empty if there is none."""
        plan = self.body.get("grayReleasePlan")
        return plan if isinstance(plan, dict) else {}

    @property
    def percentage(self) -> float | None:
        """The percentage of users that have the release."""
        return read_number(self.plan.get("grayPercentage"))

    @property
    def state(self) -> State:
        """The state. A status that WeChat does not document is shown as its number."""
        status = read_number(self.plan.get("status"))
        if self.failure:
            return FAILED
        if status is None:
            return NONE
        if status == 0 and self.percentage is None:
            return OVER
        if status == 1 and not self.percentage and self.early_users:
            return MEMBERS
        return STATES.get(int(status)) or State(f"{status:g}", f"status {status:g}", f"状态 {status:g}", "white")

    @property
    def created_at(self) -> float | None:
        """When the release was created; `None` if WeChat leaves it out or says 0."""
        return read_number(self.plan.get("createTimestamp")) or None

    def find_end(self, now: float) -> End | None:
        """Return when the release reaches everyone: WeChat's time or, without one, the end of its 15 days.

        `None` if no release is under way.
        """
        if not self.is_under_way:
            return None
        wechat_time = read_number(self.plan.get("defaultFinishTimestamp"))
        if wechat_time:
            return End(wechat_time, None)
        if not self.created_at or self.created_at > now:
            return None
        day = int((now - self.created_at) // _DAY_SECONDS) + 1
        is_sure = self.state is not PAUSED and day <= LONGEST_DAYS
        return End(self.created_at + LONGEST_DAYS * _DAY_SECONDS if is_sure else None, day)

    @property
    def is_under_way(self) -> bool:
        """Whether a release is running or paused. Unknown statuses count as under way."""
        return self.state not in (FAILED, INITIAL, OVER, FINISHED, DELETED, NONE)

    @property
    def early_users(self) -> list[str]:
        """The groups that get the release before other users."""
        groups = {"supportDebugerFirst": "developers", "supportExperiencerFirst": "trial users"}
        return [words for name, words in groups.items() if self.plan.get(name) is True]


def read_number(value: object) -> float | None:
    """Return the value if it is a number of at most 15 digits, else `None`."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15 else None


def make_printable(text: object) -> str:
    """Replace control characters, because WeChat or a caller may have sent escape sequences for the terminal."""
    return "".join(character if character.isprintable() else " " for character in str(text))
