"""Source `store` at a token server: real servers on loopback, over http and TLS, that answer well and badly."""

import io
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, COMPONENT_APPID, Sandbox
from handler import settings
from handler.contract import OpenApiError
from handler.invocation import Budget
from handler.telemetry import log as function_log
from handler.tokens import token_server
from tests.support import DOCUMENTED, PLAN, Configure, Invoke, Log
from tests.token_server import Answer, TokenServer, answer, raw, reset, trickle

PATH = "/hush-path/token"
HEADER = "hush-header-value"


@pytest.fixture
def tokens(sandbox: Sandbox, configure: Configure) -> Iterator[TokenServer]:
    """Run a token server that has a good token, and point the environment at it."""
    with TokenServer(answer({"token": sandbox.tokens.issue()["access_token"]})) as server:
        configure(
            WECHAT_SECRET=None,
            WECHAT_TOKEN_STORE_URL=f"{server.url}{PATH}?key=hush-key&appid={{appid}}",
            WECHAT_TOKEN_STORE_HEADER=f"X-Api-Key: {HEADER}",
        )
        yield server


def refused(invoke: Invoke, **context: Any) -> OpenApiError:
    """Return the error that an invocation raises; neither it nor what hangs on it shows a secret."""
    with pytest.raises(OpenApiError) as caught:
        invoke(**context)
    shown = "".join(traceback.format_exception(caught.value))
    assert "hush" not in f"{caught.value!r} {caught.value.__context__!r} {shown}"
    return caught.value


def shapes(token: str) -> dict[str, Answer]:
    """Return the shapes in which servers answer with a token."""
    objects: dict[str, dict[str, Any]] = {
        "wxcloudrun-wxcomponent": {"code": 0, "errorMsg": "", "data": {"token": token}},
        "as WeChat": {"access_token": token, "expires_in": 7200},
        "with WeChat's errcode": {"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": 7200},
        "token": {"token": token},
        "code as a text": {"code": "0", "msg": "ok", "data": {"accessToken": token, "expires_in": 60}},
        "authorizer": {"data": {"authorizer_appid": APPID, "authorizer_access_token": token}},
        "beside": {"code": None, "data": "hush", "accessToken": token, "expires_in": "7200"},
    }
    return {name: answer(content) for name, content in objects.items()} | {
        "plain text": answer(f"{token}\n", kind="text/plain; charset=utf-8"),
        "JSON string": answer(json.dumps(token)),
        "JSON as text": answer({"token": token}, kind="text/plain"),
        "status 201": answer({"token": token}, status=201),
    }


@pytest.mark.parametrize("shape", shapes(""))
def test_shapes(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke, log: Log, shape: str) -> None:
    """A token is read out of every shape, asked for with the appid and the header, and counted as a token request."""
    tokens.answers = [shapes(sandbox.tokens.issue()["access_token"])[shape]]
    assert invoke() == DOCUMENTED
    assert tokens.requests == [f"{PATH}?key=hush-key&appid={APPID}"]
    assert tokens.headers["X-Api-Key"] == HEADER
    assert sandbox.requests == [("GET", PLAN)]
    line = log()[-1]
    assert (line["token_source"], line["token_requests"], line["plan_requests"]) == ("store", 1, 1)


def test_placeholders(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke, configure: Configure) -> None:
    """The two ids stand in the path and the query; without the platform's, 41002 says which variable to set."""
    configure(WECHAT_TOKEN_STORE_URL=f"{tokens.url}/{{component_appid}}/{{appid}}", WECHAT_TOKEN_STORE_HEADER=None)
    error = refused(invoke)
    assert error.errCode == 41002
    assert "set WECHAT_COMPONENT_APPID, which WECHAT_TOKEN_STORE_URL names" in error.errMsg
    configure(WECHAT_COMPONENT_APPID=COMPONENT_APPID)
    assert invoke({"appid": "wx-other"}) == DOCUMENTED
    assert tokens.requests == [f"/{COMPONENT_APPID}/wx-other"]
    assert sandbox.count(PLAN) == 1


