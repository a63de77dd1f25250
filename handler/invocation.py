"""The facts about an invocation, and the limits (`Budget`) and the result (`Outcome`) of checking a mini program."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

from handler.deadline import Deadline
from handler.errors import OpenApiError

T = TypeVar("T")

Kind = Literal["token", "plan"]

REQUESTS_OF_A_KIND = 2  # the second follows a refused token or a transient failure
_PAUSE_SECONDS = (0.05, 0.25)
# The pause is random, so that many instances do not retry at the same moment. `SystemRandom`, because instances that
# Lambda restores from one snapshot would share the state of `random`.
_jitter = random.SystemRandom()


@dataclass
class Usage:
    """The requests and the time that the check of one mini program has used so far, and its warnings."""

    requests: dict[Kind, int] = field(default_factory=lambda: {"token": 0, "plan": 0})
    # Requests that a dead connection lost; `requests` counts them too.
    lost: dict[Kind, int] = field(default_factory=lambda: {"token": 0, "plan": 0})
    upstream_seconds: float = 0.0  # all exchanges together
    warnings: list[str] = field(default_factory=list)  # for the log, also after a success

    def add(self, other: "Usage") -> None:
        """Add the usage of a part of the check that had a separate budget."""
        for kind, count in other.requests.items():
            self.requests[kind] += count
            self.lost[kind] += other.lost[kind]
        self.upstream_seconds += other.upstream_seconds
        self.warnings += other.warnings


class Budget:
    """The time and the requests of each kind that the check of one mini program may still use."""

    def __init__(self, deadline: Deadline | None = None, usage: Usage | None = None) -> None:
        self.deadline = deadline or Deadline()
        self.usage = usage or Usage()

    def allows(self, kind: Kind) -> bool:
        """Whether the limits allow one more request of this kind."""
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

    def exclude_lost(self, kind: Kind) -> None:
        """Exclude one request from the limit, because a dead connection lost it before an answer came."""
        self.usage.lost[kind] += 1

    def pause(self) -> bool:
        """Wait 50 to 250 ms before a retry. If the deadline would come first, return False without waiting."""
        return self.deadline.wait(_jitter.uniform(*_PAUSE_SECONDS))

    def halve_time(self) -> "Budget":
        """Return a budget with half the remaining time, for optional work. Both budgets count requests together."""
        return Budget(self.deadline.halve(), self.usage)


@dataclass
class Outcome:
    """The result of checking one mini program: WeChat's unchanged body or the failure, and the facts for the log.

    `token_state` is `fresh`, `stale` or `expired` for a token from the cache, `fetched` for a new token, and `replaced`
    for the second token after WeChat refused the first. `is_appid_claimed`: the caller passed a token, and says that
    the token belongs to `appid`. `is_token_for_appid`: this function obtained the token for `appid`.
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
    """The facts that Lambda or SCF states about an invocation: the deadline, and facts for the log.

    `function` has Powertools' standard keys, such as `function_name` and `function_request_id`.
    """

    deadline: Deadline
    function: Mapping[str, object]

    @classmethod
    def from_lambda(cls, context: Any) -> "Invocation":
        """Read Lambda's context: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html."""
        try:
            milliseconds = context.get_remaining_time_in_millis()
        except Exception:  # noqa: BLE001 - the context may be any object, even without this method
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
    """Return the texts and numbers in a context, under Powertools' names."""
    facts = {key: find(name) for key, name in names.items()}
    return {key: value for key, value in facts.items() if isinstance(value, str | int)}
