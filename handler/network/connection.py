"""Connections whose timeout bounds a whole exchange, and that are not used after a freeze.

urllib3's timeouts bound each wait for the socket instead: a server that trickles one byte a second, a host with
many dead addresses or a slow name server would each hold the function far longer.
"""

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

from handler.deadline import within

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from urllib3 import HTTPResponse

# The platform freezes an instance between invocations. What idles longer than this the server, or a gateway on the way,
# may have dropped meanwhile (AWS's NAT gateways after 350 s, nginx by default after 75 s), often without a word.
IDLE_SECONDS = 30.0


class StaleConnectionError(ConnectionError):
    """A connection that had been used before ended without a byte of an answer: the server had closed it."""


class PlainConnection(HTTPConnection):
    """An http connection: `timeout` seconds for all of connecting, and then for all of the answer."""

    _reader: "_TimedReader"
    _answers = 0  # since it was connected
    _used_at = 0.0  # Unix time: the monotonic clock stands still in a freeze

    @property
    def is_connected(self) -> bool:
        """Whether it can be used again; urllib3 asks before it does."""
        return super().is_connected and 0 <= time.time() - self._used_at <= IDLE_SECONDS

    def connect(self) -> None:
        """Look up the name, try every address and shake hands. Raises `ConnectTimeoutError`.

        The look-up knows no timeout, and each address would have the whole of it.
        """
        self._answers = 0
        given_up = threading.Event()

        def attempt() -> None:
            super(PlainConnection, self).connect()
            if given_up.is_set():
                self.close()

        try:
            within(self.timeout, attempt)
        except TimeoutError:
            given_up.set()
            raise ConnectTimeoutError(self, "connecting took too long") from None

    def send(self, data: Any) -> None:
        """Send a part of a request. Raises `StaleConnectionError` where TLS finds that the connection had ended."""
        try:
            return super().send(data)
        except ssl.SSLError:  # a plain reset urllib3 passes over, and asks for the answer
            if not self._answers:
                raise
        raise StaleConnectionError

    @property
    def response_class(self) -> Callable[..., http.client.HTTPResponse]:  # type: ignore[override]  # http.client calls it
        """Make a response that reads through the timed reader, not from the socket that http.client passes."""
        return lambda _sock, **options: http.client.HTTPResponse(self._reader, **options)  # type: ignore[arg-type]  # of a socket it uses makefile only

    def getresponse(self) -> "HTTPResponse":  # type: ignore[override]  # as urllib3 does
        """Read the answer's head; it and the body have `timeout` seconds from now on together.

        Raises `StaleConnectionError` for a connection that had ended before this request.
        """
        if self.sock is None:
            raise StaleConnectionError
        self._reader = reader = _TimedReader(self.sock, time.monotonic() + (self.timeout or 0))
        try:
            response = super().getresponse()
        except OSError as error:
            if isinstance(error, TimeoutError) or not self._answers or reader.received:
                raise
        else:
            self._answers += 1
            self._used_at = time.time()
            return response
        raise StaleConnectionError


class TLSConnection(PlainConnection, HTTPSConnection):
    """An https connection: `timeout` seconds for all of connecting, and then for all of the answer."""


class _TimedReader(io.RawIOBase):
    """What a socket receives until a deadline on the monotonic clock; then `TimeoutError`, however it trickles."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)  # keeps the socket open until the answer has been read
        self._deadline = deadline
        self.received = False

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
        self.received = self.received or count > 0
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