def test_address_alone(tokens: TokenServer, invoke: Invoke, configure: Configure) -> None:
    """An address without a path is its root, and one of Chinese is sent as such addresses are."""
    configure(WECHAT_TOKEN_STORE_URL=tokens.url)
    assert invoke() == DOCUMENTED
    configure(WECHAT_TOKEN_STORE_URL=f"{tokens.url}/\u4ee4\u724c?\u53f7={{appid}}")
    assert invoke() == DOCUMENTED
    assert tokens.requests == ["/", f"/%E4%BB%A4%E7%89%8C?%E5%8F%B7={APPID}"]


class Clock:
    """Unix time that a test moves; called as `time.time` is."""

    now = 1_800_000_000.0

    def __call__(self) -> float:  # noqa: D102 - the class says it
        return self.now


@pytest.mark.parametrize("where", ["top", "data"])
def test_expires_in_is_kept(tokens: TokenServer, where: str) -> None:
    """An answer with `expires_in` is kept until 300 s before its end; then asked for, and kept if that fails."""
    clock = Clock()
    source = token_server.TokenServer(settings.load(), clock)
    seen = []
    for number, seconds in enumerate((0, 699, 2, 699, 2, 31, 268)):
        found = {"token": f"token-{number}", "expires_in": 1000}
        tokens.answers = [answer({"data": found} if where == "data" else found, 200 if number < 4 else 404)]
        clock.now += seconds
        try:
            seen.append(source.token(APPID, Budget()).value)
        except OpenApiError as error:
            seen.append(str(error.errCode))
    assert seen == ["token-0", "token-0", "token-2", "token-2", "token-2", "token-2", "-1"]
    assert len(tokens.requests) == 5


@pytest.mark.parametrize("expires_in", [None, 0, -5, 1, 300, "7200", True])
def test_short_lives_are_not_kept(
    sandbox: Sandbox, tokens: TokenServer, invoke: Invoke, log: Log, expires_in: object
) -> None:
    """A token without a life, or with less than 300 s of it, is asked for each time."""
    token = sandbox.tokens.issue()["access_token"]
    tokens.answers = [answer({"token": token, "expires_in": expires_in})]
    for _ in range(3):
        assert invoke() == DOCUMENTED
    assert len(tokens.requests) == 3
    assert [line["token_requests"] for line in log()] == [1, 1, 1]


def test_each_mini_program_has_its_own(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke) -> None:
    """What is kept for one mini program is not another's."""
    tokens.answers = [answer(sandbox.tokens.issue()), answer(sandbox.tokens.issue())]
    for appid in ("wx-1", "wx-2", "wx-1", "wx-2"):
        assert invoke({"appid": appid}) == DOCUMENTED
    assert [target.rpartition("=")[2] for target in tokens.requests] == ["wx-1", "wx-2"]


def test_threads_share_one_request(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke) -> None:
    """Threads that need the same token ask for it once."""
    tokens.answers = [answer(sandbox.tokens.issue())]
    replies: list[object] = []
    threads = [threading.Thread(target=lambda: replies.append(invoke())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert replies == [DOCUMENTED] * 8
    assert len(tokens.requests) == 1


@pytest.mark.parametrize("life", [{}, {"expires_in": 7200}])
@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_refused_token(
    sandbox: Sandbox, tokens: TokenServer, invoke: Invoke, log: Log, life: dict[str, int], errcode: int
) -> None:
    """After a refusal the server is asked once more: another token is used, the same one is not tried again."""
    token = sandbox.tokens.issue()["access_token"]
    sandbox.faults.append(Fault("plan", "errcode", str(errcode), times=2))
    tokens.answers = [answer({"token": token, **life})]
    assert refused(invoke).errCode == errcode
    assert (sandbox.count(PLAN), len(tokens.requests)) == (1, 2)
    tokens.answers = [answer({"token": token, **life}), answer({**sandbox.tokens.issue(), **life})]
    if life:
        tokens.answers.pop(0)  # the one that was refused is still kept
    assert invoke() == DOCUMENTED
    assert (sandbox.count(PLAN), log()[-1]["token_state"]) == (3, "replaced")
    assert log()[-1]["token_requests"] == 2 - len(life)


def test_at_most_two_requests(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke) -> None:
    """A request that had to be made twice leaves none for after a refusal."""
    tokens.answers = [reset, answer({"token": "hush-refused"})]
    assert refused(invoke).errCode == 40001
    assert (sandbox.count(PLAN), len(tokens.requests)) == (1, 2)


@pytest.mark.parametrize(
    ("play", "requests"), [(reset, 2), (answer({}, 500), 2), (answer("<html>hush", 503, "text/html"), 2)]
)
def test_passing_faults(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke, play: Answer, requests: int) -> None:
    """A connection that breaks and an HTTP 5xx are tried once more, and are -1 and 503 when that fails too."""
    good = tokens.answers[0]
    tokens.answers = [play, good]
    assert invoke() == DOCUMENTED
    tokens.answers, tokens.requests[:] = [play], []
    error = refused(invoke)
    assert (error.errCode, error.status, len(tokens.requests)) == (-1, 503, requests)
    assert "the token server" in error.errMsg
    assert sandbox.count(PLAN) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308, 304, 400, 401, 403, 404, 429])
