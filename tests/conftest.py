"""What the tests share: a sandbox, an environment that points at it, and a context."""

import io
import json
import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from wechatpy.session.redisstorage import RedisStorage

from handler.app import _operation, lambda_handler
from handler.local.invoke import LambdaContext
from handler.local.sandbox.server import APPID, SECRET, Sandbox
from handler.telemetry import log as telemetry
from tests.support import Invoke, Log, Valkey


class Environment(pytest.MonkeyPatch):  # type: ignore[misc]  # final, but there is no other hook
    """pytest's, after which the function reads its environment again, as a new process would."""

    def setenv(self, name: str, value: str, prepend: str | None = None) -> None:
        """Set a variable."""
        super().setenv(name, value, prepend)
        _operation.cache_clear()

    def delenv(self, name: str, raising: bool = True) -> None:  # noqa: FBT001, FBT002 - pytest's own
        """Remove a variable."""
        super().delenv(name, raising)
        _operation.cache_clear()


@pytest.fixture
def monkeypatch() -> Iterator[pytest.MonkeyPatch]:
    """Patch what a test needs, and undo it."""
    _operation.cache_clear()
    patch = Environment()
    yield patch
    patch.undo()


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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """Run a real Valkey."""
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    yield server
    server.stop()


@pytest.fixture
def store(server: Valkey, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisStorage]:
    """Empty the store, point the environment at it, and open it as a platform's own programs do."""
    client = redis.Redis(port=server.port)
    client.flushall()
    monkeypatch.setenv("WECHAT_TOKEN_STORE_URL", f"redis://127.0.0.1:{server.port}/0")
    yield RedisStorage(client)
    client.close()


@pytest.fixture
def debug_log() -> Iterator[io.StringIO]:
    """Collect what every logger says at DEBUG."""
    stream = io.StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)
