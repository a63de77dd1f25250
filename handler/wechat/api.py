"""The one connection pool to WeChat; every answer is bounded in time and size and judged before anyone sees it."""

import http.client
import json
import logging
import os
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import certifi
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Retry, Timeout
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError

from handler.contract import SYSTEM_ERROR, JsonObject, OpenApiError
from handler.invocation import Budget, Kind, out_of_time
from handler.wechat import errcode as answers
from handler.wechat.connection import PlainConnection, TLSConnection

BODY_LIMIT = 1024 * 1024  # bytes after decompression; a plan has a few hundred
_NO_RETRIES = Retry(total=False)  # the budget counts them
_CONNECTIONS = 32  # kept for threads; Lambda and SCF run one invocation at a time


class Request(NamedTuple):
    """A request to WeChat: `target` is the path with its query."""

    method: str
    target: str
    body: bytes | None = None
    headers: Mapping[str, str] | None = None

    def secrets(self) -> list[str]:
        """Return the values that it sends in its query and its JSON body, but for appids and the like."""
        fields = [field.partition("=")[::2] for field in urlsplit(self.target).query.split("&")]
        fields += [(name, unquote(value)) for name, value in fields]
        fields += [(name, str(value)) for name, value in json.loads(self.body or b"{}").items()]
        return [value for name, value in fields if len(value) >= 8 and not name.endswith(("appid", "_type"))]


class WeChat:
    """WeChat's API at `base_url`, whose exchanges last at most `timeout_seconds` each."""

    def __init__(self, base_url: str, timeout_seconds: float) -> None:
        parts = urlsplit(base_url)
        self._prefix = parts.path
        self._timeout_seconds = timeout_seconds
        self._pool: HTTPConnectionPool
        if parts.scheme == "https":
            # certifi's authorities, as requests does; a company's own proxy is trusted by the variable OpenSSL reads.
            ca_certs = os.environ.get("SSL_CERT_FILE") or certifi.where()
            self._pool = HTTPSConnectionPool(parts.hostname or "", parts.port, maxsize=_CONNECTIONS, ca_certs=ca_certs)
            self._pool.ConnectionCls = TLSConnection
        else:
            self._pool = HTTPConnectionPool(parts.hostname or "", parts.port, maxsize=_CONNECTIONS)
            self._pool.ConnectionCls = PlainConnection

    def exchange(self, kind: Kind, request: Request, budget: Budget) -> JsonObject:
        """Make a request, and once more after a passing fault if the budget allows; return a success's body.

        The body is a JSON object whose errcode, if any, states success. Raises `OpenApiError`:
        WeChat's own code, or -1 when there was no usable answer. No cause is attached: causes carry secrets.
        """
        while True:
            try:
                return self._exchange_once(kind, request, budget)
            except OpenApiError as error:
                if not (error.transient and budget.allows(kind) and budget.pause()):
                    raise

    def _exchange_once(self, kind: Kind, request: Request, budget: Budget) -> JsonObject:
        if not budget.allows(kind):
            raise _unusable(f"no {kind} request left in this invocation") if budget.remaining() > 0 else out_of_time()
        seconds = budget.timeout(self._timeout_seconds)
        budget.requests[kind] += 1
        started = time.monotonic()
        try:
            status, content = self._send(request, seconds)
        except (HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            # A refused connection is a time-out by its class only.
            if isinstance(error, (Urllib3TimeoutError, TimeoutError)) and not isinstance(error, NewConnectionError):
                raise out_of_time() from None
            # The class names the fault; the text would show the address with its query.
            raise _unusable(f"no answer from WeChat ({type(error).__name__})", transient=True) from None
        finally:
            budget.upstream_seconds.append(time.monotonic() - started)
        if not 200 <= status < 300:
            raise _unusable(f"WeChat answered HTTP {status}", transient=status >= 500)
        if len(content) > BODY_LIMIT:
            raise _unusable(f"WeChat's answer is over {BODY_LIMIT} bytes")
        try:
            answer = answers.parse_object(content)
        except ValueError:
            raise _unusable("WeChat's answer is not a JSON object") from None
        answers.check(answer, request.secrets)
        return answer

    def _send(self, request: Request, seconds: float) -> tuple[int, bytes]:
        """Return the answer's status and as much of its body as may be; reuse the connection after a whole one."""
        response = self._pool.urlopen(
            request.method,
            self._prefix + request.target,
            request.body,
            request.headers,
            retries=_NO_RETRIES,
            redirect=False,
            timeout=Timeout(total=seconds),
            preload_content=False,
        )
        content = b""
        # What is short and not compressed needs none of the buffers that a limit takes.
        is_short = (response.length_remaining or BODY_LIMIT) < BODY_LIMIT and "content-encoding" not in response.headers
        try:
            if 200 <= response.status < 300:
                content = response.read(None if is_short else BODY_LIMIT + 1)
        finally:
            # Read to its end, the answer has given its connection back; any other connection is of no more use.
            response.close()
        return response.status, content


def _unusable(reason: str, *, transient: bool = False) -> OpenApiError:
    return OpenApiError(SYSTEM_ERROR, reason, status=503, transient=transient)


def _hide_queries(record: logging.LogRecord) -> bool:
    """Cut the query, which holds the token, off the addresses that urllib3 logs (all of them are arguments)."""
    if isinstance(record.args, tuple):
        record.args = tuple(arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args)
    return True


for _name in ("urllib3.connection", "urllib3.connectionpool"):
    logging.getLogger(_name).addFilter(_hide_queries)
