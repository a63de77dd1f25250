"""What one invocation may still spend: time until its deadline, and requests of each kind to WeChat."""

import copy
import random
import threading
import time
from collections.abc import Callable
from typing import Literal, TypeVar

from handler.contract import SYSTEM_ERROR, OpenApiError

Kind = Literal["token", "plan"]
T = TypeVar("T")

MARGIN_SECONDS = 0.5  # to log and to answer, on the smallest memory size (which gets a sliver of a CPU)
REQUESTS_OF_A_KIND = 2  # one, and one more after a refreshed token or a passing fault
_PAUSE_SECONDS = (0.05, 0.25)  # jittered, so that many functions do not come back at once


class Budget:
    """The deadline of one invocation and the requests it has made so far.

    `seconds` is the time that the platform leaves the invocation, `None` where there is no platform.
    """

    def __init__(self, seconds: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        # A tenth is enough where the platform leaves hardly more than the margin (SCF's default is 3 seconds).
        self._seconds = float("inf") if seconds is None else seconds - min(MARGIN_SECONDS, seconds / 10)
        self.requests: dict[Kind, int] = {"token": 0, "plan": 0}
        self.upstream_seconds: list[float] = []
        # For the log: whose plan, and with which token.
        self.appid: str | None = None
        self.token_source: str | None = None
        self.token_state: str | None = None

    def remaining(self) -> float:
        """Seconds until the deadline, less the margin; negative when it has passed."""
        return self._seconds - (self._clock() - self._started)

    def remaining_ms(self) -> int | None:
        """Return the same in milliseconds, `None` where there is no platform."""
        seconds = self.remaining()
        return None if seconds == float("inf") else round(seconds * 1000)

    def timeout(self, most: float) -> float:
        """Seconds that one exchange may take, at most `most`. Raises `OpenApiError` -1 when there are none left."""
        seconds = min(self.remaining(), most)
        if seconds <= 0:
            raise out_of_time()
        return seconds

    def half(self) -> "Budget":
        """Return a budget of half the remaining time and the same requests, for what the call could do without."""
        half = copy.copy(self)
        if self._seconds != float("inf"):
            half._seconds -= self.remaining() / 2  # noqa: SLF001 - its own kind
        return half

    def allows(self, kind: Kind) -> bool:
        """Whether one more request of this kind may be made."""
        return self.requests[kind] < REQUESTS_OF_A_KIND and self.remaining() > 0

    def pause(self) -> bool:
        """Wait a moment before a second try; return whether there was time for it."""
        return self.wait(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - jitter, not a secret

    def wait(self, seconds: float) -> bool:
        """Wait, if there is time for it; return whether there was."""
        if self.remaining() <= seconds:
            return False
        time.sleep(seconds)
        return True


def within(seconds: float | None, call: Callable[[], T]) -> T:
    """Return what the call returns or raises within so many seconds. Raises `TimeoutError`.

    For calls that cannot be bounded otherwise (name look-up, other people's clients): a thread of its own makes the
    call, and one that is given up ends by itself.
    """
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - raised below, where it is waited for
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not results:
        raise TimeoutError
    return results[0]


def out_of_time() -> OpenApiError:
    """Make the error for an exchange or an invocation that has used up its time."""
    return OpenApiError(SYSTEM_ERROR, "out of time", status=504)
