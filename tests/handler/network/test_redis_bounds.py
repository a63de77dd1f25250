"""Every reply of the store is read up to a limit of time and bytes, and no abandoned call stays behind."""

import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from gray_release.sandbox.server import APPID, COMPONENT_APPID
from tests.support import DOCUMENTED, Configure, Invoke, catch_error
from tests.tcp import ENDLESS_BYTES, HANDSHAKE, Reply, ScriptedServer, pour, say, trickle

if TYPE_CHECKING:
    import redis
    from wechatpy.session.redisstorage import RedisStorage

    from gray_release.sandbox.server import Sandbox

Play = Callable[[Reply], ScriptedServer]


@pytest.fixture(params=["store", "component"])
def play(request: pytest.FixtureRequest, configure: Configure) -> Iterator[Play]:
    """Start a scripted store, and configure the function to use it."""
    with ExitStack() as stack:

        def play(reply: Reply) -> ScriptedServer:
            store = stack.enter_context(ScriptedServer(reply))
            configure(
                WECHAT_APPID=APPID,
                WECHAT_TOKEN_SOURCE=request.param,
                WECHAT_COMPONENT_APPID=COMPONENT_APPID,
                WECHAT_COMPONENT_SECRET="any-secret",
                WECHAT_TOKEN_STORE_URL=f"redis://127.0.0.1:{store.port}/0",
                WECHAT_TIMEOUT_SECONDS="2",
            )
            return store

        yield play


@pytest.mark.parametrize(
    "reply",
    [
        pour(b"$1000000000\r\n", b"x"),
        pour(b"$99999999999999999999\r\n", b"x"),
        pour(b"$-5\r\n", b"x"),
        pour(b"+", b"x"),
        pour(b"-", b"x"),
        pour(b"-ERR ", b"x"),
        pour(b":", b"1"),
        pour(b"*1000000000\r\n", b":1\r\n"),
        pour(b"", b"*1\r\n"),
        pour(b"", b"\r\n"),
        pour(b"x", b"x"),
        pour(b"*3\r\n$5\r\nhello\r\n", b"$1\r\nx\r\n"),
    ],
    ids=lambda _reply: "",
)
def test_endless_replies(play: Play, invoke: Invoke, reply: Reply) -> None:
    """If a reply is endless, the errCode is -1 after the limit, whatever its stated length. It takes little memory."""
    store = play(reply)
    catch_error(invoke)  # so that modules are loaded before memory is measured
    tracemalloc.start()
    error = catch_error(invoke)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.errCode == -1
    assert "internal" not in error.reason
    assert store.sent < ENDLESS_BYTES
    assert peak < 8 * 1024 * 1024


@pytest.mark.parametrize(
    "reply",
    [
        say(b":300000000\r\n"),
        say(b"*1\r\n+string\r\n"),
        say(b"*0\r\n"),
        say(b"*-1\r\n"),
        say(b"$-1\r\n"),
        say(b"+\r\n"),
        say(b"+\xff\x00\r\n"),
        say(b"+hush hush\r\n"),
        say(b"*100000\r\n"),
        say(b"*1\r\n" * 12_000, b":1\r\n"),
        say(b"$5\r\n"),
        say(b"$x\r\n"),
        say(b"_\r\n"),
        say(b"%1\r\n+a\r\n+b\r\n"),
        say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
        say(b"-\r\n"),
        say(b"-hush hush hush\r\n"),
    ],
    ids=lambda _reply: "",
)
def test_wrong_replies(play: Play, invoke: Invoke, reply: Reply) -> None:
    """After a reply of a wrong type or another protocol, the call fails, and the error shows no part of the reply."""
    play(reply)
    error = catch_error(invoke, deadline=time.monotonic() + 0.6)
    assert error.errCode in (-1, 61006, 41001)
    assert "internal" not in error.reason
    assert len(error.errMsg) < 200


@pytest.mark.parametrize("begin", [b"", b"$1000\r\n", b"+", b"*5\r\n$1\r\nx\r\n$900\r\n"])
def test_trickling(play: Play, invoke: Invoke, begin: bytes) -> None:
    """If the store sends byte by byte, the errCode is -1 at the deadline. No thread and no connection stays behind."""
    store = play(trickle(begin))
    threads = threading.active_count()
    for _ in range(2):
        error = catch_error(invoke, deadline=time.monotonic() + 0.3)
        assert (error.errCode, error.status) == (-1, 504)
    for _ in range(store.clients):
        assert store.gone.acquire(timeout=10)
    assert threading.active_count() <= threads + 1  # the server's last thread may still be ending


def test_trickling_handshake(configure: Configure, invoke: Invoke) -> None:
    """A TLS handshake with the store that trickles ends at the deadline, and so does its connection."""
    with ScriptedServer(trickle(HANDSHAKE)) as store:
        url = f"rediss://127.0.0.1:{store.port}/0"
        configure(WECHAT_APPID=APPID, WECHAT_TOKEN_STORE_URL=url, WECHAT_TOKEN_SOURCE="store")
        error = catch_error(invoke, deadline=time.monotonic() + 0.3)
        assert (error.errCode, error.status) == (-1, 504)
        for _ in range(store.clients):
            assert store.gone.acquire(timeout=10)


def test_big_value_of_an_honest_store(
    sandbox: "Sandbox", store: "RedisStorage", invoke: Invoke, configure: Configure
) -> None:
    """Reading a value of 100 MB fails with little memory, and other keys still work."""
    configure(WECHAT_SECRET=None, WECHAT_TOKEN_STORE_KEY="tokens:{appid}")
    client: redis.Redis = store.redis
    client.setrange(f"tokens:{APPID}", 100_000_000, "x")
    client.set("tokens:wx-other", sandbox.tokens.issue_token()["access_token"])
    catch_error(invoke)
    tracemalloc.start()
    error = catch_error(invoke)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    client.delete(f"tokens:{APPID}")
    assert error.errCode == -1
    assert "more than 65536 bytes" in error.reason
    assert peak < 8 * 1024 * 1024
    assert invoke({"appid": "wx-other"}) == DOCUMENTED


@pytest.mark.parametrize("source", ["store", "component"])
def test_no_client_information_is_sent(
    platform: "Sandbox", store: "RedisStorage", configure: Configure, invoke: Invoke, source: str
) -> None:
    """The function sends no command about itself, because a proxy such as twemproxy closes on CLIENT SETINFO."""
    configure(WECHAT_TOKEN_SOURCE=source)
    if source == "store":
        store.set(f"{APPID}_access_token", platform.tokens.issue_token()["access_token"])
    store.redis.config_resetstat()
    assert invoke() == DOCUMENTED
    commands = set(store.redis.info("commandstats")) - {"cmdstat_config|resetstat"}
    assert commands <= {"cmdstat_type", "cmdstat_get", "cmdstat_set", "cmdstat_eval", "cmdstat_del"}
