"""The two entry points, and the story of one invocation."""

import contextlib
import functools
import gc
import threading
from collections.abc import Mapping
from typing import Any

gc.disable()  # hardly anything of an import is garbage, and looking for it takes 7 % of a cold start

from handler import settings
from handler.contract import SYSTEM_ERROR, JsonObject, OpenApiError
from handler.invocation import Budget
from handler.operation import Operation
from handler.telemetry import log as telemetry
from handler.triggers import direct as triggers


def lambda_handler(event: Any, context: Any) -> JsonObject:
    """Answer an AWS Lambda event.

    Returns `{"errCode": 0, "errMsg", "grayReleasePlan"}`; raises `OpenApiError`, or returns `{"errCode", "errMsg"}`
    where `ON_ERROR=return`. An HTTP event gets an HTTP response with these in its body.
    `context` is Lambda's: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return _answer(event, getattr(context, "aws_request_id", None), remaining() if callable(remaining) else None)


def main_handler(event: Any, context: Any) -> JsonObject:
    """Answer a Tencent SCF event, as `lambda_handler` does.

    `context` is a dict: https://cloud.tencent.com/document/product/583/55593
    """
    facts = context if isinstance(context, Mapping) else {}
    return _answer(event, facts.get("request_id"), facts.get("time_limit_in_ms"))


def _answer(event: Any, request_id: Any, milliseconds: Any) -> JsonObject:
    budget = Budget(milliseconds / 1000 if isinstance(milliseconds, int | float) else None)
    trigger = triggers.recognise(event)
    on_error, by_appid = "raise", False
    outcome: JsonObject | OpenApiError
    try:
        with _one_at_a_time:
            operation = _operation()
        on_error, by_appid = operation.settings.on_error, operation.settings.metrics_by_appid
        arguments = trigger.arguments()
        outcome = operation(arguments, budget)
        reply = trigger.succeed(outcome, arguments)
    except OpenApiError as error:
        outcome = error
    except Exception as error:  # noqa: BLE001 - whatever it is, its text must not leave the function
        telemetry.broken(error)
        outcome = OpenApiError(SYSTEM_ERROR, "internal error", status=500)
    facts = {"request_id": request_id, "trigger": trigger.name, "correlation_id": trigger.correlation_id()}
    telemetry.finished(outcome, budget, metrics_by_appid=by_appid, **facts)
    return trigger.fail(outcome, on_error) if isinstance(outcome, OpenApiError) else reply


_one_at_a_time = threading.Lock()  # or threads that start together would each make their own, with its own tokens


@functools.lru_cache(maxsize=1)
def _operation() -> Operation:
    """Read the environment and make the operation, once per process. Raises `OpenApiError`, each time anew."""
    return Operation(settings.load())


# The platform runs the import with a whole CPU, and the first invocation with the share its memory size buys: load
# wechatpy now. A faulty environment is reported by the invocation.
with contextlib.suppress(OpenApiError):
    _operation()
gc.freeze()  # what is loaded stays: later collections pass it over
gc.enable()