def test_other_statuses(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke, status: int) -> None:
    """A redirect is not followed, and an HTTP 4xx not repeated: -1 that tells the status, whatever the body says."""
    body = "" if status == 304 else json.dumps({"token": "hush-token", "message": "hush"})
    with TokenServer(answer({"token": "hush"})) as elsewhere:
        tokens.answers = [answer(body, status, Location=f"{elsewhere.url}/hush")]
        error = refused(invoke)
        assert elsewhere.requests == []
    assert (error.errCode, error.status, len(tokens.requests)) == (-1, 503, 1)
    assert error.errMsg.endswith(f"the token server answered HTTP {status}")
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"code": 1001, "errorMsg": "hush", "data": {"token": "hush"}}, "the token server refuses: code 1001"),
        ({"code": -1, "data": "hush"}, "the token server refuses: code -1"),
        ({"errcode": 40013, "errmsg": "hush", "access_token": "hush"}, "the token server refuses: errcode 40013"),
        ({"code": "500"}, "the token server refuses: code 500"),
        ({"code": "hush"}, "the token server refuses: code that is no number"),
        ({"code": {"hush": "hush"}}, "the token server refuses: code that is no number"),
        ({"code": True}, "the token server refuses: code that is no number"),
        ({"code": 0}, "found a JSON object without a token"),
        ({"code": 0, "data": "hush"}, "found a JSON object without a token"),
        ({"msg": "hush"}, "found a JSON object without a token"),
        ("<!doctype html><title>hush</title>", "found an HTML page"),
        ("hush hush", "found a text that is no token"),
        ('{"token": "hush", "expires_in": NaN}', "found a text that is no token"),  # so it is no JSON
        ("", "found an empty text"),
        ('["hush"]', "found a JSON array"),
        ("5", "found a JSON number"),
        (b"\xff\x00hush", "found binary data (Java's serialisation, Kryo or the like)"),
    ],
)
def test_no_token(
    sandbox: Sandbox, tokens: TokenServer, invoke: Invoke, content: bytes | str | dict[str, Any], reason: str
) -> None:
    """The server's own failure code, or an answer without a token, is 41001 in words, and is not repeated."""
    tokens.answers = [answer(content)]
    error = refused(invoke)
    assert (error.errCode, error.status, len(tokens.requests)) == (41001, 500, 1)
    assert error.errMsg.endswith(reason)
    assert sandbox.requests == []


def test_too_long(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke) -> None:
    """An answer of more than 1 MiB is -1, whether its length is told or not."""
    body = json.dumps({"token": "hush", "padding": "x" * 2**20})
    for play in (answer(body), raw(b"HTTP/1.1 200 OK\r\n\r\n" + body.encode())):
        tokens.answers = [play]
        error = refused(invoke)
        assert (error.errCode, error.status) == (-1, 503)
        assert "over 1048576 bytes" in error.errMsg
    assert sandbox.requests == []


