"""No secret is printed, logged or raised after any fault, even at log level DEBUG."""

import base64
import io
import json
import logging
import os
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from wechatpy.session.redisstorage import RedisStorage

from gray_release.invoke import LambdaContext
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, COMPONENT_APPID, Sandbox
from gray_release.sandbox.store import fill_store
from handler import settings, telemetry
from handler.app import _create_operation, lambda_handler
from handler.contract import Arguments, OpenApiError
from handler.network.exchange import HttpRequest, HttpResponse
from handler.telemetry.metrics import publish
from handler.tokens.base import Token
from handler.tokens.refresh_tokens import Unsaved
from tests.fault_table import FAILURES, REFUSED_TOKENS, SUCCESSES, Row, token_rows
from tests.reachable import ENTRY, texts
from tests.support import Configure

pytestmark = pytest.mark.slow

SECRETS = {
    "secret": "hush-app-secret-5d41402abc",
    "token": "hush-access-token-7d793037a0",
    "cloudbase token": "hush-cloudbase-token-2a3bfa",
    "component secret": "hush-component-secret-b00a",
    "ticket": "hush-verify-ticket-9b1f",
    "refresh token": "hush-refresh-token-4c2d",
}

ROWS = [
    Row("no fault", Fault("any", "body", "{}", times=0)),
    Row("echo", Fault("any", "echo")),
    *FAILURES,
    *REFUSED_TOKENS,
]
AT_PLAN = [("plan", row) for row in ROWS + SUCCESSES]
AT_STABLE = [("stable", row) for row in ROWS + token_rows("access_token")]
AT_PLATFORM = [
    (endpoint, row) for endpoint in ("component", "authorizer") for row in ROWS + token_rows(f"{endpoint}_access_token")
]

AT_ENTRY = tuple(f"error.traceback.{name}." for name in ENTRY)

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
    """Collect all loggers at DEBUG, stdout, stderr and the test's own texts; then search them for the secrets."""
    monkeypatch.setattr(telemetry.log.logger.registered_handler, "stream", debug_log)
    monkeypatch.setattr(telemetry, "_publish", publish)
    yield debug_log
    text = debug_log.getvalue() + "".join(capfd.readouterr())
    assert '"message":"getGrayReleasePlan"' in text
    assert "Starting new HTTP connection" in text
    assert '"CloudWatchMetrics"' in text
    assert [name for name, secret in SECRETS.items() if secret in text] == []


def invoke_all(printed: io.StringIO) -> None:
    """Invoke with every event; collect replies, errors and tracebacks, and search the objects that errors reach."""
    found: list[str] = []
    for event in EVENTS:
        try:
            printed.write(json.dumps(lambda_handler(event, LambdaContext(deadline=time.monotonic() + 0.1))))
        except OpenApiError as error:
            trace = "".join(traceback.format_exception(error))
            printed.write(f"{error} {error!r} {error.args} {vars(error)} {error.__cause__!r}\n{trace}")
            found += find_reachable_secrets(error, event)
    assert found == []


def find_reachable_secrets(error: OpenApiError, event: Any) -> list[str]:
    """List the secrets that an error reaches, and where. The caller's event is allowed in the entry point's frame."""
    own = json.dumps(event)
    return [
        f"{name} at {path}"
        for path, text in texts(error)
        for name, secret in SECRETS.items()
        if secret in text and not (secret in own and path.startswith(AT_ENTRY))
    ]


def print_objects(printed: io.StringIO) -> None:
    """Print the repr of the objects that hold secrets."""
    loaded = settings.load()
    operation = _create_operation(os.getpid())
    printed.write(f"{loaded!r} {loaded} {loaded.model_dump()} {operation!r} {vars(operation)}")
    printed.write(f"{Arguments.parse(EVENTS[1])!r} {Arguments.parse(EVENTS[2]).model_dump_json()}")


def parametrize_faults(cases: list[tuple[str, Row]]) -> pytest.MarkDecorator:
    """Parametrise a test by endpoint and fault."""
    ids = [f"{endpoint} {row.name}" for endpoint, row in cases]
    return pytest.mark.parametrize(("endpoint", "row"), cases, ids=ids)


