"""Many mini programs in one invocation, through the public entry points."""

import json
import subprocess
import sys
import time
from typing import Any

import pytest
from wechatpy.session.redisstorage import RedisStorage

from gray_release.invoke import LambdaContext, create_scf_context
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, SECRET, Sandbox
from gray_release.sandbox.store import fill_store
from handler.app import lambda_handler, main_handler
from handler.batch import REPLY_BYTES, ROW_BYTES, THREADS
from handler.contract import API
from handler.operation import Operation
from tests.support import DOCUMENTED, PLAN, STABLE, Configure, Invoke, Log, catch_error

OK = {"errCode": 0, "errMsg": f"{API}:ok"}
MANY = [f"wx{number:016x}" for number in range(40)]


@pytest.fixture
def fleet(sandbox: Sandbox) -> Sandbox:
    """Create forty mini programs in the sandbox, each with a different percentage."""
    for number, appid in enumerate(MANY):
        sandbox.tokens.apps[appid] = SECRET
        sandbox.plans[appid] = {"status": 1, "gray_percentage": number}
    return sandbox


def percentages(reply: dict[str, Any]) -> dict[str, int]:
    """Return the percentages of the rows that have one."""
    return {row["appid"]: row["grayReleasePlan"]["grayPercentage"] for row in reply["results"] if row["errCode"] == 0}


def test_rows(fleet: Sandbox, invoke: Invoke, log: Log) -> None:
    """Each mini program has one row with its plan, in the order of the request, and a log line with its requests."""
    reply = invoke({"appids": [*MANY, MANY[3], MANY[0]]})
    assert {key: reply[key] for key in OK} == OK
    assert list(percentages(reply).items()) == [(appid, number) for number, appid in enumerate(MANY)]
    assert reply["results"][5] == {
        "appid": MANY[5],
        **OK,
        "grayReleasePlan": {"status": 1, "grayPercentage": 5},
    }
    lines = {line["appid"]: line for line in log()}
    assert set(lines) == set(MANY)
    assert {(line["token_requests"], line["plan_requests"], line["trigger"]) for line in lines.values()} == {
        (1, 1, "direct")
    }
    assert len({line["function_request_id"] for line in lines.values()}) == 1
    assert (fleet.count(PLAN), fleet.count(STABLE)) == (40, 40)


EVENTS: dict[str, Any] = {
    "direct": lambda arguments: arguments,
    "eventbridge": lambda arguments: {"source": "aws.events", "detail-type": "x", "detail": arguments},
    "timer": lambda arguments: {"Type": "Timer", "Message": json.dumps(arguments)},
    "post": lambda arguments: {"httpMethod": "POST", "path": "/", "headers": {}, "body": json.dumps(arguments)},
}


@pytest.mark.parametrize("trigger", EVENTS)
@pytest.mark.parametrize("platform", ["lambda", "scf"])
@pytest.mark.usefixtures("fleet")
def test_triggers(trigger: str, platform: str) -> None:
    """Every trigger that passes an object accepts `appids`, on both clouds."""
    event = EVENTS[trigger]({"appids": MANY[:3]})
    reply = (
        lambda_handler(event, LambdaContext()) if platform == "lambda" else main_handler(event, create_scf_context())
    )
    if trigger == "post":
        assert reply["statusCode"] == 200
        reply = json.loads(reply["body"])
    assert percentages(reply) == {appid: number for number, appid in enumerate(MANY[:3])}


