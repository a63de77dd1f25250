"""Source `store` with a token server: network faults, TLS, and secrets that must not be shown."""

import io
import json
import re
import threading
import time

import pytest
import trustme

from gray_release.sandbox.server import Sandbox
from handler.telemetry import log as function_log
from tests.support import DOCUMENTED, PLAN, Configure, Invoke, catch_error, create_server_context
from tests.tcp import find_free_port
from tests.token_server import Answer, TokenServer, answer, raw, reset, trickle


@pytest.mark.parametrize(
    ("play", "requests"), [(reset, 2), (answer({}, 500), 2), (answer("<html>hush", 503, "text/html"), 2)]
)
def test_passing_faults(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke, play: Answer, requests: int) -> None:
    """A broken connection or an HTTP 5xx is retried once. After a second fault, errCode is -1 and the status 503."""
    good = tokens.answers[0]
    tokens.answers = [play, good]
    assert invoke() == DOCUMENTED
    tokens.answers, tokens.requests[:] = [play], []
    error = catch_error(invoke)
    assert (error.errCode, error.status, len(tokens.requests)) == (-1, 503, requests)
    assert "the token server" in error.errMsg
    assert sandbox.count(PLAN) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308, 304, 400, 401, 403, 404, 429])
def test_other_statuses(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke, status: int) -> None:
    """A redirect is not followed and an HTTP 4xx is not retried. The errCode is -1, and the reason has the status."""
    body = "" if status == 304 else json.dumps({"token": "hush-token", "message": "hush"})
    with TokenServer(answer({"token": "hush"})) as elsewhere:
        tokens.answers = [answer(body, status, Location=f"{elsewhere.url}/hush")]
        error = catch_error(invoke)
        assert elsewhere.requests == []
    assert (error.errCode, error.status, len(tokens.requests)) == (-1, 503, 1)
    assert error.errMsg.endswith(f"the token server answered HTTP {status}")
    assert sandbox.requests == []


def test_too_long(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke) -> None:
    """An answer of more than 1 MiB gives errCode -1, with or without a Content-Length."""
    body = json.dumps({"token": "hush", "padding": "x" * 2**20})
    for play in (answer(body), raw(b"HTTP/1.1 200 OK\r\n\r\n" + body.encode())):
        tokens.answers = [play]
        error = catch_error(invoke)
        assert (error.errCode, error.status) == (-1, 503)
        assert "over 1048576 bytes" in error.errMsg
    assert sandbox.requests == []


def test_deadline(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke) -> None:
    """A server that trickles or is silent gives errCode -1 and status 504 at the deadline, after one request."""
    over = threading.Event()

    def stay_silent(_request: object) -> None:
        over.wait(10)

    plays: list[Answer] = [trickle, stay_silent]
    for play in plays:
        tokens.answers, tokens.requests[:] = [play], []
        error = catch_error(invoke, deadline=time.monotonic() + 0.5)
        assert (error.errCode, error.status, len(tokens.requests)) == (-1, 504, 1)
    over.set()
    assert sandbox.requests == []


def test_down(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke, configure: Configure) -> None:
    """If no server listens, the errCode is -1 and the status 503."""
    configure(WECHAT_TOKEN_STORE_URL=f"http://127.0.0.1:{find_free_port()}/hush")
    error = catch_error(invoke)
    assert (error.errCode, error.status) == (-1, 503)
    assert error.errMsg.endswith("no answer from the token server (connection refused)")
    assert (sandbox.requests, tokens.requests) == ([], [])


@pytest.mark.parametrize("trusted", [True, False])
def test_tls(
    sandbox: Sandbox,
    invoke: Invoke,
    configure: Configure,
    authority: trustme.CA,
    debug_log: io.StringIO,
    *,
    trusted: bool,
) -> None:
    """An https server is used only if its certificate is trusted."""
    context = create_server_context(authority if trusted else trustme.CA())
    with TokenServer(answer({"token": sandbox.tokens.issue_token()["access_token"]}), tls=context) as server:
        configure(
            WECHAT_SECRET=None,
            WECHAT_TOKEN_STORE_URL=f"{server.url}/hush-path?appid={{appid}}",
            WECHAT_TOKEN_STORE_HEADER="Authorization: Bearer hush-bearer",
        )
        if trusted:
            assert invoke() == DOCUMENTED
            assert server.headers["Authorization"] == "Bearer hush-bearer"
        else:
            error = catch_error(invoke)
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
    """Even at DEBUG, no output, log or error has the URL's path or query, the header or the answer."""
    monkeypatch.setattr(function_log.logger.registered_handler, "stream", debug_log)
    tokens.answers = [play]
    for _ in range(2):
        catch_error(invoke)
    assert tokens.requests
    assert sandbox.connections <= 2
    printed = debug_log.getvalue() + "".join(capfd.readouterr())
    assert "Starting new HTTP connection" in printed
    assert '"message":"getGrayReleasePlan"' in printed
    assert re.findall(".*hush.*", printed) == []
