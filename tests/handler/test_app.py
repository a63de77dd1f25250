"""One invocation through the public entry points."""

import json
import re
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from gray_release.invoke import LambdaContext, scf_context
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, SECRET, Sandbox
from handler.app import lambda_handler, main_handler
from handler.contract import OpenApiError
from tests.support import DOCUMENTED, PLAN, STABLE, Configure, Invoke, Log


@pytest.mark.parametrize("event", [None, {}, {"userInfo": {"appId": "x"}, "tcbContext": {}}])
def test_direct_event(sandbox: Sandbox, event: Any) -> None:
    """A direct event, null too, gets the documented reply; unknown keys are ignored."""
    assert lambda_handler(event, LambdaContext()) == DOCUMENTED
    assert sandbox.requests == [("POST", STABLE), ("GET", PLAN)]


SAMPLES = sorted(set(Path("events").glob("*.json")) - {Path("events/env.sandbox.json")})


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
@pytest.mark.usefixtures("sandbox")
def test_sample_events(path: Path) -> None:
    """Every sample event is answered on both clouds."""
    event = json.loads(path.read_bytes())
    for reply in (lambda_handler(event, LambdaContext()), main_handler(event, scf_context())):
        body = json.loads(reply["body"]) if "statusCode" in reply else reply
        assert body.get("errCode", body.get("errcode")) == 0


def test_scf_event(sandbox: Sandbox) -> None:
    """SCF's entry point takes the context as a dict and gives the same reply."""
    assert main_handler({}, scf_context()) == DOCUMENTED
    assert sandbox.connections == 1


@pytest.mark.parametrize("context", [None, {}, SimpleNamespace(), {"time_limit_in_ms": "soon"}])
@pytest.mark.usefixtures("sandbox")
def test_unusual_contexts(context: Any) -> None:
    """A context without the usual facts does not keep the function from answering."""
    assert lambda_handler({}, context) == DOCUMENTED
    assert main_handler({}, context) == DOCUMENTED


def test_cold_and_warm(sandbox: Sandbox, invoke: Invoke) -> None:
    """A cold start opens one connection for both requests; a warm invocation opens none and makes one request."""
    invoke()
    assert (sandbox.connections, len(sandbox.requests)) == (1, 2)
    invoke()
    assert (sandbox.connections, len(sandbox.requests)) == (1, 3)


def test_convert_case_off(sandbox: Sandbox, invoke: Invoke) -> None:
    """`convertCase: false` keeps snake_case inside the plan and around it, as the SDK's option does."""
    assert invoke({"convertCase": False})["gray_release_plan"] == sandbox.plan
    assert invoke({"convert_case": False})["gray_release_plan"] == sandbox.plan


@pytest.mark.parametrize("event", [[], "x", 0, 1.5, False, True, ""])
def test_event_is_not_an_object(sandbox: Sandbox, event: Any) -> None:
    """Anything that is not an object is 40097, and WeChat is not asked."""
    with pytest.raises(OpenApiError) as caught:
        lambda_handler(event, LambdaContext())
    assert caught.value.errCode == 40097
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "event",
    [
        {"appid": 5},
        {"appid": "../other"},
        {"appid": "wx\r\nX: y"},
        {"appid": "w" * 65},
        {"accessToken": {"a": "token"}},
        {"access_token": "to ken"},
        {"accessToken": "t\nk"},
        {"accessToken": "\\" * 15},
        {"accessToken": "an%41other"},
        {"cloudbase_access_token": "a&b=c"},
        {"accessToken": "x" * 2049},
        {"cloudbaseAccessToken": "t" * 2049},
        {"convertCase": "maybe"},
        {"convertCase": []},
    ],
)
def test_bad_arguments(sandbox: Sandbox, invoke: Invoke, event: dict[str, Any]) -> None:
    """A bad argument is 40097 that names it, never shows its value, and WeChat is not asked."""
    with pytest.raises(OpenApiError) as caught:
        invoke(event)
    assert caught.value.errCode == 40097
    [name] = event
    assert caught.value.errMsg.replace("_", "").lower().endswith(f"invalid arguments: {name.replace('_', '').lower()}")
    assert sandbox.requests == []


