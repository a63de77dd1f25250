"""Source `store` at a token server: the requests, and the token in the answer."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from gray_release.sandbox.server import APPID, COMPONENT_APPID, Sandbox
from tests.support import DOCUMENTED, PLAN, Configure, Invoke, Log, catch_error
from tests.token_server import HEADER, PATH, Answer, TokenServer, answer


def shapes(token: str) -> dict[str, Answer]:
    """Return the answers of different servers that contain this token."""
    objects: dict[str, dict[str, Any]] = {
        "wxcloudrun-wxcomponent": {"code": 0, "errorMsg": "", "data": {"token": token}},
        "as WeChat": {"access_token": token, "expires_in": 7200},
        "with WeChat's errcode": {"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": 7200},
        "token": {"token": token},
        "code as a text": {"code": "0", "msg": "ok", "data": {"accessToken": token, "expires_in": 60}},
        "authorizer": {"data": {"authorizer_appid": APPID, "authorizer_access_token": token}},
        "beside": {"code": None, "data": "hush", "accessToken": token, "expires_in": "7200"},
        "code 200": {"code": 200, "message": "success", "data": {"access_token": token}},
        "code 1": {"code": 1, "msg": "hush", "data": {"authorizerAccessToken": token}},
        "code OK": {"code": "OK", "accessToken": token},
        "an errcode beside": {"errcode": 42001, "errmsg": "hush", "access_token": token},
        "data itself": {"code": 0, "data": token},
        "data itself, code 200": {"code": "200", "msg": "OK", "data": token},
        "api_query_auth": {"authorization_info": {"authorizer_access_token": token, "expires_in": 7200}},
        "api_query_auth under data": {"code": 200, "data": {"authorization_info": {"authorizer_access_token": token}}},
    }
    return {name: answer(content) for name, content in objects.items()} | {
        "plain text": answer(f"{token}\n", kind="text/plain; charset=utf-8"),
        "JSON string": answer(json.dumps(token)),
        "JSON as text": answer({"token": token}, kind="text/plain"),
        "byte order mark": answer(f"\ufeff{token}", kind="text/plain"),
        "JSON with a byte order mark": answer(f'\ufeff{{"token": "{token}"}}'),
        "status 201": answer({"token": token}, status=201),
    }


@pytest.mark.parametrize("shape", shapes(""))
def test_shapes(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke, log: Log, shape: str) -> None:
    """The token is requested with the appid and the header, and read from each shape of answer."""
    tokens.answers = [shapes(sandbox.tokens.issue_token()["access_token"])[shape]]
    assert invoke() == DOCUMENTED
    assert tokens.requests == [f"{PATH}?key=hush-key&appid={APPID}"]
    assert tokens.headers["X-Api-Key"] == HEADER
    assert sandbox.requests == [("GET", PLAN)]
    line = log()[-1]
    assert (line["token_source"], line["token_requests"], line["plan_requests"]) == ("store", 1, 1)


def test_placeholders(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke, configure: Configure) -> None:
    """Both placeholders work in path and query. Without the platform's appid, errCode 41002 names its variable."""
    configure(WECHAT_TOKEN_STORE_URL=f"{tokens.url}/{{component_appid}}/{{appid}}", WECHAT_TOKEN_STORE_HEADER=None)
    error = catch_error(invoke)
    assert error.errCode == 41002
    assert "set WECHAT_COMPONENT_APPID, because WECHAT_TOKEN_STORE_URL contains {component_appid}" in error.errMsg
    configure(WECHAT_COMPONENT_APPID=COMPONENT_APPID)
    assert invoke({"appid": "wx-other"}) == DOCUMENTED
    assert tokens.requests == [f"/{COMPONENT_APPID}/wx-other"]
    assert sandbox.count(PLAN) == 1


