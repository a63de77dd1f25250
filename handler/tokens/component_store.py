"""The shared store of tokens: Redis or Valkey at WECHAT_TOKEN_STORE_URL, in wechatpy's own layout."""

import contextlib
import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from handler import errors
from handler.deadline import Deadline
from handler.errors import OpenApiError
from handler.exact_json import json_object
from handler.network.redis import BoundedRedis, Connections, locked
from handler.settings import Settings
from handler.wechat.wechatpy_adapter import load

if TYPE_CHECKING:
    from wechatpy.session.redisstorage import RedisStorage
else:
    RedisStorage = load("wechatpy.session.redisstorage").RedisStorage

RETRY_SECONDS = 0.2
POLL_SECONDS = 0.05  # between looks at the store while another function refreshes
# Writes only where what it replaces still stands: a platform that was authorised again has written a newer one.
_COMPARE_AND_SET = (
    "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('set', KEYS[1], ARGV[2]) return 1 end return 0"
)
_lock = threading.Lock()  # for what threads do to unsaved values


class Unsaved(NamedTuple):
    """A value that could not be written yet, and the stored bytes that it replaces."""

    replaced: bytes
    value: str

    def __repr__(self) -> str:
        """Show no token."""
        return "Unsaved()"


class TokenStore(RedisStorage):  # type: ignore[misc]  # wechatpy is untyped
    """wechatpy's storage, on one invocation's deadline. Every method raises `OpenApiError` -1 when the store fails."""

    redis: BoundedRedis

    def __init__(self, client: BoundedRedis, unsaved: dict[str, Unsaved]) -> None:
        super().__init__(client)
        self.deadline = client.deadline
        self._unsaved = unsaved  # shared with the process's other invocations
        self._read: dict[str, bytes] = {}

    def text(self, key: str) -> str | None:
        """Return the value of a key if it is a text that is not empty."""
        return _text(self.redis.bytes_at(self.key_name(key)))

    def unrepeatable(self, key: str) -> str | None:
        """Return the text of a key whose value cannot be had again, also where the newest is not written yet."""
        stored = self.redis.bytes_at(self.key_name(key))
        if stored is None:
            return None
        self._read[key] = stored
        unsaved = self._unsaved.get(key)
        return unsaved.value if unsaved and unsaved.replaced == stored else _text(stored)

    def keep(self, key: str, value: str) -> None:
        """Keep a value in place of the one that `unrepeatable` read: try as long as there is time, and later again."""
        with _lock:
            self._unsaved[key] = Unsaved(self._read[key], value)
        while True:
            try:
                return self.save(key)
            except OpenApiError:
                if not self.deadline.wait(RETRY_SECONDS):
                    raise

    def save(self, key: str) -> None:
        """Write what an invocation could not, unless the store has something newer by now."""
        unsaved = self._unsaved.get(key)
        if unsaved:
            self.redis.eval(_COMPARE_AND_SET, self.key_name(key), unsaved.replaced, json.dumps(unsaved.value))
            with _lock:
                if self._unsaved.get(key) is unsaved:
                    del self._unsaved[key]

    def refreshed(self, key: str, refused: str | None, refresh: Callable[[], None]) -> str:
        """Return the text of a key other than `refused`, after one function of all has refreshed it.

        Raises `OpenApiError`: what `refresh` raises, and -1 when the time ends before.
        """
        while True:
            with locked(self.redis, self.key_name(f"{key}_lock")) as is_mine:
                found = self.text(key)
                if is_mine and found in (None, refused):
                    refresh()
                    found = self.text(key)
            if found is not None and found != refused:
                return found
            if is_mine:
                raise errors.unavailable("the token store lost a token")
            if not self.deadline.wait(POLL_SECONDS):
                raise errors.out_of_time()


def _text(stored: bytes | None) -> str | None:
    """Return the text that is stored as wechatpy does, as JSON; `None` for anything else."""
    value = json_object(b'{"value":%b}' % stored) if stored else None
    text = value and value.get("value")
    return text if isinstance(text, str) and text else None


class StoreOpener:
    """Opens the configured store for one invocation after another, over the same connections."""

    def __init__(self, settings: Settings) -> None:
        self._connections = Connections(settings)
        self._unsaved: dict[str, Unsaved] = {}

    def __call__(self, deadline: Deadline) -> TokenStore:
        """Return the store on this deadline, after one try to write what an earlier invocation could not."""
        if self._unsaved:
            store = TokenStore(self._connections.client(deadline.half()), self._unsaved)
            for key in list(self._unsaved):
                with contextlib.suppress(OpenApiError):  # one key that cannot be written is no hindrance to the others
                    store.save(key)
        return TokenStore(self._connections.client(deadline), self._unsaved)
