"""The log of a batch: the facts of a failure that all mini programs share, and of the platform's list."""

import json

import pytest

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, Sandbox
from tests.support import Invoke, Log, catch_error, set_body


@pytest.mark.parametrize("appids", [[APPID, "wx1"], "all"])
def test_shared_failure(platform: Sandbox, invoke: Invoke, log: Log, appids: object) -> None:
    """The log line of a shared failure has the token source and the number of requests."""
    platform.faults.append(Fault("component", "errcode", "61004"))
    assert catch_error(invoke, {"appids": appids}).errCode == 61004
    [line] = log()
    assert (line["err_code"], line["token_source"], line["token_requests"]) == (61004, "component", 1)
    assert line["upstream_ms"] > 0


def test_requests_for_the_list(platform: Sandbox, invoke: Invoke, log: Log) -> None:
    """The requests for the list are counted too: one for the platform's token, and two for a list that fails twice."""
    platform.faults.append(Fault("list", "status", "502"))
    assert catch_error(invoke, {"appids": "all"}).errCode == -1
    assert log()[-1]["token_requests"] == len(platform.requests)


@pytest.mark.parametrize("total", [2, 10**12])
def test_short_list(platform: Sandbox, invoke: Invoke, log: Log, total: int) -> None:
    """If WeChat lists fewer mini programs than it says there are, a warning has both numbers."""
    set_body(
        platform, json.dumps({"total_count": total, "list": [{"authorizer_appid": APPID}]}).encode(), endpoint="list"
    )
    assert len(invoke({"appids": "all"})["results"]) == 1
    [warning] = [line["message"] for line in log() if line["level"] == "WARNING"]
    assert {"1", str(total)} <= set(warning.split())


@pytest.mark.parametrize("total", [1, 0, None, "many"])
def test_whole_list(platform: Sandbox, invoke: Invoke, log: Log, total: object) -> None:
    """There is no warning if the list is whole, or if WeChat does not say how long it is."""
    set_body(
        platform, json.dumps({"total_count": total, "list": [{"authorizer_appid": APPID}]}).encode(), endpoint="list"
    )
    assert len(invoke({"appids": "all"})["results"]) == 1
    assert [line["level"] for line in log()] == ["INFO"]
