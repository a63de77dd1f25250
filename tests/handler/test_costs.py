"""A large answer or event costs limited CPU, makes a limited reply, and leaves no memory behind."""

import gc
import json
import time
import tracemalloc
from typing import Any

import pytest

from gray_release.sandbox.fault_kinds import encode_response
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import Sandbox
from handler.contract import OpenApiError
from tests.support import Invoke, set_body

TOKEN = "caller-0123456789"
CPU_SECONDS = 0.5  # of this machine; on the smallest memory size the platform gives less than a third of a CPU
REPLY_BYTES = 6_000_000
ANSWER, EVENT = 1_000_000, 6_000_000  # bytes


def repeat(unit: str, size: int, separator: str = ",") -> str:
    """Repeat a text up to this size."""
    return separator.join([unit] * (size // len((unit + separator).encode())))


def create_plan(items: str) -> str:
    """Return an answer whose plan has a list of these items."""
    return f'{{"gray_release_plan":{{"x":[{items}]}}}}'


ANSWERS = {
    "short keys": '{"gray_release_plan":{' + ",".join(f'"a_{index:x}":1' for index in range(ANSWER // 13)) + "}}",
    "keys of underscores": '{"gray_release_plan":{'
    + ",".join(f'"{"_a" * 10}{index}":1' for index in range(30_000))
    + "}}",
    "one long key": f'{{"gray_release_plan":{{"{repeat("_a", ANSWER, "")}":1}}}}',
    "empty objects": create_plan(repeat("{}", ANSWER)),
    "small objects": create_plan(repeat('{"a_b":0}', ANSWER)),
    "nested lists": create_plan(repeat("[" * 190 + "]" * 190, ANSWER)),
    "nested objects": create_plan(repeat('{"a":' * 190 + "1" + "}" * 190, ANSWER)),
    "integers": create_plan(repeat("1", ANSWER)),
    "long integers": create_plan(repeat("9" * 4299, ANSWER)),
    "floats": create_plan(repeat("1.5", ANSWER)),
    "floats that grow": create_plan(repeat("1e15", ANSWER)),
    "a long float": create_plan("1." + "3" * ANSWER),
    "half surrogates": create_plan(f'"{repeat(chr(92) + "ud800", ANSWER, "")}"'),
    "half a surrogate beside objects": create_plan(f'"{chr(92)}ud800",{repeat("{}", ANSWER)}'),
    "escapes": create_plan(f'"{repeat(chr(92) + "u0001", ANSWER, "")}"'),
    "control characters": create_plan(f'"{chr(1) * ANSWER}"'),
    "quotes": create_plan(f'"{repeat(chr(92) + chr(34), ANSWER, "")}"'),
    "wrong types": '{"gray_release_plan":{"status":[' + repeat("1", ANSWER) + "]}}",
    "not closed": '{"a":' + "[" * (ANSWER // 2),
    "an errmsg of numbers": '{"errcode":48001,"errmsg":[' + repeat("1e300", ANSWER) + "]}",
    "an errmsg of lists of numbers": '{"errcode":48001,"errmsg":['
    + repeat(f"[{repeat('1e300', 9000)}]", ANSWER)
    + "]}",
    "an errmsg of lists": '{"errcode":48001,"errmsg":[' + repeat("[" * 150 + "]" * 150, ANSWER) + "]}",
    "an errmsg of control characters": f'{{"errcode":48001,"errmsg":"{chr(1) * ANSWER}"}}',
    "an errcode of blanks": f'{{"errcode":"{" " * ANSWER}","errmsg":"no"}}',
}

DIRECT: dict[str, Any] = {"accessToken": TOKEN}
OVER_HTTP: dict[str, Any] = {
    "version": "2.0",
    "rawPath": "/",
    "rawQueryString": f"access_token={TOKEN}",
    "headers": {},
    "requestContext": {"http": {"method": "GET", "path": "/"}},
}


def measure_reply(invoke: Invoke, event: Any) -> tuple[str, float]:
    """Invoke; return the reply or the failure as JSON, and the CPU seconds that it took."""
    gc.collect()
    started = time.process_time()
    try:
        reply = invoke(event)
    except OpenApiError as error:
        reply = error.to_dict()
    return json.dumps(reply), time.process_time() - started


@pytest.mark.parametrize("character", [b"\x01", b"\xff"])
@pytest.mark.parametrize("event", [DIRECT, OVER_HTTP], ids=["direct", "http"])
def test_largest_answer(sandbox: Sandbox, invoke: Invoke, character: bytes, event: Any) -> None:
    """The largest answer, made of the characters whose escapes are longest, is refused with a reason."""
    content = b'{"gray_release_plan":{"x":"%b"}}' % (character * (2**20 - 32))
    set_body(sandbox, content)
    reply, _ = measure_reply(invoke, event)
    assert "too long for a reply on Lambda or SCF" in reply


def create_keys(value: str | list[str], count: int = 400_000) -> dict[str, Any]:
    """Return an object with many keys."""
    return {f"k{index}": value for index in range(count)}


def create_post(content: str, **rest: Any) -> dict[str, Any]:
    """Return an event of a POST."""
    return {**OVER_HTTP, "requestContext": {"http": {"method": "POST", "path": "/"}}, "body": content, **rest}


def create_get(text: str) -> dict[str, Any]:
    """Return an event of a GET with this query."""
    return {**OVER_HTTP, "rawQueryString": text}


LOAD_BALANCER: dict[str, Any] = {"httpMethod": "GET", "path": "/", "headers": {}, "requestContext": {"elb": {}}}
REST: dict[str, Any] = {"httpMethod": "GET", "path": "/", "headers": {}, "requestContext": {"stage": "x"}}
EVENTS: dict[str, Any] = {
    "many keys": create_keys("v"),
    "a long appid": {"appid": "x" * EVENT},
    "a long token": {"accessToken": "x" * EVENT},
    "many appids": {"appids": [f"wx{index}" for index in range(500_000)]},
    "long appids": {"appids": ["x" * 6000] * 1000},
    "a query of many": create_get(repeat("a=1", EVENT, "&")),
    "a query of many names": create_get("&".join(f"a{index}=%41" for index in range(450_000))),
    "a query of percents": create_get("a=" + "%" * EVENT),
    "a query of escapes": create_get("a=" + "%41" * (EVENT // 3)),
    "many headers": {**OVER_HTTP, "headers": create_keys("v")},
    "many headers with several values": {**REST, "multiValueHeaders": create_keys(["v"])},
    "many parameters": {**REST, "multiValueQueryStringParameters": create_keys(["v"])},
    "a load balancer's many parameters": {
        **LOAD_BALANCER,
        "queryStringParameters": {f"k%41{index}": "%41" for index in range(350_000)},
    },
    "a load balancer's long parameter": {**LOAD_BALANCER, "queryStringParameters": {"a": "%41" * (EVENT // 3)}},
    "a body of many keys": create_post(json.dumps(create_keys("v"))),
    "a body of nested lists": create_post(create_plan(repeat("[" * 190 + "]" * 190, EVENT))),
    "a deep body": create_post('{"a":' * 1_000_000),
    "a body in base64": create_post("eHh4" * (EVENT // 4), isBase64Encoded=True),
    "a timer's nested lists": {"Type": "Timer", "Message": create_plan(repeat("[" * 190 + "]" * 190, EVENT))},
    "a timer's small lists": {"Type": "Timer", "Message": create_plan(repeat("[]", EVENT))},
    "a timer's deep message": {"Type": "Timer", "Message": '{"a":' * 1_000_000},
    "a timer's appid": {"Type": "Timer", "Message": "wx" + "a" * EVENT + " "},
    "a schedule's many keys": {"source": "aws.events", "detail-type": "any", "detail": create_keys("v")},
    "a path of slashes": {**OVER_HTTP, "rawPath": "/" * EVENT},
}


@pytest.mark.slow
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("event", [DIRECT, OVER_HTTP], ids=["direct", "http"])
def test_large_answers(sandbox: Sandbox, invoke: Invoke, answer: str, event: Any) -> None:
    """The reply to an answer of 1 MB fits both platforms. In the best of three runs it costs under 0.5 s of CPU."""
    set_body(sandbox, ANSWERS[answer].encode())
    replies = [measure_reply(invoke, event) for _ in range(3)]
    assert max(len(reply) for reply, _ in replies) < REPLY_BYTES
    assert min(seconds for _, seconds in replies) < CPU_SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("event", EVENTS)
def test_large_events(sandbox: Sandbox, invoke: Invoke, event: str) -> None:
    """An event of 6 MB gets an answer or a short refusal. In the best of three runs it costs under 0.5 s of CPU."""
    replies = [measure_reply(invoke, EVENTS[event]) for _ in range(3)]
    assert not [reply for reply, _ in replies if "internal error" in reply]
    assert max(len(reply) for reply, _ in replies) < 2000
    assert min(seconds for _, seconds in replies) < CPU_SECONDS
    assert len(sandbox.requests) <= 2 * 3


def test_nothing_large_stays(sandbox: Sandbox, invoke: Invoke) -> None:
    """Long keys and long tokens in answers are not kept in memory."""
    set_body(sandbox, b"{}")
    invoke(DIRECT)
    tracemalloc.start()
    try:
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for index in range(10):
            content = f'{{"gray_release_plan":{{"{"k" * 900_000}_{index}":1}}}}'
            sandbox.faults[:] = [Fault("plan", "raw", raw=encode_response(content.encode()))]
            invoke(DIRECT)
            token = json.dumps({"access_token": f"{index}" * 900_000, "expires_in": 7200})
            sandbox.faults[:] = [Fault("stable", "body", token)]
            with pytest.raises(OpenApiError):
                invoke({"appid": f"wx{index}"})
        del content, token
        sandbox.faults.clear()
        sandbox.requests.clear()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 1_000_000
    finally:
        tracemalloc.stop()
