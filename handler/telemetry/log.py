"""The log. Powertools' Logger writes a JSON line about each mini program that an invocation checks, and warnings.

https://docs.aws.amazon.com/powertools/python/latest/core/logger/
"""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from handler import environment

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

environment.prepare_powertools()
SERVICE = environment.read_variable("POWERTOOLS_SERVICE_NAME") or "get-gray-release-plan"
_MESSAGE = "getGrayReleasePlan"  # the `message` of the line about a mini program


def _serialize(line: dict[str, Any]) -> str:
    return to_json(line, serialize_unknown=True).decode()


def _create_logger(**options: Any) -> "Logger":
    from aws_lambda_powertools import Logger  # noqa: PLC0415 - after `prepare_powertools`: the import reads variables

    # `location` would always name this module, because it writes every line.
    return Logger(service=SERVICE, use_rfc3339=True, utc=True, json_serializer=_serialize, location=None, **options)


try:
    logger = _create_logger()
except ValueError:  # the log level is invalid, but the function must still work
    logger = _create_logger(level=logging.INFO)

_is_cold = True


def begin_invocation(function: Mapping[str, object], correlation_id: str | None) -> bool:
    """Add Powertools' standard keys to every line that this thread logs. Returns whether this is a cold start.

    Powertools' `inject_lambda_context` supports Lambda's context only, and changes the keys of all threads.
    """
    global _is_cold
    is_cold, _is_cold = _is_cold, False
    logger.thread_safe_clear_keys()
    logger.thread_safe_append_keys(**function, correlation_id=correlation_id, cold_start=is_cold)
    return is_cold


def write(level: Callable[..., None], line: dict[str, Any]) -> None:
    """Write the line about a mini program, without the keys whose value is `None`."""
    level(_MESSAGE, extra={name: value for name, value in line.items() if value is not None})


def report_fault(error: Exception) -> None:
    """Log the exception's class and place, but not its text, which may contain a secret."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else None
    logger.error("internal error", extra={"exception": type(error).__name__, "place": place})
