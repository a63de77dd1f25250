"""The client of the store: broken networks, old and stalled servers, and locks."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, Sandbox
from handler.contract import OpenApiError
from tests.proxy import Proxy
from tests.support import DOCUMENTED, ROOT, Configure, Invoke, Valkey, advance_clock, invoke_at_once

LOCK = f"wechatpy:{APPID}_access_token_lock"


@pytest.fixture
def proxy(server: Valkey, store: RedisStorage, configure: Configure) -> Iterator[Proxy]:
    """Put a proxy between the function and the store."""
    assert store.redis.ping()
    with Proxy(server.port) as proxy:
        configure(WECHAT_SECRET=None, WECHAT_TOKEN_STORE_URL=f"redis://127.0.0.1:{proxy.port}/0")
        yield proxy


@pytest.mark.parametrize("source", ["store", "component"])
def test_reset_after_a_freeze(
    platform: Sandbox, store: RedisStorage, proxy: Proxy, invoke: Invoke, configure: Configure, source: str
) -> None:
    """A connection to the store that was reset is replaced, and the read is repeated."""
    configure(WECHAT_TOKEN_SOURCE=source)
    store.set(f"{APPID}_access_token", platform.tokens.issue_token()["access_token"])
    assert invoke() == DOCUMENTED
    proxy.forget("reset")
    assert invoke() == DOCUMENTED
    assert proxy.connections == 2


def test_several_connections_are_reset(sandbox: Sandbox, store: RedisStorage, proxy: Proxy, invoke: Invoke) -> None:
    """After a reset, the function repeats the read on a new connection, because the others were idle as long."""
    store.set(f"{APPID}_access_token", sandbox.tokens.issue_token()["access_token"])
    store.redis.client_pause(200)
    invoke_at_once(invoke, 3)
    assert proxy.connections == 3
    proxy.forget("reset")
    assert invoke() == DOCUMENTED
    assert proxy.connections == 4


@pytest.mark.parametrize("seconds", [60, -3600])
def test_silence_after_a_freeze(
    platform: Sandbox,
    store: RedisStorage,
    proxy: Proxy,
    invoke: Invoke,
    configure: Configure,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
) -> None:
    """The function does not reuse a connection to the store that was idle for long or for an unknown time."""
    configure(WECHAT_TOKEN_SOURCE="store", WECHAT_TIMEOUT_SECONDS="1")
    store.set(f"{APPID}_access_token", platform.tokens.issue_token()["access_token"])
    assert invoke() == DOCUMENTED
    assert invoke() == DOCUMENTED
    assert proxy.connections == 1
    proxy.forget("silent")
    advance_clock(monkeypatch, seconds)
    assert invoke() == DOCUMENTED
    assert proxy.connections == 2


def test_each_connection_has_its_age(
    sandbox: Sandbox, store: RedisStorage, proxy: Proxy, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each connection has its own idle time: using one connection does not keep another one fresh."""
    store.set(f"{APPID}_access_token", sandbox.tokens.issue_token()["access_token"])

    def invoke_twice_at_once() -> None:
        store.redis.client_pause(200)
        invoke_at_once(invoke, 2)

    invoke_twice_at_once()
    assert proxy.connections == 2
    for _ in range(3):
        advance_clock(monkeypatch, 20)
        assert invoke() == DOCUMENTED
    assert proxy.connections == 2
    invoke_twice_at_once()
    assert proxy.connections == 3


def test_reads_are_repeated_once(sandbox: Sandbox, proxy: Proxy, invoke: Invoke) -> None:
    """If the store resets every connection, the errCode is -1 after two connections."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        proxy.behind = unused.getsockname()[1]  # a port that nobody listens on any more
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert (caught.value.errCode, caught.value.status) == (-1, 503)
    assert proxy.connections == 2
    assert sandbox.requests == []


@pytest.mark.parametrize("command", [b"$3\r\nSET\r\n", b"$4\r\nEVAL\r\n"], ids=["SET", "EVAL"])
def test_lost_answer_to_a_lock(
    platform: Sandbox, store: RedisStorage, proxy: Proxy, invoke: Invoke, command: bytes
) -> None:
    """If the answer to taking or releasing a lock is lost, no later invocation has to wait."""
    proxy.lost = command
    with contextlib.suppress(OpenApiError):
        invoke()
    assert not proxy.lost
    assert not store.redis.keys("*_lock")
    assert invoke(deadline=time.monotonic() + 5) == DOCUMENTED
    assert platform.platform.expiry


def test_hanging_refresh_frees_its_lock(platform: Sandbox, store: RedisStorage, invoke: Invoke) -> None:
    """A refresh that hangs until the invocation's end leaves no lock, because there is a margin to release it."""
    platform.faults.append(Fault.parse("authorizer:hang=5*1"))
    with pytest.raises(OpenApiError) as caught:
        invoke(deadline=time.monotonic() + 3)
    assert caught.value.status == 504
    assert not store.redis.exists(LOCK)
    assert invoke() == DOCUMENTED


