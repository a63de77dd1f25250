"""redis-py on a deadline: connections that are not used after a freeze, failures as `OpenApiError`, and locks."""

import contextlib
import secrets
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.lock import Lock
from redis.retry import Retry

from handler import errors
from handler.deadline import Deadline, within
from handler.errors import NO_TOKEN, OpenApiError
from handler.network import tls
from handler.network.connection import IDLE_SECONDS
from handler.settings import Settings

_READS = {"GET", "HGET", "TYPE"}  # these alone may be repeated
_CLOCKS_DIFFER_SECONDS = 0.1


class Connections:
    """The pool of connections to WECHAT_TOKEN_STORE_URL. Making it raises `OpenApiError` 41001 when that is not set."""

    def __init__(self, settings: Settings) -> None:
        url = settings.wechat_token_store_url
        self._seconds = settings.wechat_timeout_seconds
        if url is None:
            raise errors.misconfigured(NO_TOKEN, "no token store: set WECHAT_TOKEN_STORE_URL")
        self._pool = _create_pool(url.get_secret_value(), self._seconds)

    def client(self, deadline: Deadline) -> "BoundedRedis":
        """Return a client for one invocation.

        Raises `OpenApiError` -1 when the certificate authorities cannot be read.
        """
        if self._pool.connection_class is _TLSConnection:
            tls.create_context()  # in the midst of connecting its failure would be the store's
        return BoundedRedis(self._pool, deadline, self._seconds)


def _create_pool(url: str, seconds: float) -> redis.ConnectionPool:
    parts = urlsplit(url)
    return redis.ConnectionPool(
        connection_class=_TLSConnection if parts.scheme == "rediss" else _Connection,
        host=parts.hostname,
        port=parts.port or 6379,
        db=int(parts.path.strip("/") or 0),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        protocol=2,  # Redis before 6 refuses the HELLO of the newer one
        retry=Retry(NoBackoff(), 0),  # a SET that is sent twice takes a lock from oneself
    )


class _Connection(redis.Connection):
    """A connection that is made anew where it has idled for too long."""

    _used_at = 0.0  # Unix time

    def connect(self) -> None:
        """Have it connected; the pool asks for that whenever it gives the connection out."""
        now = time.time()
        if not 0 <= now - self._used_at <= IDLE_SECONDS:
            self.disconnect()  # type: ignore[no-untyped-call]  # redis-py's
        self._used_at = now
        super().connect()  # type: ignore[no-untyped-call]  # the same


class _TLSConnection(_Connection, redis.SSLConnection):
    """The same with the process's one TLS context."""

    def _wrap_socket_with_ssl(self, sock: socket.socket) -> ssl.SSLSocket:
        return tls.create_context().wrap_socket(sock, server_hostname=self.host)


class BoundedRedis(redis.Redis):
    """redis-py's client within a deadline. Every command raises `OpenApiError` -1 when the store fails."""

    def __init__(self, pool: redis.ConnectionPool, deadline: Deadline, seconds: float) -> None:
        super().__init__(connection_pool=pool)
        self.deadline = deadline
        self._seconds = seconds

    def for_tidying(self) -> "BoundedRedis":
        """Return a client with the little time that is kept for what must not be left behind."""
        return BoundedRedis(self.connection_pool, self.deadline.for_tidying(), self._seconds)

    def bytes_at(self, key: str, field: str | None = None) -> bytes | None:
        """Return what a key, or a field of its hash, holds, as it is stored."""
        stored = self.execute_command("HGET", key, field) if field else self.execute_command("GET", key)
        return stored if isinstance(stored, bytes) else None

    def kind(self, key: str) -> str:
        """Return Redis' type of what a key holds: `string`, `hash` ..., `none`."""
        return bytes(self.execute_command("TYPE", key)).decode()

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run a command; a read once more on a new connection when the one it took has died."""
        try:
            try:
                return self._run(*args, **options)
            except redis.ConnectionError:
                if args[0] not in _READS:
                    raise
            return self._run(*args, **options)
        except OpenApiError as error:
            failure = error
        except (TimeoutError, redis.TimeoutError):
            failure = errors.out_of_time()
        except (redis.RedisError, OSError, ValueError) as error:
            failure = errors.unavailable(f"the token store failed ({type(error).__name__})")
        raise failure.alone(shared=True)

    def _run(self, *args: Any, **options: Any) -> Any:
        seconds = self.deadline.timeout(self._seconds)
        return within(seconds, lambda: super(BoundedRedis, self).execute_command(*args, **options))  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def locked(client: BoundedRedis, name: str) -> Iterator[bool]:
    """Give whether the lock of this name is ours; give it back at the end.

    A lock lasts as long as its owner can, until the end of the time that is left: one that dies keeps nobody longer.
    """
    owner = secrets.token_hex(8)
    life = max(client.deadline.remaining(), 0) + 2 * client.deadline.margin + _CLOCKS_DIFFER_SECONDS
    is_ours = True  # until Redis says no: an answer that was lost may have been a yes
    try:
        is_ours = bool(client.set(name, owner, nx=True, px=int(life * 1000)))
        yield is_ours
    finally:
        if is_ours:
            with contextlib.suppress(OpenApiError):  # it ends by itself
                # redis-py's own script, in one message: one that is loaded first needs an answer in between.
                client.for_tidying().eval(Lock.LUA_RELEASE_SCRIPT, 1, name, owner)
