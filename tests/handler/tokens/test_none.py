"""Source `none`: no token at all."""

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import (
    Sandbox,
)
from tests.support import PLAN, Configure, Invoke, catch_error


def test_none(sandbox: Sandbox, invoke: Invoke, configure: Configure) -> None:
    """Source `none` sends no token, because WeChat's open API service recognises the caller by its network."""
    configure(WECHAT_TOKEN_SOURCE="none")
    assert catch_error(invoke).errCode == 41001
    sandbox.faults.append(Fault("plan", "body", '{"gray_release_plan":{}}'))
    assert invoke()["grayReleasePlan"] == {}
    assert [path for _, path in sandbox.requests] == [PLAN, PLAN]
