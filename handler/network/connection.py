"""Connections whose timeout bounds a whole exchange, and that are not used after a freeze.

urllib3's timeouts bound each wait for the socket instead: a server that trickles one byte a second, a host with
many dead addresses or a slow name server would each hold the function far longer.
"""

import contextlib
import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError

from handler.deadline import call_within

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from urllib3 import HTTPResponse

# The platform freezes an instance between invocations. What idles longer than this the server, or a gateway on the way,
# may have dropped meanwhile (AWS's NAT gateways after 350 s, nginx by default after 75 s), often without a word.
IDLE_SECONDS = 30.0

BODY_LIMIT = 1024 * 1024  # bytes, also after decompression; a plan has a few hundred
_HEAD_LIMIT = 64 * 1024  # bytes of everything else: status lines, headers, sizes of chunks, trailers


class StaleConnectionError(ConnectionError):
    """A connection that had been used before ended without a byte of an answer: the server had closed it."""


class TooLongError(OSError):
    """An answer has more bytes than it may have."""


class PlainConnection(HTTPConnection):
    """An http connection: `timeout` seconds for all of connecting, and then for all of the answer."""

    _reader: "_BoundedReader"
    _attempt: "Attempt"
    _answer_count = 0  # since it was connected
    _used_at = 0.0  # Unix time: the monotonic clock stands still in a freeze

    @property
    def is_connected(self) -> bool:
        """Whether it can be used again; urllib3 asks before it does."""
        return super().is_connected and 0 <= time.time() - self._used_at <= IDLE_SECONDS

    def connect(self) -> None:
        """Look up the name, try every address and shake hands. Raises `ConnectTimeoutError`.

        The look-up knows no timeout, and each address would have the whole of it.
        """
        self._answer_count = 0
        self._attempt = attempt = Attempt()
        try:
            call_within(self.timeout, lambda: attempt.run(super(PlainConnection, self).connect))
        except TimeoutError:
            attempt.abandon()
            raise ConnectTimeoutError(self, "connecting took too long") from None

    def _new_conn(self) -> socket.socket:
        return self._attempt.watch(super()._new_conn())

    def send(self, data: Any) -> None:
        """Send a part of a request. Raises `StaleConnectionError` where TLS finds that the connection had ended."""
        try:
            return super().send(data)
        except ssl.SSLError:  # a plain reset urllib3 passes over, and asks for the answer
            if not self._answer_count:
                raise
        raise StaleConnectionError

    @property
    def response_class(self) -> Callable[..., http.client.HTTPResponse]:  # type: ignore[override]  # http.client calls it
        """Make a response that reads through the bounded reader, not from the socket that http.client passes."""
        return lambda _sock, **options: http.client.HTTPResponse(self._reader, **options)  # type: ignore[arg-type]  # of a socket it uses makefile only

    def getresponse(self) -> "HTTPResponse":  # type: ignore[override]  # as urllib3 does
        """Read the answer's head; it and the body have `timeout` seconds from now on together.

        Raises `StaleConnectionError` for a connection that had ended before this request, and `TooLongError`, also
        while the body is read.
        """
        if self.sock is None:
            raise StaleConnectionError
        self._reader = reader = _BoundedReader(self.sock, time.monotonic() + (self.timeout or 0))
        try:
            response = super().getresponse()
        except OSError as error:
            if isinstance(error, TimeoutError) or not self._answer_count or reader.has_received:
                raise
        else:
            self._answer_count += 1
            self._used_at = time.time()
            return response
        raise StaleConnectionError


class TLSConnection(PlainConnection, HTTPSConnection):
    """An https connection: `timeout` seconds for all of connecting, and then for all of the answer."""


class Attempt:
    """An attempt to connect, which can be abandoned while another thread makes it.

    A server that sends a handshake byte by byte would keep the thread and the connection for hours. `ssl` takes the
    socket away from whoever made it, so a second handle of the same connection ends it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_abandoned = False
        self._handle: socket.socket | None = None

    def run(self, connect: Callable[[], None]) -> None:
        """Connect, and let go of the second handle."""
        try:
            connect()
        finally:
            with self._lock:
                if self._handle:
                    self._handle.close()
                self._handle = None

    def watch(self, sock: socket.socket) -> socket.socket:
        """Return the connected socket, which ends when the attempt is abandoned. Raises `TimeoutError` if it was."""
        with self._lock:
            if self._is_abandoned:
                sock.close()
                raise TimeoutError
            self._handle = sock.dup()
        return sock

    def abandon(self) -> None:
        """End the connection, and with it the thread that waits for the server."""
        with self._lock:
            self._is_abandoned = True
            if self._handle:
                with contextlib.suppress(OSError):
                    self._handle.shutdown(socket.SHUT_RDWR)


class _BoundedReader(io.RawIOBase):
    """What a socket receives of one answer, up to the limits and a deadline on the monotonic clock.

    Raises `TooLongError` and `TimeoutError`. It counts below whoever parses: http.client and urllib3 disagree about
    odd lengths, and http.client reads a chunk of size -1, and any number of trailers, without a limit.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)  # keeps the socket open until the answer has been read
        self._deadline = deadline
        self._left = _HEAD_LIMIT + BODY_LIMIT
        self.has_received = False

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the stream that http.client reads, which asks a socket for one."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        self._sock.settimeout(seconds)
        count = self._sock.recv_into(buffer)
        self.has_received = self.has_received or count > 0
        self._left -= count
        if self._left < 0:
            raise TooLongError
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
