"""The two forms of HTTP responses: paths, methods and statuses."""

import json
import time

import pytest

from gray_release.invoke import LambdaContext
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, DOCUMENTED_PLAN, Sandbox
from handler.app import lambda_handler
from tests.http_events import Make, answer, sample
from tests.support import DOCUMENTED, Configure, Invoke

HTTPS_PATH = "/wxa/getgrayreleaseplan"

HTTPS_BODY = {"errcode": 0, "errmsg": "ok", "gray_release_plan": DOCUMENTED_PLAN}


@pytest.mark.parametrize(
    "path",
    ["/", "/any/path", "/wxa", "", "/getgrayreleaseplan", "/xwxa/getgrayreleaseplan", "/wxa/getgrayreleaseplan/x"],
)
def test_cloud_call_face(sandbox: Sandbox, invoke: Invoke, make: Make, path: str) -> None:
    """A GET or POST at any path except WeChat's gets the reply of the cloud call."""
    assert answer(invoke(make("GET", path, f"appid={APPID}"))) == (200, DOCUMENTED)
    assert answer(invoke(make("POST", path, "", json.dumps({"appid": APPID})))) == (200, DOCUMENTED)
    assert sandbox.count(HTTPS_PATH) == 2


def test_https_face(sandbox: Sandbox, invoke: Invoke, make: Make) -> None:
    """At WeChat's path, the response has WeChat's form, with the caller's token or the function's."""
    token = sandbox.tokens.issue_token()["access_token"]
    assert answer(invoke(make("GET", HTTPS_PATH, f"access_token={token}"))) == (200, HTTPS_BODY)
    assert sandbox.requests == [("GET", HTTPS_PATH)]
    assert answer(invoke(make("GET", HTTPS_PATH, "convertCase=true"))) == (200, HTTPS_BODY)
    assert answer(invoke(make("GET", HTTPS_PATH, "access_token=wrong")))[1]["errcode"] == 40001


@pytest.mark.parametrize(
    "path",
    [
        "/prod/wxa/getgrayreleaseplan",
        "/base/path/wxa/getgrayreleaseplan",
        "/wxa/getgrayreleaseplan/",
        "//wxa/getgrayreleaseplan",
        "/wxa//getgrayreleaseplan//",
        "/$default//wxa/getgrayreleaseplan/",
        "wxa/getgrayreleaseplan",
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_https_paths(invoke: Invoke, make: Make, path: str) -> None:
    """WeChat's path is recognised after a stage or a base path, with doubled slashes, and with a slash at the end."""
    assert answer(invoke(make("GET", path))) == (200, HTTPS_BODY)
    assert answer(invoke(make("GET", path, "access_token=wrong")))[1]["errcode"] == 40001


def test_head(sandbox: Sandbox, invoke: Invoke, make: Make) -> None:
    """HEAD has the status and the headers of GET, and no body."""
    head, get = invoke(make("HEAD")), invoke(make("GET"))
    assert head == get | {"body": ""}
    assert sandbox.count(HTTPS_PATH) == 2


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get ", ""])
def test_other_methods(sandbox: Sandbox, invoke: Invoke, make: Make, method: str) -> None:
    """Other methods give errCode 43001, status 405 and `Allow`, at both paths."""
    reply = invoke(make(method))
    assert (answer(reply)[0], answer(reply)[1]["errCode"]) == (405, 43001)
    assert reply["headers"]["Allow"] == "GET, HEAD, POST"
    for other in (method, "POST", "HEAD"):
        reply = invoke(make(other, HTTPS_PATH))
        assert reply["statusCode"] == 405
        assert reply["headers"]["Allow"] == "GET"
    assert answer(invoke(make("POST", HTTPS_PATH)))[1] == {"errcode": 43001, "errmsg": "require GET method"}
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("fault", "code", "status", "retry_after"),
    [
        ("plan:errcode=45009", 45009, 429, "60"),
        ("plan:errcode=45011", 45011, 429, "60"),
        ("plan:errcode=-1", -1, 503, "5"),
        ("plan:html", -1, 503, "5"),
        ("plan:reset", -1, 503, "5"),
        ("plan:errcode=48001", 48001, 502, None),
        ("token:errcode=40125", 40125, 502, None),
    ],
)
def test_statuses(
    sandbox: Sandbox, invoke: Invoke, make: Make, fault: str, code: int, status: int, retry_after: str | None
) -> None:
    """Each failure has its status, and a transient one has `Retry-After`. At WeChat's path the status is always 200."""
    sandbox.faults.append(Fault.parse(fault))
    reply = invoke(make())
    assert (answer(reply)[0], answer(reply)[1]["errCode"]) == (status, code)
    assert reply["headers"].get("Retry-After") == retry_after
    status, body = answer(invoke(make("GET", HTTPS_PATH)))
    assert (status, body["errcode"], set(body)) == (200, code, {"errcode", "errmsg"})
    assert not body["errmsg"].startswith("openapi")


def test_out_of_time(sandbox: Sandbox, invoke: Invoke, make: Make) -> None:
    """An invocation that runs out of time gives errCode -1 and status 504."""
    sandbox.faults.append(Fault.parse("plan:hang=3"))
    status, error = answer(invoke(make(), deadline=time.monotonic() + 0.3))
    assert (status, error["errCode"]) == (504, -1)


def test_configuration_errors(invoke: Invoke, make: Make, configure: Configure) -> None:
    """Errors of the configuration give status 500. Over HTTP, the function raises nothing."""
    assert answer(invoke(make()))[0] == 500
    configure(WECHAT_TIMEOUT_SECONDS="never")
    assert answer(invoke(make()))[0] == 500
    assert answer(invoke(make("GET", HTTPS_PATH)))[0] == 200


def test_on_error_is_not_for_http(sandbox: Sandbox, make: Make, configure: Configure) -> None:
    """`ON_ERROR` has no effect over HTTP."""
    sandbox.faults.append(Fault("plan", "errcode", "48001"))
    configure(ON_ERROR="return")
    assert answer(lambda_handler(make(), LambdaContext()))[0] == 502


def test_load_balancer_with_multi_value_headers(sandbox: Sandbox, invoke: Invoke) -> None:
    """A load balancer that sends multi-value headers also gets them in the reply, and its query is decoded."""
    event = sample("load-balancer") | {"multiValueQueryStringParameters": {"cloudbaseAccessToken": ["x", "a%2Bb"]}}
    sandbox.cloudbase_tokens.add("a+b")
    reply = invoke(event)
    assert reply["multiValueHeaders"]["Content-Type"] == ["application/json; charset=utf-8"]
    assert "headers" not in reply
    assert json.loads(reply["body"]) == DOCUMENTED
