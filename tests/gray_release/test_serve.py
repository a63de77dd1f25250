"""`serve`: the function behind a local HTTP server, and its OpenAPI description."""

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from wechatpy.client import WeChatClient

from gray_release.openapi import describe
from gray_release.sandbox.server import DOCUMENTED_PLAN, Sandbox
from gray_release.serve import create_server
from tests.support import DOCUMENTED, end_process


@pytest.fixture(params=["lambda", "scf"])
def address(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[str]:
    """Serve the function with the sandbox, once as each platform does."""
    assert sandbox.requests == []
    with create_server(request.param, 0) as server:
        threading.Thread(target=server.serve_forever, args=(0.002,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_get_and_post(address: str) -> None:
    """The cloud call answers GET and POST."""
    for content in (None, b"{}"):
        with urllib.request.urlopen(f"{address}/x?a=b", content, timeout=5) as answer:  # noqa: S310 - loopback
            assert json.load(answer) == DOCUMENTED
            assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/favicon.ico", "/robots.txt", "/apple-touch-icon.png", "/.well-known/security.txt"])
def test_browser_paths(address: str, sandbox: Sandbox, path: str) -> None:
    """Paths that browsers request on every host are 404 without a request to WeChat."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(address + path, timeout=5)  # noqa: S310 - loopback
    with caught.value as answer:
        assert (answer.code, sandbox.requests) == (404, [])


@pytest.mark.parametrize("length", ["-1", "many", "1.5"])
def test_content_length(address: str, sandbox: Sandbox, length: str, capfd: pytest.CaptureFixture[str]) -> None:
    """An invalid Content-Length is a bad request, without a traceback."""
    asked = urllib.request.Request(address, headers={"Content-Length": length})  # noqa: S310 - loopback
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(asked, timeout=5)  # noqa: S310 - loopback
    with caught.value as answer:
        assert (answer.code, sandbox.requests) == (400, [])
    assert "Traceback" not in capfd.readouterr().err


def test_binary_body(address: str) -> None:
    """A binary body reaches the function in base64, and the function refuses it."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(address, b"\xff\xfe", timeout=5)  # noqa: S310 - loopback
    assert (caught.value.code, json.load(caught.value)["errCode"]) == (400, 40097)


def test_wechatpy_as_the_client(address: str, sandbox: Sandbox) -> None:
    """Wechatpy's client gets the plan from the function, and raises its own exceptions for failures."""
    token = sandbox.tokens.issue_token()["access_token"]
    client = WeChatClient("wx0123456789abcdef", "unused", access_token=token)
    body = client.get(f"{address}/wxa/getgrayreleaseplan")
    assert body == {"errcode": 0, "errmsg": "ok", "gray_release_plan": DOCUMENTED_PLAN}


@pytest.mark.slow
@pytest.mark.parametrize("target", ["lambda", "scf"])
def test_schemathesis(target: str, tmp_path: Path) -> None:
    """Schemathesis generates requests from the description; it describes every answer."""
    description = describe()
    # The function refuses both here: the sandbox's token source has no list, and `appids` excludes a token.
    del description["components"]["schemas"]["ArgumentsOfMany"]["properties"]["appids"]["anyOf"][1]
    del description["paths"]["/"]["post"]["parameters"]
    (tmp_path / "openapi.json").write_text(json.dumps(description))
    command = [sys.executable, "-m", "gray_release", "serve", "--port", "0", "--target", target]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    with end_process(started, 360) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        process = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                *("run", str(tmp_path / "openapi.json"), "--url", address, "--checks", "all"),
                # 502 is a documented answer: WeChat refuses the generated tokens and appids.
                *("--exclude-checks", "not_a_server_error", "--max-examples", "100", "--no-color"),
                *("--seed", "1", "--generation-deterministic"),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert process.returncode == 0, process.stdout[-4000:] + process.stderr[-4000:]
    assert "No issues found" in process.stdout
