"""The process caches AppSecrets from AWS: up to a length, up to a number, and for a limited time."""

import json
from typing import Any

import pytest

from gray_release.sandbox.server import APPID, SECRET, Sandbox
from handler import app_secret
from tests.support import DOCUMENTED, STABLE, Configure, Invoke, advance_clock, catch_error


@pytest.mark.parametrize("value", ["hush" * 16_000, json.dumps({"secret": "hush" * 100})])
def test_long_secrets(sandbox: Sandbox, secrets: Any, invoke: Invoke, configure: Configure, value: str) -> None:
    """A stored value that is longer than an AppSecret gives errCode 41004. It is neither sent to WeChat nor cached."""
    name = f"long/{len(value)}"
    secrets.create_secret(Name=name, SecretString=value)
    configure(WECHAT_SECRET_NAME=name)
    error = catch_error(invoke)
    assert (error.errCode, error.status, sandbox.requests) == (41004, 500, [])
    secrets.put_secret_value(SecretId=name, SecretString=SECRET)
    assert invoke() == DOCUMENTED


def test_secret_beside_much_else(secrets: Any, invoke: Invoke, configure: Configure) -> None:
    """Other fields of a JSON value do not count towards the secret's length."""
    secrets.create_secret(Name="much", SecretString=json.dumps({"other": "x" * 60_000, "secret": SECRET}))
    configure(WECHAT_SECRET_NAME="much")
    assert invoke() == DOCUMENTED


def test_number_of_secrets(
    sandbox: Sandbox, secrets: Any, invoke: Invoke, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process caches the newest secrets of many mini programs, and reads older ones from AWS again."""
    monkeypatch.setattr(app_secret, "MINI_PROGRAMS", 3)
    appids = [f"wx{number:016x}" for number in range(5)]
    for appid in appids:
        sandbox.tokens.apps[appid] = SECRET
        secrets.create_secret(Name=f"many/{appid}", SecretString=SECRET)
    configure(WECHAT_SECRET_NAME="many/{appid}")
    for appid in appids:
        assert invoke({"appid": appid})["errCode"] == 0
    for appid in appids:
        secrets.delete_secret(SecretId=f"many/{appid}", ForceDeleteWithoutRecovery=True)
    sandbox.tokens.expiry.clear()
    sandbox.tokens.stable.clear()
    assert catch_error(invoke, {"appid": appids[0]}).errCode == 41004
    assert invoke({"appid": appids[4]})["errCode"] == 0


def test_age(
    sandbox: Sandbox, secrets: Any, invoke: Invoke, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function reads a secret again after `MAX_AGE_SECONDS`."""
    secrets.create_secret(Name="aged", SecretString=SECRET)
    configure(WECHAT_SECRET_NAME="aged")
    assert invoke() == DOCUMENTED
    secrets.delete_secret(SecretId="aged", ForceDeleteWithoutRecovery=True)
    sandbox.tokens.expiry.clear()
    sandbox.tokens.stable.clear()
    advance_clock(monkeypatch, 3 * 3600)
    assert catch_error(invoke).errCode == 41004
    assert (APPID in sandbox.tokens.apps, sandbox.count(STABLE)) == (True, 1)