@parametrize_faults(AT_PLAN + AT_STABLE)
def test_stable(sandbox: Sandbox, configure: Configure, printed: io.StringIO, endpoint: str, row: Row) -> None:
    """No secret is shown when the function uses an AppSecret or the callers' tokens."""
    sandbox.tokens.apps[APPID] = SECRETS["secret"]
    sandbox.tokens.expiry[SECRETS["token"]] = time.time() + 7200
    sandbox.tokens.stable[APPID] = SECRETS["token"]
    configure(WECHAT_SECRET=SECRETS["secret"])
    sandbox.faults.append(row.create_fault(endpoint))
    invoke_all(printed)
    print_objects(printed)


@parametrize_faults(AT_PLATFORM)
def test_component(
    sandbox: Sandbox,
    store: RedisStorage,
    configure: Configure,
    printed: io.StringIO,
    endpoint: str,
    row: Row,
) -> None:
    """No secret is shown when the function uses a platform's tokens."""
    platform = sandbox.platform
    platform.secret, platform.ticket = SECRETS["component secret"], SECRETS["ticket"]
    platform.authorizers[APPID] = SECRETS["refresh token"]
    configure(
        WECHAT_SECRET=None, WECHAT_COMPONENT_APPID=COMPONENT_APPID, WECHAT_COMPONENT_SECRET=SECRETS["component secret"]
    )
    fill_store(store, SECRETS["ticket"], {APPID: SECRETS["refresh token"]})
    sandbox.faults.append(row.create_fault(endpoint))
    invoke_all(printed)
    print_objects(printed)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_other_sources(
    sandbox: Sandbox,
    store: RedisStorage,
    configure: Configure,
    printed: io.StringIO,
    tmp_path: Path,
    row: Row,
) -> None:
    """No secret is shown with a central store, or with a cloudbase token from a variable or a file."""
    sandbox.faults.append(row.create_fault("plan"))
    store.set(f"{APPID}_access_token", SECRETS["token"])
    configure(WECHAT_SECRET=None)
    invoke_all(printed)
    print_objects(printed)
    configure(WECHAT_TOKEN_STORE_URL=None, WECHAT_CLOUDBASE_ACCESS_TOKEN=SECRETS["cloudbase token"])
    invoke_all(printed)
    print_objects(printed)
    configure(WECHAT_CLOUDBASE_ACCESS_TOKEN=None)
    (tmp_path / "token").write_text(SECRETS["cloudbase token"])
    configure(WECHAT_CLOUDBASE_TOKEN_FILE=str(tmp_path / "token"))
    invoke_all(printed)


def test_broken_store(configure: Configure, printed: io.StringIO, sandbox: Sandbox) -> None:
    """The password of a store that is down is not shown."""
    configure(WECHAT_SECRET=None, WECHAT_TOKEN_STORE_URL=f"redis://:{SECRETS['secret']}@127.0.0.1:1/0")
    invoke_all(printed)
    print_objects(printed)
    assert sandbox.connections


def test_reprs() -> None:
    """The repr of an object with a token or an AppSecret does not contain it."""
    secret = SECRETS["token"]
    shown = [
        Token(secret),
        HttpRequest("POST", f"/?access_token={secret}", secret.encode(), {"X-Key": secret}),
        HttpResponse(200, {"X-Key": secret}, secret.encode()),
        Unsaved(secret.encode(), secret),
        Arguments.parse({"accessToken": secret, "cloudbaseAccessToken": secret}),
    ]
    assert secret not in f"{shown}"
    assert "POST" in f"{shown}"


def test_the_leak_test_leaks(printed: io.StringIO, sandbox: Sandbox) -> None:
    """The search finds a secret in loggers, on stdout and in the test's own texts, so it can fail."""
    invoke_all(printed)
    logging.getLogger("requests").debug("from a logger")
    print("from stdout")  # noqa: T201 - the point
    assert "from a logger" in printed.getvalue()
    assert sandbox.connections


@pytest.mark.parametrize("parse", [json.loads, lambda text: base64.b64decode(text, validate=True)])
def test_the_walk_finds(parse: Callable[[str], object]) -> None:
    """The search finds a secret in an error's cause and in its frames' locals, so it can fail."""
    with pytest.raises(OpenApiError) as caught:
        _fail_with(lambda: parse(f"!{SECRETS['secret']}"))
    assert [place.partition(" at ")[0] for place in find_reachable_secrets(caught.value, {})] == ["secret"]
    assert find_reachable_secrets(OpenApiError(-1, "out"), {}) == []


def _fail_with(call: Callable[[], object]) -> None:
    try:
        call()
    except ValueError as error:
        raise OpenApiError(-1, "out") from error
