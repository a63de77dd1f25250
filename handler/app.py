"""The two entry points: AWS Lambda's `lambda_handler` and Tencent SCF's `main_handler`."""

import gc
import os

# In any other process this module leaves the garbage collector alone, because that process has settings of its own.
_IS_ON_PLATFORM = bool(os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or os.environ.get("TENCENTCLOUD_RUNENV"))
if _IS_ON_PLATFORM:
    gc.disable()  # imports leave hardly any garbage, and looking for it would take 7 % of a cold start

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
    from handler.batch import Batch
    from handler.contract import Arguments
    from handler.operation import Operation


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer an AWS Lambda event.

    Returns `{"errCode": 0, "errMsg", "grayReleasePlan"}`. On a failure it raises `OpenApiError`, or returns
    `{"errCode", "errMsg"}` if `ON_ERROR=return`. For an HTTP event it returns an HTTP response with these in its body.
    `context`: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """
    return _answer(event, Invocation.from_lambda(context))


def main_handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer a Tencent SCF event. Returns and raises what `lambda_handler` does.

    `context`, a dict: https://cloud.tencent.com/document/product/583/55593
    """
    return _answer(event, Invocation.from_scf(context))


def _answer(event: Any, invocation: Invocation) -> dict[str, Any]:
    trigger = triggers.recognise(event)
    report = Report(invocation, trigger.name, trigger.find_correlation_id())
    on_error = "raise"
    outcome = Outcome()
    reply: dict[str, Any] = {}
    try:
        on_error, report.by_appid = _read_preferences()
        arguments = trigger.parse_arguments()
        if arguments.appids:
            answers = _ask_many(arguments, invocation, report, outcome)
            if answers.common_failure is None:
                return trigger.reply(answers.reply)
            outcome = answers.common_failure
        else:
            outcome = _find_operation().ask(arguments, Budget(invocation.deadline))
            if not outcome.failure:
                reply = trigger.succeed(outcome.body, arguments)
    except OpenApiError as error:
        outcome.failure = error.detach()
    except Exception as error:  # noqa: BLE001 - no other exception may leave the function: its text may hold secrets
        report_fault(error)
        outcome.failure = errors.internal()
    report.write(outcome)
    if outcome.failure:
        return trigger.fail(outcome.failure, on_error)
    return reply


def _ask_many(arguments: "Arguments", invocation: Invocation, report: Report, listing: Outcome) -> "Batch":
    """Ask for each of `appids`, with one log line each. For "all" it lists them first, with the facts in `listing`.

    Raises `OpenApiError` if the list or the operation fails.
    """
    from handler import batch  # noqa: PLC0415 - it loads thread pools, which a single question does not need

    operation = _find_operation()

    def ask(one: "Arguments") -> Outcome:
        try:
            return operation.ask(one, Budget(invocation.deadline))
        except Exception as error:  # noqa: BLE001 - a bug met by one mini program must not fail the others
            report_fault(error)
            return Outcome(appid=one.appid, failure=errors.internal())

    budget = Budget(invocation.deadline)
    appids = operation.list_appids(budget, listing) if arguments.appids == "all" else arguments.appids
    for warning in listing.usage.warnings:
        report.warn(warning)
    answers = batch.ask_all(appids or (), arguments, ask, report.write, invocation)
    if answers.unasked:
        report.warn(f"out of time: {answers.unasked} mini programs were not asked")
    return answers


def _read_preferences() -> tuple[str, bool]:
    # A function of its own, because `_answer`'s frame stays on the raised error's traceback and must hold no settings.
    settings = _load_settings(os.getpid())
    return settings.on_error, settings.metrics_by_appid


# Both are cached by process id, because a forked child needs its own: it must not use its parent's connections, nor
# wait for a lock that a thread of the parent held when it forked.


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
    """Return this process's operation. Raises `OpenApiError` -1; a failure is not cached, so the next call retries."""
    try:
        from handler.operation import Operation  # noqa: PLC0415 - here a missing library becomes an `OpenApiError`
    except ImportError as error:
        failure = errors.library_missing(error.name)
    else:
        return Operation(_load_settings(process))
    raise failure


def forget_settings() -> None:
    """Drop the settings and the operation: the next invocation reads the environment again. For tests."""
    _load_settings.cache_clear()
    _create_operation.cache_clear()


# Load wechatpy and the certificate authorities now, because the platform runs the import on a whole CPU and each
# invocation on the share of one that its memory size buys.
with contextlib.suppress(OpenApiError):
    _find_operation()
if _IS_ON_PLATFORM:
    gc.freeze()  # modules stay for the life of the process, so later collections need not look at them
    gc.enable()
