"""The log: one structured line per invocation, and warnings."""

import os
from typing import Any

from aws_lambda_powertools import Logger

from handler.budget import Budget
from handler.contract import OpenApiError

logger = Logger(service=os.environ.get("POWERTOOLS_SERVICE_NAME") or "get-gray-release-plan")


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
        upstream_ms=round(budget.upstream_seconds * 1000, 1),
        **facts,
    )
