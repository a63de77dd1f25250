"""One invocation: the `Budget` passed down to tokens and requests, and the `Outcome` returned from them."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

from handler.deadline import Deadline
from handler.errors import OpenApiError

T = TypeVar("T")

Kind = Literal["token", "plan"]

REQUESTS_OF_A_KIND = 2  # one, and a second after a refused token or a transient failure
_PAUSE_SECONDS = (0.05, 0.25)
# Random, so that many instances do not retry at the same moment. `SystemRandom`, because instances that the platform
# restores from one snapshot would share the state of `random`.
_jitter = random.SystemRandom()


@dataclass
class Usage:
    """What one question has used so far."""

    requests: dict[Kind, int] = field(default_factory=lambda: {"token": 0, "plan": 0})
    lost: dict[Kind, int] = field(default_factory=lambda: {"token": 0, "plan": 0})  # of `requests`: on dead connections
    upstream_seconds: float = 0.0  # all exchanges together
    warnings: list[str] = field(default_factory=list)  # for operators, even if the question was answered

    def add(self, other: "Usage") -> None:
        """Add what a part of the question has used that had a budget of its own."""
        for kind, count in other.requests.items():
            self.requests[kind] += count
            self.lost[kind] += other.lost[kind]
        self.upstream_seconds += other.upstream_seconds
        self.warnings += other.warnings


class Budget:
    """What one question may still use: time, and requests of each kind."""

    def __init__(self, deadline: Deadline | None = None, usage: Usage | None = None) -> None:
        self.deadline = deadline or Deadline()
        self.usage = usage or Usage()

    def allows(self, kind: Kind) -> bool:
        """Whether one more request of this kind may be made."""
        counted = self.usage.requests[kind] - self.usage.lost[kind]
        return counted < REQUESTS_OF_A_KIND and self.deadline.seconds_left() > 0

    def spend(self, kind: Kind, send: Callable[[], T]) -> T:
        """Send a request, and count it and its time even if it fails."""
        self.usage.requests[kind] += 1
        started = time.monotonic()
        try:
            return send()
        finally:
            self.usage.upstream_seconds += time.monotonic() - started

    def return_lost(self, kind: Kind) -> None:
        """Do not count one request, which a dead connection lost before a new connection got the answer."""
        self.usage.lost[kind] += 1

    def pause(self) -> bool:
        """Wait 50 to 250 ms before a retry. Returns False, without waiting, if the deadline is nearer than that."""
        return self.deadline.wait(_jitter.uniform(*_PAUSE_SECONDS))

    def with_half_the_time(self) -> "Budget":
        """Return a budget with the same requests and half the remaining time, for optional work."""
        return Budget(self.deadline.halve(), self.usage)


@dataclass
class Outcome:
    """How one question ended: WeChat's unchanged body of a success, or the failure; and the facts for the log.

    `token_state`: `fresh`, `stale` or `expired` describe a token that was in the cache, `fetched` is a new one, and
    `replaced` is the second one, after WeChat refused the first. `is_appid_claimed`: the caller passed a token and
    says that it belongs to `appid`. `is_token_for_appid`: this function obtained the token for `appid`.
    """

    usage: Usage = field(default_factory=Usage)
    appid: str | None = None
    is_appid_claimed: bool = False
    is_token_for_appid: bool = False
    token_source: str | None = None
    token_state: str | None = None
    body: dict[str, Any] = field(default_factory=dict)
    failure: OpenApiError | None = None


class Invocation(NamedTuple):
    """What the platform says about an invocation: its deadline, and the facts for the log.

    `function` has Powertools' standard keys: `function_name`, `function_request_id` ...
    """

    deadline: Deadline
    function: Mapping[str, object]

    @classmethod
    def from_lambda(cls, context: Any) -> "Invocation":
        """Read Lambda's context: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html."""
        try:
            milliseconds = context.get_remaining_time_in_millis()
        except Exception:  # noqa: BLE001 - any object may come as the context, and the function works without one
            milliseconds = None
        names = {
            "function_name": "function_name",
            "function_memory_size": "memory_limit_in_mb",
            "function_arn": "invoked_function_arn",
            "function_request_id": "aws_request_id",
        }
        return cls(Deadline.from_milliseconds(milliseconds), _select(names, lambda name: getattr(context, name, None)))

    @classmethod
    def from_scf(cls, context: Any) -> "Invocation":
        """Read SCF's context, a dict: https://cloud.tencent.com/document/product/583/55593."""
        facts = context if isinstance(context, Mapping) else {}
        names = {
            "function_name": "function_name",
            "function_memory_size": "memory_limit_in_mb",
            "function_request_id": "request_id",
        }
        return cls(Deadline.from_milliseconds(facts.get("time_limit_in_ms")), _select(names, facts.get))


def _select(names: Mapping[str, str], find: Callable[[str], object]) -> dict[str, object]:
    """Return a context's facts under Powertools' names, if they are texts or numbers."""
    facts = {key: find(name) for key, name in names.items()}
    return {key: value for key, value in facts.items() if isinstance(value, str | int)}
