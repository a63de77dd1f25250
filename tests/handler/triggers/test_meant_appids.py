"""Appids in places where the function reads no arguments. If it ignored them, it would check `WECHAT_APPID` instead."""

import json
from typing import Any

import pytest

from gray_release.invoke import create_scf_context
from gray_release.sandbox.server import APPID, Sandbox
from handler.app import main_handler
from tests.http_events import sample
from tests.support import DOCUMENTED, Invoke, catch_error

OTHER = "wx1111111111111111"
HTTP = {"httpMethod": "GET", "path": "/", "headers": {}}
REST = HTTP | {"requestContext": {"stage": "prod"}}
URL = {"version": "2.0", "rawPath": "/", "requestContext": {"http": {"method": "GET"}}}
TIMER = {"Type": "Timer", "TriggerName": "t", "Time": "2026-01-01T00:00:00Z", "Message": ""}
SCHEDULE = {"detail-type": "x", "source": "y", "detail": {}}

REFUSED: dict[str, Any] = {
    "the body of a GET": HTTP | {"body": json.dumps({"appid": OTHER})},
    "the body of a GET to a function URL": URL | {"body": json.dumps({"appid": OTHER})},
    "the end of the path": HTTP | {"path": f"/release/{OTHER}"},
    "the end of the path, with a slash": HTTP | {"path": f"/{OTHER}/"},
    "the end of the path of a function URL": URL | {"rawPath": f"/{OTHER}"},
    "the end of the path of a load balancer": HTTP | {"path": f"/{OTHER}", "requestContext": {"elb": {}}},
    "a parameter of the route": REST | {"path": f"/{OTHER}/plan", "pathParameters": {"appid": OTHER}},
    "a parameter of the route with another name": REST | {"pathParameters": {"id": OTHER}},
    "the rest of a path": REST | {"path": f"/x/{OTHER}/plan", "pathParameters": {"proxy": f"{OTHER}/plan"}},
    "beside a timer's message": TIMER | {"appid": OTHER},
    "a timer's list": TIMER | {"Message": [OTHER]},
    "a timer's number": TIMER | {"Message": 5},
    "a timer's query": TIMER | {"Message": f"?appid={OTHER}"},
    "a timer's option": TIMER | {"Message": f"--appid={OTHER}"},
    "a timer's label": TIMER | {"Message": f"小程序 AppID：{OTHER}"},
    "beside an event's detail": SCHEDULE | {"appid": OTHER},
    "an option": {"input": f"--app-id={OTHER}"},
    "a form": {"data": f"x=1&appid={OTHER}"},
}


@pytest.mark.parametrize("place", REFUSED)
def test_refused(sandbox: Sandbox, invoke: Invoke, place: str) -> None:
    """An appid in a place without arguments gives errCode 40097 without a request."""
    event = REFUSED[place]
    if "requestContext" in event or "httpMethod" in event:
        assert json.loads(invoke(event)["body"])["errCode"] == 40097
    else:
        assert catch_error(invoke, event).errCode == 40097
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "event",
    [
        HTTP | {"queryStringParameters": {"appid": OTHER}},
        URL | {"queryStringParameters": {"appid": OTHER}},
        URL | {"rawQueryString": "", "queryStringParameters": {"appid": OTHER}},
    ],
)
def test_incomplete_events(sandbox: Sandbox, event: dict[str, Any]) -> None:
    """The query is read under each name that AWS uses, because hand-written events often have only one."""
    assert json.loads(main_handler(event, create_scf_context())["body"])["errCode"] == 40013  # unknown to the sandbox
    assert sandbox.requests


@pytest.mark.parametrize(
    "event",
    [
        HTTP | {"path": f"/{OTHER}", "queryString": {"appid": APPID}},
        HTTP | {"path": f"/{OTHER}/release"},
        HTTP | {"body": ""},
        HTTP | {"body": "{}"},
        HTTP | {"body": "Hello from Lambda"},
        HTTP | {"body": '{"greeting": "hello"}'},
        HTTP | {"body": None},
        REST | {"pathParameters": {"proxy": "release/plan"}},
        REST | {"pathParameters": None},
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_answered(event: dict[str, Any]) -> None:
    """The appid in the query is checked, and a base path may contain an appid."""
    reply = main_handler(event, create_scf_context())
    assert json.loads(reply["body"]) == DOCUMENTED


@pytest.mark.usefixtures("sandbox")
def test_notes(invoke: Invoke) -> None:
    """A note that mentions the word appid or a mini program is ignored, as any note."""
    for message in (f"hourly, for {APPID}", "one appid each hour", "see the app ids"):
        assert invoke(sample("scf-timer") | {"Message": message}) == DOCUMENTED
