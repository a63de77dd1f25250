"""The commands of Redis that this function uses, on a deadline, with failures as `OpenApiError`; and locks."""

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

_READS = {"GET", "HGET", "TYPE"}  # these alone may be repeated
_CLOCKS_DIFFER_SECONDS = 0.1


class WrongReplyError(Exception):
    """A reply that Redis does not give to this command."""


class Connections:
    """The connections to the store at WECHAT_TOKEN_STORE_URL; each command takes at most `seconds`.

    Making it raises `OpenApiError` 41001 when the address is not set.
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
            protocol=2,  # Redis before 6 refuses the HELLO of the newer one
            retry=Retry(NoBackoff(), 0),  # a SET that is sent twice takes a lock from oneself
        )
        self._idle: list[RedisConnection] = []

    def create_client(self, deadline: Deadline) -> "BoundedRedis":
        """Return a client for one invocation.

        Raises `OpenApiError` -1 when the certificate authorities cannot be read.
        """
        if self._is_secure:
            tls.create_context()  # in the midst of connecting its failure would be the store's
        return BoundedRedis(self, deadline, self._seconds)

    def take_connection(self) -> RedisConnection:
        """Return an idle connection, or a new one, which is not connected yet."""
        with contextlib.suppress(IndexError):  # another thread may take the last one
            while self._idle:
                connection = self._idle.pop()
                if connection.is_usable():
                    return connection
                connection.close()
        return self._create()

    def return_connection(self, connection: RedisConnection) -> None:
        """Keep a connection whose last reply was read to its end."""
        self._idle.append(connection)

    def drop_idle_connections(self) -> None:
        """Close the idle connections: one of the same age has turned out to be dead."""
        with contextlib.suppress(IndexError):
            while self._idle:
                self._idle.pop().close()


class BoundedRedis:
    """The commands that this function uses, on a deadline. Each raises `OpenApiError` -1 when the store fails.

    `get`, `set` and `delete` are also what wechatpy's `RedisStorage` calls.
    """

    def __init__(self, connections: Connections, deadline: Deadline, seconds: float) -> None:
        self._connections = connections
        self.deadline = deadline
        self._seconds = seconds

    def extend_for_tidying(self) -> "BoundedRedis":
        """Return a client with the little time that is kept for what must not be left behind."""
        return BoundedRedis(self._connections, self.deadline.extend_for_tidying(), self._seconds)

    def get(self, key: str) -> bytes | None:
        """Return the string at a key."""
        return self.get_bytes(key)

    def get_bytes(self, key: str, field: str | None = None) -> bytes | None:
        """Return what a key, or a field of its hash, holds, as it is stored."""
        reply = self.execute_command("HGET", key, field) if field else self.execute_command("GET", key)
        if reply is None or isinstance(reply, bytes):
            return reply
        raise _explain(WrongReplyError())

    def get_type(self, key: str) -> str:
        """Return Redis' type of what a key holds: `string`, `hash` ..., `none`."""
        reply = self.execute_command("TYPE", key)
        if isinstance(reply, bytes) and re.fullmatch(rb"[A-Za-z0-9_-]{1,32}", reply):
            return reply.decode()
        raise _explain(WrongReplyError())

    def set(self, key: str, value: str, ex: int | None = None, px: int | None = None, *, nx: bool = False) -> bool:
        """Write a string for `ex` seconds or `px` milliseconds, with `nx` only a new one; return whether it did."""
        options: list[object] = [] if ex is None else ["EX", ex]
        options += [] if px is None else ["PX", px]
        reply = self.execute_command("SET", key, value, *options, *(["NX"] if nx else []))
        if reply == b"OK" or (reply is None and nx):
            return reply is not None
        raise _explain(WrongReplyError())

    def delete(self, key: str) -> None:
        """Remove a key."""
        self.execute_command("DEL", key)

    def eval(self, script: str, key: str, *arguments: str | bytes) -> object:
        """Run a script on one key. In one message: one that is loaded first needs an answer in between."""
        return self.execute_command("EVAL", script, 1, key, *arguments)

    def execute_command(self, *command: object) -> object:
        """Run a command; a read once more on a new connection when the one it took has died."""
        try:
            try:
                return self._run(command)
            except redis.ConnectionError as error:
                # Its subclasses are the store's refusals.
                if command[0] not in _READS or type(error) is not redis.ConnectionError:
                    raise
            self._connections.drop_idle_connections()
            return self._run(command)
        except OpenApiError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - redis-py's parser raises many for what is no reply of Redis
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
    from handler.network import redis_faults  # noqa: PLC0415 - a success needs none

    return redis_faults.explain(error).detach(shared=True)


@contextlib.contextmanager
def hold_lock(client: BoundedRedis, name: str) -> Iterator[bool]:
    """Give whether the lock of this name is ours; give it back at the end.

    A lock lasts as long as its owner can, until the end of the time that is left: one that dies keeps nobody longer.
    """
    owner = secrets.token_hex(8)
    life = max(client.deadline.seconds_left(), 0) + 2 * client.deadline.margin + _CLOCKS_DIFFER_SECONDS
    is_ours = True  # until Redis says no: an answer that was lost may have been a yes
    try:
        is_ours = client.set(name, owner, px=int(life * 1000), nx=True)
        yield is_ours
    finally:
        if is_ours:
            with contextlib.suppress(OpenApiError):  # it ends by itself
                client.extend_for_tidying().eval(Lock.LUA_RELEASE_SCRIPT, name, owner)