def test_deadline(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke) -> None:
    """A server that trickles, or says nothing, is -1 and 504 at the invocation's deadline, and asked once."""
    over = threading.Event()

    def silent(_request: object) -> None:
        over.wait(10)

    plays: list[Answer] = [trickle, silent]
    for play in plays:
        tokens.answers, tokens.requests[:] = [play], []
        error = refused(invoke, deadline=time.monotonic() + 0.5)
        assert (error.errCode, error.status, len(tokens.requests)) == (-1, 504, 1)
    over.set()
    assert sandbox.requests == []


def test_down(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke, configure: Configure) -> None:
    """A server that is not there is -1 and 503."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configure(WECHAT_TOKEN_STORE_URL=f"http://127.0.0.1:{port}/hush")
    error = refused(invoke)
    assert (error.errCode, error.status) == (-1, 503)
    assert error.errMsg.endswith("no answer from the token server (connection refused)")
    assert (sandbox.requests, tokens.requests) == ([], [])


def test_loads_no_client_of_redis(sandbox: Sandbox, tokens: TokenServer) -> None:
    """A token server needs neither the client of Redis nor AWS's."""
    code = (
        "import sys\nfrom handler.app import lambda_handler\nlambda_handler({}, None)\n"
        "assert not {'redis', 'boto3', 'handler.tokens.component', 'handler.tokens.stable'} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=os.environ, check=True, capture_output=True, timeout=60
    )
    assert (sandbox.count(PLAN), len(tokens.requests)) == (1, 1)


@pytest.mark.parametrize("trusted", [True, False])
def test_tls(
    sandbox: Sandbox, invoke: Invoke, configure: Configure, tmp_path: Path, debug_log: io.StringIO, *, trusted: bool
) -> None:
    """An https server is used when its certificate is trusted, and not otherwise."""
    authority = trustme.CA()
    (authority if trusted else trustme.CA()).cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with TokenServer(answer({"token": sandbox.tokens.issue()["access_token"]}), tls=context) as server:
        configure(
            SSL_CERT_FILE=str(tmp_path / "ca.pem"),
            WECHAT_SECRET=None,
            WECHAT_TOKEN_STORE_URL=f"{server.url}/hush-path?appid={{appid}}",
            WECHAT_TOKEN_STORE_HEADER="Authorization: Bearer hush-bearer",
        )
        if trusted:
            assert invoke() == DOCUMENTED
            assert server.headers["Authorization"] == "Bearer hush-bearer"
        else:
            error = refused(invoke)
            assert (error.errCode, error.status, server.requests) == (-1, 503, [])
    assert "hush" not in debug_log.getvalue()


@pytest.mark.parametrize(
    "play",
    [
        answer({"token": "hush-token", "expires_in": 7200}),
        answer("hush-token", kind="text/plain"),
        answer({"code": 1, "msg": "hush-message"}),
        answer("hush", 302, Location="https://hush.example.com/hush"),
        answer("hush", 500),
        answer("hush", 403, **{"X-hush": "hush"}),
        raw(b"HTTP/1.1 200 OK\r\nhush-broken header: \xff\r\n hush\r\n\r\nhush"),
        raw(b"hush is no HTTP\r\n\r\n"),
        reset,
    ],
)
def test_nothing_secret_is_shown(
    sandbox: Sandbox,
    tokens: TokenServer,
    invoke: Invoke,
    debug_log: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    play: Answer,
) -> None:
    """At DEBUG neither the address's path and query, nor the header, nor an answer is printed, logged or raised."""
    monkeypatch.setattr(function_log.logger.registered_handler, "stream", debug_log)
    tokens.answers = [play]
    for _ in range(2):
        refused(invoke)
    assert tokens.requests
    assert sandbox.connections <= 2
    printed = debug_log.getvalue() + "".join(capfd.readouterr())
    assert "Starting new HTTP connection" in printed
    assert '"message":"getGrayReleasePlan"' in printed
    assert re.findall(".*hush.*", printed) == []
