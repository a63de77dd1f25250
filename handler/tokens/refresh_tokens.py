"""Remember refresh tokens in this process, to restore one that the store has lost.

When WeChat rotates a refresh token, the old one becomes invalid, and nobody can request the new one again. A store can
lose the new one: it evicts the key, a failover brings back an older value, or an acknowledged write is lost.
"""

import hashlib
import threading
from collections import OrderedDict
from typing import NamedTuple

REPLACED = 16_384  # digests of replaced values, 0.2 KB each
LATEST = 4_096  # latest values, one for each mini program


class Unsaved(NamedTuple):
    """A value that must still be written, and the stored bytes that it replaces (`None` if the key is missing)."""

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
        """Return the latest value if the store has none, or one that this process has replaced. Else return `None`.

        Any other stored value is newer than the latest, because only a new authorisation can have written it.
        """
        latest = self._latest.get(key)
        return latest if stored is None or self.was_replaced(key, stored) else None

    def was_replaced(self, key: str, value: str) -> bool:
        """Whether this process has replaced this value, which WeChat no longer accepts."""
        return _digest(key, value) in self._replaced

    def learn(self, key: str, value: str) -> None:
        """Remember the value that the store has."""
        with self._lock:
            _put(self._latest, key, value, LATEST)

    def replace(self, key: str, old: str, unsaved: Unsaved) -> None:
        """Remember that `old` is invalid, and that the value in `unsaved` must still be written."""
        with self._lock:
            _put(self._replaced, _digest(key, old), None, REPLACED)
            _put(self._latest, key, unsaved.value, LATEST)
            self._unsaved[key] = unsaved

    def restore(self, key: str, unsaved: Unsaved) -> bool:
        """Remember that a value which the store has lost must be written again. Returns False if this was known."""
        with self._lock:
            is_new = key not in self._unsaved
            self._unsaved[key] = unsaved
            return is_new

    def forget_unsaved(self, key: str, unsaved: Unsaved) -> None:
        """Forget an unsaved value, unless a newer one has replaced it."""
        with self._lock:
            if self._unsaved.get(key) is unsaved:
                del self._unsaved[key]


def _digest(key: str, value: str) -> bytes:
    return hashlib.blake2b(f"{key} {value}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _put(memory: OrderedDict, key: object, value: object, most: int) -> None:  # type: ignore[type-arg]  # two types
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > most:
        memory.popitem(last=False)
