"""The check of one mini program: token, plan request, retries and deadline."""

import time

import pytest

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import Sandbox
from tests.support import DOCUMENTED, PLAN, STABLE, Configure, Invoke, catch_error, invoke_at_once


@pytest.mark.parametrize("code", ["40001", "40014", "42001"])
def test_refused_token_is_replaced_once(sandbox: Sandbox, invoke: Invoke, code: str) -> None:
    """A refused token is replaced and the request repeated once; a second refusal is returned."""
    sandbox.faults.append(Fault("plan", "errcode", code, times=1))
    assert invoke() == DOCUMENTED
    assert [path for _, path in sandbox.requests] == [STABLE, PLAN, STABLE, PLAN]
    sandbox.requests.clear()
    sandbox.faults[:] = [Fault("plan", "errcode", code)]
    assert catch_error(invoke).errCode == int(code)
    assert sandbox.count(PLAN) == 2
    assert sandbox.count(STABLE) == 1


def test_token_refused_by_the_last_request(sandbox: Sandbox, invoke: Invoke) -> None:
    """If WeChat refuses the token in the second plan request, the function fetches no further token."""
    sandbox.faults[:] = [Fault("plan", "status", "502", times=1), Fault("plan", "errcode", "40001", times=1)]
    assert catch_error(invoke).errCode == 40001
    assert [path for _, path in sandbox.requests] == [STABLE, PLAN, PLAN]
    assert invoke() == DOCUMENTED


def test_refused_token_is_not_kept(sandbox: Sandbox, invoke: Invoke) -> None:
    """A revoked token costs one more token request and one more plan request."""
    invoke()
    sandbox.tokens.expiry.clear()
    sandbox.tokens.stable.clear()
    sandbox.requests.clear()
    assert invoke() == DOCUMENTED
    assert [path for _, path in sandbox.requests] == [PLAN, STABLE, PLAN]


@pytest.mark.parametrize("fault", ["reset", "truncate", "status=500", "status=502", "errcode=-1"])
@pytest.mark.parametrize("endpoint", ["plan", "token"])
def test_passing_faults_are_retried_once(sandbox: Sandbox, invoke: Invoke, endpoint: str, fault: str) -> None:
    """The function retries a transient fault once, and the caller does not notice the fault."""
    path = PLAN if endpoint == "plan" else STABLE
    sandbox.faults.append(Fault.parse(f"{endpoint}:{fault}*1"))
    assert invoke() == DOCUMENTED
    assert sandbox.count(path) == 2


@pytest.mark.parametrize("fault", ["hang=20", "trickle=0.2", "delay=20"])
@pytest.mark.parametrize("endpoint", ["plan", "token"])
def test_slow_answers_are_cut_off(
    sandbox: Sandbox, invoke: Invoke, configure: Configure, endpoint: str, fault: str
) -> None:
    """The deadline holds for the whole exchange even if the answer trickles, and a time-out is not retried."""
    configure(WECHAT_TIMEOUT_SECONDS="900")
    sandbox.faults.append(Fault.parse(f"{endpoint}:{fault}"))
    error = catch_error(invoke, deadline=time.monotonic() + 0.6)
    assert (error.errCode, error.status) == (-1, 504)
    assert sandbox.count(PLAN if endpoint == "plan" else STABLE) == 1


def test_timeout_setting(sandbox: Sandbox, invoke: Invoke, configure: Configure) -> None:
    """`WECHAT_TIMEOUT_SECONDS` limits an exchange even if the invocation has more time."""
    configure(WECHAT_TIMEOUT_SECONDS="0.3")
    sandbox.faults.append(Fault.parse("plan:hang=2"))  # seconds until the connection ends, which would give status 503
    assert catch_error(invoke).status == 504


def test_no_time_left(sandbox: Sandbox, invoke: Invoke) -> None:
    """If an invocation has no time left, the HTTP status is 504, and no request goes to WeChat."""
    error = catch_error(invoke, deadline=time.monotonic())
    assert (error.errCode, error.status) == (-1, 504)
    assert sandbox.requests == []


def test_threads_share_one_fetch(sandbox: Sandbox, invoke: Invoke) -> None:
    """32 threads that start together make one token request, and all get a plan."""
    sandbox.faults.append(Fault.parse("token:delay=0.2"))
    assert invoke_at_once(invoke, 32) == [DOCUMENTED] * 32
    assert sandbox.count(STABLE) == 1
