"""What the tests of several token sources share."""

from typing import Any

import boto3
import pytest
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.server import (
    APPID,
    COMPONENT_APPID,
    COMPONENT_SECRET,
    REFRESH_TOKEN,
    TICKET,
    Sandbox,
)
from gray_release.sandbox.store import fill
from tests.support import Configure


@pytest.fixture
def platform(sandbox: Sandbox, store: RedisStorage, configure: Configure) -> Sandbox:
    """Be a third-party platform whose callback server has filled the store."""
    configure(WECHAT_SECRET=None, WECHAT_COMPONENT_APPID=COMPONENT_APPID, WECHAT_COMPONENT_SECRET=COMPONENT_SECRET)
    fill(store, TICKET, {APPID: REFRESH_TOKEN})
    return sandbox


@pytest.fixture
def secrets(aws: str, sandbox: Sandbox, configure: Configure) -> Any:
    """Point the environment at moto, without the secret itself; return a client of Secrets Manager."""
    assert sandbox.requests == []
    configure(
        WECHAT_SECRET=None,
        AWS_ENDPOINT_URL=aws,
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="moto",
        AWS_SECRET_ACCESS_KEY="moto",
    )
    return boto3.client("secretsmanager")
