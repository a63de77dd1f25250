"""Where an HTTP request may have its arguments."""

import base64
import json
from typing import Any

import pytest

from gray_release.sandbox.server import APPID, DOCUMENTED_PLAN, Sandbox
from tests.http_events import Make, answer, function_url, rest_api, sample, scf_function_url
from tests.support import DOCUMENTED, PLAN, Invoke


@pytest.mark.usefixtures("sandbox")
def test_query_arguments(invoke: Invoke, make: Make) -> None:
    """`convertCase` or `convert_case` in a query may be true or false."""
    for query in ("convertCase=false", "convert_case=false"):
        assert answer(invoke(make("GET", "/", query)))[1]["gray_release_plan"] == DOCUMENTED_PLAN
    assert answer(invoke(make("GET", "/", "convertCase=true")))[1] == DOCUMENTED


@pytest.mark.parametrize("body", ["", "{}", " {} ", None, "\n", "\ufeff", "\ufeff{}"])
@pytest.mark.usefixtures("sandbox")
def test_empty_body(invoke: Invoke, make: Make, body: str | None) -> None:
    """A POST without a body takes its arguments from the query."""
    assert answer(invoke(make("POST", "/", "", body))) == (200, DOCUMENTED)
    assert answer(invoke(make("POST", "/", "appid=not%20an-appid", body)))[1]["errCode"] == 40097
    assert "gray_release_plan" in answer(invoke(make("POST", "/", "convertCase=false", body)))[1]


def test_query_of_a_post(sandbox: Sandbox, invoke: Invoke, make: Make) -> None:
    """The query of a POST counts too, as in WeChat's `POST ...?access_token=`."""
    token = sandbox.tokens.issue_token()["access_token"]
    body = json.dumps({"convertCase": False, "appid": APPID})
    assert answer(invoke(make("POST", "/", f"access_token={token}&appid={APPID}", body)))[0] == 200
    assert sandbox.requests == [("GET", PLAN)]


@pytest.mark.parametrize(
    ("query", "body", "name"),
    [
        ("appid=wx1", {"appid": "wx2"}, "appid"),
        ("access_token=a", {"accessToken": "b"}, "access"),
        ("cloudbaseAccessToken=a", {"cloudbase_access_token": "b"}, "cloudbase"),
        ("convertCase=true", {"convert_case": False}, "convert"),
        ("appid=wx1", {"appid": None}, "appid"),
        ("appid=", {"appid": "wx1"}, "appid"),
        ("appid=wx1", {"appid": ["wx1"]}, "appid"),
        ("", {"accessToken": "a", "access_token": "b"}, "access"),
    ],
)
def test_arguments_that_differ(
    sandbox: Sandbox, invoke: Invoke, make: Make, query: str, body: dict[str, Any], name: str
) -> None:
    """An argument whose values differ in query and body, or in its two spellings, gives errCode 40097 with its name."""
    status, error = answer(invoke(make("POST", "/", query, json.dumps(body))))
    assert (status, error["errCode"]) == (400, 40097)
    assert name in error["errMsg"]
    assert sandbox.requests == []


@pytest.mark.parametrize("query", ["appid=", "appid=&convertCase=false"])
def test_empty_appid_in_a_query(sandbox: Sandbox, invoke: Invoke, make: Make, query: str) -> None:
    """An empty appid in a query gives errCode 41002, at both paths."""
    for method in ("GET", "POST"):
        assert answer(invoke(make(method, "/", query)))[1]["errCode"] == 41002
    assert answer(invoke(make("GET", PLAN, query)))[1]["errcode"] == 41002
    assert sandbox.requests == []


@pytest.mark.parametrize("key", ["queryStringParameters", "multiValueQueryStringParameters", "queryString"])
@pytest.mark.parametrize("value", [None, "", [], [None], [""]])
def test_emptied_appid_in_a_query(sandbox: Sandbox, invoke: Invoke, key: str, value: Any) -> None:
    """If a gateway passes an appid as null or as an empty list, the function does not use the default appid."""
    event = scf_function_url() if key == "queryString" else rest_api()
    error = answer(invoke(event | {key: {"appid": value}}))[1]
    assert error["errCode"] in {41002, 40097}
    assert sandbox.requests == []


