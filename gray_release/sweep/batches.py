"""Check many mini programs in batches. Each batch is one invocation of the function in this process."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from gray_release.sweep.row import Row
from handler.deadline import call_within
from handler.errors import SYSTEM_ERROR, OpenApiError

BATCH_SIZE = 50  # small enough for a smooth progress bar, which moves after each batch
TRANSIENT_CODES = (SYSTEM_ERROR, 45011)  # WeChat is busy or unreachable; too many calls in a minute
RETRY_SECONDS = (1, 5)  # seconds to wait before the first and the second retry

CheckBatch = Callable[[Sequence[str]], list[Row]]


class Sweep:
    """A sweep over appids. Iterating over it checks the mini programs, and yields each row when it is final.

    `retries` holds the rows with a transient failure. They are checked again at the end. If more than half of all rows
    failed this way, WeChat is unreachable, and nothing is checked again.

    `check_batch` checks a batch, and raises `OpenApiError` if every mini program would fail the same way. After that,
    or if every row of a full batch has errCode -1, the remaining appids get the same failure without a request.
    """

    def __init__(self, appids: Sequence[str], check_batch: CheckBatch) -> None:
        self._appids = appids
        self._check_batch = check_batch
        self.retries: dict[str, Row] = {}

    def __iter__(self) -> Iterator[Row]:
        yield from self._check_once(self._appids)
        for pause in RETRY_SECONDS if len(self.retries) * 2 <= len(self._appids) else ():
            if self.retries:
                time.sleep(pause)
            yield from self._check_once(list(self.retries))
        while self.retries:
            yield self.retries.pop(next(iter(self.retries)))

    def _check_once(self, appids: Sequence[str]) -> Iterator[Row]:
        for row in self._check_in_batches(appids):
            self.retries.pop(row.appid, None)
            if row.answer.failure in TRANSIENT_CODES:
                self.retries[row.appid] = row
            else:
                yield row

    def _check_in_batches(self, appids: Sequence[str]) -> Iterator[Row]:
        remaining = iter(appids)
        while batch := list(islice(remaining, BATCH_SIZE)):
            try:
                # Run this in a thread, so that an interrupt need not wait for the function's own threads.
                rows = call_within(None, lambda: self._check_batch(batch))
            except OpenApiError as error:
                failure = error.to_dict()
                rows = [Row.from_json({"appid": appid, **failure}) for appid in batch]
                is_over = True
            else:
                failure = rows[-1].json
                is_over = all(row.answer.failure == SYSTEM_ERROR for row in rows) and len(rows) == BATCH_SIZE
            yield from rows
            if is_over:
                yield from (Row.from_json({**failure, "appid": appid}) for appid in remaining)
