"""Make one HTTP exchange with WeChat, a token server or AWS, limited in time and size."""

import contextlib
import http.client
import zlib
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Retry, Timeout
from urllib3.exceptions import DecodeError, HTTPError, ProtocolError

from handler import errors
from handler.errors import OpenApiError
from handler.network import tls, urllib3_log
from handler.network.connection import BODY_LIMIT, PlainConnection, StaleConnectionError, TLSConnection

_NO_RETRIES = Retry(total=False)  # urllib3 must not retry: `Api.exchange` counts the requests
_READ_STATUSES = (2, 4)  # read the bodies of 2xx and 4xx answers; no other body is needed
_CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15, "raw deflate": -15}  # content codings, and zlib's `wbits` for each
_CONNECTIONS = 32  # the most that stay open; the threads of a batch or of a server need more than one


class HttpRequest(NamedTuple):
    """An HTTP request. `target` is the path with its query. A `repeatable` request does no harm if it is sent twice."""

    method: str
    target: str
    body: bytes | None = None
    headers: Mapping[str, str] | None = None
    repeatable: bool = True

    def __repr__(self) -> str:
        """Show only the method, because the target and the body contain tokens and AppSecrets."""
        return f"HttpRequest({self.method})"


class HttpResponse(NamedTuple):
    """An answer's HTTP status, headers and body. The body is empty unless the status is 2xx or 4xx."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def __repr__(self) -> str:
        """Show only the status, because the body may contain a token."""
        return f"HttpResponse({self.status})"


class HttpClient:
    """The connections to the server at `base_url`, which error messages call `name`.

    The constructor raises `OpenApiError` -1 if the certificate authorities cannot be read.
    """

    def __init__(self, base_url: str, name: str) -> None:
        self._parts = urlsplit(base_url)
        self._name = name
        self._pool = self._create_pool()

    def send(self, request: HttpRequest, seconds: float) -> HttpResponse:
        """Make one exchange within `seconds`. Does not follow redirects.

        Raises `StaleConnectionError` if the request is repeatable and the server had closed the idle connection. The
        next call then opens a new connection. Raises `OpenApiError` -1 if there is no answer, or an answer over
        `BODY_LIMIT`.
        """
        # A closed idle connection loses a request. So a request that must not be sent twice gets a new connection.
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
            from handler.network import faults  # noqa: PLC0415 - a success does not need it

            failure = faults.explain(error, self._name, repeatable=request.repeatable)
        if is_stale and request.repeatable:
            # The other connections were idle as long, so the server may have closed them too.
            self._pool = self._create_pool()
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
            # A fully read answer has already returned its connection to the pool. Any other connection must be closed.
            response.close()
        return HttpResponse(response.status, response.headers, content)

    def _read_body(self, response: BaseHTTPResponse) -> bytes:
        """Return the body. Raises `OpenApiError` -1 if it is over `BODY_LIMIT`."""
        # The connection already limits the received bytes. The limit here is for memory, because http.client allocates
        # the length that a header or a chunk states.
        length = response.length_remaining or BODY_LIMIT
        content = response.read(None if length < BODY_LIMIT else BODY_LIMIT + 1, decode_content=False)
        if len(content) <= BODY_LIMIT:
            content = _decompress(content, response.headers.get("Content-Encoding", "").strip().lower())
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


def _decompress(content: bytes, coding: str) -> bytes:
    """Return up to `BODY_LIMIT` + 1 bytes of a decompressed body. Raises `DecodeError`.

    urllib3 undoes several codings, and any number of gzip members. It takes half a minute of CPU for 97 KB that are
    compressed twice and contain only empty members. This function undoes one coding and reads one member.
    """
    if coding not in _CODINGS or not content:
        return content
    if coding == "deflate" and content[0] & 15 != zlib.DEFLATED:  # some servers omit zlib's header
        coding = "raw deflate"
    decoder = zlib.decompressobj(_CODINGS[coding])
    with contextlib.suppress(zlib.error):
        body = decoder.decompress(content, BODY_LIMIT + 1)
        if decoder.eof or len(body) > BODY_LIMIT:
            return body
    raise DecodeError
