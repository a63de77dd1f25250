"""WeChat's answers: parsed exactly, and judged by their errcode."""

import json
import re
from collections.abc import Callable, Iterable
from typing import NoReturn

from handler.contract import SYSTEM_ERROR, JsonObject, OpenApiError, camel_case

_LIMITED = {45009, 45011}  # the day's and the minute's quota
_CERTAINLY_SHALLOW = 100  # brackets: with fewer no value can be nested too deeply


def check(body: JsonObject, secrets: Callable[[], Iterable[str]] = tuple) -> None:
    """Raise the `OpenApiError` that WeChat's body states; return if it states success.

    As in the SDK a falsy errcode is success. Unlike there a numeric string counts as the number, and an
    errcode that is no number at all counts as -1. `secrets` names what the errmsg must not show, should it echo them.
    """
    errcode = body.get("errcode")
    if isinstance(errcode, str) and re.fullmatch(r"\s*-?[0-9]{1,18}\s*", errcode):
        errcode = int(errcode)
    if isinstance(errcode, float) and errcode.is_integer():
        errcode = int(errcode)
    if errcode:
        is_code = isinstance(errcode, int) and not isinstance(errcode, bool)
        errmsg = body.get("errmsg")
        reason = errmsg if isinstance(errmsg, str) else "unknown error"
        for secret in secrets():
            reason = reason.replace(secret, "***")
        _fail(errcode if is_code else SYSTEM_ERROR, reason)


def _fail(code: int, reason: str) -> NoReturn:
    if code == SYSTEM_ERROR:
        raise OpenApiError(code, reason, status=503, transient=True)
    raise OpenApiError(code, reason, status=429 if code in _LIMITED else 502)


def parse_object(content: bytes) -> JsonObject:
    """Parse a JSON object exactly, whatever its declared type.

    Raises `ValueError` for anything else, also for what JSON has but a reply could not carry: NaN, numbers
    beyond a double, nesting beyond the interpreter's stack. Half surrogates become U+FFFD.
    """
    try:
        text = content.decode("utf-8-sig")
        value = _DECODER.decode(text)
        if text.count("{") + text.count("[") > _CERTAINLY_SHALLOW:
            camel_case(value)  # newer parsers go deeper than Python functions can follow
        if "\\u" in text:  # only an escape can bring in half a surrogate pair, which no encoder takes
            whole = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            value = json.loads(whole)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one kind of error for one kind of fault
    return value


def _finite(literal: str) -> float:
    number = float(literal)
    if number in (float("inf"), float("-inf")):
        raise ValueError("number out of range")
    return number


def _refuse(literal: str) -> NoReturn:
    raise ValueError(f"{literal} is not JSON")


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse)
