"""Deployments of an existing function."""

import pytest

from deploy.scf import variables as scf_vars
from tests.deploy.scf.conftest import Tencent


def test_second_run_changes_nothing(tencent: Tencent, capsys: pytest.CaptureFixture[str]) -> None:
    """A second and a third run ask nothing and change nothing, even if the secret is no longer in the environment."""
    tencent.deploy()
    tencent.changes()
    for _ in range(2):
        capsys.readouterr()
        assert tencent.deploy("--yes", WECHAT_SECRET="") == 0
        assert tencent.changes() == []
        assert capsys.readouterr().out.startswith("nothing to change\n")


def test_update(tencent: Tencent, capsys: pytest.CaptureFixture[str]) -> None:
    """The command shows new code, a new secret and a changed trigger, then makes the changes one after another."""
    tencent.deploy()
    tencent.stub.function["Timeout"] = 3
    tencent.trigger("timer")["Enable"] = "OPEN"
    tencent.changes()
    capsys.readouterr()
    tencent.write_zip("other code")
    assert tencent.deploy("--yes", WECHAT_SECRET="hush-new-secret", WECHAT_APPID="wx00000000000000ff") == 0
    output = capsys.readouterr().out
    assert "change WECHAT_APPID: wx0123456789abcdef -> wx00000000000000ff\n" in output
    assert "change Timeout: 3 -> 20" in output
    assert "set WECHAT_SECRET\n" in output
    assert "update trigger every-ten-minutes: Enable\n" in output
    assert "hush" not in output
    assert tencent.changes() == ["UpdateFunctionCode", "UpdateFunctionConfiguration", "UpdateTrigger"]
    assert scf_vars.read_variables(tencent.stub.function)["WECHAT_SECRET"] == "hush-new-secret"
    assert tencent.deploy() == 0
    assert tencent.stub.function["Timeout"] == 20


def test_new_handler(tencent: Tencent) -> None:
    """A changed Handler is sent with the code, because only this update accepts it."""
    tencent.deploy()
    tencent.changes()
    tencent.edit("index.main_handler", "main.main_handler")
    assert tencent.deploy() == 0
    assert tencent.changes() == ["UpdateFunctionCode"]
    assert tencent.stub.function["Handler"] == "main.main_handler"


@pytest.mark.parametrize(("key", "deployed"), [("Runtime", "Python3.9"), ("Type", "HTTP")])
def test_settled(tencent: Tencent, capsys: pytest.CaptureFixture[str], key: str, deployed: str) -> None:
    """Runtime and Type cannot be updated. The error says how to create the function again, and that works."""
    tencent.deploy("--yes", WECHAT_SECRET="hush-old-secret")
    tencent.changes()
    tencent.stub.function[key] = deployed
    assert tencent.deploy() == 1
    error = capsys.readouterr().err
    assert f"{key} is {deployed}" in error
    assert "DEPLOY=--anew" in error
    assert tencent.changes() == []
    assert tencent.deploy("--yes", "--anew", WECHAT_SECRET="") == 0
    assert capsys.readouterr().out.startswith("delete getGrayReleasePlan in default")
    assert tencent.changes() == ["DeleteFunction", "CreateFunction", "CreateTrigger", "CreateTrigger"]
    assert scf_vars.read_variables(tencent.stub.function)["WECHAT_SECRET"] == "hush-old-secret"


def test_what_scf_json_leaves_out(tencent: Tencent) -> None:
    """Settings that scf.json does not contain keep their deployed values."""
    tencent.deploy()
    tencent.stub.function["InitTimeout"] = 65
    tencent.changes()
    tencent.edit('  "InitTimeout": 20,\n', "")
    assert tencent.deploy() == 0
    assert tencent.changes() == []


def test_adds_a_network(tencent: Tencent) -> None:
    """The command deploys a VPC that is added to scf.json later."""
    tencent.deploy()
    tencent.changes()
    tencent.edit('"Timeout": 20,', '"Timeout": 20, "VpcConfig": {"VpcId": "vpc-1", "SubnetId": "subnet-1"},')
    assert tencent.deploy() == 0
    assert tencent.changes() == ["UpdateFunctionConfiguration"]
    assert tencent.stub.function["VpcConfig"] == {"VpcId": "vpc-1", "SubnetId": "subnet-1"}


def test_repairs_an_update(tencent: Tencent, capsys: pytest.CaptureFixture[str]) -> None:
    """After a failed update, the next run repeats it, although the settings no longer differ."""
    tencent.deploy()
    tencent.changes()
    capsys.readouterr()
    tencent.stub.outcomes[:] = ["Active", "UpdateFailed"]
    tencent.write_zip("other code")
    assert tencent.deploy() == 1
    assert "UpdateFailed: [{" in capsys.readouterr().err
    assert tencent.changes() == ["UpdateFunctionCode", "UpdateFunctionConfiguration"]
    assert tencent.deploy() == 0
    output = capsys.readouterr().out
    assert output.startswith("repair getGrayReleasePlan in default, which is UpdateFailed: [{")
    assert "no room: UpdateFailed" in output
    assert tencent.changes() == ["UpdateFunctionCode", "UpdateFunctionConfiguration"]
    assert tencent.deploy() == 0
    assert capsys.readouterr().out.startswith("nothing to change\n")


def test_waits_for_a_change_under_way(tencent: Tencent) -> None:
    """If somebody else's change is running, the command waits until it ends."""
    tencent.deploy()
    tencent.stub.pending = 3
    tencent.stub.function["Timeout"] = 3
    assert tencent.deploy() == 0
    assert tencent.stub.function["Timeout"] == 20


def test_does_not_wait_for_ever(
    tencent: Tencent, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If a change does not end, the command gives up with an error."""
    tencent.deploy()
    monkeypatch.setattr("deploy.scf.api.WAIT_SECONDS", 0)
    tencent.stub.pending = 1000
    assert tencent.deploy() == 1
    assert "still Updating after 0 seconds" in capsys.readouterr().err


def test_deleted_during_an_update(tencent: Tencent, capsys: pytest.CaptureFixture[str]) -> None:
    """If somebody deletes the function during a deployment, the command fails."""
    tencent.deploy()
    tencent.write_zip("other code")
    tencent.stub.failures["UpdateFunctionCode"] = "ResourceNotFound.Function"
    assert tencent.deploy() == 1
    assert "ResourceNotFound.Function" in capsys.readouterr().err
