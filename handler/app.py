"""The two entry points, and the story of one invocation."""

import gc

gc.disable()  # hardly anything of an import is garbage, and looking for it takes 7 % of a cold start

import functools
import os
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from handler import errors, telemetry, triggers
from handler.errors import OpenApiError
from handler.exact_json import JsonObject
from handler.invocation import Invocation
from handler.settings import Settings, load

if TYPE_CHECKING:
    from handler.operation import Operation


def lambda_handler(event: Any, context: Any) -> JsonObject:
    """Answer an AWS Lambda event.

    Returns `{"errCode": 0, "errMsg", "grayReleasePlan"}`; raises `OpenApiError`, or returns `{"errCode", "errMsg"}`
    where `ON_ERROR=return`. An HTTP event gets an HTTP response with these in its body.
    `context` is Lambda's: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """
    return _answer(event, Invocation.on_lambda(context))


def main_handler(event: Any, context: Any) -> JsonObject:
    """Answer a Tencent SCF event, as `lambda_handler` does.

    `context` is a dict: https://cloud.tencent.com/document/product/583/55593
    """
    return _answer(event, Invocation.on_scf(context))


def _answer(event: Any, invocation: Invocation) -> JsonObject:
    trigger = triggers.recognise(event)
    invocation.trigger, invocation.correlation_id = trigger.name, trigger.correlation_id()
    telemetry.begin(invocation)
    on_error, by_appid = "raise", False
    try:
        on_error, by_appid = _preferences()
        arguments = trigger.arguments()
        body = _operation()(arguments, invocation)
        reply = trigger.succeed(body, arguments)
    except OpenApiError as error:
        failure = error.alone()
    except Exception as error:  # noqa: BLE001 - whatever it is, its text must not leave the function
        telemetry.broken(error)
        failure = errors.internal()
    else:
        telemetry.succeeded(invocation, body, by_appid=by_appid)
        return reply
    telemetry.failed(invocation, failure)
    return trigger.fail(failure, on_error)


def _preferences() -> tuple[str, bool]:
    # Apart from `_answer`, whose frame hangs on the error that it raises: no secret may be reached from there.
    settings = _operation().settings
    return settings.on_error, settings.metrics_by_appid


def _operation() -> "Operation | _WithoutLibrary":
    with _one_at_a_time:
        return _made()


_one_at_a_time = threading.Lock()  # threads that start together would each make one, with tokens of its own


@functools.lru_cache(maxsize=1)
def _made() -> "Operation | _WithoutLibrary":
    """Read the environment and make the operation, once per process. Never raises."""
    found = load()
    try:
        from handler.operation import Operation  # noqa: PLC0415 - what is missing is reported by the invocation
    except ImportError as error:
        return _WithoutLibrary(found, error.name)
    return Operation(found)


class _WithoutLibrary(NamedTuple):
    """In place of the operation where the artifact lacks one of its libraries: says so at every invocation."""

    settings: Settings
    name: str | None

    def __call__(self, *_: object) -> JsonObject:
        """Raise `OpenApiError` -1."""
        raise errors.library_missing(self.name)


forget = _made.cache_clear  # the environment is read anew after it, as in a new process

# The platform runs the import with a whole CPU, and the first invocation with the share its memory size buys: load
# wechatpy now, and the certificate authorities.
_operation()
# A child must not write into its parent's connections, nor find the lock held by a thread that it does not have.
_release = _one_at_a_time.release
os.register_at_fork(before=_one_at_a_time.acquire, after_in_parent=_release, after_in_child=_release)
os.register_at_fork(after_in_child=forget)
gc.freeze()  # what is loaded stays: later collections pass it over
gc.enable()
