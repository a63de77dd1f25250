"""The time that an invocation has left, and a time limit for calls that have no timeout parameter."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from handler.errors import out_of_time

T = TypeVar("T")

MARGIN_SECONDS = 0.5  # to log and to reply, even with the small share of a CPU that the smallest memory size gets
DEFAULT_SECONDS = 20.0  # the timeout in template.yaml and scf.json, used if the context does not state the time
LONGEST_SECONDS = 900.0  # the longest timeout of Lambda and SCF


class Deadline:
    """The time when an invocation must stop: `seconds` from now, minus a margin for logging and replying.

    `clock` returns monotonic seconds.
    """

    def __init__(
        self,
        seconds: float = DEFAULT_SECONDS,
        *,
        margin: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        # At most a tenth, because the full margin would take too much of a short timeout (SCF's default is 3 seconds).
        self.margin = min(MARGIN_SECONDS, max(seconds, 0) / 10) if margin is None else margin
        self._end = clock() + seconds - self.margin

    @classmethod
    def from_milliseconds(cls, milliseconds: object) -> "Deadline":
        """Return the deadline that Lambda or SCF states as a number or a numeric text, else the default deadline."""
        try:
            seconds = float(milliseconds) / 1000 if isinstance(milliseconds, int | float | str) else float("nan")
        except (ValueError, OverflowError):
            seconds = float("nan")
        is_stated = -float("inf") < seconds < float("inf") and not isinstance(milliseconds, bool)
        return cls(min(seconds, LONGEST_SECONDS) if is_stated else DEFAULT_SECONDS)

    def seconds_left(self) -> float:
        """Return the seconds until the deadline. They are negative after it."""
        return self._end - self._clock()

    def limit(self, seconds: float) -> float:
        """Return `seconds`, but not more than the seconds left. Raises `OpenApiError` -1 if the time is up."""
        limited = min(self.seconds_left(), seconds)
        if limited <= 0:
            raise out_of_time()
        return limited

    def halve(self) -> "Deadline":
        """Return a deadline with half the remaining time, for optional work."""
        return self._create(self.seconds_left() / 2)

    def extend_for_tidying(self) -> "Deadline":
        """Return a deadline that is half the margin later, for cleaning up, such as releasing a lock."""
        return self._create(self.seconds_left() + self.margin / 2)

    def wait(self, seconds: float) -> bool:
        """Wait for `seconds`, and return True. If the deadline would come first, return False without waiting."""
        if self.seconds_left() <= seconds:
            return False
        time.sleep(seconds)
        return True

    def _create(self, seconds: float) -> "Deadline":
        return Deadline(seconds + self.margin, margin=self.margin, clock=self._clock)


def call_within(seconds: float | None, call: Callable[[], T]) -> T:
    """Make a call in a thread. Return its result or raise its exception; raise `TimeoutError` after `seconds`.

    Use this for calls without a total timeout: resolving a name, connecting to several addresses, AWS's client. The
    thread still runs after the timeout, so the caller must ensure that it ends. `Attempt.abandon` closes a connection,
    and AWS's client makes at most two exchanges, each with a timeout.
    """
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - raised below, in the caller's thread
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not results:
        raise TimeoutError
    return results[0]
