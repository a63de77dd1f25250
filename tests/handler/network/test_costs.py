"""Reading a compressed or malformed answer takes a limited CPU time, whatever server sends it."""

import gzip
import time
import zlib

import pytest

from gray_release.sandbox.server import Sandbox
from tests.support import DOCUMENTED, Configure, Invoke, UseAs, catch_error, each_server
from tests.tcp import ScriptedServer, say

CPU_SECONDS = 0.5  # of this machine, as in the tests of large answers and events
EMPTY_GZIP = bytes.fromhex("1f8b08000000000002ff03000000000000000000")


def create_answer(content: bytes, *headers: bytes) -> bytes:
    """Return an answer with a body and its length."""
    lines = [b"HTTP/1.1 200 OK", *headers, b"Content-Length: %d" % len(content), b"", b""]
    return b"\r\n".join(lines) + content


ANSWERS = {
    "many gzip members": create_answer(EMPTY_GZIP * 52_000, b"Content-Encoding: gzip"),
    "many gzip members before JSON": create_answer(
        EMPTY_GZIP * 50_000 + gzip.compress(b"{}"), b"Content-Encoding: gzip"
    ),
    "gzip members inside gzip": create_answer(gzip.compress(EMPTY_GZIP * 500_000), b"Content-Encoding: gzip, gzip"),
    "gzip members inside deflate": create_answer(
        zlib.compress(EMPTY_GZIP * 500_000), b"Content-Encoding: gzip", b"Content-Encoding: deflate"
    ),
    "headers with bare carriage returns": create_answer(b"{}", *[b"A: " + b"\rb:c" * 16_000] * 16),
}


@each_server
@pytest.mark.parametrize("answer", ANSWERS)
def test_dear_answers(configure: Configure, invoke: Invoke, answer: str, use_as: UseAs) -> None:
    """The answer is a failure that costs under half a second of CPU, at the better of two."""
    with ScriptedServer(say(ANSWERS[answer])) as server:
        use_as(f"http://127.0.0.1:{server.port}", configure)
        seconds = []
        for _ in range(2):
            started = time.process_time()
            error = catch_error(invoke)
            seconds.append(time.process_time() - started)
            assert "internal" not in error.reason
        assert min(seconds) < CPU_SECONDS


def compress(content: bytes, wbits: int) -> bytes:
    """Compress as `zlib.compress` can only since Python 3.11."""
    compressor = zlib.compressobj(1, wbits=wbits)
    return compressor.compress(content) + compressor.flush()


def create_bodies(content: bytes) -> dict[str, bytes]:
    """Return answers with the content in each coding that servers use."""
    return {
        "gzip": create_answer(gzip.compress(content), b"Content-Encoding: gzip"),
        "GZIP": create_answer(gzip.compress(content), b"Content-Encoding: GZIP "),
        "garbage after gzip": create_answer(gzip.compress(content) + b"\0" * 8, b"Content-Encoding: gzip"),
        "deflate": create_answer(zlib.compress(content), b"Content-Encoding: deflate"),
        "fast deflate": create_answer(compress(content, 9), b"Content-Encoding: deflate"),
        "raw deflate": create_answer(compress(content, -15), b"Content-Encoding: deflate"),
        "identity": create_answer(content, b"Content-Encoding: identity"),
    }


@pytest.mark.parametrize("coding", create_bodies(b""))
def test_codings(sandbox: Sandbox, configure: Configure, invoke: Invoke, coding: str) -> None:
    """A token in a compressed answer is read."""
    token = sandbox.tokens.issue_token()["access_token"]
    with ScriptedServer(say(create_bodies(token.encode())[coding])) as server:
        configure(WECHAT_SECRET=None, WECHAT_TOKEN_STORE_URL=f"http://127.0.0.1:{server.port}/token?appid={{appid}}")
        assert invoke() == DOCUMENTED


@pytest.mark.parametrize("length", [1, 9, 12, 20])
def test_cut_compression(sandbox: Sandbox, configure: Configure, invoke: Invoke, length: int) -> None:
    """If a compressed answer ends too early, the call fails, even if Content-Length is right."""
    cut = gzip.compress(b"token-0123456789-0123456789", 0)[:length]
    with ScriptedServer(say(create_answer(cut, b"Content-Encoding: gzip"))) as server:
        configure(WECHAT_SECRET=None, WECHAT_TOKEN_STORE_URL=f"http://127.0.0.1:{server.port}/token?appid={{appid}}")
        error = catch_error(invoke)
        assert (error.errCode, error.status) == (-1, 503)
    assert sandbox.requests == []