def test_address_alone(tokens: TokenServer, invoke: Invoke, configure: Configure) -> None:
    """A URL without a path means its root, and Chinese characters are percent-encoded."""
    configure(WECHAT_TOKEN_STORE_URL=tokens.url)
    assert invoke() == DOCUMENTED
    configure(WECHAT_TOKEN_STORE_URL=f"{tokens.url}/\u4ee4\u724c?\u53f7={{appid}}")
    assert invoke() == DOCUMENTED
    assert tokens.requests == ["/", f"/%E4%BB%A4%E7%89%8C?%E5%8F%B7={APPID}"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"code": 1001, "errorMsg": "hush", "data": {"expires_in": 7200}}, "the token server refused: code 1001"),
        ({"code": 1001, "errorMsg": "hush", "token": None, "data": "hush" * 10}, "the token server refused: code 1001"),
        ({"code": -1, "data": "hush"}, "the token server refused: code -1"),
        ({"errcode": 40013, "errmsg": "hush", "access_token": ""}, "the token server refused: errcode 40013"),
        ({"code": "500"}, "the token server refused: code 500"),
        ({"code": "hush"}, "the token server refused: code is not a number"),
        ({"code": {"hush": "hush"}}, "the token server refused: code is not a number"),
        ({"code": True}, "the token server refused: code is not a number"),
        ({"code": 200}, "found a JSON object without a token"),
        ({"code": 500, "token": "undefined"}, "found a word such as undefined or null"),
        ({"data": {"access_token": "None"}}, "found a word such as undefined or null"),
        (f"think_serialize:s:40:{'hush' * 10}", "found PHP-serialised data"),
        (b"\xff\xfeh\0u\0s\0h\0", "found a text in UTF-16"),
        ({"token": "hush" * 600}, "found a JSON object without a token"),
        ({"code": 0}, "found a JSON object without a token"),
        ({"code": 0, "data": "hush"}, "found a JSON object without a token"),
        ({"msg": "hush"}, "found a JSON object without a token"),
        ("<!doctype html><title>hush</title>", "found an HTML page"),
        ("hush hush", "found a text that is not a token"),
        ('{"token": "hush", "expires_in": NaN}', "found a text that is not a token"),  # NaN makes it invalid JSON
        ("", "found an empty text"),
        ('["hush"]', "found a JSON array"),
        ("5", "found a JSON number"),
        (b"\xff\x00hush", "found binary data (Java's serialisation, Kryo or the like)"),
    ],
)
def test_no_token(
    sandbox: Sandbox, tokens: TokenServer, invoke: Invoke, content: bytes | str | dict[str, Any], reason: str
) -> None:
    """The server's failure code, or an answer without a token, gives errCode 41001 with a reason. It is not retried."""
    tokens.answers = [answer(content)]
    error = catch_error(invoke)
    assert (error.errCode, error.status, len(tokens.requests)) == (41001, 500, 1)
    assert error.errMsg.endswith(reason)
    assert sandbox.requests == []


def test_loads_no_client_of_redis(sandbox: Sandbox, tokens: TokenServer) -> None:
    """With a token server, the function loads neither redis nor boto3."""
    code = (
        "import sys\nfrom handler.app import lambda_handler\nlambda_handler({}, None)\n"
        "assert not {'redis', 'boto3', 'handler.tokens.component', 'handler.tokens.stable'} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=os.environ, check=True, capture_output=True, timeout=60
    )
    assert (sandbox.count(PLAN), len(tokens.requests)) == (1, 1)


def test_scheme_in_upper_case(sandbox: Sandbox, tokens: TokenServer, invoke: Invoke, configure: Configure) -> None:
    """The scheme of the URL may be in upper case."""
    configure(WECHAT_TOKEN_STORE_URL=f"{tokens.url.replace('http', 'HTTP')}/{{appid}}")
    tokens.answers = [answer({"token": sandbox.tokens.issue_token()["access_token"]})]
    assert invoke() == DOCUMENTED
