"""One HTTP exchange with a server, bounded in time and size: with WeChat, a token server or AWS."""

import contextlib
import http.client
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Retry, Timeout
from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError

from handler import errors
from handler.deadline import Deadline
from handler.errors import OpenApiError
from handler.network import tls, urllib3_log
from handler.network.connection import PlainConnection, StaleConnectionError, TLSConnection

BODY_LIMIT = 1024 * 1024  # bytes after decompression; a plan has a few hundred
_NO_RETRIES = Retry(total=False)  # the invocation counts them
_READ = (2, 4)  # hundreds of the statuses whose body is read: answers, and refusals
_CONNECTIONS = 32  # kept for threads; Lambda and SCF run one invocation at a time


class Request(NamedTuple):
    """An HTTP request: `target` is the path with its query.

    One that is not `repeatable` may do something at the server that must not be done twice.
    """

    method: str
    target: str
    body: bytes | None = None
    headers: Mapping[str, str] | None = None
    repeatable: bool = True

    def __repr__(self) -> str:
        """Show no token, and no AppSecret."""
        return f"Request({self.method})"


class Answer(NamedTuple):
    """An answer's HTTP status, headers, and as much of its body as may be."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def __repr__(self) -> str:
        """Show no token."""
        return f"Answer({self.status})"


class Server:
    """A server at `base_url`, called `name` in errors, with its connections."""

    def __init__(self, base_url: str, name: str) -> None:
        self._parts = urlsplit(base_url)
        self._name = name
        self._pool: HTTPConnectionPool | None = None
        with contextlib.suppress(OpenApiError):  # which `exchange` raises
            self._pool = self._new_pool()  # now, while the platform gives a whole CPU for the authorities

    def exchange(self, request: Request, seconds: float, sent: Callable[[], None] = lambda: None) -> Answer:
        """Make a request within so many seconds, and once more on a new connection if the one it took was stale.

        `sent` is told of each. Redirects are not followed. Raises `OpenApiError` -1 when there is no answer, or one
        that is too long, and when the certificate authorities cannot be read.
        """
        if self._pool is None:
            self._pool = self._new_pool()
        # What must not be repeated starts on a new connection: on an idle one it might be lost on the way.
        pool = self._pool if request.repeatable else self._new_pool()
        deadline = Deadline(seconds, margin=0)
        sent()
        try:
            try:
                return self._send(pool, request, seconds)
            except ProtocolError as error:
                if not request.repeatable or not any(isinstance(cause, StaleConnectionError) for cause in error.args):
                    raise
            self._pool = self._new_pool()  # the other idle connections are as old
            sent()
            return self._send(self._pool, request, deadline.timeout(seconds))
        except OpenApiError as error:
            failure = error
        except (HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            # A refused connection is a time-out by its class only.
            timed_out = isinstance(error, (Urllib3TimeoutError, TimeoutError))
            if timed_out and not isinstance(error, NewConnectionError):
                failure = errors.out_of_time()
            else:
                # The class names the fault; the text would show the address with its query.
                reason = f"no answer from {self._name} ({type(error).__name__})"
                repeatable = request.repeatable or isinstance(error, NewConnectionError)
                failure = errors.unavailable(reason, transient=repeatable)
        raise failure

    def _send(self, pool: HTTPConnectionPool, request: Request, seconds: float) -> Answer:
        response = pool.urlopen(
            request.method,
            self._parts.path + request.target,
            request.body,
            request.headers,
            retries=_NO_RETRIES,
            redirect=False,
            timeout=Timeout(total=seconds),
            preload_content=False,
        )
        try:
            content = self._read(response) if response.status // 100 in _READ else b""
        finally:
            # Read to its end, the answer has given its connection back; any other connection is of no more use.
            response.close()
        return Answer(response.status, response.headers, content)

    def _read(self, response: BaseHTTPResponse) -> bytes:
        """Return the body. Raises `OpenApiError` -1 when it is over the limit."""
        # What is short and not compressed needs none of the buffers that a limit takes.
        length = response.length_remaining or BODY_LIMIT
        if length < BODY_LIMIT and "content-encoding" not in response.headers:
            return response.read()
        content = response.read(BODY_LIMIT + 1)
        if len(content) > BODY_LIMIT:
            raise errors.unavailable(f"the answer of {self._name} is over {BODY_LIMIT} bytes")
        return content

    def _new_pool(self) -> HTTPConnectionPool:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            secure = HTTPSConnectionPool(host, port, maxsize=_CONNECTIONS, ssl_context=tls.context())
            secure.ConnectionCls = TLSConnection
            return secure
        plain = HTTPConnectionPool(host, port, maxsize=_CONNECTIONS)
        plain.ConnectionCls = PlainConnection
        return plain


urllib3_log.hide_secrets()
