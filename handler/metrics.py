"""Metrics: lines of the log in CloudWatch's embedded metric format, through Powertools. Loaded on Lambda only.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import os

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from handler.contract import JsonObject

_NAMESPACE = os.environ.get("POWERTOOLS_METRICS_NAMESPACE") or "GrayRelease"
_SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME") or "get-gray-release-plan"


def publish(line: JsonObject, *, by_appid: bool) -> None:
    """Publish the metrics of an invocation's log line, under `service`.

    What did not happen has no value, but for `Failures`, whose 0 tells an alarm that all is well. A failure counts
    under its class too, and, if asked for, a success under its appid: what fails may be anybody's appid.
    """
    failed = line["err_code"] != 0
    metrics = EphemeralMetrics(namespace=_NAMESPACE, service=_SERVICE)
    for name, unit, value in (
        ("Failures", MetricUnit.Count, int(failed)),
        ("GrayPercentage", MetricUnit.Percent, line.get("gray_percentage")),
        ("PlanStatus", MetricUnit.NoUnit, line.get("plan_status")),
        ("UpstreamLatency", MetricUnit.Milliseconds, line["upstream_ms"] or None),
        ("TokenFetches", MetricUnit.Count, line["token_requests"] or None),
        ("ContractDrift", MetricUnit.Count, 1 if "drift" in line else None),
        ("ColdStart", MetricUnit.Count, 1 if line["cold_start"] else None),
    ):
        if value is not None:
            metrics.add_metric(name, unit, value)
    for name in ("appid", "request_id"):
        if line.get(name):
            metrics.add_metadata(name, line[name])
    if by_appid and line["appid"] and not failed:
        metrics.add_dimensions(service=_SERVICE, appid=line["appid"])
    metrics.flush_metrics()
    if failed:
        failures = EphemeralMetrics(namespace=_NAMESPACE, service=_SERVICE)
        failures.add_metric("Failures", MetricUnit.Count, 1)
        failures.add_dimension("errCodeClass", line["err_code_class"])
        failures.flush_metrics()
