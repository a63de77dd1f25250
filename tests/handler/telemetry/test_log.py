"""The log line, its hints, and the metrics."""

import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest

from gray_release.invoke import create_scf_context
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, Sandbox
from handler.app import main_handler
from handler.contract import OpenApiError
from handler.telemetry import log as telemetry
from handler.telemetry.hints import COST, HINTS
from tests.support import Invoke, Log

IGNORED = {"location", "timestamp", "upstream_ms", "remaining_ms"} | {
    "function_name",
    "function_memory_size",
    "function_arn",
}


def read_line(log: Log) -> dict[str, Any]:
    """Return the last log line, without the fields that differ from run to run."""
    return {name: value for name, value in log()[-1].items() if name not in IGNORED}


@pytest.mark.usefixtures("sandbox")
def test_success(invoke: Invoke, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log line has the appid, the result, the requests and the remaining time."""
    monkeypatch.setattr(telemetry, "_is_cold", True)
    invoke(aws_request_id="request-1")
    assert len(log()) == 1
    assert read_line(log) == {
        "level": "INFO",
        "message": "getGrayReleasePlan",
        "service": "get-gray-release-plan",
        "function_request_id": "request-1",
        "trigger": "direct",
        "appid": APPID,
        "outcome": "ok",
        "err_code": 0,
        "plan_status": 1,
        "gray_percentage": 8,
        "token_source": "stable",
        "token_state": "fetched",
        "token_requests": 1,
        "plan_requests": 1,
        "cold_start": True,
    }
    assert 0 < log()[-1]["upstream_ms"] < log()[-1]["remaining_ms"] < 20_000
    invoke()
    assert (log()[-1]["cold_start"], log()[-1]["token_state"]) == (False, "fresh")


def test_failure(sandbox: Sandbox, invoke: Invoke, log: Log) -> None:
    """A failure is logged as an error with WeChat's code, text, rid, class and hint; a bad argument as a warning."""
    sandbox.faults.append(Fault.parse("plan:errcode=48001"))
    with pytest.raises(OpenApiError):
        invoke()
    line = read_line(log)
    assert (line["level"], line["outcome"], line["err_code"]) == ("ERROR", "failed", 48001)
    assert (line["err_code_class"], line["rid"]) == ("configuration", "5f1e-sandbox")
    assert line["reason"] == "sandbox fault rid: 5f1e-sandbox"
    assert "permission set 18" in line["hint"]
    with pytest.raises(OpenApiError) as caught:
        invoke([])
    assert (log()[-1]["level"], log()[-1]["err_code_class"]) == ("WARNING", "argument")
    assert "README" not in caught.value.errMsg  # only the log has hints


@pytest.mark.parametrize("code", [40164, 61004])
def test_egress_address(sandbox: Sandbox, invoke: Invoke, log: Log, code: int) -> None:
    """If WeChat refuses the address, the hint names it and says where to allow it."""
    errmsg = "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 6f"
    sandbox.faults.append(Fault("token", "body", json.dumps({"errcode": code, "errmsg": errmsg})))
    with pytest.raises(OpenApiError):
        invoke()
    hint = log()[-1]["hint"]
    assert "from 203.0.113.7," in hint
    assert "qq.com" in hint


@pytest.mark.parametrize("code", sorted(HINTS))
def test_hints(sandbox: Sandbox, invoke: Invoke, log: Log, code: int) -> None:
    """The log line of each frequent failure has its full hint."""
    sandbox.faults.append(Fault("plan", "errcode", str(code)))
    with pytest.raises(OpenApiError):
        invoke()
    assert log()[-1]["hint"] == HINTS[code].replace("{address}", "this function's address")


def test_what_platforms_meet() -> None:
    """The error codes of third-party platforms have hints."""
    codes = "42002 42006 42007 45035 48001 48004 50002 61003 61004 61005 61006 61007 61011 61014 61023 61024 61028"
    assert {*map(int, codes.split()), 40164, 43104, 86000, 89501, 89503, 89506, 89507} <= set(HINTS)


def test_cost_of_permission_set() -> None:
    """Each hint that names permission set 18 also names its consequence."""
    naming = {code: hint for code, hint in HINTS.items() if "permission set 18" in hint}
    assert set(naming) == {43104, 48001, 61007, 86000}
    assert all(COST in hint for hint in naming.values())


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("plan:errcode=40001", "token"),
        ("plan:errcode=45009", "quota"),
        ("plan:errcode=99999", "wechat"),
        ("plan:reset", "unavailable"),
        ("plan:hang=2", "timeout"),
        ("token:errcode=40125", "configuration"),
    ],
)
def test_classes(sandbox: Sandbox, invoke: Invoke, log: Log, fault: str, expected: str) -> None:
    """Each failure belongs to one of a few classes."""
    sandbox.faults.append(Fault.parse(fault))
    with pytest.raises(OpenApiError):
        invoke(deadline=time.monotonic() + 0.5)
    assert log()[-1]["err_code_class"] == expected


