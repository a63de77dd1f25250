"""A local HTTP server that runs the function as a Lambda or SCF function URL does.

It turns each request into the event of that function URL, and the function's reply into the HTTP response.
"""

import base64
import re
import sys
import time
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from gray_release.invoke import Target, invoke_function
from gray_release.release import make_printable

# Browsers and crawlers request these paths on every host. These requests must not use up WeChat's quota.
BROWSER_PATHS = re.compile(r"/(favicon\.ico|robots\.txt|apple-touch-icon.*|\.well-known/.*)$")

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")  # host names that programs on this machine use
BODY_LIMIT = 6 * 1024 * 1024  # bytes; the limit of both platforms


class RefusedError(Exception):
    """A request that gets an HTTP error without a call of the function."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def create_server(target: Target, port: int, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """Create the server. Call `serve_forever` to start it."""
    return _Server((host, port), _ScfHandler if target == "scf" else _LambdaHandler)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print no traceback if the client has closed the connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30  # seconds to wait for data from the client
    address = SplitResult("", "", "", "", "")
    content = b""
    target: Target

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Accept every HTTP method, as the platforms do, because the function decides which are allowed."""
        if name.startswith("do_"):
            return self._handle_request
        raise AttributeError(name)

    def _handle_request(self) -> None:
        try:
            self.address = self._split_target()
            self._check_caller()
            self.content = self._read_body()
        except RefusedError as error:
            self.send_error(error.status, error.reason)
            return
        reply = invoke_function(
            _create_scf_event(self) if self.target == "scf" else _create_lambda_event(self), self.target
        )
        body = reply["body"].encode()
        self.send_response(reply["statusCode"])
        for name, value in reply["headers"].items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _split_target(self) -> SplitResult:
        self.address = SplitResult("", "", "", "", "")
        address = _split_url(self.path)
        if address is None:
            raise RefusedError(400, "the request target is not a valid URL")
        if BROWSER_PATHS.match(address.path):
            raise RefusedError(404, "the cloud call is at /")
        return address

    def _check_caller(self) -> None:
        """Refuse requests of foreign web pages, because they would use this machine's WeChat credentials.

        A page can point its own host name at 127.0.0.1 (DNS rebinding), or submit a form to this server.
        """
        host = self.headers.get("Host")
        hosts = [name for name in (host, self.address.netloc) if name]
        if any(not _is_local(f"//{name}") for name in hosts):
            raise RefusedError(
                403, f"only for programs on this machine: use the host {LOCAL_HOSTS[0]} or {LOCAL_HOSTS[1]}"
            )
        origin = self.headers.get("Origin")
        is_foreign = origin is not None and origin.lower() != f"http://{host}".lower()
        if is_foreign or self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            raise RefusedError(403, "the request comes from a web page of another site")

    def _read_body(self) -> bytes:
        if "Transfer-Encoding" in self.headers:
            raise RefusedError(411, "send a Content-Length")
        lengths = set(self.headers.get_all("Content-Length") or ["0"])
        length = lengths.pop()
        if lengths or not re.fullmatch("[0-9]+", length):
            raise RefusedError(400, "Content-Length must be a number")
        if len(length) > len(str(BODY_LIMIT)) or int(length) > BODY_LIMIT:
            raise RefusedError(413, f"the body is longer than {BODY_LIMIT} bytes, the limit of both platforms")
        try:
            content = self.rfile.read(int(length))
        except TimeoutError:
            content = b""
        if len(content) < int(length):
            raise RefusedError(408, "the body is shorter than its Content-Length")
        return content

    def log_request(self, code: object = "-", _size: object = "-") -> None:
        """Print the request and its status, but not its query, which may contain a token."""
        address = _split_url(getattr(self, "path", None) or "")
        path = address.path if address else "?"
        line = f"serve: {self.command or '?'} {path} -> {int(code) if isinstance(code, int) else code}"
        print(make_printable(line), file=sys.stderr, flush=True)

    def log_message(self, *_: object) -> None:
        """Print nothing else: `log_request` has printed the request."""

    def encode_body(self) -> tuple[str, bool]:
        """Return the body as text, or as base64 if it is not UTF-8, and whether it is base64."""
        try:
            return self.content.decode(), False
        except UnicodeDecodeError:
            return base64.b64encode(self.content).decode(), True


def _split_url(address: str) -> SplitResult | None:
    try:
        return urlsplit(address)
    except ValueError:
        return None


def _is_local(address: str) -> bool:
    parts = _split_url(address)
    return parts is not None and parts.hostname in LOCAL_HOSTS and "@" not in parts.netloc


class _LambdaHandler(_Handler):
    target = "lambda"


class _ScfHandler(_Handler):
    target = "scf"


def _create_lambda_event(request: _Handler) -> dict[str, Any]:
    """Create the event that https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html documents."""
    address = request.address
    body, encoded = request.encode_body()
    headers = {name.lower(): value for name, value in request.headers.items()}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": unquote(address.path),
        "rawQueryString": address.query,
        "headers": headers,
        "queryStringParameters": dict(parse_qsl(address.query, keep_blank_values=True)),
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "local",
            "domainName": "local.lambda-url.us-east-1.on.aws",
            "http": {
                "method": request.command,
                "path": unquote(address.path),
                "protocol": request.request_version,
                "sourceIp": request.client_address[0],
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": int(time.time() * 1000),
        },
        "body": body,
        "isBase64Encoded": encoded,
    }


def _create_scf_event(request: _Handler) -> dict[str, Any]:
    """Create the event that https://cloud.tencent.com/document/product/583/96099 documents."""
    address = request.address
    return {
        "body": request.encode_body()[0],
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "httpMethod": request.command,
        "path": unquote(address.path),
        "queryString": dict(parse_qsl(address.query, keep_blank_values=True)),
    }
