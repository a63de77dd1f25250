"""Shared fixtures: a sandbox, real servers, and an environment that points at them."""

import io
import json
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import trustme
from hypothesis import settings
from moto.server import ThreadedMotoServer
from wechatpy.session.redisstorage import RedisStorage

from gray_release.invoke import LambdaContext
from gray_release.sandbox.server import APPID, COMPONENT_APPID, COMPONENT_SECRET, REFRESH_TOKEN, SECRET, TICKET, Sandbox
from gray_release.sandbox.store import fill_store
from handler import app
from handler.app import lambda_handler
from handler.telemetry import log as function_log
from tests.support import Configure, Invoke, Log, Valkey, create_server_context

# If a script starts the tests in the background, they and their child processes ignore interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("no deadline", deadline=None)  # no test asserts on wall time
settings.load_profile("no deadline")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Remove the function's variables, and make it read the environment again."""
    for name in [name for name in os.environ if name.startswith(("WECHAT_", "ON_ERROR", "AWS_", "POWERTOOLS_"))]:
        monkeypatch.delenv(name)
    app.forget_settings()
    yield
    app.forget_settings()


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Return a function that sets variables (`None` removes one) and makes the function read them again."""

    def configure(**variables: str | None) -> None:
        for name, value in variables.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        app.forget_settings()

    return configure


@pytest.fixture
def sandbox(configure: Configure) -> Iterator[Sandbox]:
    """Run WeChat's stand-in and point the environment at it."""
    with Sandbox() as sandbox:
        configure(WECHAT_API_BASE_URL=sandbox.base_url, WECHAT_APPID=APPID, WECHAT_SECRET=SECRET)
        yield sandbox


@pytest.fixture
def authority(configure: Configure, tmp_path: Path) -> trustme.CA:
    """Create a certificate authority for this test, and make the function trust it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    configure(SSL_CERT_FILE=str(tmp_path / "ca.pem"))
    return authority


@pytest.fixture
def secure_sandbox(authority: trustme.CA, configure: Configure) -> Iterator[Sandbox]:
    """Run WeChat's stand-in over TLS and point the environment at it."""
    with Sandbox(tls=create_server_context(authority)) as sandbox:
        configure(WECHAT_API_BASE_URL=sandbox.base_url, WECHAT_APPID=APPID, WECHAT_SECRET=SECRET)
        yield sandbox


@pytest.fixture
def invoke() -> Invoke:
    """Return a function that invokes the deployed function as Lambda does."""

    def invoke(event: Any = None, **context: Any) -> dict[str, Any]:
        return lambda_handler({} if event is None else event, LambdaContext(**context))

    return invoke


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """Return a function that reads all log lines that were written so far."""
    stream = io.StringIO()
    monkeypatch.setattr(function_log.logger.registered_handler, "stream", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """Run a real Valkey server."""
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    yield server
    server.stop()


@pytest.fixture
def store(server: Valkey, configure: Configure) -> Iterator[RedisStorage]:
    """Empty the store, point the environment at it, and return wechatpy's client of it."""
    client = redis.Redis(port=server.port)
    client.flushall()
    configure(WECHAT_TOKEN_STORE_URL=f"redis://127.0.0.1:{server.port}/0")
    yield RedisStorage(client)
    client.close()


@pytest.fixture
def platform(sandbox: Sandbox, store: RedisStorage, configure: Configure) -> Sandbox:
    """Configure a third-party platform whose callback server has filled the store."""
    configure(WECHAT_SECRET=None, WECHAT_COMPONENT_APPID=COMPONENT_APPID, WECHAT_COMPONENT_SECRET=COMPONENT_SECRET)
    fill_store(store, TICKET, {APPID: REFRESH_TOKEN})
    return sandbox


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """Run moto's Secrets Manager and SSM."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def debug_log() -> Iterator[io.StringIO]:
    """Collect the output of all loggers at DEBUG."""
    stream = io.StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)
