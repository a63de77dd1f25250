"""A stand-in for api.weixin.qq.com on loopback that keeps WeChat's documented rules for tokens and for the plan.

Rules and codes: getStableAccessToken, getAccessToken and getGrayReleasePlan on developers.weixin.qq.com.
"""

import json
import secrets
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from handler.contract import HTTPS_PATH
from handler.local.sandbox.faults import Fault, http

if TYPE_CHECKING:
    from typing_extensions import Self

APPID = "wx0123456789abcdef"
SECRET = "5a6d6b0c7d1e4f2a9b8c7d6e5f4a3b2c"  # noqa: S105 - the sandbox's own, worth nothing elsewhere

DOCUMENTED_PLAN = {
    "status": 1,
    "create_timestamp": 1517553721,
    "default_finish_timestamp": 1517554721,
    "gray_percentage": 8,
}

COMPONENT_APPID = "wxfedcba9876543210"
COMPONENT_SECRET = "0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a"  # noqa: S105 - the same
TICKET = "ticket@@@sandbox"
REFRESH_TOKEN = "refreshtoken@@@sandbox"  # noqa: S105 - the same

LIFETIME_SECONDS = 7200
OVERLAP_SECONDS = 300  # the last part of a stable token's life, in which there is a new one and both work

Json = dict[str, Any]
Plan = Callable[[float], Mapping[str, Any] | None]


STEPS = {"wait": 0, "rise": 1, "pause": 2, "finish": 3, "delete": 4}  # a scenario's words, and WeChat's status


def scenario(steps: Sequence[tuple[str, float]], start: float) -> Plan:
    """Return the plan of a release that goes through steps of so many seconds from Unix time `start`.

    It stays at the last one. Its steps named `rise` take it from 0 to 100 percent together; then it is finished.
    """
    rise = sum(seconds for step, seconds in steps if step == "rise") or 1
    end = start + sum(seconds for _, seconds in steps)

    def plan(now: float) -> Json:
        left, share, status = now - start, 0.0, 0
        for step, seconds in steps:
            status = STEPS[step]
            share = 1 if step == "finish" else share + min(max(left, 0), seconds) / rise * (step == "rise")
            if left < seconds:
                break
            left -= seconds
        percentage = min(int(round(share * 100, 6)), 100)
        return {
            "status": 3 if status == 1 and percentage == 100 else status,
            "create_timestamp": int(start),
            "default_finish_timestamp": int(end),
            "gray_percentage": percentage,
        }

    return plan


def advancing(seconds: float, start: float) -> Plan:
    """Return a plan that rises from 0 to 100 percent in `seconds` from Unix time `start`, and is then finished."""
    return scenario([("rise", seconds)], start)


class Refusal(Exception):  # noqa: N818 - what WeChat does
    """WeChat's errcode and errmsg."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(errcode)
        self.body = {"errcode": errcode, "errmsg": f"{errmsg} rid: {secrets.token_hex(4)}-sandbox"}


@dataclass
class Tokens:
    """The access tokens of the mini programs, as WeChat keeps them; times are Unix seconds."""

    apps: dict[str, str]
    clock: Callable[[], float]
    expiry: dict[str, float] = field(default_factory=dict)
    stable: dict[str, str] = field(default_factory=dict)
    classic: dict[str, str] = field(default_factory=dict)

    def issue(self) -> Json:
        """Make a token good for two hours."""
        token = f"sandbox_{secrets.token_urlsafe(64)}"
        self.expiry[token] = self.clock() + LIFETIME_SECONDS
        return {"access_token": token, "expires_in": LIFETIME_SECONDS}

    def authenticate(self, fields: Mapping[str, Any]) -> str:
        """Return the appid of a token request. Raises `Refusal`."""
        appid, secret = fields.get("appid"), fields.get("secret")
        if not appid:
            raise Refusal(41002, "appid missing")
        if not secret:
            raise Refusal(41004, "appsecret missing")
        if appid not in self.apps:
            raise Refusal(40013, "invalid appid")
        if secret != self.apps[appid]:
            raise Refusal(40125, "invalid appsecret")
        if fields.get("grant_type") != "client_credential":
            raise Refusal(40002, "invalid grant_type")
        return str(appid)

    def stable_token(self, fields: Mapping[str, Any]) -> Json:
        """Return the appid's stable token: the same in normal mode, a new one in its last five minutes."""
        appid = self.authenticate(fields)
        current = self.stable.get(appid, "")
        left = self.expiry.get(current, 0) - self.clock()
        if fields.get("force_refresh") is True:
            self.expiry.pop(current, None)
        elif left > OVERLAP_SECONDS:
            return {"access_token": current, "expires_in": int(left)}
        answer = self.issue()
        self.stable[appid] = answer["access_token"]
        return answer

    def classic_token(self, fields: Mapping[str, Any]) -> Json:
        """Return a new token of the classic kind and end the one before."""
        appid = self.authenticate(fields)
        self.expiry.pop(self.classic.get(appid, ""), None)
        answer = self.issue()
        self.classic[appid] = answer["access_token"]
        return answer

    def check(self, token: str) -> None:
        """Raise `Refusal` unless the token is good."""
        if token not in self.expiry:
            raise Refusal(40001, "invalid credential, access_token is invalid or not latest")
        if self.expiry[token] <= self.clock():
            raise Refusal(42001, "access_token expired")


