"""The log: Powertools' Logger with its own formatter, one structured line per invocation, and warnings.

https://docs.aws.amazon.com/powertools/python/latest/core/logger/
"""

import logging
import os
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from pydantic_core import to_json

from handler.exact_json import JsonObject
from handler.invocation import Invocation

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME") or "get-gray-release-plan"
_MESSAGE = "getGrayReleasePlan"  # of the line that each invocation ends with


def _serialize(line: dict[str, Any]) -> str:
    return to_json(line, serialize_unknown=True).decode()


def _logger(**options: Any) -> Logger:
    return Logger(service=SERVICE, use_rfc3339=True, utc=True, json_serializer=_serialize, **options)


try:
    logger = _logger()
except ValueError:  # a level that logging does not know must not keep the function from answering
    logger = _logger(level=logging.INFO)

_is_cold = True


def begin(invocation: Invocation) -> None:
    """Have every line of this invocation, also of other code in this thread, carry Powertools' standard keys.

    `inject_lambda_context` does so for Lambda's context alone, and for all threads at once.
    """
    global _is_cold
    facts = {**invocation.function, "correlation_id": invocation.correlation_id, "cold_start": _is_cold}
    invocation.is_cold, _is_cold = _is_cold, False
    logger.thread_safe_clear_keys()
    logger.thread_safe_append_keys(**facts)


def write(level: Callable[..., None], line: JsonObject) -> None:
    """Write an invocation's own line, without what is `None`."""
    level(_MESSAGE, extra={name: value for name, value in line.items() if value is not None})


def broken(error: Exception) -> None:
    """Report a fault of ours by its class and place alone: its text may hold anything."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else None
    logger.error("internal error", extra={"exception": type(error).__name__, "place": place})
