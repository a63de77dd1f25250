"""Connections whose timeout bounds a whole exchange.

urllib3's timeouts bound each wait for the socket instead: a server that trickles one byte a second, a host with
many dead addresses or a slow name server would each hold the function far longer.
"""

import http.client
import io
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError

from handler.invocation import within

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from urllib3 import HTTPResponse


class PlainConnection(HTTPConnection):
    """An http connection: `timeout` seconds for all of connecting, and then for all of the answer."""

    def connect(self) -> None:
        """Look up the name, try every address and shake hands. Raises `ConnectTimeoutError`.

        The look-up knows no timeout, and each address would have the whole of it.
        """
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

    def getresponse(self) -> "HTTPResponse":  # type: ignore[override]  # as urllib3 does
        """Read the answer's head; it and the body have `timeout` seconds from now on together."""
        deadline = time.monotonic() + (self.timeout or 0)

        def response(sock: socket.socket, **options: Any) -> http.client.HTTPResponse:
            return http.client.HTTPResponse(_TimedReader(sock, deadline), **options)  # type: ignore[arg-type]  # it asks for makefile alone

        self.response_class = response  # type: ignore[assignment]  # http.client only calls it
        return super().getresponse()


class TLSConnection(PlainConnection, HTTPSConnection):
    """An https connection: `timeout` seconds for all of connecting, and then for all of the answer."""


class _TimedReader(io.RawIOBase):
    """What a socket receives until a deadline on the monotonic clock; then `TimeoutError`, however it trickles."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)  # keeps the socket open until the answer has been read
        self._deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Be the socket that http.client reads from."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        self._sock.settimeout(seconds)
        return self._sock.recv_into(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()
