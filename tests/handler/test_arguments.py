"""The arguments: an empty appid, names that only look like an argument, and appids under another name."""

from typing import Any

import pytest

from gray_release.sandbox.server import APPID, Sandbox
from handler.contract import Arguments, OpenApiError
from tests.support import DOCUMENTED, Invoke, refused

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
    """An appid that is there and empty is 41002, and `WECHAT_APPID` is not asked for."""
    assert refused(invoke, event).errCode == 41002
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
    """A key that looks like `appid`, or holds an appid, is 40097 and names the right one."""
    error = refused(invoke, {name: OTHER})
    assert error.errCode == 40097
    assert error.reason.endswith(f"write {right}")
    assert OTHER not in error.reason
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
    """A key that looks like another argument is 40097 too, and its value is not shown."""
    error = refused(invoke, {name: "hush", "appid": APPID})
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
    """Beside an appid, other keys are ignored: they cannot be meant as it."""
    assert invoke({"appid": APPID, **beside}) == DOCUMENTED


@pytest.mark.parametrize("key", ["accessToken", "access_token", "cloudbaseAccessToken", "convertCase"])
@pytest.mark.parametrize("empty", ["", None])
def test_other_empty_arguments(key: str, empty: str | None) -> None:
    """Of the other arguments an empty one counts as absent."""
    assert Arguments.parse({key: empty}) == Arguments()


def test_both_spellings() -> None:
    """An argument may be there in both spellings if they agree, and an empty one never hides the other."""
    for given in ({"accessToken": "a", "access_token": "a"}, {"accessToken": "", "access_token": "a"}):
        token = Arguments.parse(given).access_token
        assert token is not None
        assert token.get_secret_value() == "a"
    with pytest.raises(OpenApiError, match="given twice"):
        Arguments.parse({"accessToken": "a", "access_token": "b"})
