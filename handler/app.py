"""The two entry points: AWS Lambda's `lambda_handler` and Tencent SCF's `main_handler`."""

import gc
import os

# If another program imports this module, the program's garbage collector must not change.
_IS_CLOUD_FUNCTION = bool(os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or os.environ.get("TENCENTCLOUD_RUNENV"))
if _IS_CLOUD_FUNCTION:
    gc.disable()  # imports leave hardly any garbage, and collecting it would take 7 % of a cold start

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
    """Handle an AWS Lambda event.

    Returns `{"errCode": 0, "errMsg", "grayReleasePlan"}`. On a failure, raises `OpenApiError`, or returns
    `{"errCode", "errMsg"}` if `ON_ERROR=return`. For an HTTP event, always returns an HTTP response that has one of
    these objects as its body. `context`: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """
    return _handle(event, Invocation.from_lambda(context))


def main_handler(event: Any, context: Any) -> dict[str, Any]:
    """Handle a Tencent SCF event. Returns and raises the same as `lambda_handler`.

    `context`, a dict: https://cloud.tencent.com/document/product/583/55593
    """
    return _handle(event, Invocation.from_scf(context))


def _handle(event: Any, invocation: Invocation) -> dict[str, Any]:
    trigger = triggers.recognise(event)
    report = Report(invocation, trigger.name, trigger.find_correlation_id())
    on_error = "raise"
    outcome = Outcome()
    reply: dict[str, Any] = {}
    try:
        on_error, report.by_appid = _read_preferences()
        arguments = trigger.parse_arguments()
        if arguments.appids:
            plans = _get_plans(arguments, invocation, report, outcome)
            if plans.common_failure is None:
                return trigger.reply(plans.reply)
            outcome = plans.common_failure
        else:
            outcome = _find_operation().get_plan(arguments, Budget(invocation.deadline))
            if not outcome.failure:
                reply = trigger.succeed(outcome.body, arguments)
    except OpenApiError as error:
        outcome.failure = error.detach()
    except Exception as error:  # noqa: BLE001 - any other exception must stay inside: its text may hold secrets
        report_fault(error)
        outcome.failure = errors.internal()
    report.write(outcome)
    if outcome.failure:
        return trigger.fail(outcome.failure, on_error)
    return reply


def _get_plans(arguments: "Arguments", invocation: Invocation, report: Report, listing: Outcome) -> "Batch":
    """Get the plan of each of `appids`, and write a log line for each. For "all", first list the appids.

    `listing` receives the facts about the list. Raises `OpenApiError` if the list fails or there is no operation.
    """
    from handler import batch  # noqa: PLC0415 - it loads thread pools, which a single mini program does not need

    operation = _find_operation()

    def get_plan(one: "Arguments") -> Outcome:
        try:
            return operation.get_plan(one, Budget(invocation.deadline))
        except Exception as error:  # noqa: BLE001 - a bug that one mini program triggers must not fail the others
            report_fault(error)
            return Outcome(appid=one.appid, failure=errors.internal())

    budget = Budget(invocation.deadline)
    appids = operation.list_appids(budget, listing) if arguments.appids == "all" else arguments.appids
    for warning in listing.usage.warnings:
        report.warn(warning)
    plans = batch.get_plans(appids or (), arguments, get_plan, report.write, invocation)
    if plans.unchecked:
        report.warn(f"out of time: {plans.unchecked} mini programs were not checked")
    return plans


def _read_preferences() -> tuple[str, bool]:
    # A separate function, because `_handle`'s frame stays on the raised error's traceback and must hold no settings.
    settings = _load_settings(os.getpid())
    return settings.on_error, settings.metrics_by_appid


# The settings and the operation are cached by process id, because a forked child needs new ones. It must not use its
# parent's connections, nor wait for a lock that a thread of the parent held during the fork.


@functools.lru_cache(maxsize=1)
def _load_settings(_process: int) -> Settings:
    return load()


def _find_operation() -> "Operation":
    """Return this process's only operation, with its tokens and connections. Raises `OpenApiError` -1."""
    process = os.getpid()
    # `lru_cache` alone would let two threads create an operation each.
    with _creation_locks.setdefault(process, threading.Lock()):
        return _create_operation(process)


_creation_locks: dict[int, threading.Lock] = {}  # process id -> lock


@functools.lru_cache(maxsize=1)
def _create_operation(process: int) -> "Operation":
    """Create this process's operation. Raises `OpenApiError` -1. A failure is not cached, so the next call retries."""
    try:
        from handler.operation import Operation  # noqa: PLC0415 - to turn a missing library into an `OpenApiError`
    except ImportError as error:
        failure = errors.library_missing(error.name)
    else:
        return Operation(_load_settings(process))
    raise failure


def forget_settings() -> None:
    """Drop the settings and the operation, so that the next invocation reads the environment again. For tests."""
    _load_settings.cache_clear()
    _create_operation.cache_clear()


# Load wechatpy and the certificate authorities during the import, because the import runs on a whole CPU. An invocation
# only gets a share of a CPU, which depends on the function's memory size.
with contextlib.suppress(OpenApiError):
    _find_operation()
if _IS_CLOUD_FUNCTION:
    gc.freeze()  # modules live as long as the process, so later collections need not look at them
    gc.enable()