@dataclass
class Platform:
    """A third-party platform: its ticket, the refresh tokens of its authorizers, and its own tokens' ends.

    `rotate` gives out a new refresh token with each access token, and ends the one before.
    """

    tokens: Tokens
    appid: str = COMPONENT_APPID
    secret: str = COMPONENT_SECRET
    ticket: str = TICKET
    authorizers: dict[str, str] = field(default_factory=lambda: {APPID: REFRESH_TOKEN})
    expiry: dict[str, float] = field(default_factory=dict)
    rotate: bool = False

    def component_token(self, fields: Mapping[str, Any]) -> Json:
        """Return the platform's own token."""
        if fields.get("component_appid") != self.appid:
            raise Refusal(40013, "invalid appid")
        if fields.get("component_appsecret") != self.secret:
            raise Refusal(40125, "invalid appsecret")
        if fields.get("component_verify_ticket") != self.ticket:
            raise Refusal(61006, "component ticket is invalid")
        token = f"component_{secrets.token_urlsafe(64)}"
        self.expiry[token] = self.tokens.clock() + LIFETIME_SECONDS
        return {"component_access_token": token, "expires_in": LIFETIME_SECONDS}

    def authorizer_token(self, token: str, fields: Mapping[str, Any]) -> Json:
        """Return a token of an authorizer for its refresh token."""
        if token not in self.expiry:
            raise Refusal(40001, "invalid credential, component_access_token is invalid")
        if self.expiry[token] <= self.tokens.clock():
            raise Refusal(42001, "component_access_token expired")
        appid = str(fields.get("authorizer_appid"))
        if fields.get("component_appid") != self.appid or appid not in self.authorizers:
            raise Refusal(61003, "component is not authorized by this account")
        if fields.get("authorizer_refresh_token") != self.authorizers[appid]:
            raise Refusal(61023, "refresh_token is invalid")
        if self.rotate:
            self.authorizers[appid] = f"refreshtoken@@@{secrets.token_urlsafe(16)}"
        issued = self.tokens.issue()
        return {
            "authorizer_access_token": issued["access_token"],
            "expires_in": issued["expires_in"],
            "authorizer_refresh_token": self.authorizers[appid],
        }


