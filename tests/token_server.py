"""A token server on loopback that plays the test's answers."""

import json
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

PATH = "/hush-path/token"  # the function must never show "hush"
HEADER = "hush-header-value"

Answer = Callable[[BaseHTTPRequestHandler], None]


def answer(
    content: bytes | str | dict[str, Any], status: int = 200, kind: str = "application/json", **headers: str
) -> Answer:
    """Answer with this body. Bytes are sent unchanged, and an object as JSON."""
    if isinstance(content, dict):
        content = json.dumps(content)
    body = content if isinstance(content, bytes) else content.encode()

    def play(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return play


def raw(content: bytes) -> Answer:
    """Send these bytes unchanged, and close the connection."""

    def play(request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        request.wfile.write(content)

    return play


def reset(request: BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer."""
    request.close_connection = True


def trickle(request: BaseHTTPRequestHandler) -> None:
    """Send one byte at a time, endlessly."""
    request.send_response(200)
    request.end_headers()
    while True:
        request.wfile.write(b" ")
        time.sleep(0.02)


class TokenServer:
    """The server; use it as a context manager. It plays `answers` in turn, then repeats the last one.

    `requests` lists the requested targets; `headers` are those of the last request.
    """

    def __init__(self, *answers: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.answers = list(answers)
        self.requests: list[str] = []
        self.headers: dict[str, str] = {}
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Self":
        threading.Thread(target=self._server.serve_forever, args=(0.002,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: TokenServer

    def handle_error(self, *_: object) -> None:
        """Print nothing, because clients close connections on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        owner = self.server.owner
        owner.requests.append(self.path)
        owner.headers = dict(self.headers)
        play = owner.answers.pop(0) if len(owner.answers) > 1 else owner.answers[0]
        play(self)

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    do_POST = do_GET
