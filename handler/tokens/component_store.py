"""The token store of source `component`: Redis or Valkey at WECHAT_TOKEN_STORE_URL, with wechatpy's keys and values."""

import contextlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from handler import errors
from handler.errors import SYSTEM_ERROR, OpenApiError
from handler.exact_json import try_parse_object
from handler.invocation import Budget
from handler.network.redis import BoundedRedis, Connections, hold_lock
from handler.settings import Settings
from handler.tokens import stored_value
from handler.tokens.base import LONGEST
from handler.tokens.refresh_tokens import RefreshTokens, Unsaved
from handler.wechat.wechatpy_adapter import load

if TYPE_CHECKING:
    from wechatpy.session.redisstorage import RedisStorage
else:
    RedisStorage = load("wechatpy.session.redisstorage").RedisStorage

RETRY_SECONDS = 0.2
POLL_SECONDS = 0.05  # between reads while another process refreshes a token, and between writes that the store refuses
OWNER_KEY = "component_appid"  # only this function uses this key; wechatpy does not
OWNER_SECONDS = 7200  # a platform's claim of the store lasts as long as its own token
# Write only if the store still has the value to replace. After a new authorisation, the callback server writes another.
_COMPARE_AND_SET = (
    "if (redis.call('get', KEYS[1]) or '') == ARGV[1] then redis.call('set', KEYS[1], ARGV[2]) return 1 end return 0"
)
_CLAIM = (
    "local owner = redis.call('get', KEYS[1]) if owner and owner ~= ARGV[1] then return owner end "
    "redis.call('set', KEYS[1], ARGV[1], 'EX', ARGV[2]) return ARGV[1]"
)


class TokenStore(RedisStorage):  # type: ignore[misc]  # wechatpy is untyped
    """wechatpy's storage with a deadline. Every method raises `OpenApiError` -1 if the store fails."""

    redis: BoundedRedis

    def __init__(self, client: BoundedRedis, memory: RefreshTokens, warnings: list[str]) -> None:
        super().__init__(client)
        self.deadline = client.deadline
        self._memory = memory  # shared by all invocations in this process
        self._warnings = warnings  # for the log
        self._stored: dict[str, bytes | None] = {}

    def claim(self, platform: str) -> None:
        """Claim the store for a platform. Raises `OpenApiError` if another platform has claimed it.

        wechatpy uses the same key for every platform's own token. Two platforms in one store would overwrite each
        other's token.
        """
        owner = self.redis.eval(_CLAIM, self.key_name(OWNER_KEY), platform, str(OWNER_SECONDS))
        if owner == platform.encode():
            return
        raise errors.misconfigured(
            SYSTEM_ERROR,
            "the token store belongs to another platform",
            shared=True,
            hint="Give each platform its own store or its own database number: at the end of WECHAT_TOKEN_STORE_URL, "
            "and in the settings of its callback server. If the other platform no longer uses the store, delete the "
            f"key {self.key_name(OWNER_KEY)} or wait two hours",
        )

    def get(self, key: str, default: str | None = None) -> str | None:
        """Return the text of a key. Replaces wechatpy's method, which fails if the value is not JSON."""
        return self.get_text(key) or default

    def get_text(self, key: str) -> str | None:
        """Return the value of a key if it is a non-empty text, else `None`."""
        return _read_text(self.redis.get_bytes(self.key_name(key)))[0]

    def require_text(self, key: str, code: int) -> str:
        """Return the text of a key. If it has none, raises `OpenApiError` with `code` and the kind of value found."""
        return self._require(key, self.redis.get_bytes(self.key_name(key)), code)

    def find_refresh_token(self, key: str, code: int) -> str:
        """Return the stored refresh token, or a newer one that could not be written yet.

        Raises `OpenApiError` with `code` if there is neither.
        """
        stored = self.redis.get_bytes(self.key_name(key))
        self._stored[key] = stored
        value = _read_text(stored)[0]
        newer = self._memory.find_newer(key, value) if value or stored is None else None
        if newer is None:
            value = self._require(key, stored, code)
            self._memory.learn(key, value)
            return value
        if self._memory.restore(key, Unsaved(stored, newer)):
            self._warnings.append(f"the token store lost the newest {key}; this process has it and writes it again")
        with contextlib.suppress(OpenApiError):  # a later invocation tries again
            self.save_refresh_token(key)
            self._stored[key] = _encode(newer, stored)
        return newer

    def keep_refresh_token(self, key: str, old: str, value: str) -> None:
        """Write `value` in place of `old`. Retries until the deadline, then again in the next invocation."""
        self._memory.replace(key, old, Unsaved(self._stored[key], value))
        while True:
            try:
                return self.save_refresh_token(key)
            except OpenApiError:
                if not self.deadline.wait(RETRY_SECONDS):
                    raise

    def save_refresh_token(self, key: str) -> None:
        """Write the unsaved value of a key, unless the store has a value that may come from a new authorisation."""
        unsaved = self._memory.find_unsaved(key)
        if unsaved is None:
            return
        replaced, name = unsaved.replaced, self.key_name(key)
        while self.redis.eval(_COMPARE_AND_SET, name, replaced or b"", _encode(unsaved.value, replaced)) != 1:
            stored = self.redis.get_bytes(name)
            value = _read_text(stored)[0]
            if value == unsaved.value:
                break
            if stored is not None and not (value and self._memory.was_replaced(key, value)):
                self._warnings.append(f"the token store has another {key}; this process did not write it, but uses it")
                break
            warning = f"the token store lost the newest {key}; this process has it and writes it again"
            if warning not in self._warnings:
                self._warnings.append(warning)
            replaced = stored
            if not self.deadline.wait(POLL_SECONDS):
                raise errors.out_of_time()
        self._memory.forget_unsaved(key, unsaved)

    def refresh_once(self, key: str, refused: str | None, refresh: Callable[[], None]) -> str:
        """Return the text of a key after this process or another has refreshed it. Never returns the text `refused`.

        Raises the `OpenApiError` of `refresh`, or -1 if the time is up or the store has lost the new text.
        """
        while True:
            with hold_lock(self.redis, self.key_name(f"{key}_lock")) as is_mine:
                found = self.get_text(key)
                if is_mine and found in (None, refused):
                    refresh()
                    found = self.get_text(key)
            if found is not None and found != refused:
                return found
            if is_mine:
                raise errors.unavailable("the token store lost a token")
            if not self.deadline.wait(POLL_SECONDS):
                raise errors.out_of_time()

    def _require(self, key: str, stored: bytes | None, code: int) -> str:
        value, kind = _read_text(stored)
        if value is None:
            raise errors.misconfigured(code, f"no {key} in the token store: found {kind}")
        return value


