"""A cache with one token per mini program. Threads that need the same token share one fetch.

A token without a known expiry is not cached.
"""

import threading
import time
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable

from handler import errors
from handler.errors import OpenApiError
from handler.invocation import Budget
from handler.tokens.base import Token, TokenSource

RETRY_RENEWAL_SECONDS = 30  # between attempts to renew a token that is still valid
MINI_PROGRAMS = 16_384  # the most entries in a process's cache; each takes 0.8 KB


class _Entry:
    """One mini program's token, and a lock, which a thread holds while it renews the token.

    After a failed renewal, no thread tries again before `renew_after` (Unix time).
    """

    __slots__ = ("lock", "renew_after", "token")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.token: Token | None = None
        self.renew_after = 0.0


class CachedTokens(TokenSource):
    """The tokens of the mini programs that this process serves.

    `clock` returns Unix time: tokens also expire while the instance is frozen, when a monotonic clock stands still.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._entries_lock = threading.Lock()

    def get_token(self, appid: str, budget: Budget) -> Token:
        """Return the cached token. Tries to renew a stale token first, and replaces an expired or missing token."""
        entry = self._get_entry(appid)
        token, now = entry.token, self._clock()
        state = token.find_state(now) if token and token.expires_at != float("inf") else "expired"
        if token is None or state == "expired":
            return self._renew(appid, entry, token, budget)
        if state == "stale" and now >= entry.renew_after and entry.lock.acquire(blocking=False):
            try:
                entry.token = token = self.fetch_token(appid, budget.halve_time())
            except OpenApiError:
                entry.renew_after = now + RETRY_RENEWAL_SECONDS
            finally:
                entry.lock.release()
        return token

    def replace(self, appid: str, failed: Token, budget: Budget) -> Token | None:
        """Return the token with which another thread has replaced `failed`, or fetch one.

        If the budget allows no token request, remove `failed` from the cache, and return `None` if nothing replaced it.
        """
        entry = self._get_entry(appid)
        if not budget.allows("token"):
            if entry.token is failed:
                entry.token = None
            return entry.token
        return self._renew(appid, entry, failed, budget)

    def _get_entry(self, appid: str) -> _Entry:
        with self._entries_lock:
            entry = self._entries.setdefault(appid, _Entry())
            self._entries.move_to_end(appid)
            if len(self._entries) > MINI_PROGRAMS:
                self._entries.popitem(last=False)
            return entry

    def _renew(self, appid: str, entry: _Entry, old: Token | None, budget: Budget) -> Token:
        """Fetch a token to replace `old`, unless another thread has already replaced it."""
        if not entry.lock.acquire(timeout=max(budget.deadline.seconds_left(), 0)):
            raise errors.out_of_time()
        try:
            if entry.token is None or entry.token is old:
                entry.token = None
                entry.token = self.fetch_token(appid, budget)
            return entry.token
        finally:
            entry.lock.release()

    @abstractmethod
    def fetch_token(self, appid: str, budget: Budget) -> Token:
        """Fetch a new token from its issuer. Raises `OpenApiError`."""
