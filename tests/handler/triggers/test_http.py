"""Every trigger: how it is recognised, where its arguments are, and the reply in its shape."""

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gray_release.invoke import LambdaContext, scf_context
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, DOCUMENTED_PLAN, Sandbox
from handler import triggers
from handler.app import lambda_handler, main_handler
from handler.contract import OpenApiError
from tests.support import DOCUMENTED, Configure, Invoke, Log, json_values

Make = Callable[..., dict[str, Any]]

HTTPS_PATH = "/wxa/getgrayreleaseplan"
HTTPS_BODY = {"errcode": 0, "errmsg": "ok", "gray_release_plan": DOCUMENTED_PLAN}


def sample(name: str) -> dict[str, Any]:
    """Read a sample event."""
    event: dict[str, Any] = json.loads(Path(f"events/{name}.json").read_bytes())
    return event


def rest_api(method: str = "GET", path: str = "/", query: str = "", body: str | None = None) -> dict[str, Any]:
    """Make an event of API Gateway's REST API."""
    pairs = dict(pair.split("=", 1) for pair in query.split("&") if pair)
    return sample("rest-api") | {
        "httpMethod": method,
        "path": path,
        "queryStringParameters": pairs or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in pairs.items()} or None,
        "body": body,
    }


def load_balancer(method: str = "GET", path: str = "/", query: str = "", body: str | None = None) -> dict[str, Any]:
    """Make an event of a load balancer without multi-value headers."""
    pairs = dict(pair.split("=", 1) for pair in query.split("&") if pair)
    return {
        "requestContext": sample("load-balancer")["requestContext"],
        "httpMethod": method,
        "path": path,
        "queryStringParameters": pairs,
        "headers": {"accept": "*/*"},
        "body": body or "",
        "isBase64Encoded": False,
    }


def function_url(method: str = "GET", path: str = "/", query: str = "", body: str | None = None) -> dict[str, Any]:
    """Make an event of a Lambda Function URL or of an HTTP API."""
    event = sample("function-url")
    event["requestContext"]["http"].update(method=method, path=path)
    event |= {"rawPath": path, "rawQueryString": query, "isBase64Encoded": False}
    event.pop("body")
    return event if body is None else event | {"body": body}


def scf_function_url(method: str = "GET", path: str = "/", query: str = "", body: str | None = None) -> dict[str, Any]:
    """Make an event of an SCF function URL."""
    pairs = dict(pair.split("=", 1) for pair in query.split("&") if pair)
    return {"httpMethod": method, "path": path, "queryString": pairs, "headers": {}, "body": body or ""}


def scf_api_gateway(method: str = "GET", path: str = "/", query: str = "", body: str | None = None) -> dict[str, Any]:
    """Make an event of SCF's older API Gateway."""
    return sample("scf-api-gateway") | scf_function_url(method, path, query, body)


@pytest.fixture(params=[rest_api, load_balancer, function_url, scf_function_url, scf_api_gateway])
def make(request: pytest.FixtureRequest) -> Make:
    """Give each HTTP trigger's maker of events in turn."""
    maker: Make = request.param
    return maker


def answer(reply: dict[str, Any]) -> tuple[int, Any]:
    """Return an HTTP reply's status and JSON body, after checking what every reply has."""
    headers = reply["headers"]
    assert reply["isBase64Encoded"] is False
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    return reply["statusCode"], json.loads(reply["body"])


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (sample("direct"), "direct"),
        (None, "direct"),
        ([], "direct"),
        (sample("eventbridge-schedule"), "schedule"),
        (sample("scf-timer"), "timer"),
        (sample("rest-api"), "rest-api"),
        (sample("http-api"), "http-api"),
        (sample("function-url"), "http-api"),
        (sample("load-balancer"), "load-balancer"),
        (sample("scf-function-url"), "scf-http"),
        (sample("scf-api-gateway"), "scf-http"),
    ],
)
def test_recognised(event: Any, name: str) -> None:
    """Each event is recognised as its trigger's."""
    assert triggers.recognise(event).name == name


@pytest.mark.parametrize("detail", [{}, None, {"appid": APPID}])
def test_schedule(sandbox: Sandbox, invoke: Invoke, detail: Any) -> None:
    """A schedule's arguments are in `detail`, and it gets the result itself."""
    assert invoke(sample("eventbridge-schedule") | {"detail": detail}) == DOCUMENTED
    assert sandbox.count(HTTPS_PATH) == 1


