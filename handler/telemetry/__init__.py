"""Report an invocation to operators, with log lines, metrics, and after a failure a hint about what to do."""

import os
from collections.abc import Callable
from typing import Any

from handler.contract import find_drift
from handler.errors import OpenApiError
from handler.invocation import Invocation, Outcome
from handler.telemetry import log
from handler.telemetry.log import report_fault

__all__ = ["Report", "report_fault"]

_publish: Callable[..., None] | None = None
if os.environ.get("AWS_LAMBDA_FUNCTION_NAME"):  # only CloudWatch extracts metrics from the log
    from handler.telemetry import metrics

    _publish = metrics.publish


class Report:
    """Writes the log lines and the metrics of one invocation."""

    def __init__(self, invocation: Invocation, trigger: str, correlation_id: str | None) -> None:
        self._deadline = invocation.deadline
        self._function = invocation.function
        self._trigger = trigger
        self._is_cold = log.begin_invocation(invocation.function, correlation_id)
        self.by_appid = False  # whether to publish the metrics also with the appid as a dimension

    def warn(self, message: str) -> None:
        """Write a warning that concerns the whole invocation."""
        log.logger.warning(message)

    def write(self, outcome: Outcome) -> None:
        """Write the log line about one mini program, and publish its metrics."""
        for warning in outcome.usage.warnings:
            log.logger.warning(warning)
        line = self._describe_failure(outcome.failure) if outcome.failure else self._describe_success(outcome.body)
        line |= self._list_facts(outcome)
        failure = outcome.failure
        # Invalid arguments and a used-up quota (HTTP 4xx) are warnings. Any other failure is an error.
        level = log.logger.info if not failure else log.logger.warning if failure.status < 500 else log.logger.error
        log.write(level, line)
        if _publish:
            is_cold, self._is_cold = self._is_cold, False  # count a cold start only once
            by_appid = self.by_appid and not failure and outcome.is_token_for_appid
            _publish(log.SERVICE, line, self._function, is_cold=is_cold, by_appid=by_appid)

    def _describe_success(self, body: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = {"outcome": "ok", "err_code": 0}
        plan = body.get("gray_release_plan")
        if isinstance(plan, dict):
            percentage = _to_number(plan.get("gray_percentage"))
            line |= {"plan_status": _to_number(plan.get("status")), "gray_percentage": percentage}
        if fields := find_drift(body):
            line["drift"] = fields
            log.logger.warning("contract drift", extra={"fields": fields})  # the names, never the values
        return line

    def _describe_failure(self, failure: OpenApiError) -> dict[str, Any]:
        from handler.telemetry import hints  # noqa: PLC0415 - loaded only after a failure

        return {"outcome": "failed", **hints.describe(failure)}

    def _list_facts(self, outcome: Outcome) -> dict[str, Any]:
        return {
            "trigger": self._trigger,
            "appid": outcome.appid,
            "appid_claimed": True if outcome.is_appid_claimed else None,
            "token_source": outcome.token_source,
            "token_state": outcome.token_state,
            "token_requests": outcome.usage.requests["token"],
            "plan_requests": outcome.usage.requests["plan"],
            "upstream_ms": round(outcome.usage.upstream_seconds * 1000, 1),
            "remaining_ms": round(self._deadline.seconds_left() * 1000),
        }


def _to_number(value: object) -> float | None:
    """Return the value if it is a number that a metric can have, else `None`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e9:
        return None
    return value