def _read_text(stored: bytes | None) -> tuple[str | None, str]:
    """Return the text in a stored value, or `None`, and the kind of the value.

    The text is a JSON string, as wechatpy writes it, or raw.
    """
    if stored is None:
        return None, "no such key"
    if stored.lstrip().startswith(b"{"):
        return None, "a JSON object"
    parsed = try_parse_object(b'{"value":%b}' % stored) or {}
    text = parsed.get("value")
    if isinstance(text, str) and 0 < len(text) <= LONGEST and stored_value.is_real_value(text):
        return text, "a text"
    return stored_value.find_token_or_kind(stored)


def _encode(value: str, replaced: bytes | None) -> bytes:
    """Return the bytes to store: raw if the replaced value is raw, else a JSON string as wechatpy writes it."""
    is_raw = replaced is not None and not replaced.lstrip().startswith(b'"')
    return value.encode() if is_raw else json.dumps(value).encode()


class StoreOpener:
    """Opens the configured store for each invocation. All invocations share its connections."""

    def __init__(self, settings: Settings) -> None:
        self._connections = Connections(settings.wechat_token_store_url, settings.wechat_timeout_seconds)
        self._memory = RefreshTokens()

    def __call__(self, budget: Budget) -> TokenStore:
        """Return the store with the budget's deadline. First tries to write the unsaved refresh tokens."""
        deadline, warnings = budget.deadline, budget.usage.warnings
        if unsaved := self._memory.list_unsaved():
            store = TokenStore(self._connections.create_client(deadline.halve()), self._memory, warnings)
            for key in unsaved:
                with contextlib.suppress(OpenApiError):  # one failed write must not prevent the others
                    store.save_refresh_token(key)
        return TokenStore(self._connections.create_client(deadline), self._memory, warnings)
