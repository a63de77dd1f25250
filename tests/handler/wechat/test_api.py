"""The connection pool to WeChat: TLS, limits, and hidden addresses."""

import gzip
import socket
import time
from contextlib import ExitStack

import pytest

from gray_release.sandbox.fault_kinds import encode_response
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import Sandbox
from handler.contract import OpenApiError
from handler.invocation import Budget
from handler.network.exchange import HttpRequest
from handler.wechat.api import WeChat
from tests.support import Configure, Invoke, Log
from tests.tcp import ScriptedServer, find_free_port, say

GIVEN = {"accessToken": "hush-token"}


def test_tls(secure_sandbox: Sandbox, invoke: Invoke) -> None:
    """One TLS connection serves the token, the plan and later invocations."""
    assert invoke()["errCode"] == 0
    assert invoke()["errCode"] == 0
    assert secure_sandbox.connections == 1


def test_nobody_listens(configure: Configure, invoke: Invoke, log: Log) -> None:
    """A refused connection gives errCode -1 after a second try. The error names the fault, not the address."""
    configure(WECHAT_API_BASE_URL=f"http://127.0.0.1:{find_free_port()}")
    with pytest.raises(OpenApiError) as caught:
        invoke(GIVEN)
    assert (caught.value.errCode, caught.value.status) == (-1, 503)
    assert caught.value.errMsg.endswith("no answer from WeChat (connection refused)")
    assert log()[-1]["plan_requests"] == 2


def test_black_hole(configure: Configure, invoke: Invoke, log: Log) -> None:
    """If a host drops packets, the call fails after the time-out of one exchange, without a second try."""
    configure(WECHAT_TIMEOUT_SECONDS="0.3")
    with ExitStack() as sockets:
        full = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(2):  # the queue is full; later connections are dropped
            waiting = sockets.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(full.getsockname())
        configure(WECHAT_API_BASE_URL=f"http://127.0.0.1:{full.getsockname()[1]}")
        with pytest.raises(OpenApiError) as caught:
            invoke(GIVEN)
    assert (caught.value.errCode, caught.value.status) == (-1, 504)
    assert log()[-1]["plan_requests"] == 1


def test_connecting_is_bounded(configure: Configure, invoke: Invoke) -> None:
    """If a TLS server accepts and sends nothing, the call fails at its deadline, and the connection is closed."""
    with ScriptedServer(say()) as silent:
        configure(WECHAT_API_BASE_URL=f"https://127.0.0.1:{silent.port}", WECHAT_TIMEOUT_SECONDS="900")
        with pytest.raises(OpenApiError) as caught:
            invoke(GIVEN, deadline=time.monotonic() + 0.5)  # nothing else would end it
        assert caught.value.status == 504
        assert silent.gone.acquire(timeout=30)


def test_closed_keep_alive_connection(sandbox: Sandbox, invoke: Invoke) -> None:
    """A kept connection that WeChat has closed is replaced, and the caller does not notice."""
    sandbox.faults.append(
        Fault("plan", "raw", times=1, raw=encode_response(b"{}").replace(b"HTTP/1.1 200", b"HTTP/1.0 200"))
    )
    invoke()
    assert invoke()["errCode"] == 0
    sandbox.faults.append(Fault("plan", "reset", times=1))
    assert invoke()["errCode"] == 0


def test_base_url_with_a_path(sandbox: Sandbox) -> None:
    """A path in the base URL is put before WeChat's path, for gateways."""
    sandbox.faults.append(Fault("any", "body", "{}"))
    WeChat(f"{sandbox.base_url}/gateway", 5).exchange("plan", HttpRequest("GET", "/wxa/x?a=b"), Budget())
    assert sandbox.requests == [("GET", "/gateway/wxa/x")]


def test_compressed_answer(sandbox: Sandbox, invoke: Invoke) -> None:
    """A compressed answer is read."""
    sandbox.faults.append(
        Fault("plan", "raw", raw=encode_response(gzip.compress(b'{"a_b":1}'), Content_Encoding="gzip"))
    )
    assert invoke(GIVEN)["aB"] == 1
