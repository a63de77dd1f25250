"""What an answer of the function says, in the words of a person: a failure, or the state of a release.

WeChat's numbers are on its page of getGrayReleasePlan. Two things it does not say were seen of real releases: status 0
without a percentage is also that of a release that is over or withdrawn, and a release that only the mini program's
members have stays at status 1 with 0 percent.
"""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from handler.contract import to_camel_case

Json = dict[str, Any]


class State(NamedTuple):
    """A state: its name for `--until`, its words in English and 中文, and its colour on a screen."""

    name: str
    english: str
    chinese: str
    colour: str


FAILED = State("failed", "failed", "失败", "red")
PAUSED = State("paused", "paused", "暂停中", "yellow")
RUNNING = State("running", "rolling out", "执行中", "cyan")
MEMBERS = State("running", "members only", "仅成员", "cyan")
INITIAL = State("initial", "not started", "初始", "white")
OVER = State("initial", "not under way", "未进行", "white")
FINISHED = State("finished", "finished", "执行完毕", "green")
DELETED = State("deleted", "deleted", "被删除", "red")
NONE = State("none", "no release", "没有发布", "white")

STATES = {0: INITIAL, 1: RUNNING, 2: PAUSED, 3: FINISHED, 4: DELETED}  # WeChat's numbers
STATE_NAMES = tuple(state.name for state in (*STATES.values(), NONE))  # what `--until` takes


LONGEST_DAYS = 15  # WeChat finishes a release that many days after its creation (its help pages of 2017)
_DAY_SECONDS = 86_400


class End(NamedTuple):
    """When a release reaches everyone.

    `at` is Unix time, `None` where nobody can say: a paused release, or one that has outlived WeChat's rule. `day` is
    the day of the release, from 1; `None` where WeChat gave the time itself.
    """

    at: float | None
    day: int | None


@dataclass(frozen=True)
class Answer:
    """The function's answer in camelCase, for whichever trigger it was."""

    body: Json

    @classmethod
    def from_reply(cls, reply: Json) -> "Answer":
        """Read a reply: a result, a failure, or an HTTP response with either in its body."""
        body = json.loads(reply["body"] or "{}") if "statusCode" in reply else reply
        if "errcode" in body:
            body = {"errCode": body["errcode"], "errMsg": body.get("errmsg"), **body}
        elif reply.get("statusCode", 200) >= 400:  # HEAD: an answer without a body
            body = {"errCode": -1, "errMsg": f"HTTP {reply['statusCode']}", **body}
        return cls(to_camel_case(body))

    @property
    def failure(self) -> int | None:
        """The errCode of a failure."""
        return self.body.get("errCode") or None

    @property
    def plan(self) -> Json:
        """The plan, empty where there is none."""
        plan = self.body.get("grayReleasePlan")
        return plan if isinstance(plan, dict) else {}

    @property
    def percentage(self) -> float | None:
        """The share of users that have the release, in percent."""
        return read_number(self.plan.get("grayPercentage"))

    @property
    def state(self) -> State:
        """The state in words; a status that WeChat does not document keeps its number."""
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
        """When the release was created; `None` where WeChat does not say: zero is no time."""
        return read_number(self.plan.get("createTimestamp")) or None

    def find_end(self, now: float) -> End | None:
        """Return when the release reaches everyone, by WeChat or else by its rule; `None` where none is under way."""
        if not self.is_under_way:
            return None
        stated = read_number(self.plan.get("defaultFinishTimestamp"))
        if stated:
            return End(stated, None)
        if not self.created_at or self.created_at > now:
            return None
        day = int((now - self.created_at) // _DAY_SECONDS) + 1
        is_sure = self.state is not PAUSED and day <= LONGEST_DAYS
        return End(self.created_at + LONGEST_DAYS * _DAY_SECONDS if is_sure else None, day)

    @property
    def is_under_way(self) -> bool:
        """Whether some users have the release and others do not: also for a status that WeChat does not document."""
        return self.state not in (FAILED, INITIAL, OVER, FINISHED, DELETED, NONE)

    @property
    def early_users(self) -> list[str]:
        """Who gets the release before the other users."""
        named = {"supportDebugerFirst": "developers", "supportExperiencerFirst": "trial users"}
        return [words for name, words in named.items() if self.plan.get(name) is True]


def read_number(value: object) -> float | None:
    """Return a number that can be shown as one."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15 else None


def make_printable(text: object) -> str:
    """Keep what WeChat or a caller wrote from steering the terminal."""
    return "".join(character if character.isprintable() else " " for character in str(text))
