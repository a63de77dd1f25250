"""The AppSecret is read from moto's Secrets Manager and SSM."""

import json
import time
from typing import Any

import boto3
import pytest

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import (
    APPID,
    COMPONENT_SECRET,
    SECRET,
    Sandbox,
)
from handler.app_secret import aws as reader
from handler.contract import OpenApiError
from tests.support import DOCUMENTED, STABLE, Configure, Invoke, catch_error
from tests.tcp import find_free_port


@pytest.mark.parametrize("text", [SECRET, json.dumps({"secret": SECRET}), f"{SECRET}\n"])
def test_secrets_manager(sandbox: Sandbox, secrets: Any, invoke: Invoke, configure: Configure, text: str) -> None:
    """The AppSecret comes from Secrets Manager, as text or JSON, by a name with `{appid}`; it is read once."""
    name = f"wechat/{len(text)}/{{appid}}"
    secrets.create_secret(Name=name.replace("{appid}", APPID), SecretString=text)
    configure(WECHAT_SECRET_NAME=name)
    assert invoke() == DOCUMENTED
    secrets.delete_secret(SecretId=name.replace("{appid}", APPID), ForceDeleteWithoutRecovery=True)
    sandbox.faults.append(Fault("plan", "errcode", "40001", times=1))
    assert invoke() == DOCUMENTED
    assert sandbox.count(STABLE) == 2


def test_rotated_secret(sandbox: Sandbox, secrets: Any, invoke: Invoke, configure: Configure) -> None:
    """After WeChat's 40125 the function reads a rotated secret again, once."""
    secrets.create_secret(Name="rotated", SecretString=SECRET)
    configure(WECHAT_SECRET_NAME="rotated")
    invoke()
    sandbox.tokens.apps[APPID] = "rotated-secret"
    sandbox.tokens.expiry.clear()
    sandbox.tokens.stable.clear()
    assert catch_error(invoke).errCode == 40125
    secrets.put_secret_value(SecretId="rotated", SecretString="rotated-secret")
    sandbox.requests.clear()
    assert invoke() == DOCUMENTED
    assert sandbox.count(STABLE) == 2


def test_secret_refused_by_the_last_request(
    sandbox: Sandbox, secrets: Any, invoke: Invoke, configure: Configure
) -> None:
    """If WeChat refuses the secret in the second token request, the errCode is 40125, even if AWS has a newer one."""
    secrets.create_secret(Name="rotated-late", SecretString=SECRET)
    configure(WECHAT_SECRET_NAME="rotated-late")
    invoke()
    sandbox.tokens.apps[APPID] = "rotated-secret"
    sandbox.tokens.expiry.clear()
    sandbox.tokens.stable.clear()
    secrets.put_secret_value(SecretId="rotated-late", SecretString="rotated-secret")
    sandbox.faults.append(Fault("stable", "status", "502", times=1))
    assert catch_error(invoke).errCode == 40125


def test_ssm_parameter(sandbox: Sandbox, secrets: Any, invoke: Invoke, configure: Configure) -> None:
    """The AppSecret comes from an SSM SecureString, decrypted."""
    assert secrets is not None
    boto3.client("ssm").put_parameter(Name="/wechat/secret", Value=SECRET, Type="SecureString")
    configure(WECHAT_SECRET_PARAMETER="/wechat/secret")
    assert invoke() == DOCUMENTED
    assert sandbox.count(STABLE) == 1


def test_component_secret_from_secrets_manager(
    platform: Sandbox, aws: str, invoke: Invoke, configure: Configure
) -> None:
    """The platform's AppSecret comes from Secrets Manager too."""
    configure(WECHAT_COMPONENT_SECRET=None)
    for name, value in {
        "AWS_ENDPOINT_URL": aws,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "moto",
        "AWS_SECRET_ACCESS_KEY": "moto",
        "WECHAT_COMPONENT_SECRET_NAME": "platform",
    }.items():
        configure(**{name: value})
    client = boto3.client("secretsmanager")
    client.create_secret(Name="platform", SecretString="not-yet-right")
    assert catch_error(invoke).errCode == 40125
    client.put_secret_value(SecretId="platform", SecretString=COMPONENT_SECRET)
    assert catch_error(invoke).errCode == -1  # two token requests went into finding out
    assert invoke() == DOCUMENTED
    assert platform.count("/cgi-bin/component/api_component_token") == 3


@pytest.mark.parametrize(
    ("variable", "name", "reason"),
    [
        ("WECHAT_SECRET_NAME", "missing", "ResourceNotFoundException"),
        ("WECHAT_SECRET_PARAMETER", "/missing", "ParameterNotFound"),
    ],
)
@pytest.mark.usefixtures("secrets")
def test_aws_failures(invoke: Invoke, configure: Configure, variable: str, name: str, reason: str) -> None:
    """If AWS refuses, the errCode is 41004, with AWS's code and no ARN. If AWS is unreachable, it is also 41004."""
    configure(**{variable: name})
    error = catch_error(invoke)
    assert (error.errCode, error.status) == (41004, 500)
    assert f"{reason} from AWS" in error.errMsg
    assert "arn:" not in str(error)
    configure(AWS_ENDPOINT_URL=f"http://127.0.0.1:{find_free_port()}", **{variable: f"{name}-unreachable"})
    error = catch_error(invoke)
    assert error.errCode == 41004
    assert "no answer from AWS (connection refused)" in error.errMsg


@pytest.mark.parametrize("text", ["{}", '{"secret":5}', "   "])
def test_unusable_secrets(secrets: Any, invoke: Invoke, configure: Configure, text: str) -> None:
    """If the stored value contains no secret, the errCode is 41004."""
    name = f"unusable/{len(text)}"
    secrets.create_secret(Name=name, SecretString=text)
    configure(WECHAT_SECRET_NAME=name)
    assert catch_error(invoke).errCode == 41004


@pytest.mark.slow
def test_slow_start(secrets: Any, invoke: Invoke, configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading boto3, which is slow with little memory, does not count towards the timeout of the request to AWS."""
    create_provider = reader.create_provider

    def create_slowly(*arguments: Any) -> Any:
        time.sleep(2.2)
        return create_provider(*arguments)

    monkeypatch.setattr("handler.app_secret.aws.create_provider", create_slowly)
    secrets.create_secret(Name="slow", SecretString=SECRET)
    configure(WECHAT_SECRET_NAME="slow", WECHAT_TIMEOUT_SECONDS="2")
    assert invoke() == DOCUMENTED
    configure()
    with pytest.raises(OpenApiError, match="out of time"):  # but the deadline counts
        invoke(deadline=time.monotonic() + 1)
