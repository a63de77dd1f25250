"""What can fail, and the one exception that leaves the function.

    what happened                                         errCode        HTTP    made by
    WeChat answered an errcode                            that code      502     `refused`
        a quota is used up                                45009, 45011   429     `refused`
        WeChat is busy                                    -1             503     `refused`
    no usable answer: connection, TLS, HTTP status, body  -1             503     `unavailable`
    the time is up                                        -1             504     `out_of_time`
    bad arguments                                         40097          400     `bad_arguments`
    another HTTP method                                   43001          405     `wrong_method`
    no token, appid or secret; something is set wrongly   41001, 41002,  500     `misconfigured`
                                                          41004, -1 ...
    a fault of ours                                       -1             500     `internal`

Each maker returns a new error. Raise it outside of any `except`, so that nothing hangs on it: what is caught there
holds addresses with tokens, and bodies with secrets.
"""

import json
from collections.abc import Iterable
from typing import Any

API = "openapi.operation.getGrayReleasePlan"  # every errMsg begins with it

SYSTEM_ERROR = -1  # WeChat's code for "not now": also ours for everything that kept us from an answer
INVALID_ARGUMENTS = 40097
NO_TOKEN = 41001
NO_APPID = 41002
NO_SECRET = 41004
WRONG_METHOD = 43001
LIMITED = {45009, 45011}  # the day's and the minute's quota
REFUSED_TOKENS = {40001, 40014, 42001}  # invalid credential, invalid access_token, expired access_token


class OpenApiError(Exception):
    """The only exception that leaves the function; the shape is wx-server-sdk's.

    `errCode` is WeChat's code or, for failures of ours, the code its documents give to that failure.
    `errMsg` reads `openapi.operation.getGrayReleasePlan:fail <reason>`, with WeChat's `rid:` when there was one.
    `str(error)` is both as compact JSON, so Lambda's `errorMessage` can be parsed. `status` is the HTTP status of the
    failure; `transient` tells that the same request may succeed a moment later, `shared` that the failure has nothing
    to do with the mini program: every other one would meet it too. `hint` tells the operator what to do, in the log,
    where the code alone does not.
    """

    def __init__(  # noqa: PLR0913 - the facts of one failure
        self,
        errCode: int,
        reason: str,
        *,
        status: int = 502,
        transient: bool = False,
        shared: bool = False,
        hint: str | None = None,
    ) -> None:
        super().__init__(errCode, reason)
        self.errCode = errCode
        self.errMsg = f"{API}:fail {reason}"
        self.reason = reason
        self.status = status
        self.transient = transient
        self.shared = shared
        self.hint = hint

    def to_dict(self) -> dict[str, Any]:
        """Return `{"errCode", "errMsg"}`, what `JSON.stringify(err)` gives for the SDK's error."""
        return {"errCode": self.errCode, "errMsg": self.errMsg}

    def detach(self, *, shared: bool = False) -> "OpenApiError":
        """Return the same failure without its traceback, whose frames hold secrets, and without a cause.

        `shared` adds that every mini program would meet it.
        """
        return OpenApiError(
            self.errCode,
            self.reason,
            status=self.status,
            transient=self.transient,
            shared=self.shared or shared,
            hint=self.hint,
        )

    def __str__(self) -> str:
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))


def refused(code: int, reason: str) -> OpenApiError:
    """Make the error for an errcode of WeChat's and its errmsg."""
    if code == SYSTEM_ERROR:
        return unavailable(reason, transient=True)
    return OpenApiError(code, reason, status=429 if code in LIMITED else 502)


def unavailable(reason: str, *, transient: bool = False, hint: str | None = None) -> OpenApiError:
    """Make the error for an exchange that gave no usable answer; `transient` if another try may."""
    return OpenApiError(SYSTEM_ERROR, reason, status=503, transient=transient, hint=hint)


def out_of_time(reason: str = "out of time", *, hint: str | None = None) -> OpenApiError:
    """Make the error for an exchange or an invocation that has used up its time."""
    return OpenApiError(SYSTEM_ERROR, reason, status=504, hint=hint)


def bad_arguments(reason: str) -> OpenApiError:
    """Make the error for what the caller passed; the reason shows no values."""
    return OpenApiError(INVALID_ARGUMENTS, reason, status=400)


def wrong_method(allowed: Iterable[str]) -> OpenApiError:
    """Make the error for an HTTP request of another method than those."""
    return OpenApiError(WRONG_METHOD, f"require {' or '.join(allowed)} method", status=405)


def misconfigured(code: int, reason: str, *, shared: bool = False, hint: str | None = None) -> OpenApiError:
    """Make the error for a setting that a deployment lacks or has wrong; `shared` if for every mini program."""
    return OpenApiError(code, reason, status=500, shared=shared, hint=hint)


def library_missing(name: str | None) -> OpenApiError:
    """Make the error for a library that the artifact should contain and does not."""
    library = (name or "?").partition(".")[0]
    return misconfigured(SYSTEM_ERROR, f"the library {library} is missing from the artifact", shared=True)


def internal() -> OpenApiError:
    """Make the error for a fault of ours."""
    return OpenApiError(SYSTEM_ERROR, "internal error", status=500)
