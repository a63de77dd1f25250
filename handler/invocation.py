"""One invocation: the budget that goes down to tokens and requests, and the facts that come up from them."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

from handler.deadline import Deadline
from handler.errors import OpenApiError

T = TypeVar("T")

Kind = Literal["token", "plan"]

REQUESTS_OF_A_KIND = 2  # one, and one more after a refreshed token or a passing fault
_PAUSE_SECONDS = (0.05, 0.25)
# Jitter, so that many functions do not come back at once; each clone of a snapshot has the same `random`.
_jitter = random.SystemRandom()


@dataclass
class Usage:
    """What a question has cost so far."""

    requests: dict[Kind, int] = field(default_factory=lambda: {"token": 0, "plan": 0})
    lost: dict[Kind, int] = field(default_factory=lambda: {"token": 0, "plan": 0})  # of these, on dead connections
    upstream_seconds: float = 0.0  # the time of all exchanges together
    warnings: list[str] = field(default_factory=list)  # what operators should know, although an answer came


class Budget:
    """What one question may still spend: its time, and its requests of each kind."""

    def __init__(self, deadline: Deadline | None = None, usage: Usage | None = None) -> None:
        self.deadline = deadline or Deadline()
        self.usage = usage or Usage()

    def allows(self, kind: Kind) -> bool:
        """Whether one more request of this kind may be made."""
        counted = self.usage.requests[kind] - self.usage.lost[kind]
        return counted < REQUESTS_OF_A_KIND and self.deadline.seconds_left() > 0

    def spend(self, kind: Kind, send: Callable[[], T]) -> T:
        """Send a request; count it and its time, however it ends."""
        self.usage.requests[kind] += 1
        started = time.monotonic()
        try:
            return send()
        finally:
            self.usage.upstream_seconds += time.monotonic() - started

    def return_lost(self, kind: Kind) -> None:
        """Return one request to the budget: a dead connection had lost it, and the next one was answered."""
        self.usage.lost[kind] += 1

    def pause(self) -> bool:
        """Wait a moment before a second try; return whether there was time for it."""
        return self.deadline.wait(_jitter.uniform(*_PAUSE_SECONDS))

    def with_half_the_time(self) -> "Budget":
        """Return a budget with the same requests and half the time, for work that the question can do without."""
        return Budget(self.deadline.halve(), self.usage)


@dataclass
class Outcome:
    """How one question ended: WeChat's body of a success as it came, or the failure; and the facts for the log.

    `token_state` is `fresh`, `stale` or `expired`, as the token was found, or `fetched`, or `replaced` after WeChat
    refused the first one. `is_appid_claimed` where only the caller says that its token is this mini program's,
    `is_token_for_appid` where the function obtained the token for it.
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
    """What the platform says of an invocation: its end, and the facts that Powertools logs.

    `function` holds Powertools' standard keys: `function_name`, `function_request_id` ...
    """

    deadline: Deadline
    function: Mapping[str, object]

    @classmethod
    def from_lambda(cls, context: Any) -> "Invocation":
        """Read Lambda's context: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html."""
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
    """Select the facts of a context that are texts or numbers."""
    facts = {key: find(name) for key, name in names.items()}
    return {key: value for key, value in facts.items() if isinstance(value, str | int)}
