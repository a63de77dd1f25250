"""The contract: replies equal those of wx-server-sdk 4.0.2, and any JSON passes exactly."""

import contextlib
import json
import math
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import Sandbox
from handler.contract import API, Arguments, OpenApiError, create_result, to_camel_case
from handler.exact_json import parse_object
from tests.support import Invoke, Log, json_values, set_body

CONFORMANCE = json.loads(Path("tests/conformance/wx-server-sdk-4.0.2.json").read_text("utf-8"))

keys = st.text(alphabet="aAbz_09é中", max_size=8)


def convert_key(key: str) -> str:
    """Convert a key character by character: an independent implementation of the rule."""
    parts = list(key)
    for index in range(len(parts) - 1):
        if parts[index] == "_" and "a" <= parts[index + 1] <= "z":
            parts[index : index + 2] = ["", parts[index + 1].upper()]
    return "".join(parts)


@pytest.mark.parametrize("case", CONFORMANCE, ids=lambda case: case["name"])
def test_conformance(sandbox: Sandbox, invoke: Invoke, case: dict[str, Any]) -> None:
    """The reply equals what wx-server-sdk 4.0.2 returned or threw for the same body."""
    set_body(sandbox, case["body"].encode(), case["contentType"])
    if "returned" in case:
        assert invoke(case.get("arguments")) == case["returned"]
        return
    sandbox.faults[0].times = None
    with pytest.raises(OpenApiError) as caught:
        invoke(case.get("arguments"))
    assert caught.value.to_dict() == case["thrown"]


@pytest.mark.parametrize(
    ("content", "plan"),
    [
        (b'{"gray_release_plan":{"status":5}}', {"status": 5}),
        (b'{"gray_release_plan":{"n":123456789012345678901234567890}}', {"n": 123456789012345678901234567890}),
        (b'{"gray_release_plan":{"gray_percentage":0.1234567890123456}}', {"grayPercentage": 0.1234567890123456}),
        (b'{"errcode":"0","gray_release_plan":{}}', {}),
        (b'\xef\xbb\xbf{"gray_release_plan":{}}', {}),
        (b'{"gray_release_plan":1,"gray_release_plan":{}}', {}),
        (rb'{"gray_release_plan":{"a":"\ud83d","\udc00":"\ud83d\ude00"}}', {"a": "\ufffd", "\ufffd": "😀"}),
        (b'{"gray_release_plan":' + b'{"a_b":' * 100 + b"1" + b"}" * 101, None),
    ],
)
def test_exactness(sandbox: Sandbox, invoke: Invoke, content: bytes, plan: Any) -> None:
    """No field is required, dropped or rounded. Half surrogates become U+FFFD."""
    set_body(sandbox, content)
    reply = invoke()
    assert reply["errCode"] == 0
    if plan is not None:
        assert reply["grayReleasePlan"] == plan
    json.dumps(reply, ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize(
    ("content", "code", "reason"),
    [
        (b'{"errcode":"40013","errmsg":"invalid appid"}', 40013, "invalid appid"),
        (b'{"errcode":40013.0,"errmsg":"invalid appid"}', 40013, "invalid appid"),
        (b'{"errcode":61023}', 61023, "unknown error"),
        (b'{"errcode":61023,"errmsg":{"a":1}}', 61023, "unknown error"),
        (b'{"errcode":61023,"errmsg":""}', 61023, ""),
        (b'{"errcode":true,"errmsg":"x"}', -1, "x"),
        (b'{"errcode":"E1","errmsg":"x"}', -1, "x"),
        (b'{"errcode":1.5,"errmsg":"x"}', -1, "x"),
        (b'{"errcode":[1],"errmsg":"x"}', -1, "x"),
        (b'{"errcode":[],"errmsg":"x"}', -1, "x"),
        (b'{"errcode":{},"errmsg":"x"}', -1, "x"),
        (b'{"errcode":48001,"errmsg":5}', 48001, "5"),
        (b'{"errcode":48001,"errmsg":1.0}', 48001, "1"),
        (b'{"errcode":48001,"errmsg":["a",null,[1,true],{}]}', 48001, "a,,1,true,[object Object]"),
        (b'{"errcode":48001,"errmsg":"a\tb\x01"}', 48001, "a\tb\x01"),
        ('{"errcode":48001,"errmsg":"无效"}'.encode("gbk"), 48001, "\ufffd\ufffdЧ"),
        (b'{"errcode":40066,"errmsg":"\\ud800"}', 40066, "\ufffd"),
    ],
)
def test_odd_failures(sandbox: Sandbox, invoke: Invoke, content: bytes, code: int, reason: str) -> None:
    """An errcode of another type counts as its number or as -1. A missing errmsg becomes an unknown error."""
    set_body(sandbox, content)
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert caught.value.to_dict() == {"errCode": code, "errMsg": f"{API}:fail {reason}"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'"ok"',
        b"null",
        b"1",
        b"<html>",
        b'{"errcode":0',
        b'{"gray_release_plan":NaN}',
        b'{"gray_release_plan":-Infinity}',
        b'{"gray_release_plan":1e999}',
        b'{"a":' * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"n":' + b"1" * 5_000 + b"}",
    ],
    ids=lambda content: content[:24].decode("ascii", "replace"),
)
def test_not_a_json_object(sandbox: Sandbox, invoke: Invoke, content: bytes) -> None:
    """A body that is not a JSON object, or that no JSON reply could carry, gives errCode -1."""
    set_body(sandbox, content)
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert (caught.value.errCode, caught.value.status) == (-1, 503)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=json_values)
def test_any_body(sandbox: Sandbox, invoke: Invoke, value: Any) -> None:
    """For any JSON from WeChat, the outcome is a reply that JSON can carry, or an OpenApiError."""
    set_body(sandbox, json.dumps(value).encode())
    try:
        reply = invoke()
    except OpenApiError as error:
        reply = json.loads(str(error))
    assert type(reply["errCode"]) is int
    assert reply["errMsg"].startswith(f"{API}:")
    json.dumps(reply, allow_nan=False)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=64))