class Sandbox:
    """The server; use it as a context manager, or call `serve_forever`.

    `plan` is the plan of WeChat's body or a function of Unix time. `faults` may be changed while it runs; the first
    that strikes is played. `requests` lists what came, as `(method, path)`, `refusals` counts the errcodes of its own
    answers, and `connections` counts connections.
    """

    def __init__(  # noqa: PLR0913 - each is one thing to set
        self,
        *,
        plan: Mapping[str, Any] | Plan | None = None,
        faults: list[Fault] | None = None,
        apps: dict[str, str] | None = None,
        clock: Callable[[], float] = time.time,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        access_log: bool = False,
    ) -> None:
        self.plan = DOCUMENTED_PLAN if plan is None else plan
        self.faults = faults if faults is not None else []
        self.tokens = Tokens(apps if apps is not None else {APPID: SECRET}, clock)
        self.platform = Platform(self.tokens)
        self.cloudbase_tokens: set[str] = set()
        self.requests: list[tuple[str, str]] = []
        self.refusals: Counter[int] = Counter()
        self.connections = 0
        self.lock = threading.Lock()
        self.access_log = access_log
        self._clock = clock
        self._server = _Server((host, port), self, tls)
        scheme = "https" if tls else "http"
        self.base_url = f"{scheme}://{host}:{self._server.server_port}"

    def serve_forever(self) -> None:
        """Serve until the process is interrupted."""
        self._server.serve_forever()

    def __enter__(self) -> "Self":
        threading.Thread(target=self._server.serve_forever, args=(0.002,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self, path: str) -> int:
        """Return how many requests came to the path."""
        return sum(requested == path for _, requested in self.requests)

    def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> Json:
        """Return WeChat's JSON body for a request."""
        try:
            with self.lock:
                return _ROUTES.get(path, Sandbox._unknown)(self, method, query, body)
        except Refusal as refusal:
            return refusal.body

    def _stable_token(self, method: str, _query: Mapping[str, str], body: bytes) -> Json:
        return self.tokens.stable_token(_posted(method, body))

    def _component_token(self, method: str, _query: Mapping[str, str], body: bytes) -> Json:
        return self.platform.component_token(_posted(method, body))

    def _authorizer_token(self, method: str, query: Mapping[str, str], body: bytes) -> Json:
        return self.platform.authorizer_token(query.get("component_access_token", ""), _posted(method, body))

    def _classic_token(self, _method: str, query: Mapping[str, str], _body: bytes) -> Json:
        return self.tokens.classic_token(query)

    def _plan(self, method: str, query: Mapping[str, str], _body: bytes) -> Json:
        if method != "GET":
            raise Refusal(43001, "require GET method")
        cloudbase = query.get("cloudbase_access_token")
        token = query.get("access_token")
        if cloudbase:
            if cloudbase not in self.cloudbase_tokens:
                raise Refusal(40001, "invalid credential, cloudbase_access_token is invalid")
        elif token:
            self.tokens.check(token)
        else:
            raise Refusal(41001, "access_token missing")
        plan = self.plan(self._clock()) if callable(self.plan) else self.plan
        return {"errcode": 0, "errmsg": "ok", "gray_release_plan": plan}

    def _unknown(self, _method: str, _query: Mapping[str, str], _body: bytes) -> Json:
        raise Refusal(40066, "invalid url")


def _posted(method: str, body: bytes) -> Json:
    """Return the JSON object of a POST. Raises `Refusal`."""
    if method != "POST":
        raise Refusal(43002, "require POST method")
    try:
        fields = json.loads(body)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise Refusal(47001, "data format error")
    return fields


_ROUTES: dict[str, Callable[[Sandbox, str, Mapping[str, str], bytes], Json]] = {
    "/cgi-bin/stable_token": Sandbox._stable_token,  # noqa: SLF001 - its own
    "/cgi-bin/token": Sandbox._classic_token,  # noqa: SLF001 - its own
    "/cgi-bin/component/api_component_token": Sandbox._component_token,  # noqa: SLF001 - its own
    "/cgi-bin/component/api_authorizer_token": Sandbox._authorizer_token,  # noqa: SLF001 - its own
    HTTPS_PATH: Sandbox._plan,  # noqa: SLF001 - its own
}


_ENDPOINTS = {  # as faults name them
    HTTPS_PATH: "plan",
    "/cgi-bin/token": "classic",
    "/cgi-bin/stable_token": "stable",
    "/cgi-bin/component/api_component_token": "component",
    "/cgi-bin/component/api_authorizer_token": "authorizer",
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: Sandbox, tls: ssl.SSLContext | None) -> None:
        super().__init__(address, _Handler)
        self.sandbox = sandbox
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients that give up are part of the play."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        with self.server.sandbox.lock:
            self.server.sandbox.connections += 1

    def do_GET(self) -> None:
        sandbox = self.server.sandbox
        address = urlsplit(self.path)
        body = self._body()
        with sandbox.lock:
            sandbox.requests.append((self.command, address.path))
            endpoint = _ENDPOINTS.get(address.path, "other")
            fault = next((fault for fault in sandbox.faults if fault.strikes(endpoint)), None)
        reply = sandbox.answer(self.command, address.path, dict(parse_qsl(address.query)), body)
        with sandbox.lock:
            sandbox.refusals[reply.get("errcode", 0)] += 1
        if fault and fault.kind == "echo":
            reply = {"errcode": 47001, "errmsg": f"cannot read {self.path} {body.decode()}"}
        answer = http(json.dumps(reply, ensure_ascii=False).encode())
        if sandbox.access_log:
            played = f"fault {fault.kind}" if fault else f"errcode {reply.get('errcode', 0)}"
            print(f"sandbox: {self.command} {address.path} -> {played}", file=sys.stderr, flush=True)
        if fault is None:
            self.connection.sendall(answer)
        elif not fault.play(endpoint, answer, self.connection):
            self.close_connection = True

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, *_: object) -> None:
        """Say nothing of what is no HTTP."""

    do_POST = do_HEAD = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server's names
