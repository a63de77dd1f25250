"""The log: one structured line per invocation, and warnings. On Lambda also the metric that the alarm watches."""

import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handler.budget import Budget
from handler.contract import OpenApiError

_SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME") or "get-gray-release-plan"
_NAMESPACE = os.environ.get("POWERTOOLS_METRICS_NAMESPACE") or "GrayRelease"

logger = Logger(service=_SERVICE)
# Metrics are log lines that only CloudWatch reads.
_metrics = Metrics(namespace=_NAMESPACE, service=_SERVICE) if os.environ.get("AWS_LAMBDA_FUNCTION_NAME") else None


def drifted(fields: list[str]) -> None:
    """Warn that WeChat's plan is not as documented; the fields are named, never shown."""
    logger.warning("contract drift", fields=fields)


def broken(error: Exception) -> None:
    """Report a fault of ours by its class and place alone: its text may hold anything."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else None
    logger.error("internal error", exception=type(error).__name__, place=place)


def finished(failure: OpenApiError | None, budget: Budget, **facts: Any) -> None:
    """Log how an invocation ended."""
    logger.info(
        "getGrayReleasePlan",
        err_code=failure.errCode if failure else 0,
        reason=failure.reason[:1024] if failure else "ok",
        token_source=budget.token_source,
        token_requests=budget.requests["token"],
        plan_requests=budget.requests["plan"],
        upstream_ms=round(sum(budget.upstream_seconds) * 1000, 1),
        **facts,
    )
    if _metrics:
        _metrics.add_metric(name="Failures", unit=MetricUnit.Count, value=1 if failure else 0)
        _metrics.flush_metrics()