def test_any_bytes(sandbox: Sandbox, invoke: Invoke, content: bytes) -> None:
    """For any bytes from WeChat, the outcome is a reply or an OpenApiError."""
    set_body(sandbox, content)
    with contextlib.suppress(OpenApiError):
        assert invoke()["errCode"] == 0


@given(value=json_values)
def test_values_are_untouched(value: Any) -> None:
    """Case conversion changes only the keys of objects."""

    def list_leaves(value: Any) -> list[str]:
        if isinstance(value, dict):
            return sorted(leaf for item in value.values() for leaf in list_leaves(item))
        if isinstance(value, list):
            return [leaf for item in value for leaf in list_leaves(item)]
        return [repr(value)]

    def has_collision(value: Any) -> bool:
        if isinstance(value, dict):
            return len({convert_key(key) for key in value}) < len(value) or any(map(has_collision, value.values()))
        return isinstance(value, list) and any(map(has_collision, value))

    if not has_collision(value):
        assert list_leaves(to_camel_case(value)) == list_leaves(value)


@given(key=keys)
def test_key_rule(key: str) -> None:
    """Every `_` followed by a-z becomes the upper-case letter; other keys stay."""
    [camel] = to_camel_case({key: 1})
    assert camel == convert_key(key)
    assert not re.search("_[a-z]", camel)


@given(values=st.dictionaries(keys, st.integers(), max_size=8))
def test_snake_case_wins(values: dict[str, int]) -> None:
    """If two keys become the same, the converted one wins."""
    camel = to_camel_case(values)
    for key, value in values.items():
        if len([other for other in values if convert_key(other) == convert_key(key)]) == 1 or (
            convert_key(key) != key
            and not [other for other in values if other != key and convert_key(other) == convert_key(key) != other]
        ):
            assert camel[convert_key(key)] == value


@given(values=st.dictionaries(st.sampled_from(["a_b", "gray_release_plan", "errMsg", "err_code"]), json_values))
def test_own_keys_win(values: dict[str, Any]) -> None:
    """The result has the function's errCode and errMsg, even if the body has keys with these names."""
    own = {"errCode": 0, "errMsg": f"{API}:ok"}
    assert own.items() <= create_result(values).items()
    assert own.items() <= create_result(values, convert_case=False).items()


@given(value=st.dictionaries(st.text(), json_values))
def test_parse_is_exact(value: dict[str, Any]) -> None:
    """Parsing returns any JSON object exactly."""
    assert parse_object(json.dumps(value).encode()) == value


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_exact(value: float) -> None:
    """Parsing returns any double exactly."""
    assert math.copysign(1, parse_object(f'{{"n":{value!r}}}'.encode())["n"]) == math.copysign(1, value)
    assert parse_object(f'{{"n":{value!r}}}'.encode())["n"] == value


@given(event=st.dictionaries(st.sampled_from(["appid", "accessToken", "convertCase", "x"]), json_values))
def test_any_arguments(event: dict[str, Any]) -> None:
    """Any arguments are either accepted or refused with 40097."""
    with contextlib.suppress(OpenApiError):
        assert Arguments.parse(event).model_fields_set <= Arguments.model_fields.keys()


def test_error_survives_pickling() -> None:
    """An OpenApiError can be pickled and unpickled."""
    error = pickle.loads(pickle.dumps(OpenApiError(40013, "invalid appid")))  # noqa: S301 - our own bytes
    assert error.to_dict() == OpenApiError(40013, "invalid appid").to_dict()


def test_repr_hides_tokens() -> None:
    """The repr of arguments contains no token."""
    arguments = Arguments.parse({"accessToken": "hush-hush", "cloudbaseAccessToken": "hush-hush"})
    assert "hush" not in f"{arguments} {arguments!r} {arguments.model_dump()} {arguments.model_dump_json()}"


def test_wrong_types_pass_with_a_warning(sandbox: Sandbox, invoke: Invoke, log: Log) -> None:
    """A plan of the wrong types passes unchanged, with one warning that names the fields and shows no values."""
    sandbox.faults.append(Fault("plan", "types"))
    plan = invoke()["grayReleasePlan"]
    assert plan == {"status": "1", "createTimestamp": "yesterday", "grayPercentage": [8]}
    [warning] = [line for line in log() if line["level"] == "WARNING"]
    assert warning["message"] == "contract drift"
    assert warning["fields"] == ["create_timestamp", "gray_percentage", "status"]
    assert "yesterday" not in json.dumps(warning)
