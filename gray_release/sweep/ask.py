"""Asking for many mini programs, some at once, over the real function in this process and its one cache of tokens."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from gray_release.sweep.row import Row
from handler.errors import SYSTEM_ERROR

THREADS = 8
PASSING = (SYSTEM_ERROR, 45011)  # WeChat is busy or cannot be reached; too many calls in a minute
PAUSES = (1, 5)  # seconds before asking again for those whose failure passes by itself

Ask = Callable[[str], Row]


class Sweep:
    """A sweep over appids: iterating asks, and gives each row when it is final. `again` are those to be asked again.

    Where more than half fail in passing WeChat is out of reach: then it is not asked again.
    """

    def __init__(self, appids: Sequence[str], ask: Ask) -> None:
        self._appids = appids
        self._ask = ask
        self.again: dict[str, Row] = {}

    def __iter__(self) -> Iterator[Row]:
        for row in _at_once(self._appids, self._ask):
            if row.answer.failure in PASSING:
                self.again[row.appid] = row
            else:
                yield row
        for pause in PAUSES if len(self.again) * 2 <= len(self._appids) else ():
            if self.again:
                time.sleep(pause)
            for row in _at_once(list(self.again), self._ask):
                self.again[row.appid] = row
                if row.answer.failure not in PASSING:
                    yield self.again.pop(row.appid)
        while self.again:
            yield self.again.pop(next(iter(self.again)))


def _at_once(appids: Sequence[str], ask: Ask) -> Iterator[Row]:
    """Give the rows as they come. The threads end with the process: an interrupt waits for none of them."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    done: queue.SimpleQueue[Row | Exception] = queue.SimpleQueue()
    for appid in appids:
        waiting.put(appid)

    def work() -> None:
        while True:
            try:
                done.put(ask(waiting.get_nowait()))
            except queue.Empty:
                return
            except Exception as error:  # noqa: BLE001 - raised below, where it is waited for
                done.put(error)

    for _ in range(min(THREADS, len(appids))):
        threading.Thread(target=work, daemon=True).start()
    for _ in appids:
        row = done.get()
        if isinstance(row, Exception):
            raise row
        yield row
