"""A source that holds the token of one mini program never answers for another appid."""

import json

import pytest

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, Sandbox
from tests.support import DOCUMENTED, PLAN, Configure, Invoke, Log, catch_error

OTHER = "wx00000000000other"


@pytest.fixture(params=["cloudbase", "none", "store", "token server"])
def knows_one(request: pytest.FixtureRequest, sandbox: Sandbox, configure: Configure) -> str:
    """Configure each source that holds the token of one mini program; return the source's name."""
    name: str = request.param
    configure(WECHAT_SECRET=None)
    if name == "cloudbase":
        configure(WECHAT_CLOUDBASE_ACCESS_TOKEN="cloud")
        sandbox.cloudbase_tokens.add("cloud")
    elif name == "none":
        configure(WECHAT_TOKEN_SOURCE="none")
        sandbox.faults.append(Fault("plan", "body", json.dumps({"gray_release_plan": SAMPLE})))
    elif name == "store":
        store = request.getfixturevalue("store")
        store.redis.set("the-token", sandbox.tokens.issue_token()["access_token"])
        configure(WECHAT_TOKEN_STORE_KEY="the-token")
    else:
        answer = json.dumps({"token": sandbox.tokens.issue_token()["access_token"]})
        sandbox.faults.append(Fault("other", "body", answer))
        configure(WECHAT_TOKEN_STORE_URL=f"{sandbox.base_url}/token")
    return name


SAMPLE = {"status": 1, "create_timestamp": 1517553721, "default_finish_timestamp": 1517554721, "gray_percentage": 8}


@pytest.mark.usefixtures("knows_one")
def test_another_appid(sandbox: Sandbox, invoke: Invoke) -> None:
    """Only WECHAT_APPID gets an answer. Any other appid gives errCode 40097 without a request."""
    error = catch_error(invoke, {"appid": OTHER})
    assert (error.errCode, error.status) == (40097, 400)
    assert "WECHAT_APPID" in error.reason
    assert sandbox.requests == []
    assert invoke({"appid": APPID}) == invoke() == DOCUMENTED


@pytest.mark.usefixtures("knows_one")
def test_no_wechat_appid(sandbox: Sandbox, invoke: Invoke, configure: Configure) -> None:
    """Without WECHAT_APPID the token's owner is unknown, so every appid is refused."""
    configure(WECHAT_APPID=None)
    assert catch_error(invoke, {"appid": APPID}).errCode == 40097
    assert sandbox.requests == []


@pytest.mark.usefixtures("knows_one")
def test_many(sandbox: Sandbox, invoke: Invoke) -> None:
    """A batch refuses each other appid in its own row."""
    rows = invoke({"appids": [APPID, OTHER]})["results"]
    assert [row["errCode"] for row in rows] == [0, 40097]
    assert sandbox.count(PLAN) == 1


def test_claimed_appid(sandbox: Sandbox, invoke: Invoke, log: Log) -> None:
    """The log marks an appid as claimed only if the caller sent it together with a token."""
    token = sandbox.tokens.issue_token()["access_token"]
    invoke({"appid": OTHER, "accessToken": token})
    assert (log()[-1]["appid"], log()[-1]["appid_claimed"]) == (OTHER, True)
    for event in ({}, {"appid": APPID}, {"accessToken": token}):
        invoke(event)
        assert "appid_claimed" not in log()[-1]
