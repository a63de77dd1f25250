"""When watching a release ends, and with which exit code."""

import time
from dataclasses import dataclass, field

from gray_release.release import DELETED, FINISHED, NONE, Answer, Json, read_number
from handler.errors import SYSTEM_ERROR

FAILED, GONE, REACHED, TIMED_OUT = 1, 3, 4, 124  # exit codes; 0 is a release that has reached everyone
TOO_MANY_THIS_MINUTE = 45011
LONGEST_SECONDS = 60 * 86400.0  # WeChat ends a release on its fifteenth day


@dataclass
class Watch:
    """A watch: it ends at the states of `until`, at `timeout` seconds, and where nothing more can happen.

    A failure that passes by itself ends nothing: WeChat is busy or cannot be reached, too many calls in a minute. A
    failure that stays ends the watch: a wrong setting, a refusal.

    Status 0 comes before a release begins, and after it is over or was withdrawn, with or without numbers. So it is
    waited for until the release has been under way, and then it is the end. So is another `createTimestamp`: that is
    another release. `statemachines/watch.asl.json` judges alike; tests play both through one table.
    """

    until: frozenset[str]
    timeout: float | None
    started: float = field(default_factory=time.monotonic)
    was_under_way: bool = False
    created: float | None = None
    end_reason: str = ""  # why the release is no more, in words

    def find_exit_code(self, answer: Answer, facts: Json) -> int | None:
        """Return the exit code with which an answer ends the watch; `facts` are those of its log line."""
        code = self._judge(answer, facts)
        return TIMED_OUT if code is None and self.count_seconds_left() <= 0 else code

    def count_seconds_left(self) -> float:
        """Return the seconds until the timeout."""
        return self.started + min(self.timeout or LONGEST_SECONDS, LONGEST_SECONDS) - time.monotonic()

    def _judge(self, answer: Answer, facts: Json) -> int | None:
        if answer.failure:
            passes = answer.failure == TOO_MANY_THIS_MINUTE or (
                answer.failure == SYSTEM_ERROR and facts.get("err_code_class") != "configuration"
            )
            return None if passes else FAILED
        state, status, created = answer.state, read_number(answer.plan.get("status")), _read_creation_time(answer)
        if self.created and created and created != self.created:
            self.end_reason = "over or withdrawn, another release has begun · 已结束或已撤回，另一次发布已开始"
            return GONE
        if self.was_under_way and status == 0:
            self.end_reason = "over or withdrawn · 已结束或已撤回"
            return GONE
        if state is FINISHED:
            return 0
        if state in (DELETED, NONE):
            self.end_reason = f"{state.english} · {state.chinese}"
            return GONE
        if status != 0:
            self.was_under_way, self.created = True, self.created or created
        return REACHED if state.name in self.until else None


def _read_creation_time(answer: Answer) -> float | None:
    """Return when the release was made, None where WeChat does not say: zero is no time."""
    return read_number(answer.plan.get("createTimestamp")) or None
