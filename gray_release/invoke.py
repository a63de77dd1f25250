"""Run the function on this machine, with a context like the platform's."""

import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

Target = Literal["lambda", "scf"]
TIMEOUT_SECONDS = 20  # the same as in template.yaml


@dataclass
class LambdaContext:
    """The attributes of Lambda's context that the function and its libraries use."""

    function_name: str = "GetGrayReleasePlanFunction"
    function_version: str = "$LATEST"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:GetGrayReleasePlanFunction"
    memory_limit_in_mb: int = 512
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    deadline: float = field(default_factory=lambda: time.monotonic() + TIMEOUT_SECONDS)

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the timeout."""
        return int((self.deadline - time.monotonic()) * 1000)


def create_scf_context() -> dict[str, Any]:
    """Create a context as https://cloud.tencent.com/document/product/583/55593 documents it."""
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


def invoke_function(event: Any, target: Target) -> dict[str, Any]:
    """Invoke the function with an event. Raises `OpenApiError`.

    The first call imports the function, which from then on logs to the `sys.stdout` of that moment.
    """
    from handler import app  # noqa: PLC0415 - it reads the environment when it is imported

    if target == "scf":
        return app.main_handler(event, create_scf_context())
    return app.lambda_handler(event, LambdaContext())
