"""Run Redis commands within a deadline, and hold locks. Failures are raised as `OpenApiError`."""

import contextlib
import functools
import re
import secrets
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import redis
from pydantic import SecretStr
from redis.backoff import NoBackoff
from redis.lock import Lock
from redis.retry import Retry

from handler import errors
from handler.deadline import Deadline
from handler.errors import NO_TOKEN, OpenApiError
from handler.network import tls
from handler.network.redis_connection import RedisConnection

_REPEATABLE = {"GET", "HGET", "TYPE"}  # commands that may be sent twice, because they change nothing
_CLOCK_DIFFERENCE_SECONDS = 0.1  # the clocks of this machine and of the store may differ this much


class WrongReplyError(Exception):
    """A reply of a type that Redis never sends for this command."""


class Connections:
    """The connections to the store at WECHAT_TOKEN_STORE_URL. Each command may take at most `seconds`.

    The constructor raises `OpenApiError` 41001 if the URL is not set.
    """

    def __init__(self, url: SecretStr | None, seconds: float) -> None:
        self._seconds = seconds
        if url is None:
            raise errors.misconfigured(NO_TOKEN, "no token store: set WECHAT_TOKEN_STORE_URL")
        parts = urlsplit(url.get_secret_value())
        self._is_secure = parts.scheme == "rediss"
        self._create = functools.partial(
            RedisConnection,
            is_secure=self._is_secure,
            host=parts.hostname,
            port=parts.port or 6379,
            db=int(parts.path.strip("/") or 0),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            protocol=2,  # protocol 3 begins with HELLO, which Redis before 6 refuses
            retry=Retry(NoBackoff(), 0),  # if redis-py repeated the SET of a lock, it would find its own lock taken
        )
        self._idle: list[RedisConnection] = []

    def create_client(self, deadline: Deadline) -> "BoundedRedis":
        """Return a client for one invocation.

        Raises `OpenApiError` -1 if the certificate authorities cannot be read.
        """
        if self._is_secure:
            tls.create_context()  # a failure during connecting would be reported as a failure of the store
        return BoundedRedis(self, deadline, self._seconds)

    def take_connection(self) -> RedisConnection:
        """Return an idle connection, or a new one that is not connected yet."""
        with contextlib.suppress(IndexError):  # another thread may take the last one
            while self._idle:
                connection = self._idle.pop()
                if connection.is_usable():
                    return connection
                connection.close()
        return self._create()

    def return_connection(self, connection: RedisConnection) -> None:
        """Keep a connection for the next command. Its last reply must have been read completely."""
        self._idle.append(connection)

    def drop_idle_connections(self) -> None:
        """Close all idle connections. If one of them turned out to be dead, the others probably are too."""
        with contextlib.suppress(IndexError):
            while self._idle:
                self._idle.pop().close()


class BoundedRedis:
    """The Redis commands, limited by a deadline. Each raises `OpenApiError` -1 if the store fails.

    wechatpy's `RedisStorage` calls `get`, `set` and `delete`.
    """

    def __init__(self, connections: Connections, deadline: Deadline, seconds: float) -> None:
        self._connections = connections
        self.deadline = deadline
        self._seconds = seconds

    def extend_for_tidying(self) -> "BoundedRedis":
        """Return a client with a slightly later deadline, for cleaning up."""
        return BoundedRedis(self._connections, self.deadline.extend_for_tidying(), self._seconds)

    def get(self, key: str) -> bytes | None:
        """Return the bytes at a key; `None` if there is no such key."""
        return self.get_bytes(key)

    def get_bytes(self, key: str, field: str | None = None) -> bytes | None:
        """Return the bytes at a key, or in a field of the hash there; `None` if there is no such key or field."""
        reply = self.execute_command("HGET", key, field) if field else self.execute_command("GET", key)
        if reply is None or isinstance(reply, bytes):
            return reply
        raise _explain(WrongReplyError())

    def get_type(self, key: str) -> str:
        """Return the Redis type of a key's value, such as `string` or `hash`; `none` if there is no such key."""
        reply = self.execute_command("TYPE", key)
        if isinstance(reply, bytes) and re.fullmatch(rb"[A-Za-z0-9_-]{1,32}", reply):
            return reply.decode()
        raise _explain(WrongReplyError())

    def set(self, key: str, value: str, ex: int | None = None, px: int | None = None, *, nx: bool = False) -> bool:
        """Write a string that expires after `ex` seconds or `px` milliseconds.

        With `nx`, writes nothing and returns False if the key exists.
        """
        options: list[object] = [] if ex is None else ["EX", ex]
        options += [] if px is None else ["PX", px]
        reply = self.execute_command("SET", key, value, *options, *(["NX"] if nx else []))
        if reply == b"OK" or (reply is None and nx):
            return reply is not None
        raise _explain(WrongReplyError())

    def delete(self, key: str) -> None:
        """Delete a key."""
        self.execute_command("DEL", key)

    def eval(self, script: str, key: str, *arguments: str | bytes) -> object:
        """Run a Lua script on one key with EVAL. It needs one round trip; SCRIPT LOAD with EVALSHA may need two."""
        return self.execute_command("EVAL", script, 1, key, *arguments)

    def execute_command(self, *command: object) -> object:
        """Run a command. If the connection was dead, repeat a command in `_REPEATABLE` on a new connection."""
        try:
            try:
                return self._run(command)
            except redis.ConnectionError as error:
                # A subclass of `ConnectionError` means that the store answered with a refusal.
                if command[0] not in _REPEATABLE or type(error) is not redis.ConnectionError:
                    raise
            self._connections.drop_idle_connections()
            return self._run(command)
        except OpenApiError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - redis-py's parser raises many kinds if the server is not Redis
            failure = _explain(error)
        raise failure.detach(shared=True)

    def _run(self, command: tuple[object, ...]) -> object:
        seconds = self.deadline.limit(self._seconds)
        connection = self._connections.take_connection()
        try:
            reply = connection.exchange(command, seconds)
        except BaseException:
            connection.close()
            raise
        self._connections.return_connection(connection)
        return reply


def _explain(error: Exception) -> OpenApiError:
    from handler.network import redis_faults  # noqa: PLC0415 - a success does not need it

    return redis_faults.explain(error).detach(shared=True)


@contextlib.contextmanager
def hold_lock(client: BoundedRedis, name: str) -> Iterator[bool]:
    """Try to take a lock. The `with` block receives True if it has the lock. The end of the block releases the lock.

    The lock expires shortly after the client's deadline, so that a dead process does not block the others any longer.
    """
    owner = secrets.token_hex(8)
    life = max(client.deadline.seconds_left(), 0) + 2 * client.deadline.margin + _CLOCK_DIFFERENCE_SECONDS
    is_ours = True  # if the reply to SET is lost, the lock may be ours and must be released
    try:
        is_ours = client.set(name, owner, px=int(life * 1000), nx=True)
        yield is_ours
    finally:
        if is_ours:
            with contextlib.suppress(OpenApiError):  # a lock that cannot be released expires
                client.extend_for_tidying().eval(Lock.LUA_RELEASE_SCRIPT, name, owner)
