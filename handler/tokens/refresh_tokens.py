"""What a process remembers of refresh tokens, so that none which WeChat has given it is lost with the store's copy.

A refresh token cannot be had again: when WeChat rotates it, the old one is dead. The store may lose the new one: it
evicts keys, a failover brings an older value back, an acknowledged write is lost.
"""

import hashlib
import threading
from collections import OrderedDict
from typing import NamedTuple

REPLACED = 16_384  # digests of replaced values that a process keeps, 0.2 KB each
LATEST = 4_096  # mini programs whose latest value it keeps


class Unsaved(NamedTuple):
    """A value that is to be written, and the stored bytes that it replaces (`None`: no key)."""

    replaced: bytes | None
    value: str

    def __repr__(self) -> str:
        """Show no token."""
        return "Unsaved()"


class RefreshTokens:
    """One process's memory: the latest value of each key, digests of those that it replaced, and unsaved ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: OrderedDict[str, str] = OrderedDict()
        self._replaced: OrderedDict[bytes, None] = OrderedDict()
        self._unsaved: dict[str, Unsaved] = {}

    def list_unsaved(self) -> list[str]:
        """Return the keys with a value that is not written yet."""
        return list(self._unsaved)

    def find_unsaved(self, key: str) -> Unsaved | None:
        """Return what is not written yet at a key."""
        return self._unsaved.get(key)

    def find_newer(self, key: str, stored: str | None) -> str | None:
        """Return the value to use instead of the stored one: that is none, or one that this process has replaced.

        An unknown value may be a new authorisation, and is the newest.
        """
        latest = self._latest.get(key)
        return latest if stored is None or self.was_replaced(key, stored) else None

    def was_replaced(self, key: str, value: str) -> bool:
        """Whether this process has replaced this value, so that WeChat refuses it."""
        return _digest(key, value) in self._replaced

    def learn(self, key: str, value: str) -> None:
        """Remember the value that the store has."""
        with self._lock:
            _put(self._latest, key, value, LATEST)

    def replace(self, key: str, old: str, unsaved: Unsaved) -> None:
        """Remember a value that WeChat gave in place of `old`, until it is written, and that `old` is dead."""
        with self._lock:
            _put(self._replaced, _digest(key, old), None, REPLACED)
            _put(self._latest, key, unsaved.value, LATEST)
            self._unsaved[key] = unsaved

    def restore(self, key: str, unsaved: Unsaved) -> bool:
        """Remember to write a value again that the store has lost; return whether that is news."""
        with self._lock:
            is_news = key not in self._unsaved
            self._unsaved[key] = unsaved
            return is_news

    def forget_unsaved(self, key: str, unsaved: Unsaved) -> None:
        """Forget an unsaved value, unless there is a newer one."""
        with self._lock:
            if self._unsaved.get(key) is unsaved:
                del self._unsaved[key]


def _digest(key: str, value: str) -> bytes:
    return hashlib.blake2b(f"{key} {value}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _put(memory: OrderedDict, key: object, value: object, most: int) -> None:  # type: ignore[type-arg]  # of either
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > most:
        memory.popitem(last=False)
