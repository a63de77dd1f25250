"""When a watch of a release ends, and with which exit code."""

import time
from dataclasses import dataclass, field

from gray_release.release import DELETED, FINISHED, NONE, Answer, Json, read_number
from handler.errors import SYSTEM_ERROR

FAILED, GONE, REACHED, TIMED_OUT = 1, 3, 4, 124  # exit codes; 0 means that the release reached everyone
TOO_MANY_THIS_MINUTE = 45011
LONGEST_SECONDS = 60 * 86400.0  # WeChat ends a release on its fifteenth day


@dataclass
class Watch:
    """A watch: it ends at a state in `until`, after `timeout` seconds, or when the release is over.

    A transient failure does not end it: WeChat is busy or unreachable, or there were too many calls in a minute. Any
    other failure does, such as a wrong setting or a refusal.

    WeChat reports status 0 before a release starts, and again after it is over or withdrawn. So status 0 ends the watch
    only if the release was under way before. A changed `createTimestamp` ends it too, because it belongs to another
    release. `statemachines/watch.asl.json` follows the same rules; the tests run both with the cases in
    `tests/releases.py`.
    """

    until: frozenset[str]
    timeout: float | None
    started: float = field(default_factory=time.monotonic)
    was_under_way: bool = False
    created: float | None = None
    end_reason: str = ""  # in words; empty while there is a release

    def find_exit_code(self, answer: Answer, facts: Json) -> int | None:
        """Return the exit code if this answer ends the watch, else `None`. `facts` are the fields of its log line."""
        code = self._judge(answer, facts)
        return TIMED_OUT if code is None and self.count_seconds_left() <= 0 else code

    def count_seconds_left(self) -> float:
        """Return the seconds left until the timeout, at least 0, because `time.sleep` refuses less."""
        end = self.started + min(self.timeout or LONGEST_SECONDS, LONGEST_SECONDS)
        return max(0.0, end - time.monotonic())

    def _judge(self, answer: Answer, facts: Json) -> int | None:
        if answer.failure:
            is_transient = answer.failure == TOO_MANY_THIS_MINUTE or (
                answer.failure == SYSTEM_ERROR and facts.get("err_code_class") != "configuration"
            )
            return None if is_transient else FAILED
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
    """Return when the release was created; `None` if WeChat leaves it out or says 0."""
    return read_number(answer.plan.get("createTimestamp")) or None
