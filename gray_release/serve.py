"""A local HTTP front: requests become the events of a Lambda Function URL, or of SCF's, and replies HTTP again."""

import base64
import re
import sys
import time
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from gray_release.invoke import Target, call

# What browsers and crawlers ask of every host by themselves: nobody's call, so WeChat is not asked.
BROWSERS_OWN = re.compile(r"/(favicon\.ico|robots\.txt|apple-touch-icon.*|\.well-known/.*)$")


def front(target: Target, port: int, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """Return a server, not yet serving, that answers every request with the function's reply."""
    return ThreadingHTTPServer((host, port), _ScfHandler if target == "scf" else _LambdaHandler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    content = b""
    target: Target

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Take every method, as the platforms do: the function says which it answers."""
        if name.startswith("do_"):
            return self._one_request
        raise AttributeError(name)

    def _one_request(self) -> None:
        if BROWSERS_OWN.match(urlsplit(self.path).path):
            self.send_error(404, "the cloud call is at /")
            return
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal():
            self.send_error(400, "Content-Length must be a number")
            return
        self.content = self.rfile.read(int(length))
        reply = call(_scf_event(self) if self.target == "scf" else _lambda_event(self), self.target)
        body = reply["body"].encode()
        self.send_response(reply["statusCode"])
        for name, value in reply["headers"].items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, _format: str, *_: object) -> None:
        """Print the request without its query, which may hold a token."""
        print(f"serve: {self.command} {urlsplit(self.path).path}", file=sys.stderr, flush=True)

    def text_or_base64(self) -> tuple[str, bool]:
        """Return the body as the platforms pass it: text, or base64 where it is not UTF-8."""
        try:
            return self.content.decode(), False
        except UnicodeDecodeError:
            return base64.b64encode(self.content).decode(), True


class _LambdaHandler(_Handler):
    target = "lambda"


class _ScfHandler(_Handler):
    target = "scf"


def _lambda_event(request: _Handler) -> dict[str, Any]:
    """Make the event of https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html."""
    address = urlsplit(request.path)
    body, encoded = request.text_or_base64()
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


def _scf_event(request: _Handler) -> dict[str, Any]:
    """Make the event of https://cloud.tencent.com/document/product/583/96099."""
    address = urlsplit(request.path)
    return {
        "body": request.text_or_base64()[0],
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "httpMethod": request.command,
        "path": unquote(address.path),
        "queryString": dict(parse_qsl(address.query, keep_blank_values=True)),
    }
