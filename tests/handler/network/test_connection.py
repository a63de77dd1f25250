"""Connections to WeChat after a freeze, a fork and a lost answer."""

import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import trustme
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import (
    APPID,
    COMPONENT_APPID,
    COMPONENT_SECRET,
    REFRESH_TOKEN,
    SECRET,
    TICKET,
    Sandbox,
)
from handler.contract import OpenApiError
from tests.proxy import Proxy
from tests.support import (
    DOCUMENTED,
    PLAN,
    ROOT,
    STABLE,
    Configure,
    Invoke,
    Log,
    advance_clock,
    create_server_context,
    invoke_at_once,
)

AUTHORIZER = "/cgi-bin/component/api_authorizer_token"


@pytest.fixture(params=[False, True], ids=["http", "https"])
def sandbox(request: pytest.FixtureRequest, configure: Configure, authority: trustme.CA) -> Iterator[Sandbox]:
    """Run WeChat's stand-in, once without TLS and once with it."""
    with Sandbox(tls=create_server_context(authority) if request.param else None) as sandbox:
        configure(WECHAT_APPID=APPID, WECHAT_SECRET=SECRET)
        yield sandbox


@pytest.fixture
def proxy(sandbox: Sandbox, configure: Configure) -> Iterator[Proxy]:
    """Put a proxy between the function and WeChat."""
    address = urlsplit(sandbox.base_url)
    assert address.port
    with Proxy(address.port) as proxy:
        configure(WECHAT_API_BASE_URL=f"{address.scheme}://127.0.0.1:{proxy.port}", WECHAT_TIMEOUT_SECONDS="2")
        yield proxy


def test_reset_plan_request(sandbox: Sandbox, proxy: Proxy, invoke: Invoke, log: Log) -> None:
    """A plan request on a connection that was reset is sent again, and the token can still be replaced."""
    assert invoke() == DOCUMENTED
    proxy.forget("reset")
    sandbox.faults.append(Fault("plan", "errcode", "40001", times=1))
    assert invoke() == DOCUMENTED
    assert [path for _, path in sandbox.requests] == [STABLE, PLAN, PLAN, STABLE, PLAN]
    assert proxy.connections == 2
    assert log()[-1]["plan_requests"] == 3  # one of them lost


def test_several_connections_are_reset(sandbox: Sandbox, proxy: Proxy, invoke: Invoke, log: Log) -> None:
    """After a reset, the function also drops its other idle connections, so that only one request is lost."""
    sandbox.faults.append(Fault("plan", "delay", "0.2"))
    assert invoke() == DOCUMENTED  # so that the token is there
    assert invoke_at_once(invoke, 3) == [DOCUMENTED] * 3
    assert proxy.connections == 3
    proxy.forget("reset")
    assert invoke() == DOCUMENTED
    assert invoke_at_once(invoke, 3) == [DOCUMENTED] * 3
    assert [line["plan_requests"] for line in log()[-4:]] == [2, 1, 1, 1]


def test_reset_token_request(sandbox: Sandbox, proxy: Proxy, invoke: Invoke) -> None:
    """A stable_token request on a connection that was reset is sent again, and can still be retried after a fault."""
    assert invoke({"accessToken": sandbox.tokens.issue_token()["access_token"]}) == DOCUMENTED
    proxy.forget("reset")
    sandbox.faults.append(Fault("stable", "status", "502", times=1))
    assert invoke() == DOCUMENTED
    assert [path for _, path in sandbox.requests] == [PLAN, STABLE, STABLE, PLAN]


