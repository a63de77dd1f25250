"""What the caller gets if a call fails."""

import json

import pytest

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, Sandbox
from tests.support import STABLE, Configure, Invoke, Log, catch_error


def test_error_text(sandbox: Sandbox, invoke: Invoke) -> None:
    """The error's text is the compact JSON of errCode and errMsg, with WeChat's errmsg and rid."""
    sandbox.faults.append(Fault("plan", "errcode", "48001"))
    error = catch_error(invoke)
    assert str(error) == (
        '{"errCode":48001,"errMsg":"openapi.operation.getGrayReleasePlan:fail sandbox fault rid: 5f1e-sandbox"}'
    )
    assert json.loads(str(error)) == error.to_dict()
    assert type(error).__name__ == "OpenApiError"


def test_on_error_return(sandbox: Sandbox, invoke: Invoke, configure: Configure) -> None:
    """With `ON_ERROR=return` the function returns the errCode object instead of raising, for bad arguments too."""
    configure(ON_ERROR="return")
    sandbox.faults.append(Fault("plan", "errcode", "45009"))
    assert invoke() == {
        "errCode": 45009,
        "errMsg": "openapi.operation.getGrayReleasePlan:fail sandbox fault rid: 5f1e-sandbox",
    }
    assert invoke([1])["errCode"] == 40097


@pytest.mark.usefixtures("sandbox")
def test_on_error_holds_beside_another_fault(invoke: Invoke, configure: Configure) -> None:
    """`ON_ERROR=return` applies even if another variable is invalid."""
    configure(ON_ERROR="return", WECHAT_TIMEOUT_SECONDS="never")
    assert invoke()["errCode"] == -1
    configure(ON_ERROR="return", WECHAT_TIMEOUT_SECONDS=None, WECHAT_TOKEN_SOURCE="store")
    assert invoke()["errCode"] == 41001


def test_no_settings(invoke: Invoke, configure: Configure) -> None:
    """Without an appid the errCode is 41002, and without a secret it is 41004."""
    assert catch_error(invoke).errCode == 41002
    configure(WECHAT_APPID=APPID, WECHAT_SECRET="")
    assert catch_error(invoke).errCode == 41004


def test_wrong_secret(sandbox: Sandbox, invoke: Invoke, configure: Configure) -> None:
    """A wrong secret gives WeChat's errCode 40125 after one request, and the error does not contain the secret."""
    configure(WECHAT_SECRET="hush-hush")
    assert catch_error(invoke).errCode == 40125
    assert sandbox.requests == [("POST", STABLE)]


def test_internal_error(invoke: Invoke, monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
    """If the function's own code fails, the errCode is -1. The log has the exception's class without its text."""

    def fail(*_: object) -> None:
        raise KeyError("hush-hush")

    monkeypatch.setattr("handler.operation.Operation.get_plan", fail)
    error = catch_error(invoke)
    assert error.errCode == -1
    assert error.__suppress_context__
    assert log()[0]["exception"] == "KeyError"
    assert "hush" not in str(log())