@pytest.mark.parametrize(
    "message", ["", "a note", "[1]", "null", None, '{"appid": "wx0123456789abcdef"}', "[" * 10_000]
)
@pytest.mark.usefixtures("sandbox")
def test_timer(message: Any) -> None:
    """A timer's arguments are in `Message` if it is a JSON object; any other message is a note."""
    assert main_handler(sample("scf-timer") | {"Message": message}, scf_context()) == DOCUMENTED


def test_schedule_and_timer_raise(sandbox: Sandbox, invoke: Invoke) -> None:
    """A failing schedule or timer raises, so that the platform sees it."""
    sandbox.faults.append(Fault("plan", "errcode", "48001"))
    for name in ("eventbridge-schedule", "scf-timer"):
        with pytest.raises(OpenApiError):
            invoke(sample(name))
    with pytest.raises(OpenApiError) as caught:
        invoke(sample("scf-timer") | {"Message": '{"appid":5}'})
    assert caught.value.errCode == 40097


@pytest.mark.parametrize(
    "path", ["/", "/any/path", "/wxa/getgrayreleaseplan/", "/wxa", "", "/x/wxa/getgrayreleaseplan"]
)
def test_cloud_call_face(sandbox: Sandbox, invoke: Invoke, make: Make, path: str) -> None:
    """A GET or a POST of any path but WeChat's own is the cloud call."""
    assert answer(invoke(make("GET", path, f"appid={APPID}"))) == (200, DOCUMENTED)
    assert answer(invoke(make("POST", path, "", json.dumps({"appid": APPID})))) == (200, DOCUMENTED)
    assert sandbox.count(HTTPS_PATH) == 2


@pytest.mark.usefixtures("sandbox")
def test_query_arguments(invoke: Invoke, make: Make) -> None:
    """A query's `convertCase` is spelled true or false, in either style of its name."""
    for query in ("convertCase=false", "convert_case=false"):
        assert answer(invoke(make("GET", "/", query)))[1]["gray_release_plan"] == DOCUMENTED_PLAN
    assert answer(invoke(make("GET", "/", "convertCase=true")))[1] == DOCUMENTED


@pytest.mark.parametrize("body", ["", "{}", " {} ", None])
@pytest.mark.usefixtures("sandbox")
def test_empty_body(invoke: Invoke, make: Make, body: str | None) -> None:
    """A POST without a body has no arguments."""
    assert answer(invoke(make("POST", "/", "appid=not%20read", body))) == (200, DOCUMENTED)


@pytest.mark.parametrize("body", ["{", "[]", "null", "5", '"x"', '{"appid":5}', "[" * 100_000])
def test_bad_body(sandbox: Sandbox, invoke: Invoke, make: Make, body: str) -> None:
    """A body that is no JSON object, or a bad argument in it, is 40097 with 400."""
    status, error = answer(invoke(make("POST", "/", "", body)))
    assert (status, error["errCode"]) == (400, 40097)
    assert sandbox.requests == []


@pytest.mark.usefixtures("sandbox")
def test_base64_body(invoke: Invoke, make: Make) -> None:
    """A body may come as base64; what is not base64, or not text, is 40097."""
    event = make("POST") | {"isBase64Encoded": True}
    for body, status in [(b'{"convertCase":false}', 200), (b"", 200), (b"\xff\xfe", 400)]:
        assert answer(invoke(event | {"body": base64.b64encode(body).decode()}))[0] == status
    assert answer(invoke(event | {"body": "?"}))[0] == 400


def test_head(sandbox: Sandbox, invoke: Invoke, make: Make) -> None:
    """A HEAD has the status and headers of the GET, and no body."""
    head, get = invoke(make("HEAD")), invoke(make("GET"))
    assert head == get | {"body": ""}
    assert sandbox.count(HTTPS_PATH) == 2


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get ", ""])
def test_other_methods(sandbox: Sandbox, invoke: Invoke, make: Make, method: str) -> None:
    """Other methods are 43001 with 405 and `Allow`, on both faces."""
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
    """Each failure has its status, and those that pass say when to come back; HTTPS callers always get 200."""
    sandbox.faults.append(Fault.parse(fault))
    reply = invoke(make())
    assert (answer(reply)[0], answer(reply)[1]["errCode"]) == (status, code)
    assert reply["headers"].get("Retry-After") == retry_after
    status, body = answer(invoke(make("GET", HTTPS_PATH)))
    assert (status, body["errcode"], set(body)) == (200, code, {"errcode", "errmsg"})
    assert not body["errmsg"].startswith("openapi")


