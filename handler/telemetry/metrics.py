"""Metrics: lines of the log in CloudWatch's embedded metric format, through Powertools. Loaded on Lambda only.

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
PAUSED = 2  # WeChat's status of a release that was stopped on its way


def publish(
    service: str, line: dict[str, Any], function: Mapping[str, object], *, is_cold: bool, by_appid: bool
) -> None:
    """Publish the metrics of an invocation's log line, under its service.

    What did not happen has no value, but for `Failures`, whose 0 tells an alarm that all is well. A failure counts
    under its class too, and, if asked for, a success under its appid: what fails may be anybody's appid, and the
    caller chooses the figures of a token that it brings.
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
    # Powertools' documented serializer, on a set of our own: `add_metric` would gather them in a state that the
    # process's threads share, and check constant names and units at every call.
    # One write, and not print's two: the line must stay whole beside those of other threads.
    sys.stdout.write(f"{to_json(_emf.serialize_metric_set(metrics, dimensions, metadata)).decode()}\n")
    sys.stdout.flush()
