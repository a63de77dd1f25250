"""Every answer over HTTP is read up to a limit, from each server and however the answer states its length."""

import gzip
import zlib

import pytest

from tests.support import Configure, Invoke, UseAs, catch_error, each_server
from tests.tcp import ENDLESS_BYTES, HANDSHAKE, ScriptedServer, pour, trickle

MOST = ENDLESS_BYTES // 4  # bytes: more than the function's limit and the sockets' buffers together
EMPTY_GZIP = bytes.fromhex("1f8b08000000000002ff03000000000000000000")
ZEROS = gzip.compress(bytes(1_000_000))

OK = b"HTTP/1.1 200 OK\r\n"
GZIP = b"Content-Encoding: gzip\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
# The beginning of an answer, and what the server then repeats endlessly.
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
    "garbage after compressed JSON": (OK + GZIP + b"\r\n" + gzip.compress(b"{}"), b"x"),
    "deflated zeros": (OK + b"Content-Encoding: deflate\r\n\r\n", zlib.compress(bytes(1_000_000))),
}


@each_server
@pytest.mark.parametrize("kind", ENDLESS)
def test_endless_answers(configure: Configure, invoke: Invoke, kind: str, use_as: UseAs) -> None:
    """An endless answer is a failure after the size limit, however its length is stated."""
    with ScriptedServer(pour(*ENDLESS[kind])) as server:
        use_as(f"http://127.0.0.1:{server.port}", configure)
        error = catch_error(invoke)
        assert error.errCode in (-1, 41004)
        assert "internal" not in error.reason
        assert server.sent < MOST


def test_abandoned_handshake(configure: Configure, invoke: Invoke) -> None:
    """A TLS handshake that trickles fails at the deadline, and its thread and its connection end soon after."""
    with ScriptedServer(trickle(HANDSHAKE)) as server:
        configure(WECHAT_API_BASE_URL=f"https://127.0.0.1:{server.port}", WECHAT_TIMEOUT_SECONDS="0.4")
        error = catch_error(invoke, {"accessToken": "any-token"})
        assert (error.errCode, error.status) == (-1, 504)
        assert server.gone.acquire(timeout=10)
