"""No answer is read without a limit, whoever gives it and however it states its length."""

import contextlib
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from gray_release.sandbox.server import APPID
from tests.support import Configure, Invoke, refused

if TYPE_CHECKING:
    from typing_extensions import Self

MOST = 64 * 1024 * 1024  # bytes after which an endless answer ends all the same
READ = MOST // 4  # more than what is read, and what the sockets hold on the way
EMPTY_GZIP = bytes.fromhex("1f8b08000000000002ff03000000000000000000")
ZEROS = zlib.compress(bytes(1_000_000), wbits=31)

OK = b"HTTP/1.1 200 OK\r\n"
GZIP = b"Content-Encoding: gzip\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
# How an answer begins, and what it repeats without an end.
ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "no length": (OK + b"\r\n", b"x"),
    "a length of 1 TB": (OK + b"Content-Length: 1000000000000\r\n\r\n", b"x"),
    "a length twice in one header": (OK + b"Content-Length: 5,5\r\n\r\n", b"x"),
    "a length twice": (OK + b"Content-Length: 5\r\nContent-Length: 5,5\r\n\r\n", b"x"),
    "a negative length": (OK + b"Content-Length: -1\r\n\r\n", b"x"),
    "a length with a sign": (OK + b"Content-Length: +5000000\r\n\r\n", b"x"),
    "a length that is no number": (OK + b"Content-Length: five\r\n\r\n", b"x"),
    "a length and chunks": (OK + b"Content-Length: 5\r\n" + CHUNKED + b"fffffff\r\n", b"x"),
    "a chunk of size -1": (OK + CHUNKED + b"-1\r\n", b"x"),
    "a chunk of size -2": (OK + CHUNKED + b"-2\r\n", b"x"),
    "a chunk of 256 MB": (OK + CHUNKED + b"fffffff\r\n", b"x"),
    "a chunk of 1 TB": (OK + CHUNKED + b"ffffffffff\r\n", b"x"),
    "a chunk with underscores": (OK + CHUNKED + b"1_000_000\r\n", b"x"),
    "chunks of a byte": (OK + CHUNKED, b"1\r\nx\r\n"),
    "chunks with extensions": (OK + CHUNKED, b"1;" + b"e" * 60_000 + b"\r\nx\r\n"),
    "a line of a chunk's size": (OK + CHUNKED, b"0"),
    "trailers": (OK + CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n"),
    "long trailers": (OK + CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: " + b"y" * 60_000 + b"\r\n"),
    "headers": (OK, b"X: y\r\n"),
    "one header": (OK + b"X: ", b"y"),
    "a folded header": (OK + b"X: y\r\n", b" z\r\n"),
    "a status line": (b"HTTP/1.1 200 ", b"O"),
    "100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "100 Continue with headers": (b"", b"HTTP/1.1 100 Continue\r\n" + b"X: y\r\n" * 90 + b"\r\n"),
    "103 Early Hints": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "an error's page": (b"HTTP/1.1 404 Not Found\r\n\r\n", b"x"),
    "an error's page with two lengths": (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 5,5\r\n\r\n", b"x"),
    "compressed zeros": (OK + GZIP + b"\r\n", ZEROS),
    "compressed zeros in chunks": (OK + GZIP + CHUNKED, b"%x\r\n%b\r\n" % (len(ZEROS), ZEROS)),
    "compressed nothing": (OK + GZIP + b"\r\n", EMPTY_GZIP),
    "garbage after compressed JSON": (OK + GZIP + b"\r\n" + zlib.compress(b"{}", wbits=31), b"x"),
    "deflated zeros": (OK + b"Content-Encoding: deflate\r\n\r\n", zlib.compress(bytes(1_000_000))),
}


class Pouring:
    """A server that begins each answer with some bytes and repeats others until the client goes, or `MOST`."""

    def __init__(self, begin: bytes, rest: bytes) -> None:
        self._begin = begin
        self._rest = rest * max(1, 65_536 // len(rest))
        self.sent = 0

    def __enter__(self) -> "Self":
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                with client, contextlib.suppress(OSError):
                    client.recv(65_536)
                    client.sendall(self._begin)
                    while self.sent < MOST:
                        client.sendall(self._rest)
                        self.sent += len(self._rest)


def ask_wechat(url: str, configure: Configure) -> None:
    """Have the plan asked for there."""
    configure(WECHAT_API_BASE_URL=url, WECHAT_APPID=APPID, WECHAT_SECRET="any-secret")


def ask_token_server(url: str, configure: Configure) -> None:
    """Have a token asked for there."""
    configure(WECHAT_APPID=APPID, WECHAT_TOKEN_STORE_URL=f"{url}/token")


def ask_aws(url: str, configure: Configure) -> None:
    """Have the AppSecret asked for there."""
    configure(
        WECHAT_APPID=APPID,
        WECHAT_SECRET_NAME="any",
        AWS_ENDPOINT_URL=url,
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="any",
        AWS_SECRET_ACCESS_KEY="any",
    )


@pytest.mark.parametrize("ask", [ask_wechat, ask_token_server, ask_aws])
@pytest.mark.parametrize("kind", ENDLESS)
def test_endless_answers(
    configure: Configure, invoke: Invoke, kind: str, ask: Callable[[str, Configure], None]
) -> None:
    """An answer without an end is a failure after the limit, however its length is stated."""
    with Pouring(*ENDLESS[kind]) as server:
        ask(server.url, configure)
        error = refused(invoke)
        assert error.errCode in (-1, 41004)
        assert "internal" not in error.reason
        assert server.sent < READ


@pytest.fixture
def trickling() -> Iterator[tuple[str, threading.Event]]:
    """Run a server that sends a TLS handshake byte by byte, without an end; tell when its client has gone."""
    gone = threading.Event()

    def accept() -> None:
        client, _ = server.accept()
        with client, contextlib.suppress(OSError):
            client.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")  # a ServerHello of 16 KB begins
            while client.send(b"\0"):
                time.sleep(0.05)
        gone.set()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}", gone


def test_abandoned_handshake(trickling: tuple[str, threading.Event], configure: Configure, invoke: Invoke) -> None:
    """A handshake that trickles is given up in time, and neither its thread nor its connection stays behind."""
    url, gone = trickling
    configure(WECHAT_API_BASE_URL=url, WECHAT_TIMEOUT_SECONDS="0.4")
    error = refused(invoke, {"accessToken": "any-token"})
    assert (error.errCode, error.status) == (-1, 504)
    assert gone.wait(10)