def test_out_of_time(sandbox: Sandbox, invoke: Invoke, make: Make) -> None:
    """Running out of time is -1 with 504."""
    sandbox.faults.append(Fault.parse("plan:hang=3"))
    status, error = answer(invoke(make(), deadline=time.monotonic() + 0.3))
    assert (status, error["errCode"]) == (504, -1)


def test_configuration_errors(invoke: Invoke, make: Make, configure: Configure) -> None:
    """Failures of the function's own configuration are 500, and HTTP never raises."""
    assert answer(invoke(make()))[0] == 500
    configure(WECHAT_TIMEOUT_SECONDS="never")
    assert answer(invoke(make()))[0] == 500
    assert answer(invoke(make("GET", HTTPS_PATH)))[0] == 200


def test_on_error_is_not_for_http(sandbox: Sandbox, make: Make, configure: Configure) -> None:
    """`ON_ERROR` changes nothing over HTTP."""
    sandbox.faults.append(Fault("plan", "errcode", "48001"))
    configure(ON_ERROR="return")
    assert answer(lambda_handler(make(), LambdaContext()))[0] == 502


def test_https_face(sandbox: Sandbox, invoke: Invoke, make: Make) -> None:
    """WeChat's own path gives WeChat's own body, with the caller's token or the function's."""
    token = sandbox.tokens.issue()["access_token"]
    assert answer(invoke(make("GET", HTTPS_PATH, f"access_token={token}"))) == (200, HTTPS_BODY)
    assert sandbox.requests == [("GET", HTTPS_PATH)]
    assert answer(invoke(make("GET", HTTPS_PATH, "convertCase=true"))) == (200, HTTPS_BODY)
    assert answer(invoke(make("GET", HTTPS_PATH, "access_token=wrong")))[1]["errcode"] == 40001


@pytest.mark.parametrize("make", [rest_api, function_url, scf_api_gateway])
@pytest.mark.usefixtures("sandbox")
def test_stage_prefix(invoke: Invoke, make: Make) -> None:
    """An API Gateway's stage may come before WeChat's path, and no other prefix may."""
    event = make("GET", f"/prod{HTTPS_PATH}")
    event["requestContext"]["stage"] = "prod"
    assert answer(invoke(event))[1] == HTTPS_BODY
    event["requestContext"]["stage"] = "test"
    assert answer(invoke(event))[1] == DOCUMENTED


@pytest.mark.parametrize("name", ["X-WX-CLOUDBASE-ACCESS-TOKEN", "x-wx-cloudbase-access-token"])
def test_cloudbase_header(sandbox: Sandbox, invoke: Invoke, make: Make, name: str) -> None:
    """The header carries a cloudbase token, unless the arguments do."""
    sandbox.cloudbase_tokens.add("cloud")
    assert invoke(make() | {"headers": {name: "cloud"}, "multiValueHeaders": None})["statusCode"] == 200
    assert invoke(make() | {"headers": None, "multiValueHeaders": {name: ["x", "cloud"]}})["statusCode"] == 200
    assert sandbox.count("/cgi-bin/stable_token") == 0
    event = make("GET", "/", "cloudbaseAccessToken=other") | {"headers": {name: "cloud"}, "multiValueHeaders": None}
    assert answer(invoke(event))[1]["errCode"] == 40001


@pytest.mark.parametrize("name", ["cloudbaseAccessToken", "cloudbase_access_token"])
@pytest.mark.parametrize("empty", ["", None])
def test_empty_cloudbase_token(sandbox: Sandbox, invoke: Invoke, make: Make, name: str, empty: str | None) -> None:
    """A cloudbase token in a body that is empty counts as absent: the header's is used."""
    sandbox.cloudbase_tokens.add("cloud")
    event = make("POST", "/", "", json.dumps({name: empty})) | {
        "headers": {"X-WX-CLOUDBASE-ACCESS-TOKEN": "cloud"},
        "multiValueHeaders": None,
    }
    assert answer(invoke(event)) == (200, DOCUMENTED)
    assert sandbox.count("/cgi-bin/stable_token") == 0


