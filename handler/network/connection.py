"""HTTP connections whose timeout limits the whole exchange, and which are not reused after a freeze.

urllib3's own timeout limits only each single wait for the socket. A server that sends one byte a second, a host with
many unreachable addresses, or a slow name server would delay the function far longer.
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

# Lambda and SCF freeze an instance between invocations. A frozen instance does not notice that a server or a gateway
# closes an idle connection: nginx by default after 75 s, AWS's NAT gateways after 350 s.
IDLE_SECONDS = 30.0

BODY_LIMIT = 1024 * 1024  # bytes, before and after decompression; a plan has a few hundred
_HEAD_LIMIT = 64 * 1024  # bytes of everything else: status line, headers, chunk sizes, trailers


class StaleConnectionError(ConnectionError):
    """A reused connection ended before the first byte of an answer: the server had closed it while it was idle."""


class TooLongError(OSError):
    """The head of an answer is longer than `_HEAD_LIMIT`, or the answer is longer than both limits together.

    The argument of the exception is the limit to report: `_HEAD_LIMIT` or `BODY_LIMIT`.
    """


class PlainConnection(HTTPConnection):
    """An http connection. Connecting may take `timeout` seconds in total, and so may each answer."""

    _reader: "_BoundedReader"
    _attempt: "Attempt"
    _answer_count = 0  # answers on this connection since `connect`
    _used_at = 0.0  # Unix time, because the monotonic clock stands still in a freeze

    @property
    def is_connected(self) -> bool:
        """Whether the connection can be reused. urllib3 checks this before each request."""
        return super().is_connected and 0 <= time.time() - self._used_at <= IDLE_SECONDS

    def connect(self) -> None:
        """Resolve the name, try each address, and do the TLS handshake. Raises `ConnectTimeoutError`.

        DNS has no timeout, and urllib3 would allow the full timeout for each address.
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
        """Send a part of a request. Raises `StaleConnectionError` if TLS reports that the connection is closed."""
        try:
            return super().send(data)
        except ssl.SSLError:  # without TLS, urllib3 ignores a reset here, and `getresponse` handles it
            if not self._answer_count:
                raise
        raise StaleConnectionError

    @property
    def response_class(self) -> Callable[..., http.client.HTTPResponse]:  # type: ignore[override]  # http.client only calls it
        """A factory of responses that read from the bounded reader instead of the socket."""
        return lambda _sock, **options: http.client.HTTPResponse(self._reader, **options)  # type: ignore[arg-type]  # HTTPResponse only calls `makefile`

    def getresponse(self) -> "HTTPResponse":  # type: ignore[override]  # as urllib3 does
        """Read the status line and the headers. They and the body together may take `timeout` seconds from now.

        Raises `StaleConnectionError` if the connection had ended before this request. Raises `TooLongError` and
        `TimeoutError`, as later reads of the body do.
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
            reader.allow_body()
            self._answer_count += 1
            self._used_at = time.time()
            return response
        raise StaleConnectionError


class TLSConnection(PlainConnection, HTTPSConnection):
    """An https connection with the limits of `PlainConnection`."""


class Attempt:
    """An attempt to connect, which another thread can abandon.

    Without this class, a thread that resolves a name beyond the timeout would open a connection that nobody closes.
    `ssl` detaches the socket object that it wraps. Therefore `abandon` uses a duplicate of the socket.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_abandoned = False
        self._handle: socket.socket | None = None

    def run(self, connect: Callable[[], None]) -> None:
        """Call `connect`, then close the duplicate of the socket."""
        try:
            connect()
        finally:
            with self._lock:
                if self._handle:
                    self._handle.close()
                self._handle = None

    def watch(self, sock: socket.socket) -> socket.socket:
        """Keep a duplicate of the connected socket, and return the socket.

        Raises `TimeoutError` if the attempt is already abandoned.
        """
        with self._lock:
            if self._is_abandoned:
                sock.close()
                raise TimeoutError
            self._handle = sock.dup()
        return sock

    def abandon(self) -> None:
        """Shut the connection down, so that the thread that waits for the server ends."""
        with self._lock:
            self._is_abandoned = True
            if self._handle:
                with contextlib.suppress(OSError):
                    self._handle.shutdown(socket.SHUT_RDWR)


class _BoundedReader(io.RawIOBase):
    """Reads one answer from a socket, up to a limit of bytes and a deadline in monotonic seconds.

    Raises `TooLongError` and `TimeoutError`. It counts the raw bytes, before http.client and urllib3 parse them. The
    two disagree about malformed lengths, and http.client limits neither a chunk of size -1 nor the number of trailers.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)  # keeps the socket open until the answer has been read
        self._deadline = deadline
        self._left = self._limit = _HEAD_LIMIT
        self.has_received = False

    def allow_body(self) -> None:
        """Allow `BODY_LIMIT` more bytes.

        The head has a limit of its own, because parsing a head of 1 MiB would take half a second of CPU.
        """
        self._left += BODY_LIMIT
        self._limit = BODY_LIMIT

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a buffered stream of this reader. http.client calls this method of what it believes to be a socket."""
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
            raise TooLongError(self._limit)
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