def test_echoed_secrets_are_hidden(sandbox: Sandbox, invoke: Invoke) -> None:
    """Should WeChat, or a gateway before it, repeat a token or a secret in its errmsg, the error does not."""
    token = sandbox.tokens.issue()["access_token"] + "+/="
    sandbox.faults.append(_echo("plan", f"GET {PLAN}?access_token={quote(token, safe='')}: {token}"))
    with pytest.raises(OpenApiError) as caught:
        invoke({"accessToken": token})
    assert caught.value.errMsg.endswith(f":fail GET {PLAN}?access_token=***: ***")
    sandbox.faults[:] = [_echo("stable", f"{APPID} {SECRET} client_credential")]
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert caught.value.errMsg.endswith(f":fail {APPID} *** client_credential")


@pytest.mark.parametrize(
    "event",
    [
        {"padding": "x" * 6_000_000},
        {"appid": APPID, "padding": ["x"] * 1_000_000},
        {"httpMethod": "POST", "path": "/", "body": json.dumps({"padding": "x" * 6_000_000})},
        {"httpMethod": "GET", "path": "/", "queryString": {"padding": "x" * 6_000_000}},
        json.loads('{"convertCase":true,"a":' + '{"a":' * 100 + "[]" + "}" * 101),
        {"httpMethod": "POST", "path": "/", "body": '{"convertCase":true,"a":' + '{"a":' * 100 + "[]" + "}" * 101},
        {"Type": "Timer", "Message": "x" * 6_000_000},
    ],
    ids=[
        "6 MB",
        "a million items",
        "body of 6 MB",
        "query of 6 MB",
        "100 levels",
        "body of 100 levels",
        "timer of 6 MB",
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_large_events(invoke: Invoke, log: Log, event: dict[str, Any]) -> None:
    """An event as large as the platform allows, or as deep, is answered, and does not come back in the log."""
    reply = invoke(event)
    assert json.loads(reply["body"]) == DOCUMENTED if "statusCode" in reply else reply == DOCUMENTED
    assert len(json.dumps(log())) < 2000


@pytest.mark.parametrize("event", [{"appid": "x" * 6_000_000}, {"accessToken": "x" * 6_000_000}])
def test_large_arguments(sandbox: Sandbox, invoke: Invoke, event: dict[str, Any]) -> None:
    """An argument as large as an event is refused in few words."""
    with pytest.raises(OpenApiError) as caught:
        invoke(event)
    assert caught.value.errCode == 40097
    assert len(str(caught.value)) < 200
    assert sandbox.requests == []


def test_null_and_empty_arguments_count_as_absent(sandbox: Sandbox, invoke: Invoke) -> None:
    """Arguments other than appids that are null or empty are as if they were not there."""
    assert invoke({"accessToken": "", "cloudbase_access_token": None, "convertCase": None}) == DOCUMENTED
    assert sandbox.count(STABLE) == 1


def test_error_text(sandbox: Sandbox, invoke: Invoke) -> None:
    """The error's text is the compact JSON of errCode and errMsg, with WeChat's errmsg and rid."""
    sandbox.faults.append(Fault("plan", "errcode", "48001"))
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert str(caught.value) == (
        '{"errCode":48001,"errMsg":"openapi.operation.getGrayReleasePlan:fail sandbox fault rid: 5f1e-sandbox"}'
    )
    assert json.loads(str(caught.value)) == caught.value.to_dict()
    assert type(caught.value).__name__ == "OpenApiError"


def test_on_error_return(sandbox: Sandbox, invoke: Invoke, configure: Configure) -> None:
    """`ON_ERROR=return` returns the errCode object in place of raising, for bad arguments too."""
    configure(ON_ERROR="return")
    sandbox.faults.append(Fault("plan", "errcode", "45009"))
    assert invoke() == {
        "errCode": 45009,
        "errMsg": "openapi.operation.getGrayReleasePlan:fail sandbox fault rid: 5f1e-sandbox",
    }
    assert invoke([1])["errCode"] == 40097


def test_no_settings(invoke: Invoke, configure: Configure) -> None:
    """Without an appid the call is 41002, and without a secret 41004."""
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert caught.value.errCode == 41002
    configure(WECHAT_APPID=APPID, WECHAT_SECRET="")
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert caught.value.errCode == 41004


def test_wrong_secret(sandbox: Sandbox, invoke: Invoke, configure: Configure) -> None:
    """A wrong secret is WeChat's 40125, asked for once, and the secret is nowhere in the error."""
    configure(WECHAT_SECRET="not-the-secret")
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert caught.value.errCode == 40125
    assert "not-the-secret" not in f"{caught.value} {caught.value!r}"
    assert caught.value.__cause__ is None
    assert sandbox.requests == [("POST", STABLE)]


def test_given_token(sandbox: Sandbox, invoke: Invoke) -> None:
    """A token in the arguments is used as it is: nothing is fetched, kept or refreshed."""
    token = sandbox.tokens.issue()["access_token"]
    assert invoke({"accessToken": token}) == DOCUMENTED
    with pytest.raises(OpenApiError) as caught:
        invoke({"access_token": "another+/~@="})
    assert caught.value.errCode == 40001
    assert [path for _, path in sandbox.requests] == [PLAN, PLAN]


def test_given_cloudbase_token(sandbox: Sandbox, invoke: Invoke) -> None:
    """A cloudbase token goes into the query parameter of its own name."""
    sandbox.cloudbase_tokens.add("cloud+base/token=")
    assert invoke({"cloudbaseAccessToken": "cloud+base/token="}) == DOCUMENTED
    assert sandbox.count(STABLE) == 0


def test_given_token_needs_no_settings(sandbox: Sandbox, invoke: Invoke, configure: Configure) -> None:
    """A given token works where neither appid nor secret is configured."""
    configure(WECHAT_APPID=None, WECHAT_SECRET=None)
    assert invoke({"accessToken": sandbox.tokens.issue()["access_token"]}) == DOCUMENTED


@pytest.mark.parametrize("code", ["40001", "40014", "42001"])
def test_refused_token_is_replaced_once(sandbox: Sandbox, invoke: Invoke, code: str) -> None:
    """A refused token is replaced and the call made once more; a second refusal is the answer."""
    sandbox.faults.append(Fault("plan", "errcode", code, times=1))
    assert invoke() == DOCUMENTED
    assert [path for _, path in sandbox.requests] == [STABLE, PLAN, STABLE, PLAN]
    sandbox.requests.clear()
    sandbox.faults[:] = [Fault("plan", "errcode", code)]
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert caught.value.errCode == int(code)
    assert sandbox.count(PLAN) == 2
    assert sandbox.count(STABLE) == 1


def test_environment_is_read_once(sandbox: Sandbox, invoke: Invoke) -> None:
    """What changes in the environment while the process runs is not looked at."""
    invoke()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WECHAT_APPID", "wx-other")
        invoke()
    assert [path for _, path in sandbox.requests] == [STABLE, PLAN, PLAN]


def test_refused_token_is_not_kept(sandbox: Sandbox, invoke: Invoke) -> None:
    """A token that WeChat has revoked costs one more round, once."""
    invoke()
    sandbox.tokens.expiry.clear()
    sandbox.tokens.stable.clear()
    sandbox.requests.clear()
    assert invoke() == DOCUMENTED
    assert [path for _, path in sandbox.requests] == [PLAN, STABLE, PLAN]


@pytest.mark.parametrize("fault", ["reset", "truncate", "status=500", "status=502", "errcode=-1"])
@pytest.mark.parametrize("endpoint", ["plan", "token"])
def test_passing_faults_are_retried_once(sandbox: Sandbox, invoke: Invoke, endpoint: str, fault: str) -> None:
    """A fault that passes goes unnoticed; one that stays is -1 after two requests."""
    path = PLAN if endpoint == "plan" else STABLE
    sandbox.faults.append(Fault.parse(f"{endpoint}:{fault}*1"))
    assert invoke() == DOCUMENTED
    assert sandbox.count(path) == 2
    sandbox.faults[:] = [Fault.parse(f"{endpoint}:{fault}")]
    sandbox.requests.clear()
    sandbox.tokens.stable.clear()
    with pytest.raises(OpenApiError) as caught:
        invoke({"appid": APPID} if endpoint == "plan" else {"appid": "wx-without-a-token"})
    assert (caught.value.errCode, caught.value.status) == (-1, 503)
    assert sandbox.count(path) == 2


@pytest.mark.parametrize("fault", ["hang=20", "trickle=0.2", "delay=20"])
@pytest.mark.parametrize("endpoint", ["plan", "token"])
def test_slow_answers_are_cut_off(
    sandbox: Sandbox, invoke: Invoke, configure: Configure, endpoint: str, fault: str
) -> None:
    """The deadline holds for the whole exchange, however the answer trickles, and a time-out is not retried."""
    configure(WECHAT_TIMEOUT_SECONDS="900")
    sandbox.faults.append(Fault.parse(f"{endpoint}:{fault}"))
    started = time.monotonic()
    with pytest.raises(OpenApiError) as caught:
        invoke(deadline=started + 0.6)
    assert (caught.value.errCode, caught.value.status) == (-1, 504)
    assert time.monotonic() - started < 15  # the answer would take 20 seconds
    assert sandbox.count(PLAN if endpoint == "plan" else STABLE) == 1


def test_timeout_setting(sandbox: Sandbox, invoke: Invoke, configure: Configure) -> None:
    """`WECHAT_TIMEOUT_SECONDS` bounds an exchange where the invocation would have more time."""
    configure(WECHAT_TIMEOUT_SECONDS="0.3")
    sandbox.faults.append(Fault.parse("plan:hang=20"))
    started = time.monotonic()
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert caught.value.status == 504
    assert time.monotonic() - started < 4  # the default is 5


def test_no_time_left(sandbox: Sandbox, invoke: Invoke) -> None:
    """An invocation without time left says so, and WeChat is not asked."""
    with pytest.raises(OpenApiError) as caught:
        invoke(deadline=time.monotonic())
    assert (caught.value.errCode, caught.value.status) == (-1, 504)
    assert sandbox.requests == []


def test_wrong_types_pass_with_a_warning(sandbox: Sandbox, invoke: Invoke, log: Log) -> None:
    """A plan of the wrong types passes unchanged, with one warning that names the fields and shows no values."""
    sandbox.faults.append(Fault("plan", "types"))
    plan = invoke()["grayReleasePlan"]
    assert plan == {"status": "1", "createTimestamp": "yesterday", "grayPercentage": [8]}
    [warning] = [line for line in log() if line["level"] == "WARNING"]
    assert warning["message"] == "contract drift"
    assert warning["fields"] == ["create_timestamp", "gray_percentage", "status"]
    assert "yesterday" not in json.dumps(warning)


def test_one_log_line(sandbox: Sandbox, invoke: Invoke, log: Log) -> None:
    """An invocation logs one structured line, which holds neither the secret nor the token."""
    invoke()
    [line] = log()
    assert (line["err_code"], line["trigger"]) == (0, "direct")
    assert (line["token_requests"], line["plan_requests"]) == (1, 1)
    assert not {SECRET, *sandbox.tokens.expiry} & set(re.findall(r"[\w-]+", json.dumps(line)))


def test_internal_error(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
    """Should our own code fail, the caller gets -1, and the log the error's class and place but not its text."""
    monkeypatch.setattr("handler.operation.Operation.ask", _broken)
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert caught.value.errCode == -1
    assert caught.value.__suppress_context__
    assert log()[0]["exception"] == "KeyError"
    assert "secret text" not in f"{log()} {caught.value}"


BROKEN_SOURCES: list[dict[str, str | None]] = [
    {"WECHAT_TOKEN_SOURCE": "store", "WECHAT_TOKEN_STORE_URL": None},
    {"WECHAT_TOKEN_SOURCE": "component"},
    {"WECHAT_TOKEN_STORE_URL": "redis://:pass/word@host/0"},
    {"WECHAT_COMPONENT_APPID": "wx-platform"},
    {"WECHAT_SECRET": None, "WECHAT_APPID": None},
    {"ON_ERROR": "sometimes"},
]


@pytest.mark.parametrize("variables", BROKEN_SOURCES, ids=str)
def test_a_callers_token_wins(
    sandbox: Sandbox, invoke: Invoke, configure: Configure, variables: dict[str, str | None]
) -> None:
    """A token in the event needs nothing of the configured source, and works where that is broken."""
    configure(**variables)
    assert invoke({"accessToken": sandbox.tokens.issue()["access_token"]}) == DOCUMENTED


@pytest.mark.usefixtures("sandbox")
def test_on_error_holds_beside_another_fault(invoke: Invoke, configure: Configure) -> None:
    """`ON_ERROR=return` holds when another variable is invalid."""
    configure(ON_ERROR="return", WECHAT_TIMEOUT_SECONDS="never")
    assert invoke()["errCode"] == -1
    configure(ON_ERROR="return", WECHAT_TIMEOUT_SECONDS=None, WECHAT_TOKEN_SOURCE="store")
    assert invoke()["errCode"] == 41001


def test_threads_share_one_fetch(sandbox: Sandbox, invoke: Invoke) -> None:
    """32 threads that start together make one token request and are all answered."""
    sandbox.faults.append(Fault.parse("token:delay=0.2"))
    replies: list[Any] = []
    threads = [threading.Thread(target=lambda: replies.append(invoke())) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert replies == [DOCUMENTED] * 32
    assert sandbox.count(STABLE) == 1


def _echo(endpoint: str, errmsg: str) -> Fault:
    return Fault(endpoint, "body", json.dumps({"errcode": 40013, "errmsg": errmsg}))


def _broken(*_: object) -> None:
    raise KeyError("secret text")
