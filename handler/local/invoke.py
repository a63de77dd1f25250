"""Run the real function on this machine, with the context that the platform would give it."""

import contextlib
import os
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from handler.local.sandbox.rules import APPID, SECRET
from handler.local.sandbox.scenario import Plan
from handler.local.sandbox.server import Sandbox
from handler.settings import VARIABLES

Target = Literal["lambda", "scf"]
TIMEOUT_SECONDS = 20  # what template.yaml gives the function

# Any of these says where tokens come from: then the sandbox would only be in the way.
CREDENTIALS = tuple(name for name in VARIABLES if name.startswith("WECHAT_") and name != "WECHAT_TIMEOUT_SECONDS")


@dataclass
class LambdaContext:
    """The part of Lambda's context that people use."""

    function_name: str = "GetGrayReleasePlanFunction"
    function_version: str = "$LATEST"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:GetGrayReleasePlanFunction"
    memory_limit_in_mb: int = 512
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    deadline: float = field(default_factory=lambda: time.monotonic() + TIMEOUT_SECONDS)

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the platform ends the invocation."""
        return int((self.deadline - time.monotonic()) * 1000)


def scf_context() -> dict[str, Any]:
    """Return an SCF context: https://cloud.tencent.com/document/product/583/55593."""
    return {
        "request_id": str(uuid.uuid4()),
        "time_limit_in_ms": TIMEOUT_SECONDS * 1000,
        "memory_limit_in_mb": 512,
        "function_name": "getGrayReleasePlan",
        "function_version": "$LATEST",
        "namespace": "default",
        "tencentcloud_region": "ap-guangzhou",
        "tencentcloud_appid": "1250000000",
        "tencentcloud_uin": "100000000001",
        "environ": "",
        "environment": "{}",
    }


def call(event: Any, target: Target) -> dict[str, Any]:
    """Invoke the function with the event; it logs to the stdout that it finds. Raises `OpenApiError`."""
    from handler import app  # noqa: PLC0415 - it reads the environment when it is imported

    if target == "scf":
        return app.main_handler(event, scf_context())
    return app.lambda_handler(event, LambdaContext())


@contextlib.contextmanager
def upstream(plan: Plan | None = None) -> Iterator[None]:
    """Use the WeChat that the environment names or, where it names none, a sandbox of our own with this plan."""
    if any(os.environ.get(name) for name in CREDENTIALS):
        yield
        return
    with Sandbox(plan=plan, access_log=_to_stderr) as sandbox:
        print(f"no credentials in the environment: using the WeChat sandbox at {sandbox.base_url}", file=sys.stderr)
        given = {"WECHAT_APPID": APPID, "WECHAT_SECRET": SECRET, "WECHAT_API_BASE_URL": sandbox.base_url}
        os.environ.update(given)
        try:
            yield
        finally:
            for name in given:
                del os.environ[name]


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
