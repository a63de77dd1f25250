"""Real `sam local` with the output of `make build`, in a container with Lambda's Python."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from tests.support import DOCUMENTED, ROOT, end_process, find_sam

pytestmark = pytest.mark.engine

FUNCTION = "GetGrayReleasePlanFunction"
SANDBOX = ("--env-vars", "events/env.sandbox.json")


@pytest.fixture(scope="module", autouse=True)
def _sandbox() -> Iterator[None]:
    """Run the sandbox as the README says, at an address that a container can reach."""
    command = [sys.executable, "-m", "gray_release", "sandbox", "--host", "0.0.0.0", "--port", "8088"]  # noqa: S104 - a container must reach it
    started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with end_process(started, 900) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield


def invoke(event: str, *options: str) -> object:
    """Run `sam local invoke` and return the function's answer."""
    process = subprocess.run(
        [find_sam(), "local", "invoke", FUNCTION, "-e", event, "--skip-pull-image", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(process.stdout.strip().splitlines()[-1])


@contextmanager
def server(command: str, port: int) -> Iterator[str]:
    """Run one of SAM's local servers."""
    started = subprocess.Popen(
        [find_sam(), "local", command, "--port", str(port), "--skip-pull-image", *SANDBOX],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"AWS_DEFAULT_REGION": "us-east-1"},
    )
    with end_process(started, 300):
        address = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{address}/none", timeout=60)  # noqa: S310 - loopback
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.1)
        yield address


def test_invoke() -> None:
    """`sam local invoke` with the sandbox's variables prints the documented reply."""
    assert invoke("events/direct.json", *SANDBOX) == DOCUMENTED


def test_invoke_without_credentials() -> None:
    """Without credentials, the function in the container names the missing variables."""
    failure = invoke("events/direct.json")
    assert isinstance(failure, dict)
    assert failure["errorType"] == "OpenApiError"
    assert json.loads(failure["errorMessage"])["errCode"] == 41002


def test_invoke_http_event() -> None:
    """The function in the container answers an HTTP event."""
    reply = invoke("events/http-api.json", *SANDBOX)
    assert isinstance(reply, dict)
    assert json.loads(reply["body"])["gray_release_plan"]["gray_percentage"] == 8


def test_start_lambda() -> None:
    """boto3 invokes the function through `sam local start-lambda`, and gets a failure as from Lambda."""
    with server("start-lambda", 3301) as address:
        client = boto3.client(
            "lambda",
            endpoint_url=address,
            region_name="us-east-1",
            config=Config(signature_version=UNSIGNED, retries={"max_attempts": 0}, read_timeout=60),
        )
        reply = client.invoke(FunctionName=FUNCTION, Payload=b"{}")
        assert json.load(reply["Payload"]) == DOCUMENTED
        failed = client.invoke(FunctionName=FUNCTION, Payload=b'{"accessToken":"wrong"}')
        assert json.loads(json.load(failed["Payload"])["errorMessage"])["errCode"] == 40001
