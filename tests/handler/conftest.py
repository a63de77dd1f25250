"""Fixtures that the tests of several token sources share."""

from typing import Any

import boto3
import pytest

from gray_release.sandbox.server import (
    Sandbox,
)
from tests.support import Configure


@pytest.fixture
def secrets(aws: str, sandbox: Sandbox, configure: Configure) -> Any:
    """Let the function read the secret from moto's AWS; return a client of Secrets Manager."""
    assert sandbox.requests == []
    configure(
        WECHAT_SECRET=None,
        AWS_ENDPOINT_URL=aws,
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="moto",
        AWS_SECRET_ACCESS_KEY="moto",
    )
    return boto3.client("secretsmanager")