@pytest.mark.parametrize("nest", ["[%s]", '{"a":%s}'], ids=["lists", "objects"])
def test_nested_method(sandbox: Sandbox, invoke: Invoke, make: Make, nest: str) -> None:
    """A method, a path or a stage that is nested, as deep as a parser takes it, is none."""
    for depth in (1, 10, 100, *range(850, 1000)):
        start, end = nest.split("%s")
        try:
            nested = json.loads(start * depth + "1" + end * depth)
        except RecursionError:
            continue  # the platform's runtime could not have parsed it either
        event = make()
        event |= {"httpMethod": nested} if "httpMethod" in event else {}
        context = event.get("requestContext")
        if isinstance(context, dict):
            context.update(stage=nested, requestId=nested)
            if "http" in context:
                context["http"]["method"] = nested
        status, body = answer(invoke(event))
        assert (status, body["errCode"]) == (405, 43001)
    assert sandbox.requests == []


def test_load_balancer_with_multi_value_headers(sandbox: Sandbox, invoke: Invoke) -> None:
    """A load balancer that sends multi-value headers gets them back, and its query is decoded."""
    event = sample("load-balancer") | {"multiValueQueryStringParameters": {"cloudbaseAccessToken": ["x", "a%2Bb"]}}
    sandbox.cloudbase_tokens.add("a+b")
    reply = invoke(event)
    assert reply["multiValueHeaders"]["Content-Type"] == ["application/json; charset=utf-8"]
    assert "headers" not in reply
    assert json.loads(reply["body"]) == DOCUMENTED


@pytest.mark.usefixtures("sandbox")
def test_repeated_query_keys(invoke: Invoke) -> None:
    """Of repeated query keys the last wins."""
    plan = DOCUMENTED_PLAN
    events = [
        function_url("GET", "/", "convertCase=true&convertCase=false"),
        rest_api() | {"multiValueQueryStringParameters": {"convertCase": ["true", "false"]}},
        sample("load-balancer") | {"multiValueQueryStringParameters": {"convertCase": ["true", "false"]}},
        scf_function_url() | {"queryString": "convertCase=true&convertCase=false"},
        scf_function_url() | {"queryString": {"convertCase": ["true", "false"]}},
    ]
    assert [json.loads(invoke(event)["body"])["gray_release_plan"] for event in events] == [plan] * 5


@pytest.mark.parametrize("empty", [None, {}, "", []])
@pytest.mark.usefixtures("sandbox")
def test_missing_parts(invoke: Invoke, make: Make, empty: Any) -> None:
    """Queries, headers and bodies may be missing, null or empty."""
    parts = ("queryStringParameters", "multiValueQueryStringParameters", "headers", "multiValueHeaders", "body")
    event = make()
    assert answer(invoke(event | dict.fromkeys(parts, empty))) == (200, DOCUMENTED)
    for part in (*parts, "isBase64Encoded", "path", "rawPath", "rawQueryString"):
        event.pop(part, None)
    assert answer(invoke(event)) == (200, DOCUMENTED)


def test_the_log_names_the_trigger(sandbox: Sandbox, invoke: Invoke, log: Log) -> None:
    """The log line says which trigger it was."""
    invoke(sample("function-url"))
    assert sandbox.count(HTTPS_PATH) == 1
    assert log()[-1]["trigger"] == "http-api"


http_parts = st.fixed_dictionaries(
    {},
    optional={
        "httpMethod": st.sampled_from(["GET", "POST", "HEAD"]) | json_values,
        "path": st.sampled_from(["/", HTTPS_PATH]) | json_values,
        "rawPath": json_values,
        "rawQueryString": json_values,
        "version": json_values,
        "requestContext": st.fixed_dictionaries(
            {}, optional={"http": json_values, "elb": json_values, "stage": json_values}
        )
        | json_values,
        "headers": json_values,
        "multiValueHeaders": json_values,
        "queryString": json_values,
        "queryStringParameters": json_values,
        "multiValueQueryStringParameters": json_values,
        "isBase64Encoded": json_values,
        "body": json_values,
        "source": st.just("aws.events") | json_values,
        "detail-type": json_values,
        "detail": json_values,
        "Type": st.just("Timer") | json_values,
        "Message": json_values,
    },
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(event=http_parts | json_values, context=json_values)
def test_any_event(sandbox: Sandbox, event: Any, context: Any) -> None:
    """Whatever the event and the context, the outcome is a result, an HTTP reply or an OpenApiError."""
    sandbox.requests.clear()
    for entry_point in (lambda_handler, main_handler):
        try:
            reply = entry_point(event, context)
        except OpenApiError as error:
            reply = error.to_dict()
        if "statusCode" in reply:
            assert reply["statusCode"] in {200, 400, 405, 502}
            reply = json.loads(reply["body"] or '{"errCode":0}')
        assert reply.get("errCode", reply.get("errcode")) in {0, 40001, 40013, 40097, 40125, 43001}, reply
