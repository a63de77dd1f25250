"""The command refuses what cannot work on SCF before it requests any change."""

import pytest

from gray_release.sandbox.server import COMPONENT_SECRET, SECRET
from tests.deploy.scf.conftest import Tencent


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("WECHAT_API_BASE_URL=http://127.0.0.1:8088", "WECHAT_API_BASE_URL is 127.0.0.1"),
        ("WECHAT_API_BASE_URL=http://[::1]:8088", "WECHAT_API_BASE_URL is ::1"),
        ("WECHAT_TOKEN_STORE_URL=redis://:hush@localhost/0", "WECHAT_TOKEN_STORE_URL is localhost"),
        (f"WECHAT_SECRET={SECRET}", "WECHAT_SECRET is"),
        (f"WECHAT_COMPONENT_SECRET={COMPONENT_SECRET}", "WECHAT_COMPONENT_SECRET is"),
        (f"WECHAT_TOKEN_STORE_KEY={'k' * 4096}", "4096"),
    ],
)
def test_variables(tencent: Tencent, capsys: pytest.CaptureFixture[str], setting: str, said: str) -> None:
    """The command refuses the sandbox's variables, and more than 4 KB of variables."""
    name, _, value = setting.partition("=")
    assert tencent.deploy("--yes", **{name: value}) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "hush" not in error
    assert SECRET not in error
    assert not tencent.stub.function


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Tells how far", "How far? Tells", "Description"),
        ("Tells how far", "x" * 1000, "Description"),
        ('"Key": "ON_ERROR"', '"Key": "TENCENTCLOUD_X"', "TENCENTCLOUD_X"),
        ('"Key": "ON_ERROR"', '"Key": "SCF_X"', "SCF_X"),
        ("Python3.10", "Python3.9", "Python3.9"),
        ('"Handler": "index.main_handler",', "", "Handler"),
        ("{", "", "JSON"),
        ('"Type": "timer",', "", "trigger 1: Type"),
        ('"TriggerName": "every-ten-minutes",', "", "trigger 1: TriggerName"),
        ('"Enable": "OPEN"', '"Enable": true', "trigger 2: Enable"),
        ('"Enable": "OPEN"', '"Enabled": "OPEN"', "trigger 2: Enabled"),
        ('"Triggers": [', '"Triggers": ["x",', "Triggers"),
        ('"MemorySize"', '"Memory"', "Memory"),
        ('"MemorySize"', '"Code": {}, "MemorySize"', "Code"),
        ('"Value": "5"', '"Value": 5', "Variables"),
        (', "Value": "5"', "", "Variables"),
    ],
)
def test_function(tencent: Tencent, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str) -> None:
    """The command explains what Tencent would refuse in scf.json, and what does not match the zip."""
    tencent.edit(old, new)
    assert tencent.deploy() == 1
    assert said in capsys.readouterr().err
    assert not tencent.stub.function


def test_chinese_description(tencent: Tencent) -> None:
    """A Chinese description is deployed."""
    tencent.edit("Tells how far the staged release of a WeChat mini program is.", "查询小程序分阶段发布的进度")
    assert tencent.deploy() == 0
    assert tencent.stub.function["Description"].startswith("查询小程序分阶段发布的进度 Code ")


def test_other_runtime(tencent: Tencent, capsys: pytest.CaptureFixture[str]) -> None:
    """A zip for Python 3.9 matches `"Runtime": "Python3.9"`. A zip for another Python is refused."""
    tencent.write_zip(python="39")
    assert tencent.deploy() == 1
    assert "built for Python3.9" in capsys.readouterr().err
    tencent.edit("Python3.10", "Python3.9")
    assert tencent.deploy() == 0
    assert tencent.stub.function["Runtime"] == "Python3.9"


def test_code(tencent: Tencent, capsys: pytest.CaptureFixture[str]) -> None:
    """The command does not send a file that is not a zip or is too large for a request."""
    tencent.zip.write_bytes(b"no zip")
    assert tencent.deploy() == 1
    assert "zip" in capsys.readouterr().err
    tencent.zip.write_bytes(bytes(8_000_000))
    assert tencent.deploy() == 1
    assert "10 MB" in capsys.readouterr().err
    assert tencent.stub.actions == []


def test_warns_of_no_token_source(tencent: Tencent, capsys: pytest.CaptureFixture[str]) -> None:
    """If no token source is set, the command deploys with a warning, because callers may pass their own tokens."""
    assert tencent.deploy("--yes", WECHAT_SECRET="") == 0
    assert "warning: no token source is configured" in capsys.readouterr().err
    assert tencent.deploy() == 0
    assert not capsys.readouterr().err