@pytest.mark.parametrize(("seconds", "least", "most"), [(2, 0, 3_000), (600, 595_000, 602_000)])
def test_lock_lasts_as_long_as_its_owner(
    platform: Sandbox, store: RedisStorage, invoke: Invoke, seconds: float, least: int, most: int
) -> None:
    """A refresh's lock lasts as long as the invocation, and not much longer."""
    lives: list[int] = []
    refresh = platform.platform.get_authorizer_token

    def record_lock(*arguments: object) -> object:
        lives.append(store.redis.pttl(LOCK))
        return refresh(*arguments)  # type: ignore[arg-type]

    platform.platform.get_authorizer_token = record_lock  # type: ignore[method-assign, assignment]
    assert invoke(deadline=time.monotonic() + seconds) == DOCUMENTED
    assert len(lives) == 1
    assert least < lives[0] < most


def test_stalled_store(platform: Sandbox, store: RedisStorage, server: Valkey, invoke: Invoke) -> None:
    """If the store stalls until the deadline while a lock is held, no later invocation has to wait."""
    process = server._process  # noqa: SLF001 - the test's own
    platform.faults.append(Fault.parse("component:delay=0*1"))
    refresh = platform.platform.get_component_token

    def stall(*arguments: object) -> object:
        process.send_signal(signal.SIGSTOP)
        return refresh(*arguments)  # type: ignore[arg-type]

    platform.platform.get_component_token = stall  # type: ignore[method-assign, assignment]
    try:
        with pytest.raises(OpenApiError) as caught:
            invoke(deadline=time.monotonic() + 1)
        assert (caught.value.errCode, caught.value.status) == (-1, 504)
    finally:
        process.send_signal(signal.SIGCONT)
    platform.platform.get_component_token = refresh  # type: ignore[method-assign]
    assert all(store.redis.pttl(name) < 1500 for name in store.redis.keys("*_lock"))
    assert invoke() == DOCUMENTED


class OldValkey(Valkey):
    """A server that refuses HELLO, as Redis before 6 does."""

    options = ("--rename-command", "HELLO", "")


def test_old_redis(sandbox: Sandbox, configure: Configure, invoke: Invoke, tmp_path: Path) -> None:
    """A Redis before version 6, which does not know HELLO, works."""
    server = OldValkey(tmp_path)
    try:
        with redis.Redis(port=server.port, protocol=2) as client:
            with pytest.raises(redis.ResponseError, match="unknown command"):
                client.execute_command("HELLO", "3")
            RedisStorage(client).set(f"{APPID}_access_token", sandbox.tokens.issue_token()["access_token"])
        configure(WECHAT_SECRET=None, WECHAT_TOKEN_STORE_URL=f"redis://127.0.0.1:{server.port}")
        assert invoke() == DOCUMENTED
    finally:
        server.stop()


@pytest.mark.parametrize("password", ["a/b?c#d@e:f%g", "hush"])
def test_passwords(
    sandbox: Sandbox, store: RedisStorage, server: Valkey, configure: Configure, invoke: Invoke, password: str
) -> None:
    """Any password works if it is percent-encoded in the URL. A wrong password gives errCode -1 and is not shown."""
    store.set(f"{APPID}_access_token", sandbox.tokens.issue_token()["access_token"])
    store.redis.acl_setuser("someone", enabled=True, passwords=[f"+{password}"], keys=["*"], categories=["+@all"])
    try:
        for given, code in ((password, 0), (f"hush{password}", -1)):
            url = f"redis://someone:{quote(given, safe='')}@127.0.0.1:{server.port}/0"
            configure(WECHAT_SECRET=None, WECHAT_TOKEN_STORE_URL=url, ON_ERROR="return")
            reply = invoke()
            assert reply["errCode"] == code
            assert "hush" not in str(reply)
    finally:
        store.redis.acl_deluser("someone")


@pytest.mark.parametrize(
    "password", ["hu/shhush", "hu?shhush", "hu#shhush", "12/hush", "hush:6/hush", "[hush", "hush@/x"]
)
def test_passwords_that_are_not_encoded(password: str) -> None:
    """A URL whose password is not encoded is reported with the rule, and no part of the password is printed."""
    code = (
        "from handler.app import lambda_handler\n"
        "print(lambda_handler({'appid': 'wx-any'}, None)['errMsg'])\n"
        "lambda_handler({'accessToken': 'x'}, None)"
    )
    environ = {
        "WECHAT_TOKEN_STORE_URL": f"rediss://someone:{password}@127.0.0.1:1/0",
        "WECHAT_TOKEN_SOURCE": "store",
        "WECHAT_API_BASE_URL": "http://127.0.0.1:1",
        "ON_ERROR": "return",
    }
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "invalid settings: WECHAT_TOKEN_STORE_URL must be redis(s)://" in done.stdout
    assert "hush" not in done.stdout


def test_account_within_the_password(sandbox: Sandbox, configure: Configure, invoke: Invoke, tmp_path: Path) -> None:
    """`account:password` works as the password, because managed stores before Redis 6 require this form."""

    class Managed(Valkey):
        options = ("--requirepass", "account:hush")

    server = Managed(tmp_path)
    try:
        with redis.Redis(port=server.port, protocol=2, password="account:hush") as client:
            RedisStorage(client).set(f"{APPID}_access_token", sandbox.tokens.issue_token()["access_token"])
        for written in ("account:hush", "account%3Ahush"):
            url = f"redis://:{written}@127.0.0.1:{server.port}"
            configure(WECHAT_SECRET=None, WECHAT_TOKEN_SOURCE="store", WECHAT_TOKEN_STORE_URL=url)
            assert invoke() == DOCUMENTED
    finally:
        server.kill()
