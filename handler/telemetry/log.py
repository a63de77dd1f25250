"""The log: one structured line per invocation, and warnings."""

import logging
import os
import re
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from pydantic_core import to_json

from handler.contract import JsonObject, OpenApiError, drift
from handler.invocation import Budget

_SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME") or "get-gray-release-plan"
_LONGEST_REASON = 1024  # characters; the caller gets all of it


class _Formatter(LambdaPowertoolsFormatter):
    """Powertools' line of JSON, whose fields are those of the record's `line`.

    Its own formatter asks of each attribute of a record whether it is reserved: that took most of a warm invocation.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "level": record.levelname,
            "location": f"{record.funcName}:{record.lineno}",
            "message": record.getMessage(),
            "timestamp": self.formatTime(record),
            "service": _SERVICE,
            **getattr(record, "line", {}),
        }
        return to_json({name: value for name, value in line.items() if value is not None}).decode()


try:
    logger = Logger(service=_SERVICE, logger_formatter=_Formatter())
except ValueError:  # a level that logging does not know must not keep the function from answering
    logger = Logger(service=_SERVICE, logger_formatter=_Formatter(), level=logging.INFO)

_publish: Callable[..., None] | None = None
if os.environ.get("AWS_LAMBDA_FUNCTION_NAME"):  # only CloudWatch reads metrics out of a log
    from handler.telemetry import metrics

    _publish = metrics.publish
_is_cold = True


def broken(error: Exception) -> None:
    """Report a fault of ours by its class and place alone: its text may hold anything."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else None
    logger.error("internal error", line={"exception": type(error).__name__, "place": place})


def finished(outcome: JsonObject | OpenApiError, budget: Budget, *, metrics_by_appid: bool, **facts: Any) -> None:
    """Log how an invocation ended, with WeChat's body or a failure, and publish its metrics.

    A caller's failure is a warning, any other an error. A fact that is `None` is left out.
    """
    global _is_cold  # noqa: PLW0603 - a process has one cold start
    log = logger.info
    line: JsonObject = {
        "outcome": "ok",
        "err_code": 0,
        "appid": budget.appid,
        "token_source": budget.token_source,
        "token_state": budget.token_state,
        "token_requests": budget.requests["token"],
        "plan_requests": budget.requests["plan"],
        "upstream_ms": round(sum(budget.upstream_seconds) * 1000, 1),
        "remaining_ms": budget.remaining_ms(),
        "cold_start": _is_cold,
        **facts,
    }
    _is_cold = False
    if isinstance(outcome, OpenApiError):
        log = logger.warning if outcome.status < 500 else logger.error
        line |= _failed(outcome)
    else:
        plan = outcome.get("gray_release_plan")
        if isinstance(plan, dict):
            line |= {
                "plan_status": _number(plan.get("status")),
                "gray_percentage": _number(plan.get("gray_percentage")),
            }
        if fields := drift(outcome):
            line["drift"] = fields
            logger.warning("contract drift", line={"fields": fields})  # their names; their values are never shown
    log("getGrayReleasePlan", line=line)
    if _publish:
        _publish(_SERVICE, line, by_appid=metrics_by_appid)


def _failed(failure: OpenApiError) -> JsonObject:
    from handler.telemetry.hints import classify, hint  # noqa: PLC0415 - a success needs neither

    rid = re.search(r"\brid: *([\w-]{1,64})", failure.reason)
    return {
        "outcome": "failed",
        "err_code": failure.errCode,
        "err_code_class": classify(failure),
        "reason": failure.reason[:_LONGEST_REASON],
        "rid": rid and rid[1],
        "hint": hint(failure),
    }


def _number(value: object) -> float | None:
    """Return a number that a metric can be, or nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e9:
        return None
    return value