@pytest.mark.parametrize(
    "arguments",
    [
        {"appids": []},
        {"appids": [f"wx{number}" for number in range(1001)]},
        {"appids": ["wx1", ""]},
        {"appids": ["wx1", None]},
        {"appids": ["wx1", 5]},
        {"appids": ["wx1", "wx 2"]},
        {"appids": [["wx1"]]},
        {"appids": "wx1,wx2"},
        {"appids": {"wx1": 1}},
        {"appids": ["component"]},
        {"appids": ["wx1"], "appid": "wx2"},
        {"appids": ["wx1"], "accessToken": "token-of-a-caller"},
        {"appids": ["wx1"], "cloudbaseAccessToken": "token-of-a-caller"},
        {"appids": "all", "appid": "wx2"},
        {"appids": "all"},
    ],
)
def test_refused_arguments(sandbox: Sandbox, invoke: Invoke, arguments: dict[str, Any]) -> None:
    """If `appids` is not a list of appids, or comes with another argument, the errCode is 40097, without a request."""
    assert catch_error(invoke, arguments).errCode == 40097
    assert not sandbox.requests


def test_https_form(sandbox: Sandbox, invoke: Invoke) -> None:
    """WeChat's path does not accept `appids`."""
    reply = invoke({"httpMethod": "GET", "path": PLAN, "queryString": {"appids": "all"}})
    assert json.loads(reply["body"])["errcode"] == 40097
    assert not sandbox.requests


def test_own_failures(fleet: Sandbox, invoke: Invoke) -> None:
    """A mini program's failure is in its row, and the others get their plans."""
    del fleet.tokens.apps[MANY[0]], fleet.tokens.apps[MANY[7]]
    reply = invoke({"appids": MANY[:10]})
    failed = [row for row in reply["results"] if row["errCode"]]
    assert [(row["appid"], row["errCode"]) for row in failed] == [(MANY[0], 40013), (MANY[7], 40013)]
    assert all(row["errMsg"].startswith(f"{API}:fail invalid appid") and len(row) == 3 for row in failed)
    assert len(percentages(reply)) == 8


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"WECHAT_SECRET": None}, 41004),
        ({"WECHAT_TIMEOUT_SECONDS": "soon"}, -1),
        ({"WECHAT_TOKEN_SOURCE": "store"}, 41001),
        ({"WECHAT_TOKEN_STORE_URL": "redis://127.0.0.1:1", "WECHAT_TOKEN_SOURCE": "store"}, -1),
        ({"WECHAT_SECRET": None, "WECHAT_COMPONENT_SECRET": "hush"}, 41001),
    ],
)
@pytest.mark.usefixtures("fleet")
def test_shared_failures(
    configure: Configure, invoke: Invoke, log: Log, variables: dict[str, str | None], code: int
) -> None:
    """A failure that concerns every mini program fails the whole invocation."""
    configure(**variables)
    assert catch_error(invoke, {"appids": MANY}).errCode == code
    assert [line["err_code"] for line in log() if line["message"] == "getGrayReleasePlan"][-1] == code
    assert len(log()) <= 2


@pytest.mark.usefixtures("fleet")
def test_out_of_time(fleet: Sandbox, invoke: Invoke, log: Log) -> None:
    """Mini programs that are not checked before the deadline have a row that says so. One warning counts them."""
    fleet.faults.append(Fault.parse("plan:delay=0.3"))
    reply = invoke({"appids": MANY}, deadline=time.monotonic() + 1)
    assert [row["appid"] for row in reply["results"]] == MANY
    late = [row for row in reply["results"] if row["errCode"]]
    assert {(row["errCode"], row["errMsg"]) for row in late} == {(-1, f"{API}:fail out of time")}
    assert 0 < len(percentages(reply)) < 40
    unasked = len(MANY) - sum(line["message"] == "getGrayReleasePlan" for line in log())
    assert any(str(unasked) in line["message"] for line in log() if line["level"] == "WARNING") == (unasked > 0)


def test_limits_are_each_questions_own(fleet: Sandbox, invoke: Invoke, log: Log) -> None:
    """Each check may retry a request, as a single call may."""
    fleet.faults[:] = [Fault("plan", "status", "502", times=1)]
    assert len(percentages(invoke({"appids": MANY}))) == 40
    assert sorted(line["plan_requests"] for line in log()) == [1] * 39 + [2]


