"""Nothing that is secret is printed, logged or raised, whatever goes wrong, at log level DEBUG."""

import io
import json
import logging
import time
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from wechatpy.session.redisstorage import RedisStorage

from handler import settings, telemetry
from handler.app import _operation, lambda_handler
from handler.contract import Arguments, OpenApiError
from handler.local.faults import Fault, http
from handler.local.invoke import LambdaContext
from handler.local.sandbox import APPID, COMPONENT_APPID, Sandbox

pytestmark = pytest.mark.slow

SECRETS = {
    "secret": "hush-app-secret-5d41402abc",
    "token": "hush-access-token-7d793037a0",
    "cloudbase token": "hush-cloudbase-token-2a3bfa",
    "component secret": "hush-component-secret-b00a",
    "ticket": "hush-verify-ticket-9b1f",
    "refresh token": "hush-refresh-token-4c2d",
}

FAULTS = [
    None,
    *(
        Fault.parse(f"{endpoint}:{kind}")
        for endpoint in ("plan", "token")
        for kind in (
            *("reset", "truncate", "html", "text", "types", "status=301", "status=403", "status=502", "hang=1"),
            *("errcode=40001", "errcode=40125", "errcode=45009", "errcode=-1", "body=null", "trickle=0.1"),
        )
    ),
    Fault("any", "raw", raw=http(b"{}", Content_Length="99")),
    Fault("any", "raw", raw=http(b"\x1f\x8b", Content_Encoding="gzip")),
    Fault("any", "raw", raw=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nbad header\r\n\r\n{}"),
    Fault("any", "raw", raw=b"not HTTP\r\n\r\n"),
]

EVENTS: list[Any] = [
    {},
    {"accessToken": SECRETS["token"]},
    {"cloudbase_access_token": SECRETS["cloudbase token"]},
    {"accessToken": SECRETS["token"] + "\r\nX-Injected: 1"},
    {"accessToken": [SECRETS["token"]]},
    {"appid": SECRETS["token"] + "/../"},
    {
        "httpMethod": "GET",
        "path": "/wxa/getgrayreleaseplan",
        "headers": {"X-WX-CLOUDBASE-ACCESS-TOKEN": SECRETS["cloudbase token"]},
        "queryString": {"access_token": SECRETS["token"]},
    },
]


@pytest.fixture
def printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], debug_log: io.StringIO
) -> Iterator[io.StringIO]:
    """Collect what every logger says at DEBUG, stdout, stderr and what a test adds; then look for the secrets."""
    monkeypatch.setattr(telemetry.logger.registered_handler, "stream", debug_log)
    yield debug_log
    text = debug_log.getvalue() + "".join(capfd.readouterr())
    assert '"message":"getGrayReleasePlan"' in text
    assert "Starting new HTTP connection" in text
    assert [name for name, secret in SECRETS.items() if secret in text] == []


def invoke_all(printed: io.StringIO) -> None:
    """Invoke with every event; add replies, errors, and tracebacks with their causes."""
    for event in EVENTS:
        try:
            printed.write(json.dumps(lambda_handler(event, LambdaContext(deadline=time.monotonic() + 0.2))))
        except OpenApiError as error:
            trace = "".join(traceback.format_exception(error))
            printed.write(f"{error} {error!r} {error.args} {vars(error)} {error.__cause__!r}\n{trace}")


def print_objects(printed: io.StringIO) -> None:
    """Add the repr of what holds secrets."""
    loaded = settings.load()
    printed.write(f"{loaded!r} {loaded} {loaded.model_dump()} {_operation(loaded)!r} {vars(_operation(loaded))}")
    printed.write(f"{Arguments.parse(EVENTS[1])!r} {Arguments.parse(EVENTS[2]).model_dump_json()}")


@pytest.mark.parametrize(
    "fault", FAULTS, ids=lambda fault: f"{fault.endpoint}:{fault.kind}={fault.value}" if fault else "-"
)
def test_stable(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, printed: io.StringIO, fault: Fault | None) -> None:
    """With an AppSecret, and with tokens from callers, nothing is shown."""
    sandbox.tokens.apps[APPID] = SECRETS["secret"]
    sandbox.tokens.expiry[SECRETS["token"]] = time.time() + 7200
    sandbox.tokens.stable[APPID] = SECRETS["token"]
    monkeypatch.setenv("WECHAT_SECRET", SECRETS["secret"])
    sandbox.faults += [fault] if fault else []
    invoke_all(printed)
    print_objects(printed)


@pytest.mark.parametrize(
    "fault", FAULTS, ids=lambda fault: f"{fault.endpoint}:{fault.kind}={fault.value}" if fault else "-"
)
def test_component(
    sandbox: Sandbox,
    store: RedisStorage,
    monkeypatch: pytest.MonkeyPatch,
    printed: io.StringIO,
    fault: Fault | None,
) -> None:
    """With a platform's tokens nothing is shown."""
    platform = sandbox.platform
    platform.secret, platform.ticket = SECRETS["component secret"], SECRETS["ticket"]
    platform.authorizers[APPID] = SECRETS["refresh token"]
    monkeypatch.delenv("WECHAT_SECRET")
    monkeypatch.setenv("WECHAT_COMPONENT_APPID", COMPONENT_APPID)
    monkeypatch.setenv("WECHAT_COMPONENT_SECRET", SECRETS["component secret"])
    store.set("component_verify_ticket", SECRETS["ticket"])
    store.set(f"{APPID}_refresh_token", SECRETS["refresh token"])
    sandbox.faults += [fault] if fault else []
    invoke_all(printed)
    print_objects(printed)


def test_the_leak_test_leaks(printed: io.StringIO, sandbox: Sandbox) -> None:
    """The collector sees what loggers, stdout and the tests themselves say (so that it can fail)."""
    invoke_all(printed)
    logging.getLogger("requests").debug("from a logger")
    print("from stdout")  # noqa: T201 - the point
    assert "from a logger" in printed.getvalue()
    assert sandbox.connections
