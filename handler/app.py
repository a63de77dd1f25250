"""The two entry points, and the story of one invocation."""

import gc
import os

# Elsewhere this module is a guest in somebody's process, whose collector it leaves as it is.
_IS_ON_PLATFORM = bool(os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or os.environ.get("TENCENTCLOUD_RUNENV"))
if _IS_ON_PLATFORM:
    gc.disable()  # an import leaves hardly any garbage, and looking for it takes 7 % of a cold start

import contextlib
import functools
import threading
from typing import TYPE_CHECKING, Any

from handler import errors, triggers
from handler.errors import OpenApiError
from handler.invocation import Budget, Invocation, Outcome
from handler.settings import Settings, load
from handler.telemetry import Report, report_fault

if TYPE_CHECKING:
    from handler.contract import Arguments
    from handler.operation import Operation


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer an AWS Lambda event.

    Returns `{"errCode": 0, "errMsg", "grayReleasePlan"}`; raises `OpenApiError`, or returns `{"errCode", "errMsg"}`
    where `ON_ERROR=return`. An HTTP event gets an HTTP response with these in its body.
    `context` is Lambda's: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """
    return _answer(event, Invocation.from_lambda(context))


def main_handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer a Tencent SCF event, as `lambda_handler` does.

    `context` is a dict: https://cloud.tencent.com/document/product/583/55593
    """
    return _answer(event, Invocation.from_scf(context))


def _answer(event: Any, invocation: Invocation) -> dict[str, Any]:
    trigger = triggers.recognise(event)
    report = Report(invocation, trigger.name, trigger.find_correlation_id())
    on_error = "raise"
    outcome, reply = Outcome(), {}
    try:
        on_error, report.by_appid = _read_preferences()
        arguments = trigger.parse_arguments()
        if arguments.appids:
            return trigger.reply(_ask_many(arguments, invocation, report))
        outcome = _find_operation().ask(arguments, Budget(invocation.deadline))
        if not outcome.failure:
            reply = trigger.succeed(outcome.body, arguments)
    except OpenApiError as error:
        outcome.failure = error.detach()
    except Exception as error:  # noqa: BLE001 - whatever it is, its text must not leave the function
        report_fault(error)
        outcome.failure = errors.internal()
    report.write(outcome)
    if outcome.failure:
        return trigger.fail(outcome.failure, on_error)
    return reply


def _ask_many(arguments: "Arguments", invocation: Invocation, report: Report) -> dict[str, Any]:
    """Ask for each of `appids`; every question has its own log line. Raises `OpenApiError` for a failure of all."""
    from handler import batch  # noqa: PLC0415 - a single question needs no threads

    operation = _find_operation()

    def ask(one: "Arguments") -> Outcome:
        try:
            return operation.ask(one, Budget(invocation.deadline))
        except Exception as error:  # noqa: BLE001 - the other mini programs get their answers
            report_fault(error)
            return Outcome(appid=one.appid, failure=errors.internal())

    listed = operation.list_appids(Budget(invocation.deadline)) if arguments.appids == "all" else arguments.appids
    answered = batch.ask_all(listed or (), arguments, ask, report.write, invocation)
    if answered.unasked:
        report.warn(f"out of time: {answered.unasked} mini programs were not asked")
    return answered.reply


def _read_preferences() -> tuple[str, bool]:
    # A function of its own, because `_answer`'s frame stays on the raised error's traceback and must hold no settings.
    settings = _load_settings(os.getpid())
    return settings.on_error, settings.metrics_by_appid


# Once per process. A child process makes its own: it must not write into its parent's connections, nor wait for a lock
# that a thread of its parent held.


@functools.lru_cache(maxsize=1)
def _load_settings(_process: int) -> Settings:
    return load()


def _find_operation() -> "Operation":
    """Return the process's one operation, with its tokens and connections. Raises `OpenApiError` -1."""
    process = os.getpid()
    with _creating.setdefault(process, threading.Lock()):  # `lru_cache` lets threads make one each
        return _create_operation(process)


_creating: dict[int, threading.Lock] = {}  # by process


@functools.lru_cache(maxsize=1)
def _create_operation(process: int) -> "Operation":
    """Make the operation. Raises `OpenApiError` -1, and tries again in the next invocation."""
    try:
        from handler.operation import Operation  # noqa: PLC0415 - the invocation reports a missing library
    except ImportError as error:
        failure = errors.library_missing(error.name)
    else:
        return Operation(_load_settings(process))
    raise failure


def forget_settings() -> None:
    """Read the environment anew in the next invocation, as a new process does."""
    _load_settings.cache_clear()
    _create_operation.cache_clear()


# The platform runs the import with a whole CPU, and the first invocation with the share that its memory size buys:
# load wechatpy and the certificate authorities now.
with contextlib.suppress(OpenApiError):
    _find_operation()
if _IS_ON_PLATFORM:
    gc.freeze()  # what is loaded stays: later collections pass over it
    gc.enable()
