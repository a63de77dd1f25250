"""The shared store of tokens, in wechatpy's own layout: Redis or Valkey at WECHAT_TOKEN_STORE_URL."""

import os
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

import certifi
import redis
from wechatpy.session.redisstorage import RedisStorage

from handler.contract import NO_TOKEN, SYSTEM_ERROR, OpenApiError
from handler.invocation import Budget, out_of_time, within
from handler.settings import Settings
from handler.tokens.base import Token

T = TypeVar("T")

RETRY_SECONDS = 0.2
LOCK_SECONDS = 30  # the longest that a function which died while refreshing keeps the others waiting


class TokenStore(RedisStorage):  # type: ignore[misc]  # wechatpy is untyped
    """wechatpy's storage, on one invocation's budget. Every method raises `OpenApiError` -1 when the store fails."""

    def __init__(self, client: redis.Redis, budget: Budget, timeout_seconds: float, unsaved: dict[str, str]) -> None:
        super().__init__(client)
        self._unsaved = unsaved
        self.budget = budget
        self._timeout_seconds = timeout_seconds

    def get(self, key: str, default: Any = None) -> Any:
        """Return the JSON value of a key."""
        return self._judge(lambda: super(TokenStore, self).get(key, default))

    def set(self, key: str, value: Any, ttl: int | None = None) -> None:
        """Keep a JSON value, for `ttl` seconds or for good."""
        self._judge(lambda: super(TokenStore, self).set(key, value, ttl))

    def delete(self, key: str) -> None:
        """Forget a key."""
        self._judge(lambda: super(TokenStore, self).delete(key))

    def keep(self, key: str, value: str) -> None:
        """Keep a value that cannot be had again: try as long as the budget lasts, and at every later invocation."""
        self._unsaved[key] = value
        while True:
            try:
                self.set(key, value)
            except OpenApiError:
                if not self.budget.wait(RETRY_SECONDS):
                    raise
            else:
                del self._unsaved[key]
                return

    def text(self, key: str) -> str | None:
        """Return the value of a key if it is a text that is not empty."""
        value = self.get(key)
        return value if isinstance(value, str) and value else None

    def lock(self, key: str) -> str | None:
        """Take the lock of a key for a while; return what releases it, or `None` when another holds it."""
        owner = secrets.token_hex(8)
        name = self.key_name(f"{key}_lock")
        taken = self._judge(lambda: self.redis.set(name, owner, nx=True, ex=LOCK_SECONDS))
        return owner if taken else None

    def unlock(self, key: str, owner: str) -> None:
        """Release a lock, unless another holds it by now."""
        script = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end"
        self._judge(lambda: self.redis.eval(script, 1, self.key_name(f"{key}_lock"), owner))

    def _judge(self, call: Callable[[], T]) -> T:
        try:
            return within(self.budget.timeout(self._timeout_seconds), call)
        except TimeoutError:
            raise out_of_time() from None
        except (redis.RedisError, OSError, ValueError) as error:
            reason = f"the token store failed ({type(error).__name__})"
            raise OpenApiError(SYSTEM_ERROR, reason, status=503) from None


class StoreOpener:
    """Opens the configured store for one invocation after another, over one pool of connections."""

    def __init__(self, settings: Settings) -> None:
        url = settings.wechat_token_store_url
        if url is None:
            raise OpenApiError(NO_TOKEN, "no token store: set WECHAT_TOKEN_STORE_URL", status=500)
        address, seconds = url.get_secret_value(), settings.wechat_timeout_seconds
        options: dict[str, Any] = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
        if address.startswith("rediss:"):
            options |= {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
            options["ssl_ca_certs"] = os.environ.get("SSL_CERT_FILE") or certifi.where()
        self._client = redis.Redis.from_url(address, **options)
        self._timeout_seconds = seconds
        self._unsaved: dict[str, str] = {}

    def __call__(self, budget: Budget) -> TokenStore:
        """Return the store on this budget, after keeping what an earlier invocation could not."""
        store = TokenStore(self._client, budget, self._timeout_seconds, self._unsaved)
        for key, value in list(self._unsaved.items()):
            store.keep(key, value)
        return store


class StoredTokens:
    """Source `store`: what a central token server keeps in the store. Read only, and never fetched."""

    name = "store"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open = StoreOpener(settings)

    def token(self, appid: str | None, budget: Budget) -> Token:
        """Return the stored token. Raises `OpenApiError` 41001 when there is none."""
        token = self._open(budget).text(f"{self._settings.appid(appid)}_access_token")
        if token is None:
            raise OpenApiError(NO_TOKEN, "the token store has no token for this appid", status=500)
        return Token(token)

    def replace(self, appid: str | None, failed: Token, budget: Budget) -> Token | None:
        """Read once more: the server may have renewed the token meanwhile."""
        token = self.token(appid, budget)
        return None if token.value == failed.value else token
