"""No reply of the store is read without a limit of time and bytes, and no abandoned call stays behind."""

import contextlib
import itertools
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from gray_release.sandbox.server import APPID, COMPONENT_APPID
from tests.support import DOCUMENTED, Configure, Invoke, Valkey, refused

if TYPE_CHECKING:
    import redis
    from wechatpy.session.redisstorage import RedisStorage

    from gray_release.sandbox.server import Sandbox

MOST = 64 * 1024 * 1024  # bytes after which an endless reply ends all the same

Reply = Callable[[bytes], Iterator[bytes]]


def say(*parts: bytes) -> Reply:
    """Reply with these bytes to every command."""
    return lambda _command: iter(parts)


def pour(begin: bytes, rest: bytes) -> Reply:
    """Reply with some bytes, and with others without an end."""
    block = rest * max(1, 65_536 // len(rest))
    return lambda _command: itertools.chain([begin], itertools.repeat(block, MOST // len(block)))


def trickle(begin: bytes) -> Reply:
    """Reply with some bytes, and then with one at a time."""

    def reply(_command: bytes) -> Iterator[bytes]:
        yield begin
        for _ in range(600):
            time.sleep(0.02)
            yield b"x"

    return reply


class ScriptedStore:
    """A store that plays one reply to every command. `gone` tells how many of its clients have left."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.commands: list[bytes] = []
        self.sent = self.clients = 0
        self.gone = threading.Semaphore(0)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._server.getsockname()[1]}/0"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End it; its connections end with their clients."""
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self.clients += 1
                threading.Thread(target=self._play, args=(client,), daemon=True).start()

    def _play(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while command := client.recv(65_536):
                self.commands.append(command)
                for part in self._reply(command):
                    client.sendall(part)
                    self.sent += len(part)
        self.gone.release()


Play = Callable[[Reply], ScriptedStore]


@pytest.fixture(params=["store", "component"])
def play(request: pytest.FixtureRequest, configure: Configure) -> Iterator[Play]:
    """Start a scripted store, and be a function that uses it."""
    stores: list[ScriptedStore] = []

    def play(reply: Reply) -> ScriptedStore:
        store = ScriptedStore(reply)
        stores.append(store)
        configure(
            WECHAT_APPID=APPID,
            WECHAT_TOKEN_SOURCE=request.param,
            WECHAT_COMPONENT_APPID=COMPONENT_APPID,
            WECHAT_COMPONENT_SECRET="any-secret",
            WECHAT_TOKEN_STORE_URL=store.url,
            WECHAT_TIMEOUT_SECONDS="2",
        )
        return store

    yield play
    for store in stores:
        store.close()


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
    """A reply without an end is -1 after the limit, whatever length it states, in little memory."""
    store = play(reply)
    refused(invoke)  # loads what it needs
    tracemalloc.start()
    error = refused(invoke)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.errCode == -1
    assert "internal" not in error.reason
    assert store.sent < MOST
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
    """A reply of another type, or none of Redis', is a failure in words that show nothing of it."""
    play(reply)
    error = refused(invoke)
    assert error.errCode in (-1, 61006, 41001)
    assert "internal" not in error.reason
    assert len(error.errMsg) < 200


@pytest.mark.parametrize("begin", [b"", b"$1000\r\n", b"+", b"*5\r\n$1\r\nx\r\n$900\r\n"])
def test_trickling(play: Play, invoke: Invoke, begin: bytes) -> None:
    """A store that sends a byte at a time is -1 at the deadline, and neither thread nor connection stays behind."""
    store = play(trickle(begin))
    threads = threading.active_count()
    for _ in range(3):
        error = refused(invoke, deadline=time.monotonic() + 0.6)
        assert (error.errCode, error.status) == (-1, 504)
    for _ in range(store.clients):
        assert store.gone.acquire(timeout=10)
    assert threading.active_count() <= threads + 1  # of this test's server, which ends last


def test_trickling_handshake(configure: Configure, invoke: Invoke) -> None:
    """A TLS handshake of the store that trickles ends in time, with its thread and its connection."""
    store = ScriptedStore(trickle(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"))
    url = store.url.replace("redis:", "rediss:")
    configure(WECHAT_APPID=APPID, WECHAT_TOKEN_STORE_URL=url, WECHAT_TOKEN_SOURCE="store")
    error = refused(invoke, deadline=time.monotonic() + 0.6)
    assert (error.errCode, error.status) == (-1, 504)
    for _ in range(store.clients):
        assert store.gone.acquire(timeout=10)
    store.close()


def test_big_value_of_an_honest_store(
    sandbox: "Sandbox", store: "RedisStorage", invoke: Invoke, configure: Configure
) -> None:
    """A key with 100 MB in it is a failure, in little memory, and others are answered."""
    configure(WECHAT_SECRET=None, WECHAT_TOKEN_STORE_KEY="tokens:{appid}")
    client: redis.Redis = store.redis
    client.setrange(f"tokens:{APPID}", 100_000_000, "x")
    client.set("tokens:wx-other", sandbox.tokens.issue_token()["access_token"])
    refused(invoke)
    tracemalloc.start()
    error = refused(invoke)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    client.delete(f"tokens:{APPID}")
    assert error.errCode == -1
    assert "more than 65536 bytes" in error.reason
    assert peak < 8 * 1024 * 1024
    assert invoke({"appid": "wx-other"}) == DOCUMENTED


def test_no_client_information_is_sent(play: Play, invoke: Invoke, server: Valkey) -> None:
    """Nothing but the commands is sent: a proxy such as twemproxy closes on CLIENT SETINFO."""

    def reply(command: bytes) -> Iterator[bytes]:
        if b"CLIENT" in command or b"HELLO" in command:
            raise ConnectionResetError
        with socket.create_connection(("127.0.0.1", server.port)) as behind:
            behind.sendall(command)
            yield behind.recv(65_536)

    store = play(reply)
    error = refused(invoke)
    assert error.errCode in (41001, 61006, 61003)
    assert {command.split(b"\r\n")[2] for command in store.commands} <= {b"TYPE", b"GET", b"SET", b"EVAL"}
