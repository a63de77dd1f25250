"""Asking for many mini programs in batches, each of which is one invocation of the function in this process."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from gray_release.sweep.row import Row
from handler.deadline import call_within
from handler.errors import SYSTEM_ERROR, OpenApiError

BATCH_SIZE = 50  # the progress bar moves with each; the function asks for some of them at once
TRANSIENT_CODES = (SYSTEM_ERROR, 45011)  # WeChat is busy or cannot be reached; too many calls in a minute
RETRY_SECONDS = (1, 5)  # seconds before asking again for those whose failure passes by itself

Ask = Callable[[Sequence[str]], list[Row]]


class Sweep:
    """A sweep over appids: iterating asks, and yields each row when it is final. `again` are those to be asked again.

    `ask` asks for a batch; it raises `OpenApiError` where every mini program would meet the same failure: then the
    others are not asked. Where more than half fail in passing WeChat is out of reach: then it is not asked again, and
    where a whole batch does, the others are not asked.
    """

    def __init__(self, appids: Sequence[str], ask: Ask) -> None:
        self._appids = appids
        self._ask = ask
        self.retries: dict[str, Row] = {}

    def __iter__(self) -> Iterator[Row]:
        yield from self._ask_once(self._appids)
        for pause in RETRY_SECONDS if len(self.retries) * 2 <= len(self._appids) else ():
            if self.retries:
                time.sleep(pause)
            yield from self._ask_once(list(self.retries))
        while self.retries:
            yield self.retries.pop(next(iter(self.retries)))

    def _ask_once(self, appids: Sequence[str]) -> Iterator[Row]:
        for row in self._ask_in_batches(appids):
            self.retries.pop(row.appid, None)
            if row.answer.failure in TRANSIENT_CODES:
                self.retries[row.appid] = row
            else:
                yield row

    def _ask_in_batches(self, appids: Sequence[str]) -> Iterator[Row]:
        left = iter(appids)
        while batch := list(islice(left, BATCH_SIZE)):
            try:
                # In another thread: an interrupt ends the wait, where the function would wait for its own threads.
                rows = call_within(None, lambda: self._ask(batch))
            except OpenApiError as error:
                failure = error.to_dict()
                rows = [Row.from_json({"appid": appid, **failure}) for appid in batch]
                is_over = True
            else:
                failure = rows[-1].json
                is_over = all(row.answer.failure == SYSTEM_ERROR for row in rows) and len(rows) == BATCH_SIZE
            yield from rows
            if is_over:
                yield from (Row.from_json({**failure, "appid": appid}) for appid in left)
