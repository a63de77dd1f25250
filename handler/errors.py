"""Every kind of failure, and `OpenApiError`, the only exception that leaves the function.

    what happened                                         errCode        HTTP    function
    WeChat answered an errcode                            that code      502     `refused`
        a quota is used up                                45009, 45011   429     `refused`
        WeChat is busy                                    -1             503     `refused`
    WeChat's answer is missing or cannot be used          -1             503     `unavailable`
    the time is up                                        -1             504     `out_of_time`
    invalid arguments                                     40097          400     `bad_arguments`
    an HTTP method that is not allowed                    43001          405     `wrong_method`
    no token, appid or secret; an invalid setting         41001, 41002,  500     `misconfigured`
                                                          41004, -1 ...
    a bug in this function                                -1             500     `internal`

Each function returns a new error. Raise it after the `except` block, not inside it: `__context__` would keep the caught
error, and with it URLs with tokens and bodies with secrets.
"""

import json
from collections.abc import Iterable
from typing import Any

API = "openapi.operation.getGrayReleasePlan"  # the beginning of every errMsg

SYSTEM_ERROR = -1  # WeChat's "system busy"; also this function's code for failures for which WeChat has no code
INVALID_ARGUMENTS = 40097
NO_TOKEN = 41001
NO_APPID = 41002
NO_SECRET = 41004
WRONG_METHOD = 43001
LIMITED = {45009, 45011}  # the quota of the day, of the minute
REFUSED_TOKENS = {40001, 40014, 42001}  # invalid credential, invalid access_token, expired access_token


class OpenApiError(Exception):
    """The only exception that leaves the function. It has the same attributes as the error of wx-server-sdk.

    `errCode` is the code that WeChat answered. For a failure that the function finds, it is the code that WeChat
    documents for such a failure. `errMsg` is `openapi.operation.getGrayReleasePlan:fail <reason>`. A reason from WeChat
    may end with `rid:` and the id of the request. `str(error)` is compact JSON with both attributes, so that a caller
    can parse Lambda's `errorMessage`. `status` is the HTTP status. `transient`: the same request may succeed a moment
    later. `shared`: the failure concerns every mini program. `hint` is text for the log: it says what to do about the
    failure, and replaces the code's entry in `HINTS`.
    """

    def __init__(  # noqa: PLR0913 - each parameter is a fact about the failure
        self,
        errCode: int,
        reason: str,
        *,
        status: int = 502,
        transient: bool = False,
        shared: bool = False,
        hint: str | None = None,
    ) -> None:
        # A text in an event may have half surrogates, which neither a reply nor a log line can contain.
        reason = reason.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        super().__init__(errCode, reason)
        self.errCode = errCode
        self.errMsg = f"{API}:fail {reason}"
        self.reason = reason
        self.status = status
        self.transient = transient
        self.shared = shared
        self.hint = hint

    def to_dict(self) -> dict[str, Any]:
        """Return `{"errCode", "errMsg"}`, the same keys as in `JSON.stringify` of the SDK's error."""
        return {"errCode": self.errCode, "errMsg": self.errMsg}

    def detach(self, *, shared: bool = False) -> "OpenApiError":
        """Return a copy without traceback, whose frames may hold secrets. `shared=True` marks the copy as shared."""
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
    """Return the error for WeChat's errcode and errmsg."""
    if code == SYSTEM_ERROR:
        return unavailable(reason, transient=True)
    return OpenApiError(code, reason, status=429 if code in LIMITED else 502)


def unavailable(reason: str, *, transient: bool = False, hint: str | None = None) -> OpenApiError:
    """Return the error for an exchange without a usable answer; `transient` if a second request may get one."""
    return OpenApiError(SYSTEM_ERROR, reason, status=503, transient=transient, hint=hint)


def out_of_time(reason: str = "out of time", *, hint: str | None = None) -> OpenApiError:
    """Return the error for an exchange or an invocation that has used up its time."""
    return OpenApiError(SYSTEM_ERROR, reason, status=504, hint=hint)


def bad_arguments(reason: str) -> OpenApiError:
    """Return the error for invalid arguments. `reason` must not contain their values."""
    return OpenApiError(INVALID_ARGUMENTS, reason, status=400)


def wrong_method(allowed: Iterable[str]) -> OpenApiError:
    """Return the error for an HTTP request whose method is not among `allowed`."""
    return OpenApiError(WRONG_METHOD, f"require {' or '.join(allowed)} method", status=405)


def misconfigured(code: int, reason: str, *, shared: bool = False, hint: str | None = None) -> OpenApiError:
    """Return the error for a missing or invalid setting; `shared` if every mini program needs the setting."""
    return OpenApiError(code, reason, status=500, shared=shared, hint=hint)


def library_missing(name: str | None) -> OpenApiError:
    """Return the error for a library that is missing from the deployed zip."""
    library = (name or "?").partition(".")[0]
    return misconfigured(SYSTEM_ERROR, f"the library {library} is missing from the artifact", shared=True)


def internal() -> OpenApiError:
    """Return the error for a bug in this function."""
    return OpenApiError(SYSTEM_ERROR, "internal error", status=500)
