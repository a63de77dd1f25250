"""Source `given`: a token in the arguments."""

import pytest

from gray_release.sandbox.server import Sandbox
from tests.support import DOCUMENTED, PLAN, STABLE, Configure, Invoke, catch_error

BROKEN_SOURCES: list[dict[str, str | None]] = [
    {"WECHAT_TOKEN_SOURCE": "store", "WECHAT_TOKEN_STORE_URL": None},
    {"WECHAT_TOKEN_SOURCE": "component"},
    {"WECHAT_TOKEN_STORE_URL": "redis://:pass/word@host/0"},
    {"WECHAT_COMPONENT_APPID": "wx-platform"},
    {"WECHAT_APPID": None, "WECHAT_SECRET": None},
    {"ON_ERROR": "sometimes"},
]


def test_given_token(sandbox: Sandbox, invoke: Invoke) -> None:
    """The function uses a token in the arguments, and requests, caches or refreshes none."""
    token = sandbox.tokens.issue_token()["access_token"]
    assert invoke({"accessToken": token}) == DOCUMENTED
    assert catch_error(invoke, {"access_token": "another+/~@="}).errCode == 40001
    assert [path for _, path in sandbox.requests] == [PLAN, PLAN]


def test_given_cloudbase_token(sandbox: Sandbox, invoke: Invoke) -> None:
    """A cloudbase token is sent as `cloudbase_access_token`."""
    sandbox.cloudbase_tokens.add("cloud+base/token=")
    assert invoke({"cloudbaseAccessToken": "cloud+base/token="}) == DOCUMENTED
    assert sandbox.count(STABLE) == 0


@pytest.mark.parametrize("variables", BROKEN_SOURCES, ids=str)
def test_a_callers_token_wins(
    sandbox: Sandbox, invoke: Invoke, configure: Configure, variables: dict[str, str | None]
) -> None:
    """A token in the event works even if the configured source is invalid."""
    configure(**variables)
    assert invoke({"accessToken": sandbox.tokens.issue_token()["access_token"]}) == DOCUMENTED
