"""The arguments: their shapes and sizes, empty ones, and keys that only look like an argument."""

import json
from typing import Any

import pytest

from gray_release.sandbox.server import APPID, Sandbox
from handler.contract import Arguments, OpenApiError
from tests.support import DOCUMENTED, Invoke, Log, catch_error

OTHER = "wx1111111111111111"


@pytest.mark.parametrize(
    "event",
    [
        {"appid": ""},
        {"appid": None},
        {"appid": None, "convertCase": False},
        {"appid": "", "userInfo": {"appId": APPID}},
        {"appid": "", "accessToken": "a"},
        {"appids": ""},
        {"appids": None},
    ],
)
def test_empty_appid(sandbox: Sandbox, invoke: Invoke, event: dict[str, Any]) -> None:
    """An empty appid in the event gives errCode 41002. `WECHAT_APPID` does not replace it."""
    assert catch_error(invoke, event).errCode == 41002
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("appId", "appid"),
        ("app_id", "appid"),
        ("AppID", "appid"),
        ("APPID", "appid"),
        ("app-id", "appid"),
        ("appid ", "appid"),
        ("\ufeffappid", "appid"),
        ("app.id", "appid"),
        ("authorizer_appid", "appid"),
        ("authorizerAppid", "appid"),
        ("AuthorizerAppId", "appid"),
        ("WECHAT_APPID", "appid"),
        ("wxAppId", "appid"),
        ("miniProgramAppId", "appid"),
        ("appid1", "appid"),
        ("appIds", "appids"),
        ("app_ids", "appids"),
        ("APPIDS", "appids"),
        ("AppIdList", "appid"),
        ("id", "appid"),
        ("mini_program", "appid"),
    ],
)
def test_names_like_appid(sandbox: Sandbox, invoke: Invoke, name: str, right: str) -> None:
    """A key that looks like `appid`, or whose value is an appid, gives errCode 40097, and the errMsg names `appid`."""
    error = catch_error(invoke, {name: OTHER})
    assert error.errCode == 40097
    assert error.reason.endswith(f"write {right}")
    assert OTHER not in error.reason
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "text", [f"{OTHER},{APPID}", f"{OTHER} {APPID}", f" {OTHER}\n", f"{OTHER}: 小程序", OTHER.upper()]
)
def test_values_like_appids(sandbox: Sandbox, invoke: Invoke, text: str) -> None:
    """An unknown key whose value begins with an appid, such as a list of appids as a text, gives errCode 40097."""
    error = catch_error(invoke, {"apps": text})
    assert error.errCode == 40097
    assert error.reason.endswith("write appid")
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("AccessToken", "accessToken"),
        ("accesstoken", "accessToken"),
        ("ACCESS_TOKEN", "accessToken"),
        ("access-token", "accessToken"),
        ("authorizer_access_token", "accessToken"),
        ("authorizerAccessToken", "accessToken"),
        ("CloudbaseAccessToken", "cloudbaseAccessToken"),
        ("cloudbase_accesstoken", "cloudbaseAccessToken"),
        ("ConvertCase", "convertCase"),
        ("convertcase", "convertCase"),
    ],
)
def test_names_like_other_arguments(sandbox: Sandbox, invoke: Invoke, name: str, right: str) -> None:
    """A key that looks like another argument gives errCode 40097 too, and its value is not shown."""
    error = catch_error(invoke, {name: "hush", "appid": APPID})
    assert error.errCode == 40097
    assert error.reason.endswith(f"write {right}")
    assert "hush" not in str(error)
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "beside",
    [
        {"component_appid": OTHER},
        {"authorizer_appid": APPID},
        {"openid": OTHER},
        {"nickname": "a"},
        {"items": [{"appid": OTHER}]},
        {"appears": 1, "userInfo": {"appId": OTHER}},
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_other_keys_beside_an_appid(invoke: Invoke, beside: dict[str, Any]) -> None:
    """If the event has an appid, unknown keys are ignored, because they cannot be a misspelt appid."""
    assert invoke({"appid": APPID, **beside}) == DOCUMENTED


@pytest.mark.parametrize("key", ["accessToken", "access_token", "cloudbaseAccessToken", "convertCase"])
@pytest.mark.parametrize("empty", ["", None])
@pytest.mark.usefixtures("sandbox")
def test_other_empty_arguments(invoke: Invoke, log: Log, key: str, empty: str | None) -> None:
    """Every other argument that is empty counts as absent."""
    assert invoke({key: empty}) == DOCUMENTED
    assert log()[-1]["token_source"] == "stable"


def test_both_spellings() -> None:
    """The event may contain both spellings of an argument if their values agree. An empty one never hides the other."""
    for given in ({"accessToken": "a", "access_token": "a"}, {"accessToken": "", "access_token": "a"}):
        token = Arguments.parse(given).access_token
        assert token is not None
        assert token.get_secret_value() == "a"
    with pytest.raises(OpenApiError, match="given twice"):
        Arguments.parse({"accessToken": "a", "access_token": "b"})


@pytest.mark.parametrize("event", [[], "x", 0, 1.5, False, True, ""])
def test_event_is_not_an_object(sandbox: Sandbox, invoke: Invoke, event: Any) -> None:
    """An event that is not an object gives errCode 40097, and no request goes to WeChat."""
    error = catch_error(invoke, event)
    assert error.errCode == 40097
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "event",
    [
        {"appid": 5},
        {"appid": "../other"},
        {"appid": "wx\r\nX: y"},
        {"appid": "w" * 65},
        {"accessToken": {"a": "token"}},
        {"access_token": "to ken"},
        {"accessToken": "t\nk"},
        {"accessToken": "\\" * 15},
        {"accessToken": "an%41other"},
        {"cloudbase_access_token": "a&b=c"},
        {"accessToken": "x" * 2049},
        {"cloudbaseAccessToken": "t" * 2049},
        {"convertCase": "maybe"},
        {"convertCase": []},
    ],
)
def test_bad_arguments(sandbox: Sandbox, invoke: Invoke, event: dict[str, Any]) -> None:
    """A bad argument gives errCode 40097. The errMsg names it without its value, and no request goes to WeChat."""
    error = catch_error(invoke, event)
    assert error.errCode == 40097
    [name] = event
    assert error.errMsg.replace("_", "").lower().endswith(f"invalid arguments: {name.replace('_', '').lower()}")
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "event",
    [
        {"padding": "x" * 6_000_000},
        {"appid": APPID, "padding": ["x"] * 1_000_000},
        {"httpMethod": "POST", "path": "/", "body": json.dumps({"padding": "x" * 6_000_000})},
        {"httpMethod": "GET", "path": "/", "queryString": {"padding": "x" * 6_000_000}},
        json.loads(f'{{"appid":"{APPID}","a":' + '{"a":' * 100 + "[]" + "}" * 101),
        {"httpMethod": "POST", "path": "/", "body": f'{{"appid":"{APPID}","a":' + '{"a":' * 100 + "[]" + "}" * 101},
        {"Type": "Timer", "Message": "x" * 6_000_000},
    ],
    ids=[
        "6 MB",
        "a million items",
        "body of 6 MB",
        "query of 6 MB",
        "100 levels",
        "body of 100 levels",
        "timer of 6 MB",
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_large_events(invoke: Invoke, log: Log, event: dict[str, Any]) -> None:
    """The largest and the deepest event that a platform allows gets an answer, and is not logged."""
    reply = invoke(event)
    assert json.loads(reply["body"]) == DOCUMENTED if "statusCode" in reply else reply == DOCUMENTED
    assert len(json.dumps(log())) < 2000


@pytest.mark.parametrize("event", [{"appid": "x" * 6_000_000}, {"accessToken": "x" * 6_000_000}])
def test_large_arguments(sandbox: Sandbox, invoke: Invoke, event: dict[str, Any]) -> None:
    """An argument as large as a whole event is refused with a short message."""
    error = catch_error(invoke, event)
    assert error.errCode == 40097
    assert len(str(error)) < 200
    assert sandbox.requests == []


def test_convert_case_off(sandbox: Sandbox, invoke: Invoke) -> None:
    """`convertCase: false` keeps snake_case inside the plan and around it, as the SDK's option does."""
    assert invoke({"convertCase": False})["gray_release_plan"] == sandbox.plan
    assert invoke({"convert_case": False})["gray_release_plan"] == sandbox.plan