def test_snake_case(fleet: Sandbox, invoke: Invoke) -> None:
    """`convertCase: false` keeps WeChat's key names in each row."""
    assert fleet.plans
    [row] = invoke({"appids": MANY[1:2], "convertCase": False})["results"]
    assert row["gray_release_plan"] == {"status": 1, "gray_percentage": 1}


def test_reply_fits(fleet: Sandbox, invoke: Invoke) -> None:
    """A plan that is too long for its share of the reply is a failure in its row."""
    fleet.plans[MANY[1]] = {"status": 1, "note": "灰" * ROW_BYTES}
    reply = invoke({"appids": MANY[:3]})
    assert [row["errCode"] for row in reply["results"]] == [0, -1, 0]
    assert len(json.dumps(reply).encode()) < REPLY_BYTES


def test_internal_error_is_a_row(fleet: Sandbox, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
    """An internal error in one check does not affect the others, and its text is not shown."""
    get_plan = Operation.get_plan

    def fail_for_third(self: Operation, arguments: Any, budget: Any) -> Any:
        if arguments.appid == MANY[2]:
            raise KeyError("secret text")
        return get_plan(self, arguments, budget)

    monkeypatch.setattr(Operation, "get_plan", fail_for_third)
    assert fleet.plans
    reply = invoke({"appids": MANY[:5]})
    assert [row["errCode"] for row in reply["results"]] == [0, 0, -1, 0, 0]
    assert "secret text" not in f"{reply} {log()}"


def test_some_at_once(fleet: Sandbox, invoke: Invoke) -> None:
    """Checks run in parallel, up to the limit."""
    invoke({"appids": MANY})
    assert 1 < fleet.connections <= THREADS + 1


# --- The platform's own list


def test_all(platform: Sandbox, store: RedisStorage, invoke: Invoke) -> None:
    """`"all"` asks for every authorizer of the platform, page by page, and shows no refresh token."""
    refresh_tokens = {f"wx{number:016x}": f"refreshtoken@@@{number:032x}" for number in range(1203)}
    platform.platform.authorizers.clear()
    platform.platform.authorizers.update(refresh_tokens)
    fill_store(store, platform.platform.ticket, refresh_tokens)
    token = platform.tokens.issue_token()["access_token"]
    for appid in refresh_tokens:
        store.set(f"{appid}_access_token", token)
    reply = invoke({"appids": "all"}, deadline=time.monotonic() + 60)
    assert [row["appid"] for row in reply["results"]] == list(refresh_tokens)
    assert {row["errCode"] for row in reply["results"]} == {0}
    assert platform.count("/cgi-bin/component/api_get_authorizer_list") == 3
    assert "refreshtoken" not in json.dumps(reply)


@pytest.mark.usefixtures("store")
def test_all_with_a_refused_platform_token(platform: Sandbox, store: RedisStorage, invoke: Invoke) -> None:
    """If WeChat refuses the platform's token, a new one is fetched and the list is requested again."""
    store.set("component_access_token", "revoked-platform-token")
    assert [row["appid"] for row in invoke({"appids": "all"})["results"]] == [APPID]
    assert platform.count("/cgi-bin/component/api_component_token") == 1


def test_all_fails_once(platform: Sandbox, invoke: Invoke, log: Log) -> None:
    """If WeChat refuses the list, the invocation fails."""
    platform.faults.append(Fault.parse("list:errcode=61004"))
    assert catch_error(invoke, {"appids": "all"}).errCode == 61004
    assert len(log()) == 1


def test_single_question_loads_no_threads(configure: Configure) -> None:
    """A single check loads no thread pool."""
    configure()
    code = "import sys, handler.app; print(sorted({'handler.batch', 'concurrent.futures.thread'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_documented_reply(sandbox: Sandbox, invoke: Invoke) -> None:
    """A row is the reply of a single call, with the appid in front."""
    assert sandbox.plans == {}
    assert invoke({"appids": [APPID]})["results"] == [{"appid": APPID, **DOCUMENTED}]
