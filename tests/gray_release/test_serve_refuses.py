"""`serve` refuses requests of foreign web pages, and survives data that is not HTTP."""

import socket
import threading
import urllib.request
from collections.abc import Iterator

import pytest

from gray_release.sandbox.server import Sandbox
from gray_release.serve import BODY_LIMIT, create_server


@pytest.fixture(params=["lambda", "scf"])
def port(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[int]:
    """Serve the function with the sandbox, once as each platform does."""
    assert sandbox.requests == []
    with create_server(request.param, 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.002,), daemon=True).start()
        yield server.server_port
        server.shutdown()


def send_lines(port: int, *lines: str, content: bytes = b"") -> bytes:
    """Send raw lines and a body, close the sending side, and return everything that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1") + content)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


@pytest.mark.parametrize(
    "headers",
    [
        ["Host: evil.example"],
        ["Host: evil.example:8080"],
        ["Host: 127.0.0.1.evil.example"],
        ["Host: 127.0.0.1@evil.example"],
        ["Host: evil.example@127.0.0.1"],
        ["Host: ["],
        ["Host: localhost", "Origin: https://evil.example"],
        ["Host: localhost", "Origin: null"],
        ["Host: localhost:PORT", "Origin: http://localhost:1"],
        ["Host: localhost", "Sec-Fetch-Site: cross-site"],
        ["Host: localhost", "Sec-Fetch-Site: same-site"],
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_sites(port: int, sandbox: Sandbox, headers: list[str], method: str) -> None:
    """A foreign host name and a page of another site are refused without a request to WeChat."""
    lines = [line.replace("PORT", str(port)) for line in headers]
    answer = send_lines(port, f"{method} / HTTP/1.1", *lines, "Content-Length: 2", content=b"{}")
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert sandbox.requests == []


def test_another_host_in_the_target(port: int, sandbox: Sandbox) -> None:
    """A foreign host name in the request target is refused like one in the header."""
    assert send_lines(port, "GET http://evil.example/ HTTP/1.1", "Host: localhost").startswith(b"HTTP/1.1 403 ")
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "headers",
    [
        ["Host: localhost:PORT"],
        ["Host: [::1]:PORT", "Sec-Fetch-Site: none"],
        ["Host: 127.0.0.1:PORT", "Origin: http://127.0.0.1:PORT", "Sec-Fetch-Site: same-origin"],
        ["Host: LOCALHOST"],
    ],
)
def test_this_machine(port: int, headers: list[str]) -> None:
    """Programs and pages on this machine get an answer."""
    lines = [line.replace("PORT", str(port)) for line in headers]
    answer = send_lines(port, "POST / HTTP/1.1", *lines, "Content-Length: 2", "Connection: close", content=b"{}")
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["GET http://[ HTTP/1.1"], 400),
        (["GET //[ HTTP/1.1"], 200),
        (["GET / HTTP/1.1", "Content-Length: 5,5"], 400),
        (["GET / HTTP/1.1", "Content-Length: 1", "Content-Length: 2"], 400),
        (["POST / HTTP/1.1", "Content-Length: +2"], 400),
        (["POST / HTTP/1.1", "Content-Length: ²"], 400),
        (["POST / HTTP/1.1", f"Content-Length: {BODY_LIMIT + 1}"], 413),
        (["POST / HTTP/1.1", f"Content-Length: {'9' * 5000}"], 413),
        (["POST / HTTP/1.1", "Content-Length: 9"], 408),
        (["POST / HTTP/1.1", "Transfer-Encoding: chunked"], 411),
        (["GET / HTTP/9.9"], 505),
        (["GET / x"], 400),
        (["GET"], 400),
        (["GET / HTTP/1.1", *(f"X-{number}: 1" for number in range(200))], 431),
        ([f"GET /{'x' * 70000} HTTP/1.1"], 414),
    ],
)
def test_broken_requests(port: int, lines: list[str], status: int, capfd: pytest.CaptureFixture[str]) -> None:
    """Data that is not HTTP, or too long, gets an HTTP error without a traceback, and the server goes on."""
    lines = [*lines, "Connection: close"] if status == 200 else lines
    answer = send_lines(port, *lines, content=b"{}")
    assert f"{status}".encode() in answer.partition(b"\r\n")[0] or f"Error code: {status}".encode() in answer
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as good:
        assert good.status == 200
    assert "Traceback" not in capfd.readouterr().err


def test_log(port: int, capfd: pytest.CaptureFixture[str]) -> None:
    """Each request is one line with its status, also after a refusal, and the line has no query."""
    for path in ("/?accessToken=secret", "/favicon.ico?secret", "http://[secret"):
        send_lines(port, f"GET {path} HTTP/1.0", "Host: localhost")
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("serve: ")]
    assert lines == ["serve: GET / -> 502", "serve: GET /favicon.ico -> 404", "serve: GET ? -> 400"]
