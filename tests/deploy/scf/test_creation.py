"""The first deployment, and one after a failure."""

import json

import pytest

from deploy.scf import variables as scf_vars
from tests.deploy.scf.conftest import Tencent


def test_create(tencent: Tencent, capsys: pytest.CaptureFixture[str]) -> None:
    """A first run creates the function and its triggers, waits, and prints the URL and no secret."""
    assert tencent.deploy() == 0
    function = tencent.stub.function
    assert (function["Runtime"], function["Handler"]) == ("Python3.10", "index.main_handler")
    assert function["PublicNetConfig"]["EipConfig"] == {"EipStatus": "ENABLE"}
    variables = scf_vars.read_variables(function)
    assert variables["WECHAT_SECRET"] == "hush-app-secret"
    assert "WECHAT_TOKEN_STORE_URL" not in variables
    assert tencent.trigger("timer")["Enable"] == "CLOSE"
    assert json.loads(tencent.trigger("http")["TriggerDesc"])["AuthType"] == "CAM"
    output = capsys.readouterr().out
    assert output.splitlines()[0] == "create getGrayReleasePlan in default"
    assert "URL: https://1250000000-url0.ap-guangzhou.tencentscf.com" in output
    assert "set WECHAT_APPID: wx0123456789abcdef\nset WECHAT_SECRET\nset WECHAT_TIMEOUT_SECONDS: 5\n" in output
    assert "hush" not in output


def test_asks_first(tencent: Tencent, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Unless the user answers yes, the command changes nothing."""
    again = ("--zip", str(tencent.zip))  # any option except --yes
    for answer in ("", "n", "no"):
        monkeypatch.setattr("builtins.input", lambda _, answer=answer: answer)
        assert tencent.deploy(*again) == 1
    assert not tencent.stub.function
    assert "nothing was changed" in capsys.readouterr().out
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert tencent.deploy(*again) == 0
    assert tencent.stub.function


def test_repairs_a_creation(tencent: Tencent, capsys: pytest.CaptureFixture[str]) -> None:
    """After a failed creation, the next run deletes the failed function and creates it again, with the same secret."""
    tencent.stub.outcomes[:] = ["CreateFailed"]
    assert tencent.deploy() == 1
    assert "CreateFailed: [{" in capsys.readouterr().err
    tencent.changes()
    assert tencent.deploy("--yes", WECHAT_SECRET="") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("delete getGrayReleasePlan in default, which is CreateFailed: [{")
    assert lines[1] == "create getGrayReleasePlan in default"
    assert tencent.changes() == ["DeleteFunction", "CreateFunction", "CreateTrigger", "CreateTrigger"]
    assert scf_vars.read_variables(tencent.stub.function)["WECHAT_SECRET"] == "hush-app-secret"


def test_goes_on_after_an_interruption(tencent: Tencent) -> None:
    """If a run ended between the function and its triggers, the next run creates the triggers."""
    tencent.stub.failures["CreateTrigger"] = "InternalError"
    assert tencent.deploy() == 1
    assert tencent.changes() == ["CreateFunction", "CreateTrigger"]
    tencent.stub.failures.clear()
    assert tencent.deploy() == 0
    assert tencent.changes() == ["CreateTrigger", "CreateTrigger"]


def test_takes_over_a_function_of_the_console(tencent: Tencent) -> None:
    """The command deploys to a function that the console created without a description."""
    tencent.stub.function.update(
        {"FunctionName": "getGrayReleasePlan", "Namespace": "default", "Type": "Event", "Runtime": "Python3.10"}
        | {"Handler": "index.main_handler", "MemorySize": 512, "Timeout": 3}
    )
    assert tencent.deploy() == 0
    assert tencent.stub.function["MemorySize"] == 256
    assert tencent.changes()[:2] == ["UpdateFunctionCode", "UpdateFunctionConfiguration"]
    assert tencent.deploy() == 0
    assert tencent.changes() == []


@pytest.mark.parametrize(
    ("action", "code", "said"),
    [
        ("GetFunction", "ResourceNotFound.Namespace", "create the namespace"),
        ("CreateFunction", "FailedOperation.QcsRoleNotFound", "SCF_QcsRole"),
        ("CreateFunction", "LimitExceeded.Eip", "quota of fixed public addresses"),
        ("CreateFunction", "UnauthorizedOperation.Region", "TENCENTCLOUD_REGION"),
        ("CreateFunction", "UnauthorizedOperation.CAM", "QcloudSCFFullAccess"),
        ("CreateFunction", "ResourceUnavailable.InsufficientBalance", "balance"),
        ("CreateTrigger", "LimitExceeded.Trigger", "triggers"),
    ],
)
def test_says_what_a_new_account_needs(
    tencent: Tencent, capsys: pytest.CaptureFixture[str], action: str, code: str, said: str
) -> None:
    """The errors of a first deployment show Tencent's code and message, then what to do."""
    tencent.stub.failures[action] = code
    assert tencent.deploy() == 1
    error = capsys.readouterr().err
    assert f"{action}: {code}: as the test asks" in error
    assert said in error


def test_failures(tencent: Tencent, capsys: pytest.CaptureFixture[str]) -> None:
    """The error for missing or refused input is one line, and does not show the key."""
    assert tencent.deploy("--yes", TENCENTCLOUD_SECRET_ID="", TENCENTCLOUD_REGION="") == 1
    assert "set TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_REGION" in capsys.readouterr().err
    assert tencent.deploy("--zip", "none.zip") == 1
    assert "none.zip" in capsys.readouterr().err
    tencent.stub.failures["GetFunction"] = "AuthFailure.SignatureFailure"
    assert tencent.deploy() == 1
    error = capsys.readouterr().err
    assert "GetFunction: AuthFailure.SignatureFailure" in error
    assert "hush" not in error
