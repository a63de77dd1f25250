"""Print metrics in CloudWatch's embedded metric format, with Powertools. Loaded on Lambda only.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import sys
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics
from aws_lambda_powertools.metrics.functions import is_metrics_disabled
from pydantic_core import to_json

from handler import environment

_emf = EphemeralMetrics(namespace=environment.read_variable("POWERTOOLS_METRICS_NAMESPACE") or "GrayRelease")
_is_disabled = is_metrics_disabled()
UNITS = {
    "Failures": "Count",
    "GrayPercentage": "Percent",
    "PlanStatus": "None",
    "Paused": "Count",
    "UpstreamLatency": "Milliseconds",
    "TokenFetches": "Count",
    "ContractDrift": "Count",
    "ColdStart": "Count",
}
PAUSED = 2  # the `status` of a paused release


def publish(
    service: str, line: dict[str, Any], function: Mapping[str, object], *, is_cold: bool, by_appid: bool
) -> None:
    """Publish the metrics of one log line, with the service as their dimension.

    Omits metrics that do not apply, but always publishes `Failures`, because its 0 tells an alarm that the function
    works. For a failure, `Failures` is also published with the failure's class as a second dimension. With `by_appid`,
    the metrics of a success are also published with the appid as a second dimension.
    """
    if _is_disabled:
        return
    failures = 0 if line["err_code"] == 0 else 1
    values = {
        "Failures": failures,
        "GrayPercentage": line.get("gray_percentage"),
        "PlanStatus": line.get("plan_status"),
        "Paused": None if line.get("plan_status") is None else int(line["plan_status"] == PAUSED),
        "UpstreamLatency": line["upstream_ms"] or None,
        "TokenFetches": line["token_requests"] or None,
        "ContractDrift": 1 if "drift" in line else None,
        "ColdStart": 1 if is_cold else None,
    }
    metrics = {name: _create_metric(UNITS[name], value) for name, value in values.items() if value is not None}
    found = {
        "appid": None if line.get("appid_claimed") else line.get("appid"),
        "function_request_id": function.get("function_request_id"),
    }
    metadata = {name: value for name, value in found.items() if value}
    _print(metrics, metadata, service=service)
    if failures:
        _print({"Failures": metrics["Failures"]}, {}, service=service, errCodeClass=line["err_code_class"])
    elif by_appid and line["appid"]:
        _print(metrics, metadata, service=service, appid=line["appid"])


def _create_metric(unit: str, value: float) -> dict[str, Any]:
    return {"Unit": unit, "StorageResolution": 60, "Value": [float(value)]}


def _print(metrics: dict[str, Any], metadata: dict[str, Any], **dimensions: str) -> None:
    # Powertools' `add_metric` would collect the metrics in a state that all threads share, so call only the serializer.
    # `print` would write the text and the newline separately, and another thread could write a line between them.
    sys.stdout.write(f"{to_json(_emf.serialize_metric_set(metrics, dimensions, metadata)).decode()}\n")
    sys.stdout.flush()
