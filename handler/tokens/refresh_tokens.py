"""A process's memory of refresh tokens, from which it restores one that the store has lost.

When WeChat rotates a refresh token, the old one ends, and nobody can request the new one again. A store can lose it: it
evicts the key, a failover brings back an older value, or an acknowledged write is lost.
"""

import hashlib
import threading
from collections import OrderedDict
from typing import NamedTuple

REPLACED = 16_384  # digests of replaced values, 0.2 KB each
LATEST = 4_096  # latest values, one for each mini program


class Unsaved(NamedTuple):
    """A value that must still be written, and the stored bytes that it replaces (`None` if there is no key)."""

    replaced: bytes | None
    value: str

    def __repr__(self) -> str:
        """Return a text without the token."""
        return "Unsaved()"


class RefreshTokens:
    """The latest value of each key, digests of the values that this process has replaced, and the unsaved values."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: OrderedDict[str, str] = OrderedDict()
        self._replaced: OrderedDict[bytes, None] = OrderedDict()
        self._unsaved: dict[str, Unsaved] = {}

    def list_unsaved(self) -> list[str]:
        """Return the keys whose value is not written yet."""
        return list(self._unsaved)

    def find_unsaved(self, key: str) -> Unsaved | None:
        """Return the unsaved value of a key."""
        return self._unsaved.get(key)

    def find_newer(self, key: str, stored: str | None) -> str | None:
        """Return the latest value if nothing is stored, or a value that this process has replaced; else `None`.

        Any other stored value is newer, because only a new authorisation can have written it.
        """
        latest = self._latest.get(key)
        return latest if stored is None or self.was_replaced(key, stored) else None

    def was_replaced(self, key: str, value: str) -> bool:
        """Whether this process has replaced this value, which WeChat no longer accepts."""
        return _digest(key, value) in self._replaced

    def learn(self, key: str, value: str) -> None:
        """Remember the value in the store."""
        with self._lock:
            _put(self._latest, key, value, LATEST)

    def replace(self, key: str, old: str, unsaved: Unsaved) -> None:
        """Remember the value with which WeChat replaced `old` until it is written, and that `old` has ended."""
        with self._lock:
            _put(self._replaced, _digest(key, old), None, REPLACED)
            _put(self._latest, key, unsaved.value, LATEST)
            self._unsaved[key] = unsaved

    def restore(self, key: str, unsaved: Unsaved) -> bool:
        """Remember to write again a value that the store has lost. Returns False if that was known already."""
        with self._lock:
            is_news = key not in self._unsaved
            self._unsaved[key] = unsaved
            return is_news

    def forget_unsaved(self, key: str, unsaved: Unsaved) -> None:
        """Forget an unsaved value, unless a newer one has replaced it."""
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
