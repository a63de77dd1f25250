"""Each fault at each endpoint leads to a documented error, in time, after the stated number of requests."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from wechatpy.session.redisstorage import RedisStorage

from gray_release.invoke import LambdaContext
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, COMPONENT_APPID, COMPONENT_SECRET, REFRESH_TOKEN, TICKET, Sandbox
from handler import telemetry
from handler.app import lambda_handler
from handler.contract import HTTPS_PATH
from handler.telemetry.metrics import publish
from tests.fault_table import FAILURES, REFUSED_TOKENS, SUCCESSES, Row, token_rows
from tests.support import Configure, Log

Play = Callable[..., int]

PATHS = {
    "plan": HTTPS_PATH,
    "stable": "/cgi-bin/stable_token",
    "component": "/cgi-bin/component/api_component_token",
    "authorizer": "/cgi-bin/component/api_authorizer_token",
}
TOKEN_NAMES = {
    "stable": "access_token",
    "component": "component_access_token",
    "authorizer": "authorizer_access_token",
}


@pytest.fixture(autouse=True)
def _metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turn metrics on."""
    monkeypatch.setattr(telemetry, "_publish", publish)


@pytest.fixture
def play(sandbox: Sandbox, configure: Configure, log: Log) -> Play:
    """Play a row at an endpoint; check its errCode, status and requests; return the number of plan requests."""

    def play(row: Row, endpoint: str, *others: Fault) -> int:
        if row.status == 504:  # not for other rows: a busy machine may need longer for a plain request
            configure(WECHAT_TIMEOUT_SECONDS="0.6")
        sandbox.faults[:] = [row.create_fault(endpoint), *others]
        code, status = invoke_over_http()
        requests = {name: sandbox.count(path) for name, path in PATHS.items()}
        assert (code, status if code else row.status, requests[endpoint]) == (row.code, row.status, row.requests)
        tokens = sum(requests.values()) - requests["plan"]
        assert max(requests["plan"], tokens) <= 2
        line = log()[-1]
        assert (line["plan_requests"], line["token_requests"]) == (requests["plan"], tokens)
        return requests["plan"]

    return play


def invoke_over_http() -> tuple[int, int]:
    """Invoke, check that time was left, and return errCode and HTTP status."""
    context = LambdaContext()
    reply = lambda_handler({"httpMethod": "GET", "path": "/", "queryString": {}, "headers": {}}, context)
    assert context.get_remaining_time_in_millis() > 0
    body = json.loads(reply["body"])
    assert body["errMsg"].startswith(f"openapi.operation.getGrayReleasePlan:{'fail ' if body['errCode'] else 'ok'}")
    return body["errCode"], reply["statusCode"]


def expect_recovery(sandbox: Sandbox) -> None:
    """Check that the next invocation succeeds once the fault is gone."""
    sandbox.faults.clear()
    assert invoke_over_http() == (0, 200)


@pytest.mark.parametrize("row", FAILURES + REFUSED_TOKENS + SUCCESSES, ids=lambda row: row.name)
def test_plan(sandbox: Sandbox, play: Play, row: Row) -> None:
    """Each fault of the plan request gives its errCode after its number of requests. The next invocation succeeds."""
    play(row, "plan")
    expect_recovery(sandbox)


@pytest.mark.slow
@pytest.mark.parametrize("row", FAILURES, ids=lambda row: row.name)
def test_stable_token(sandbox: Sandbox, play: Play, row: Row) -> None:
    """A fault of the token request gives the same failure as one of the plan request, and no plan is requested."""
    assert play(row, "stable") == 0
    expect_recovery(sandbox)


@pytest.mark.slow
@pytest.mark.parametrize("row", FAILURES, ids=lambda row: row.name)
def test_component_token(platform: Sandbox, store: RedisStorage, play: Play, row: Row) -> None:
    """A fault of the platform's token request gives the same failure, and no other request follows."""
    assert play(row, "component") == 0
    assert len(platform.requests) == row.requests
    assert store.get("component_access_token") is None
    expect_recovery(platform)


@pytest.mark.slow
@pytest.mark.parametrize("row", FAILURES, ids=lambda row: row.name)
def test_authorizer_token(platform: Sandbox, store: RedisStorage, play: Play, row: Row) -> None:
    """A fault of the authorizer's token request gives the same failure, and its refresh token is kept.

    A refresh whose answer was lost is not repeated, because WeChat may have rotated the refresh token.
    """
    issued = platform.platform.get_component_token(
        {"component_appid": COMPONENT_APPID, "component_appsecret": COMPONENT_SECRET, "component_verify_ticket": TICKET}
    )
    store.set("component_access_token", issued["component_access_token"], 7200)
    assert play(replace(row, requests=1) if row.is_lost else row, "authorizer") == 0
    assert store.get(f"{APPID}_refresh_token") == REFRESH_TOKEN
    expect_recovery(platform)


@pytest.mark.parametrize(
    ("endpoint", "row"),
    [
        pytest.param(endpoint, row, id=f"{endpoint} {row.name}")
        for endpoint, name in TOKEN_NAMES.items()
        for row in token_rows(name)
    ],
)
def test_odd_tokens(sandbox: Sandbox, request: pytest.FixtureRequest, play: Play, endpoint: str, row: Row) -> None:
    """An answer without a usable token gives errCode -1. A token with an odd lifetime is used at least once."""
    if endpoint != "stable":
        request.getfixturevalue("platform")
    others = [Fault("plan", "body", "{}")]
    if endpoint == "component":
        others.append(Fault("authorizer", "body", '{"authorizer_access_token":"sandbox_any","expires_in":7200}'))
    assert play(row, endpoint, *others) == (row.code == 0)
    if endpoint == "component":
        sandbox.faults.clear()
        invoke_over_http()  # WeChat refuses the platform's token, which costs the two token requests
    expect_recovery(sandbox)
