r"""Events with half surrogates, such as `"\ud800"`: JSON can escape them, but no platform can encode them in UTF-8."""

import json
from typing import Any

import pytest

from gray_release.sandbox.server import Sandbox
from handler.contract import OpenApiError
from tests.support import Configure, Invoke, Log

HALF = "\ud800"
EVENTS: dict[str, Any] = {
    "a key": {f"app{HALF}id": "x"},
    "the key of an object": {f"x{HALF}": {"a": 1}},
    "a record's source": {"Records": [{"eventSource": HALF}]},
    "a record's key": {"Records": [{HALF: {"a": 1}}]},
    "a broker": {"eventSource": HALF},
    "EventBridge": {"detail-type": "x", "source": HALF, "detail": {"x": 1}},
    "a timer": {"Type": "Timer", "Message": json.dumps({f"app{HALF}id": "x"})},
    "a POST": {"httpMethod": "POST", "path": "/", "headers": {}, "body": json.dumps({f"app{HALF}id": "x"})},
    "a query": {
        "httpMethod": "GET",
        "path": "/",
        "requestContext": {"stage": "x"},
        "queryStringParameters": {f"app{HALF}id": "x"},
    },
}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("on_error", ["raise", "return"])
def test_refusal(sandbox: Sandbox, invoke: Invoke, log: Log, configure: Configure, event: str, on_error: str) -> None:
    """The refusal can be encoded, and is logged, because Lambda's runtime ends at a reply that it cannot encode."""
    configure(ON_ERROR=on_error)
    try:
        reply = json.dumps(invoke(EVENTS[event]), ensure_ascii=False)
    except OpenApiError as error:
        reply = str(error)
    assert "40097" in reply
    assert reply.encode()
    assert log()[-1]["err_code"] == 40097
    assert sandbox.requests == []