@pytest.mark.parametrize("seconds", [60, -3600])
def test_silence_after_a_freeze(
    sandbox: Sandbox, proxy: Proxy, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """The function does not reuse a connection that was idle for long or for an unknown time."""
    assert invoke() == DOCUMENTED
    assert invoke() == DOCUMENTED
    assert proxy.connections == 1
    proxy.forget("silent")
    advance_clock(monkeypatch, seconds)
    assert invoke({"accessToken": sandbox.tokens.issue_token()["access_token"]}) == DOCUMENTED
    assert proxy.connections == 2


def test_lost_twice(sandbox: Sandbox, proxy: Proxy, invoke: Invoke, log: Log) -> None:
    """If a request is lost on an old and then on a new connection, the errCode is -1, without a third try."""
    assert invoke() == DOCUMENTED
    proxy.forget("reset")
    sandbox.faults.append(Fault("plan", "reset"))
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert (caught.value.errCode, caught.value.status) == (-1, 503)
    assert log()[-1]["plan_requests"] == 2


def test_answer_that_began(sandbox: Sandbox, proxy: Proxy, invoke: Invoke, log: Log) -> None:
    """A request on a used connection counts towards the limit of two as soon as one byte of its answer has arrived."""
    assert invoke() == DOCUMENTED
    sandbox.faults.append(Fault("plan", "truncate"))
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert (caught.value.errCode, caught.value.status) == (-1, 503)
    assert log()[-1]["plan_requests"] == sandbox.count(PLAN) - 1 == 2
    assert proxy.connections == 2


@pytest.mark.parametrize("fault", ["reset", "reset=body", "truncate", "status=502"])
def test_refresh_is_not_repeated(
    platform: Sandbox, store: RedisStorage, proxy: Proxy, invoke: Invoke, fault: str
) -> None:
    """A refresh whose answer is lost is not repeated in the invocation, because WeChat may have carried it out."""
    issued = platform.platform.get_component_token(
        {"component_appid": COMPONENT_APPID, "component_appsecret": COMPONENT_SECRET, "component_verify_ticket": TICKET}
    )
    store.set("component_access_token", issued["component_access_token"], 7200)
    platform.faults.append(Fault.parse(f"authorizer:{fault}*1"))
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert (caught.value.errCode, caught.value.status) == (-1, 503)
    assert platform.count(AUTHORIZER) == 1
    assert store.get(f"{APPID}_refresh_token") == REFRESH_TOKEN
    assert invoke() == DOCUMENTED
    assert proxy.connections == 3


@pytest.mark.parametrize("mode", ["reset", "silent"])
def test_refresh_starts_on_a_new_connection(
    platform: Sandbox, store: RedisStorage, proxy: Proxy, invoke: Invoke, mode: str
) -> None:
    """A refresh always opens a new connection, because a used connection could lose the request."""
    platform.platform.rotate = True
    assert invoke() == DOCUMENTED
    before = proxy.connections
    proxy.forget("reset" if mode == "reset" else "silent")
    store.delete(f"{APPID}_access_token")
    platform.faults.append(Fault.parse("authorizer:errcode=45009*1"))
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert caught.value.errCode == 45009  # WeChat's answer to the first try
    assert proxy.connections == before + 1


FORKING = """
import os, sys
from handler.app import lambda_handler
assert lambda_handler({}, None)["errCode"] == 0
child = os.fork()
for _ in range(20):
    assert lambda_handler({}, None)["errCode"] == 0
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


FORKING_MEANWHILE = """
import os, signal, sys, threading, time
from handler import app
begun, load = threading.Event(), app.load
def slow():
    begun.set()
    time.sleep(0.3)
    return load()
app.load = slow
app.forget_settings()
threading.Thread(target=app.lambda_handler, args=({}, None)).start()
begun.wait()
child = os.fork()
signal.alarm(20)
assert app.lambda_handler({}, None)["errCode"] == 0
if child:
    sys.exit(abs(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
"""


def run(code: str) -> None:
    """Run a program that forks; ignore warnings, because Python warns of forks beside threads."""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_fork(sandbox: Sandbox, proxy: Proxy) -> None:
    """A child process opens its own connection, and both processes go on."""
    run(FORKING)
    assert proxy.connections == 2
    assert sandbox.count(PLAN) == 41


@pytest.mark.usefixtures("proxy")
def test_fork_while_another_thread_reads_the_settings() -> None:
    """A child process answers even if it was forked while another thread was reading the settings."""
    run(FORKING_MEANWHILE)
