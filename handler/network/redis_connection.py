"""redis-py's connection, with a limit on the time and the bytes of each exchange.

redis-py's own timeout limits only each single wait for the socket. redis-py reads a reply of any length that the server
states.
"""

import socket
import ssl
import time
from typing import Any

import redis

from handler.deadline import call_within
from handler.network import tls
from handler.network.connection import IDLE_SECONDS, Attempt

LONGEST_REPLY = 64 * 1024  # bytes; a token has up to 2,048, and the JSON around it a few hundred
_TLS_RECORDS = (b"\x15\x03", b"\x16\x03")  # first bytes of TLS alerts and handshakes, never of a Redis reply


class TooLongReplyError(Exception):
    """A reply is longer than `LONGEST_REPLY`."""


class TlsReplyError(Exception):
    """The server speaks TLS, but this connection does not."""


class NoConnectionError(TimeoutError):
    """Connecting took too long."""


class NoHandshakeError(TimeoutError):
    """The TLS handshake got no answer.

    Redis without TLS mistakes the handshake for a command, and waits for the end of the line.
    """


class RedisConnection(redis.Connection):
    """A connection with a limit on the time and the bytes of each exchange."""

    _attempt: Attempt
    _used_at: float | None = None  # Unix time, because the monotonic clock stands still in a freeze

    def __init__(self, *, is_secure: bool, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]  # redis-py is untyped here
        self._is_secure = is_secure
        self._is_shaking_hands = False
        self.end = 0.0  # when the exchange must end, in monotonic seconds
        # `None` prevents redis-py from sending CLIENT SETINFO. Proxies such as twemproxy would close the connection.
        # The constructor's options for this differ between redis-py's versions. The attributes work from 6 to 8.
        self.lib_name = self.lib_version = self.driver_info = None

    def is_usable(self) -> bool:
        """Whether the connection was used recently, and has no unread reply."""
        is_young = self._used_at is not None and 0 <= time.time() - self._used_at <= IDLE_SECONDS
        try:
            return is_young and not self.can_read()
        except (redis.RedisError, OSError, TooLongReplyError):
            return False

    def exchange(self, command: tuple[object, ...], seconds: float) -> object:
        """Connect if necessary, send a command, and return the reply."""
        self.end = time.monotonic() + seconds
        if self._used_at is None:
            self._connect_within(seconds)
        self.send_command(*command)  # type: ignore[no-untyped-call]  # redis-py is untyped here
        reply: object = self.read_response()
        self._used_at = time.time()
        return reply

    def close(self) -> None:
        """Close the connection; the next exchange connects again."""
        self._used_at = None
        self.disconnect()  # type: ignore[no-untyped-call]  # redis-py is untyped here

    def _connect_within(self, seconds: float) -> None:
        self._attempt = attempt = Attempt()
        # redis-py applies this timeout to each address; `call_within` limits all of them together.
        self.socket_connect_timeout = self.socket_timeout = seconds
        try:
            return call_within(seconds, lambda: attempt.run(self.connect))
        except (TimeoutError, redis.TimeoutError):
            attempt.abandon()
        raise NoHandshakeError if self._is_shaking_hands else NoConnectionError

    def _connect(self) -> "_BoundedSocket":
        sock = self._attempt.watch(super()._connect())  # type: ignore[no-untyped-call]  # redis-py is untyped here
        if self._is_secure:
            self._is_shaking_hands = True
            sock = tls.create_context().wrap_socket(sock, server_hostname=self.host)
            self._is_shaking_hands = False
        return _BoundedSocket(sock, self)


class _BoundedSocket:
    """The part of a socket that redis-py uses, limited by the connection's `end` and by `LONGEST_REPLY`."""

    def __init__(self, sock: socket.socket, connection: RedisConnection) -> None:
        self._sock = sock
        self._connection = connection
        self._left = LONGEST_REPLY
        self._is_answered = self._is_polling = False

    def sendall(self, data: bytes) -> None:
        self._left = LONGEST_REPLY
        self._limit_time()
        self._sock.sendall(data)

    def recv(self, size: int) -> bytes:
        """Receive up to `size` bytes. Raises `TooLongReplyError`, `TlsReplyError` and `TimeoutError`."""
        self._limit_time()
        data = self._sock.recv(min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise TooLongReplyError
        if not self._is_answered and data.startswith(_TLS_RECORDS) and not isinstance(self._sock, ssl.SSLSocket):
            raise TlsReplyError
        self._is_answered = True
        return data

    def recv_into(self, buffer: bytearray) -> int:
        """Receive into a buffer. redis-py calls this if hiredis, a parser in C, is installed."""
        data = self.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def settimeout(self, seconds: float | None) -> None:
        """Remember whether redis-py polls for unread bytes, with a timeout of 0. `end` replaces any other timeout."""
        self._is_polling = seconds == 0

    def shutdown(self, how: int) -> None:
        self._sock.shutdown(how)

    def close(self) -> None:
        self._sock.close()

    def _limit_time(self) -> None:
        if self._is_polling:
            self._sock.settimeout(0)
            return
        seconds = self._connection.end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        self._sock.settimeout(seconds)
