"""When watching a release ends, and with which exit code."""

import time
from dataclasses import dataclass, field

from gray_release.release import DELETED, FINISHED, NONE, OVER, Answer, Json
from handler.errors import SYSTEM_ERROR

FAILED, GONE, REACHED, TIMED_OUT = 1, 3, 4, 124  # exit codes; 0 is a release that has reached everyone
TOO_MANY_THIS_MINUTE = 45011


@dataclass
class Watch:
    """A watch: it ends at the states of `until`, at `timeout` seconds, and where nothing more can happen.

    A failure that passes by itself ends nothing: WeChat is busy or cannot be reached, too many calls in a minute. One
    that stays does: a wrong setting, a refusal. Status 0 without a percentage is waited for, as the release may not
    have started; after a release was under way it says that it is over or withdrawn.
    """

    until: frozenset[str]
    timeout: float | None
    started: float = field(default_factory=time.monotonic)
    was_under_way: bool = False

    def ends(self, answer: Answer, facts: Json) -> int | None:
        """Return the exit code with which an answer ends the watch; `facts` are those of its log line."""
        code = self._judge(answer, facts)
        return TIMED_OUT if code is None and self.left() <= 0 else code

    def left(self) -> float:
        """Return the seconds until the timeout."""
        return float("inf") if self.timeout is None else self.started + self.timeout - time.monotonic()

    def _judge(self, answer: Answer, facts: Json) -> int | None:
        if answer.failure:
            passes = answer.failure == TOO_MANY_THIS_MINUTE or (
                answer.failure == SYSTEM_ERROR and facts.get("err_code_class") != "configuration"
            )
            return None if passes else FAILED
        state = answer.state
        if state is FINISHED:
            return 0
        if state in (DELETED, NONE) or (state is OVER and self.was_under_way):
            return GONE
        self.was_under_way = self.was_under_way or state is not OVER
        return REACHED if state.name in self.until else None
