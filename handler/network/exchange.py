"""One HTTP exchange with a server, bounded in time and size: with WeChat, a token server or AWS."""

import http.client
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Retry, Timeout
from urllib3.exceptions import HTTPError, ProtocolError

from handler import errors
from handler.errors import OpenApiError
from handler.network import tls, urllib3_log
from handler.network.connection import BODY_LIMIT, PlainConnection, StaleConnectionError, TLSConnection

_NO_RETRIES = Retry(total=False)  # network/api.py counts and repeats
_READ_STATUSES = (2, 4)  # hundreds of the statuses whose body is read: answers, and refusals
_CONNECTIONS = 32  # kept for threads; Lambda and SCF run one invocation at a time


class HttpRequest(NamedTuple):
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
        return f"HttpRequest({self.method})"


class HttpResponse(NamedTuple):
    """An answer's HTTP status, headers, and as much of its body as may be."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def __repr__(self) -> str:
        """Show no token."""
        return f"HttpResponse({self.status})"


class HttpClient:
    """The client of a server at `base_url`, which errors call `name`, with its connections.

    Making it raises `OpenApiError` -1 when the certificate authorities cannot be read.
    """

    def __init__(self, base_url: str, name: str) -> None:
        self._parts = urlsplit(base_url)
        self._name = name
        self._pool = self._create_pool()

    def send(self, request: HttpRequest, seconds: float) -> HttpResponse:
        """Make one exchange within `seconds`. Redirects are not followed.

        Raises `StaleConnectionError` for a repeatable request on an idle connection that had ended: the next one is
        sent on a new connection. Raises `OpenApiError` -1 when there is no answer, or one that is too long.
        """
        # What must not be repeated starts on a new connection: on an idle one it might be lost on the way.
        pool = self._pool if request.repeatable else self._create_pool()
        is_stale = False
        try:
            with urllib3_log.hide_secrets():
                return self._send(pool, request, seconds)
        except OpenApiError as error:
            failure = error
        except (HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            is_stale = isinstance(error, ProtocolError) and any(
                isinstance(cause, StaleConnectionError) for cause in error.args
            )
            from handler.network import faults  # noqa: PLC0415 - a success needs none

            failure = faults.explain(error, self._name, repeatable=request.repeatable)
        if is_stale and request.repeatable:
            self._pool = self._create_pool()  # the other idle connections are as old
            raise StaleConnectionError
        raise failure

    def _send(self, pool: HTTPConnectionPool, request: HttpRequest, seconds: float) -> HttpResponse:
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
            content = self._read_body(response) if response.status // 100 in _READ_STATUSES else b""
        finally:
            # Read to its end, the answer has given its connection back; any other connection is of no more use.
            response.close()
        return HttpResponse(response.status, response.headers, content)

    def _read_body(self, response: BaseHTTPResponse) -> bytes:
        """Return the body. Raises `OpenApiError` -1 when it is over the limit."""
        # The connection bounds what is sent. What that decompresses to has a limit of its own, and http.client takes
        # the memory for a stated length, or for a chunk, before it reads.
        length = response.length_remaining or BODY_LIMIT
        is_short = length < BODY_LIMIT and "content-encoding" not in response.headers
        content = response.read() if is_short else response.read(BODY_LIMIT + 1)
        if len(content) > BODY_LIMIT:
            raise errors.unavailable(f"the answer of {self._name} is over {BODY_LIMIT} bytes")
        return content

    def _create_pool(self) -> HTTPConnectionPool:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            secure = HTTPSConnectionPool(host, port, maxsize=_CONNECTIONS, ssl_context=tls.create_context())
            secure.ConnectionCls = TLSConnection
            return secure
        plain = HTTPConnectionPool(host, port, maxsize=_CONNECTIONS)
        plain.ConnectionCls = PlainConnection
        return plain
