"""The sandbox's HTTP server."""

import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from gray_release.sandbox import rules
from gray_release.sandbox.fault_kinds import encode_response
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.routes import Request, find_route
from gray_release.sandbox.rules import APPID, COMPONENT_APPID, COMPONENT_SECRET, REFRESH_TOKEN, SECRET, TICKET
from gray_release.sandbox.scenario import DOCUMENTED_PLAN, Plan

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["APPID", "COMPONENT_APPID", "COMPONENT_SECRET", "DOCUMENTED_PLAN", "REFRESH_TOKEN", "SECRET", "TICKET"]
__all__ += ["Sandbox"]


class Sandbox:
    """A stand-in for api.weixin.qq.com. Use it as a context manager, or call `serve_forever`.

    `plan` is the plan of every mini program, or a function that returns it for a Unix time. `plans` has other plans by
    appid. `faults` may change while the server runs; the first fault that applies to a request is used. `requests`
    lists all requests as `(method, path)`, `refusals` counts the answers by errcode, `connections` counts connections.
    `access_log` is called with one line for each request.
    """

    def __init__(  # noqa: PLR0913 - all are independent and optional
        self,
        *,
        plan: Mapping[str, object] | Plan | None = None,
        faults: list[Fault] | None = None,
        apps: dict[str, str] | None = None,
        clock: Callable[[], float] = time.time,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        access_log: Callable[[str], None] | None = None,
    ) -> None:
        self.plan = DOCUMENTED_PLAN if plan is None else plan
        self.plans: dict[str, Mapping[str, object] | Plan | None] = {}
        self.faults = faults if faults is not None else []
        self.tokens: rules.Tokens = rules.Tokens(apps if apps is not None else {APPID: SECRET}, clock)
        self.platform: rules.Platform = rules.Platform(self.tokens)
        self.cloudbase_tokens: set[str] = set()
        self.requests: list[tuple[str, str]] = []
        self.refusals: Counter[int] = Counter()
        self.connections = 0
        self.daily_limit = 10_000  # plan requests that the quota allows
        self.lock = threading.Lock()
        self.access_log = access_log
        self._server = _Server((host, port), self, tls)
        scheme = "https" if tls else "http"
        self.base_url = f"{scheme}://{host}:{self._server.server_port}"

    def serve_forever(self) -> None:
        """Serve until an interrupt."""
        self._server.serve_forever()

    def __enter__(self) -> "Self":
        threading.Thread(target=self._server.serve_forever, args=(0.002,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self, path: str) -> int:
        """Return the number of requests to a path."""
        return sum(requested == path for _, requested in self.requests)

    def answer(self, request: Request) -> tuple[rules.Json, Fault | None]:
        """Return WeChat's JSON body for a request, and the fault to send instead, if any."""
        endpoint, answer = find_route(request.path)
        with self.lock:
            self.requests.append((request.method, request.path))
            owner = self.tokens.owners.get(request.query.get("access_token", ""))
            fault = next((fault for fault in self.faults if fault.consume(endpoint, owner)), None)
            try:
                reply = answer(self, request)
            except rules.Refusal as refusal:
                reply = refusal.body
            self.refusals[reply.get("errcode", 0)] += 1
        if fault and fault.kind == "echo":
            reply = {"errcode": 47001, "errmsg": f"cannot read {request.target} {request.body.decode()}"}
        if self.access_log:
            outcome = f"fault {fault.kind}" if fault else f"errcode {reply.get('errcode', 0)}"
            self.access_log(f"sandbox: {request.method} {request.path} -> {outcome}")
        return reply, fault


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: Sandbox, tls: ssl.SSLContext | None) -> None:
        super().__init__(address, _Handler)
        self.sandbox = sandbox
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, *_: object) -> None:
        """Print nothing: tests make clients give up on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        with self.server.sandbox.lock:
            self.server.sandbox.connections += 1

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        request = Request(self.command, self.path, address.path, dict(parse_qsl(address.query)), self._read_body())
        reply, fault = self.server.sandbox.answer(request)
        answer = encode_response(json.dumps(reply, ensure_ascii=False).encode())
        if fault is None:
            self.connection.sendall(answer)
        elif not fault.play(find_route(request.path)[0], answer, self.connection):
            self.close_connection = True

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, *_: object) -> None:
        """Print nothing about requests that are not HTTP."""

    do_POST = do_HEAD = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server requires these names
