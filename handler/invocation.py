"""One invocation: its deadline, the requests that it has made, and what its log lines tell of it."""

import dataclasses
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from handler.deadline import Deadline

Kind = Literal["token", "plan"]

REQUESTS_OF_A_KIND = 2  # one, and one more after a refreshed token or a passing fault
_PAUSE_SECONDS = (0.05, 0.25)
# Jitter, so that many functions do not come back at once; each clone of a snapshot has the same `random`.
_jitter = random.SystemRandom()


@dataclass(eq=False, repr=False)  # what it does not need is not compiled at every cold start
class Invocation:
    """What one invocation may still spend, and what it has found so far.

    `function` holds Powertools' standard keys of the platform's context: `function_name`, `function_request_id` ...
    """

    deadline: Deadline = field(default_factory=Deadline)
    function: Mapping[str, object] = field(default_factory=dict)
    requests: dict[Kind, int] = field(default_factory=lambda: {"token": 0, "plan": 0})
    lost: dict[Kind, int] = field(default_factory=lambda: {"token": 0, "plan": 0})  # of these, on dead connections
    upstream_seconds: list[float] = field(default_factory=list)  # what each exchange took
    is_cold: bool = False  # whether it is the first of its process
    trigger: str | None = None
    correlation_id: str | None = None
    appid: str | None = None
    token_source: str | None = None
    token_state: str | None = None

    @classmethod
    def on_lambda(cls, context: Any) -> "Invocation":
        """Begin one with Lambda's context: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html."""
        try:
            milliseconds = context.get_remaining_time_in_millis()
        except Exception:  # noqa: BLE001 - whatever it is, an invocation needs no context
            milliseconds = None
        names = {
            "function_name": "function_name",
            "function_memory_size": "memory_limit_in_mb",
            "function_arn": "invoked_function_arn",
            "function_request_id": "aws_request_id",
        }
        return cls(Deadline.after(milliseconds), _plain(names, lambda name: getattr(context, name, None)))

    @classmethod
    def on_scf(cls, context: Any) -> "Invocation":
        """Begin one with SCF's context, a dict: https://cloud.tencent.com/document/product/583/55593."""
        facts = context if isinstance(context, Mapping) else {}
        names = {
            "function_name": "function_name",
            "function_memory_size": "memory_limit_in_mb",
            "function_request_id": "request_id",
        }
        return cls(Deadline.after(facts.get("time_limit_in_ms")), _plain(names, facts.get))

    def allows(self, kind: Kind) -> bool:
        """Whether one more request of this kind may be made."""
        return self.requests[kind] - self.lost[kind] < REQUESTS_OF_A_KIND and self.deadline.remaining() > 0

    def count(self, kind: Kind) -> None:
        """Count a request that is sent."""
        self.requests[kind] += 1

    def pause(self) -> bool:
        """Wait a moment before a second try; return whether there was time for it."""
        return self.deadline.wait(_jitter.uniform(*_PAUSE_SECONDS))

    def half(self) -> "Invocation":
        """Return the same invocation with half its time, for what it could do without; the requests are shared."""
        return dataclasses.replace(self, deadline=self.deadline.half())


def _plain(names: Mapping[str, str], read: Callable[[str], object]) -> dict[str, object]:
    """Read the facts of a context that are texts or numbers."""
    facts = {key: read(name) for key, name in names.items()}
    return {key: value for key, value in facts.items() if isinstance(value, str | int)}
