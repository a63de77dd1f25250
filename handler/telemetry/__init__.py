"""What operators see of an invocation: log lines, metrics, and on failure what to do."""

import os
from collections.abc import Callable

from handler.contract import drift
from handler.errors import OpenApiError
from handler.exact_json import JsonObject
from handler.invocation import Invocation
from handler.telemetry import log
from handler.telemetry.log import begin, broken

__all__ = ["begin", "broken", "failed", "succeeded"]

_publish: Callable[..., None] | None = None
if os.environ.get("AWS_LAMBDA_FUNCTION_NAME"):  # only CloudWatch reads metrics out of a log
    from handler.telemetry import metrics

    _publish = metrics.publish


def succeeded(invocation: Invocation, body: JsonObject, *, by_appid: bool) -> None:
    """Log a success, and publish its metrics; `body` is WeChat's as it came."""
    line: JsonObject = {"outcome": "ok", "err_code": 0, **_facts(invocation)}
    plan = body.get("gray_release_plan")
    if isinstance(plan, dict):
        line |= {"plan_status": _number(plan.get("status")), "gray_percentage": _number(plan.get("gray_percentage"))}
    if fields := drift(body):
        line["drift"] = fields
        log.logger.warning("contract drift", extra={"fields": fields})  # their names; their values are never shown
    log.write(log.logger.info, line)
    if _publish:
        _publish(log.SERVICE, line, invocation, by_appid=by_appid)


def failed(invocation: Invocation, failure: OpenApiError) -> None:
    """Log a failure with what to do about it, and publish its metrics. A caller's is a warning, any other an error."""
    from handler.telemetry import hints  # noqa: PLC0415 - a success needs none

    line: JsonObject = {"outcome": "failed", **hints.describe(failure), **_facts(invocation)}
    log.write(log.logger.warning if failure.status < 500 else log.logger.error, line)
    if _publish:
        _publish(log.SERVICE, line, invocation, by_appid=False)


def _facts(invocation: Invocation) -> JsonObject:
    return {
        "trigger": invocation.trigger,
        "appid": invocation.appid,
        "token_source": invocation.token_source,
        "token_state": invocation.token_state,
        "token_requests": invocation.requests["token"],
        "plan_requests": invocation.requests["plan"],
        "upstream_ms": round(sum(invocation.upstream_seconds) * 1000, 1),
        "remaining_ms": round(invocation.deadline.remaining() * 1000),
    }


def _number(value: object) -> float | None:
    """Return a number that a metric can be, or nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e9:
        return None
    return value