@pytest.mark.parametrize(
    "event",
    [
        {"requestContext": {"http": {"method": "GET"}, "requestId": "r-1"}, "rawPath": "/"},
        {"httpMethod": "GET", "path": "/", "requestContext": {"requestId": "r-1"}},
        {"httpMethod": "GET", "path": "/", "requestContext": {"elb": {}}, "headers": {"X-Amzn-Trace-Id": "r-1"}},
        {"httpMethod": "GET", "path": "/", "queryString": {}, "headers": {"X-Request-Id": "r-1"}},
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_correlation_id(invoke: Invoke, log: Log, event: dict[str, Any]) -> None:
    """The log line has the HTTP request's own id."""
    invoke(event)
    assert log()[-1]["correlation_id"] == "r-1"


@pytest.mark.usefixtures("sandbox")
def test_scf(log: Log) -> None:
    """On SCF the log line is the same, and its request id comes from the context."""
    context = create_scf_context()
    main_handler({}, context)
    line = read_line(log)
    assert line["function_request_id"] == context["request_id"]
    assert (line["outcome"], line["plan_status"], line["gray_percentage"]) == ("ok", 1, 8)
    assert log()[-1]["remaining_ms"] > 0


@pytest.mark.usefixtures("sandbox")
def test_nothing_of_another_invocation(invoke: Invoke, log: Log) -> None:
    """A line has no facts of the invocation before it, even if its own context lacks them."""
    invoke(aws_request_id="request-1")
    main_handler({}, {})
    assert not {"function_request_id", "function_name", "function_arn"} & log()[-1].keys()


def test_appid_of_a_given_token(sandbox: Sandbox, invoke: Invoke, log: Log) -> None:
    """If the caller passes a token, the log line has no configured appid, because the token may belong to another."""
    token = sandbox.tokens.issue_token()["access_token"]
    invoke({"accessToken": token})
    assert "appid" not in log()[-1]
    invoke({"accessToken": token, "appid": "wx-other"})
    assert (log()[-1]["appid"], log()[-1]["token_source"]) == ("wx-other", "given")


@pytest.mark.parametrize("level", ["WARNING", "ERROR", "nonsense", "5"])
def test_log_levels(sandbox: Sandbox, level: str) -> None:
    """The function applies the log level, and ignores an unknown one."""
    lines, _ = run(sandbox, "lambda_handler({}, None)", POWERTOOLS_LOG_LEVEL=level, AWS_LAMBDA_FUNCTION_NAME="")
    assert len(lines) == (0 if level in ("WARNING", "ERROR") else 1)


def run(sandbox: Sandbox, code: str, **environ: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Run code in a new process, as on Lambda; return its log lines and its metrics."""
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"from handler.app import lambda_handler; {code}"],
        env={
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_FUNCTION_NAME": "function",
            "WECHAT_APPID": APPID,
            "WECHAT_SECRET": sandbox.tokens.apps[APPID],
            "WECHAT_API_BASE_URL": sandbox.base_url,
            **environ,
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert process.stderr == ""
    lines = [json.loads(line) for line in process.stdout.splitlines()]
    return [line for line in lines if "_aws" not in line], [line for line in lines if "_aws" in line]


def read_metrics(published: dict[str, Any]) -> tuple[list[list[str]], dict[str, float]]:
    """Return the dimensions and values of published metrics."""
    [directive] = published["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "GrayRelease"
    return directive["Dimensions"], {metric["Name"]: published[metric["Name"]][0] for metric in directive["Metrics"]}


def test_metrics(sandbox: Sandbox) -> None:
    """A success publishes the release and the latency; a cold start also publishes its token fetch."""
    _, (cold, warm) = run(sandbox, "[lambda_handler({}, None) for _ in range(2)]")
    dimensions, values = read_metrics(cold)
    assert dimensions == [["service"]]
    assert values.pop("UpstreamLatency") > 0
    assert values == {
        "Failures": 0,
        "GrayPercentage": 8,
        "PlanStatus": 1,
        "Paused": 0,
        "TokenFetches": 1,
        "ColdStart": 1,
    }
    assert (cold["service"], cold["appid"]) == ("get-gray-release-plan", APPID)
    assert set(read_metrics(warm)[1]) == {"Failures", "GrayPercentage", "PlanStatus", "Paused", "UpstreamLatency"}


def test_metrics_of_a_failure(sandbox: Sandbox) -> None:
    """A failure counts once in total and once for its class, and publishes nothing for its appid."""
    sandbox.faults.append(Fault.parse("plan:errcode=45009"))
    code = """
try: lambda_handler({'appid': 'wx-any'}, None)
except Exception: pass"""
    sandbox.tokens.apps["wx-any"] = sandbox.tokens.apps[APPID]
    _, (everything, by_class) = run(sandbox, code, METRICS_BY_APPID="true")
    assert read_metrics(everything)[0] == [["service"]]
    assert read_metrics(everything)[1]["Failures"] == 1
    assert read_metrics(by_class) == ([["service", "errCodeClass"]], {"Failures": 1})
    assert by_class["errCodeClass"] == "quota"


def test_metrics_by_appid(sandbox: Sandbox) -> None:
    """`METRICS_BY_APPID=true` publishes each mini program's metrics, and those of all."""
    _, [everything, of_appid] = run(sandbox, "lambda_handler({}, None)", METRICS_BY_APPID="true")
    assert read_metrics(everything)[0] == [["service"]]
    assert read_metrics(of_appid)[0] == [["service", "appid"]]
    assert read_metrics(of_appid)[1] == read_metrics(everything)[1]
    assert of_appid["appid"] == APPID


FORGED = """
lambda_handler({'appid': 'wx-victim', 'accessToken': %(token)r}, None)
lambda_handler({'appid': 'wx-victim', 'cloudbaseAccessToken': 'cloud'}, None)"""


def test_no_forged_metrics(sandbox: Sandbox) -> None:
    """A caller's token publishes nothing under the appid that the caller claims."""
    sandbox.cloudbase_tokens.add("cloud")
    code = FORGED % {"token": sandbox.tokens.issue_token()["access_token"]}
    lines, published = run(sandbox, code, METRICS_BY_APPID="true")
    assert [line["appid_claimed"] for line in lines] == [True, True]
    assert [read_metrics(each)[0] for each in published] == [[["service"]], [["service"]]]
    assert "wx-victim" not in json.dumps(published)


@pytest.mark.parametrize("source", ["cloudbase", "none"])
def test_no_metrics_by_appid(sandbox: Sandbox, source: str) -> None:
    """A token that is not bound to an appid publishes nothing under an appid."""
    sandbox.cloudbase_tokens.add("cloud")
    sandbox.faults.append(Fault("plan", "body", '{"gray_release_plan":{"status":1}}'))
    variables = {"WECHAT_TOKEN_SOURCE": source, "WECHAT_CLOUDBASE_ACCESS_TOKEN": "cloud", "METRICS_BY_APPID": "true"}
    _, published = run(sandbox, "lambda_handler({}, None)", **variables)
    assert [read_metrics(each)[0] for each in published] == [[["service"]]]


def test_drift(sandbox: Sandbox) -> None:
    """A plan with wrong types counts as drift, and its values are not published."""
    sandbox.faults.append(Fault("plan", "types"))
    lines, [published] = run(sandbox, "lambda_handler({}, None)")
    assert read_metrics(published)[1]["ContractDrift"] == 1
    assert not {"GrayPercentage", "PlanStatus", "Paused"} & set(published)
    assert [line["level"] for line in lines] == ["WARNING", "INFO"]


def test_metrics_switched_off(sandbox: Sandbox) -> None:
    """Powertools' switch turns metrics off for every invocation."""
    lines, published = run(
        sandbox, "[lambda_handler({}, None) for _ in range(120)]", POWERTOOLS_METRICS_DISABLED="true"
    )
    assert (len(lines), published) == (120, [])
