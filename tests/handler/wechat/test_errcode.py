"""Odd bodies that wx-server-sdk reads although they are not plain JSON."""

import json
from typing import Any

import pytest

from gray_release.sandbox.fault_kinds import encode_response
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import Sandbox
from handler.contract import OpenApiError
from tests.support import DOCUMENTED, PLAN, STABLE, Invoke, set_body


@pytest.mark.parametrize("errcode", ["[]", "{}", "[0]", '{"a":1}', "true", '"no"', "0.5", '" "', '"\\u001e6"', '"6_0"'])
def test_no_number_as_errcode(sandbox: Sandbox, invoke: Invoke, errcode: str) -> None:
    """An errcode that is truthy in JavaScript is a failure, even if it is not a number."""
    set_body(sandbox, b'{"errcode":%b,"gray_release_plan":{}}' % errcode.encode())
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert (caught.value.errCode, caught.value.reason) == (-1, "unknown error")


@pytest.mark.parametrize("errcode", ["9" * 19, f"-{'9' * 4000}", f'"{"9" * 19}"', "1e300"], ids=lambda code: code[:4])
def test_long_errcode(sandbox: Sandbox, invoke: Invoke, errcode: str) -> None:
    """An errcode of more than 18 digits is a failure with a short code, because it would fill a batch's reply."""
    set_body(sandbox, b'{"errcode":%b,"errmsg":"no"}' % errcode.encode())
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert caught.value.errCode == -1


@pytest.mark.parametrize(
    ("errmsg", "shown"),
    [
        ("45", "45"),
        ("1.5", "1.5"),
        ("2.0", "2"),
        ('["a",1,null,[true,"b"],{}]', "a,1,,true,b,[object Object]"),
        ("[]", ""),
        ("null", "unknown error"),
        ('"a\\tb"', "a\tb"),
    ],
)
def test_errmsg_of_any_type(sandbox: Sandbox, invoke: Invoke, errmsg: str, shown: str) -> None:
    """A number or a list as errmsg is shown as JavaScript shows it; a null errmsg is an unknown error."""
    set_body(sandbox, b'{"errcode":48001,"errmsg":%b}' % errmsg.encode())
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert (caught.value.errCode, caught.value.errMsg) == (
        48001,
        f"openapi.operation.getGrayReleasePlan:fail {shown}",
    )


ODD_TEXTS = {
    "GBK": "无效的凭证".encode("gbk"),
    "broken UTF-8": b"\xff\xfe\xc3",
    "control characters": b"a\nb\x00\x1f\x7f",
    "half a surrogate": b"\\ud800",
}


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_odd_text_beside_an_errcode(sandbox: Sandbox, invoke: Invoke, text: str) -> None:
    """An errcode counts even if its errmsg has odd characters, so a refused token is replaced."""
    content = b'{"errcode":40001,"errmsg":"%b"}' % ODD_TEXTS[text]
    sandbox.faults.append(Fault("plan", "raw", raw=encode_response(content), times=1))
    assert invoke() == DOCUMENTED
    assert [path for _, path in sandbox.requests] == [STABLE, PLAN, STABLE, PLAN]


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_odd_text_in_a_plan(sandbox: Sandbox, invoke: Invoke, text: str) -> None:
    """A plan with odd text is read. Broken bytes become U+FFFD, so that the reply can be sent."""
    set_body(sandbox, b'{"errcode":0,"gray_release_plan":{"status":1,"note":"%b"}}' % ODD_TEXTS[text])
    reply: dict[str, Any] = invoke()
    assert reply["grayReleasePlan"]["status"] == 1
    assert json.dumps(reply, ensure_ascii=False).encode()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 412, 429])
def test_errcode_of_an_http_error(sandbox: Sandbox, invoke: Invoke, status: int) -> None:
    """If an HTTP 4xx has an errcode in its body, that code counts, and 40001 replaces the token."""
    for code, answered in ((48001, False), (40001, True)):
        content = json.dumps({"errcode": code, "errmsg": "no rid: 5f1e"}).encode()
        sandbox.faults[:] = [Fault("plan", "raw", raw=encode_response(content, status), times=1)]
        if answered:
            assert invoke() == DOCUMENTED
        else:
            with pytest.raises(OpenApiError) as caught:
                invoke()
            assert (caught.value.errCode, caught.value.reason) == (code, "no rid: 5f1e")
