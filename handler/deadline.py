"""How much time there is left, and calls that must end within it."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from handler.errors import out_of_time

T = TypeVar("T")

MARGIN_SECONDS = 0.5  # to log and to answer, on the smallest memory size (which gets a sliver of a CPU)
DEFAULT_SECONDS = 20.0  # where the platform does not say: what template.yaml and scf.json give the function
LONGEST_SECONDS = 900.0  # both platforms end every invocation then


class Deadline:
    """The end of an invocation, `seconds` from now less a margin to log and to answer.

    `clock` is a monotonic clock in seconds.
    """

    def __init__(
        self,
        seconds: float = DEFAULT_SECONDS,
        *,
        margin: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        # A tenth is enough where the platform leaves hardly more than the margin (SCF's default is 3 seconds).
        self.margin = min(MARGIN_SECONDS, max(seconds, 0) / 10) if margin is None else margin
        self._end = clock() + seconds - self.margin

    @classmethod
    def from_milliseconds(cls, milliseconds: object) -> "Deadline":
        """Return the deadline that a platform states: a number or a numeric text; the default for anything else."""
        try:
            seconds = float(milliseconds) / 1000 if isinstance(milliseconds, int | float | str) else float("nan")
        except (ValueError, OverflowError):
            seconds = float("nan")
        is_stated = -float("inf") < seconds < float("inf") and not isinstance(milliseconds, bool)
        return cls(min(seconds, LONGEST_SECONDS) if is_stated else DEFAULT_SECONDS)

    def seconds_left(self) -> float:
        """Seconds until the deadline; negative when it has passed."""
        return self._end - self._clock()

    def limit(self, most: float) -> float:
        """Seconds that one exchange may take, at most `most`. Raises `OpenApiError` -1 when there are none left."""
        seconds = min(self.seconds_left(), most)
        if seconds <= 0:
            raise out_of_time()
        return seconds

    def halve(self) -> "Deadline":
        """Return a deadline at half the remaining time, for what the invocation could do without."""
        return self._create(self.seconds_left() / 2)

    def extend_for_tidying(self) -> "Deadline":
        """Return a deadline for what must not be left behind, such as a lock: half the margin later."""
        return self._create(self.seconds_left() + self.margin / 2)

    def wait(self, seconds: float) -> bool:
        """Wait, if there is time for it; return whether there was."""
        if self.seconds_left() <= seconds:
            return False
        time.sleep(seconds)
        return True

    def _create(self, seconds: float) -> "Deadline":
        return Deadline(seconds + self.margin, margin=self.margin, clock=self._clock)


def call_within(seconds: float | None, call: Callable[[], T]) -> T:
    """Return what the call returns or raises within so many seconds. Raises `TimeoutError`.

    For calls that have no bound as a whole: looking up a name, trying its addresses, AWS's client. A thread makes the
    call. When the time is up the thread goes on, so each user must see that its call ends: whoever connects abandons
    its `Attempt`, which ends the connection; each exchange with AWS has a timeout, and there are two at most.
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
