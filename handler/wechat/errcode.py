"""Read the errcode and the errmsg in a body from WeChat."""

import re
from collections.abc import Callable, Iterable

from handler.errors import SYSTEM_ERROR, refused
from handler.exact_json import JsonObject

_LARGEST = 10**18  # longer errcodes become -1, to keep the rows of a batch short; WeChat's have up to seven digits
_FIRST_WITH_EXPONENT = 1e21  # JavaScript prints smaller numbers with all their digits
_MOST_ITEMS = 2048  # items of an errmsg that is a list; the text of more items would be cut anyway


def check(body: JsonObject, secrets: Callable[[], Iterable[str]] = tuple) -> None:
    """Raise the `OpenApiError` that WeChat's body states. Does nothing if the body states a success.

    As in the SDK, an errcode that is falsy in JavaScript means success. Unlike in the SDK, a numeric string counts as
    the number. An errcode that is not a whole number, or has more than 18 digits, counts as -1. `secrets` returns the
    texts that the error must not show, even if WeChat's errmsg repeats them.
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
        reason = _convert_to_text(errmsg) if is_shown else "unknown error"
        raise refused(code, echoes.hide(echoes.shorten(reason), secrets()))


def _convert_to_text(value: object) -> str:
    """Convert a JSON value to a text like JavaScript's template strings, because the SDK uses them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join("" if item is None else _convert_to_text(item) for item in value[:_MOST_ITEMS])
    if isinstance(value, float) and value.is_integer() and abs(value) < _FIRST_WITH_EXPONENT:
        return str(int(value))
    return "[object Object]" if isinstance(value, dict) else str(value)
