"""Read the errcode and the errmsg in a body from WeChat."""

import re
from collections.abc import Callable, Iterable

from handler.errors import SYSTEM_ERROR, refused
from handler.exact_json import JsonObject

_LARGEST = 10**18  # errcodes stay below it, because each row of a batch has one; WeChat's have up to seven digits
_FIRST_WITH_EXPONENT = 1e21  # JavaScript shows smaller numbers with all their digits
_MOST_ITEMS = 2048  # of an errmsg that is a list; more would be cut off anyway


def check(body: JsonObject, secrets: Callable[[], Iterable[str]] = tuple) -> None:
    """Raise the `OpenApiError` that WeChat's body states; return if it states success.

    As in the SDK, an errcode that is falsy in JavaScript means success. Unlike in the SDK, a numeric string counts as
    the number, and an errcode that is not a number, or has more than 18 digits, counts as -1. `secrets` returns the
    texts that the errmsg must not show if WeChat echoes them.
    """
    errcode = body.get("errcode")
    if isinstance(errcode, str) and re.fullmatch(r"[ \t\r\n]*-?[0-9]{1,18}[ \t\r\n]*", errcode):
        errcode = int(errcode)
    if isinstance(errcode, float) and errcode.is_integer():
        errcode = int(errcode)
    if errcode or isinstance(errcode, list | dict):
        from handler.wechat import echoes  # noqa: PLC0415 - only a refusal needs it

        code = errcode if isinstance(errcode, int) and not isinstance(errcode, bool) else SYSTEM_ERROR
        code = code if abs(code) < _LARGEST else SYSTEM_ERROR
        errmsg = body.get("errmsg")
        is_shown = isinstance(errmsg, str | int | float | list) and not isinstance(errmsg, bool)
        reason = _as_text(errmsg) if is_shown else "unknown error"
        raise refused(code, echoes.hide(echoes.shorten(reason), secrets()))


def _as_text(value: object) -> str:
    """Return a JSON value as a text, as JavaScript's template strings and thus the SDK do."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join("" if item is None else _as_text(item) for item in value[:_MOST_ITEMS])
    if isinstance(value, float) and value.is_integer() and abs(value) < _FIRST_WITH_EXPONENT:
        return str(int(value))
    return "[object Object]" if isinstance(value, dict) else str(value)