@pytest.mark.parametrize("body", ["{", "[]", "null", "5", '"x"', '{"appid":5}', "[" * 100_000])
def test_bad_body(sandbox: Sandbox, invoke: Invoke, make: Make, body: str) -> None:
    """A body that is not a JSON object, or that has a bad argument, gives errCode 40097 and status 400."""
    status, error = answer(invoke(make("POST", "/", "", body)))
    assert (status, error["errCode"]) == (400, 40097)
    assert sandbox.requests == []


@pytest.mark.usefixtures("sandbox")
def test_base64_body(invoke: Invoke, make: Make) -> None:
    """A body may be in base64. Invalid base64 and binary bodies give errCode 40097."""
    event = make("POST") | {"isBase64Encoded": True}
    for body, status in [
        (b'{"convertCase":false}', 200),
        (b'\xef\xbb\xbf{"convertCase":false}', 200),
        (b"", 200),
        (b"\xff\xfe", 400),
    ]:
        assert answer(invoke(event | {"body": base64.b64encode(body).decode()}))[0] == status
    assert answer(invoke(event | {"body": "?"}))[0] == 400


@pytest.mark.parametrize("name", ["X-WX-CLOUDBASE-ACCESS-TOKEN", "x-wx-cloudbase-access-token"])
def test_cloudbase_header(sandbox: Sandbox, invoke: Invoke, make: Make, name: str) -> None:
    """The header may hold a cloudbase token. A token in the arguments wins."""
    sandbox.cloudbase_tokens.add("cloud")
    assert invoke(make() | {"headers": {name: "cloud"}, "multiValueHeaders": None})["statusCode"] == 200
    assert invoke(make() | {"headers": None, "multiValueHeaders": {name: ["x", "cloud"]}})["statusCode"] == 200
    assert sandbox.count("/cgi-bin/stable_token") == 0
    event = make("GET", "/", "cloudbaseAccessToken=other") | {"headers": {name: "cloud"}, "multiValueHeaders": None}
    assert answer(invoke(event))[1]["errCode"] == 40001


@pytest.mark.parametrize("name", ["cloudbaseAccessToken", "cloudbase_access_token"])
@pytest.mark.parametrize("empty", ["", None])
def test_empty_cloudbase_token(sandbox: Sandbox, invoke: Invoke, make: Make, name: str, empty: str | None) -> None:
    """An empty cloudbase token in a body counts as absent, so the one in the header is used."""
    sandbox.cloudbase_tokens.add("cloud")
    event = make("POST", "/", "", json.dumps({name: empty})) | {
        "headers": {"X-WX-CLOUDBASE-ACCESS-TOKEN": "cloud"},
        "multiValueHeaders": None,
    }
    assert answer(invoke(event)) == (200, DOCUMENTED)
    assert sandbox.count("/cgi-bin/stable_token") == 0


@pytest.mark.parametrize("nest", ["[%s]", '{"a":%s}'], ids=["lists", "objects"])
def test_nested_method(sandbox: Sandbox, invoke: Invoke, make: Make, nest: str) -> None:
    """A method, path or stage that is a deeply nested list counts as missing."""
    for depth in (1, 10, 100, *range(850, 1000)):
        start, end = nest.split("%s")
        try:
            nested = json.loads(start * depth + "1" + end * depth)
        except RecursionError:
            continue  # the platform's runtime could not parse it either
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


@pytest.mark.usefixtures("sandbox")
def test_repeated_query_keys(invoke: Invoke) -> None:
    """If a query key is repeated, the last one counts."""
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
    """Query, headers and body may be missing, null or empty."""
    parts = ("queryStringParameters", "multiValueQueryStringParameters", "headers", "multiValueHeaders", "body")
    event = make()
    assert answer(invoke(event | dict.fromkeys(parts, empty))) == (200, DOCUMENTED)
    for part in (*parts, "isBase64Encoded", "path", "rawPath", "rawQueryString"):
        event.pop(part, None)
    assert answer(invoke(event)) == (200, DOCUMENTED)
