"""What WeChat's body says: a success, or an errcode; and how an errmsg is shown."""

import functools
import re
from collections.abc import Callable, Iterable

from handler.errors import SYSTEM_ERROR, refused
from handler.exact_json import JsonObject

_CUT_SHORT = 16  # characters of a secret that are hidden even where the rest of it is missing


def check(body: JsonObject, secrets: Callable[[], Iterable[str]] = tuple) -> None:
    """Raise the `OpenApiError` that WeChat's body states; return if it states success.

    As in the SDK what JavaScript calls falsy is success. Unlike there a numeric string counts as the number, and an
    errcode that is no number at all counts as -1. `secrets` names what the errmsg must not show, should it echo them.
    """
    errcode = body.get("errcode")
    if isinstance(errcode, str) and re.fullmatch(r"[ \t\r\n]*-?[0-9]{1,18}[ \t\r\n]*", errcode):
        errcode = int(errcode)
    if isinstance(errcode, float) and errcode.is_integer():
        errcode = int(errcode)
    if errcode or isinstance(errcode, list | dict):
        code = errcode if isinstance(errcode, int) and not isinstance(errcode, bool) else SYSTEM_ERROR
        errmsg = body.get("errmsg")
        is_shown = isinstance(errmsg, str | int | float | list) and not isinstance(errmsg, bool)
        reason = _as_text(errmsg) if is_shown else "unknown error"
        for secret in secrets():
            reason = hide(reason, secret)
        raise refused(code, reason)


def _as_text(value: object) -> str:
    """Show a JSON value as JavaScript's template strings do, and so the SDK."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join("" if item is None else _as_text(item) for item in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "[object Object]" if isinstance(value, dict) else str(value)


def hide(text: str, secret: str) -> str:
    """Replace a secret by `***` in a text, however it is escaped there, and also where it is cut short."""
    shown, end = [], 0
    while match := _pattern(secret[:_CUT_SHORT]).search(text, end):
        shown.append(text[end : match.start()])
        end = match.end()
        for character in secret[_CUT_SHORT:]:
            rest = _pattern(character).match(text, end)
            if rest is None:
                break
            end = rest.end()
    return "***".join([*shown, text[end:]])


@functools.lru_cache(maxsize=256)
def _pattern(secret: str) -> re.Pattern[str]:
    """Match a text whose characters may be escaped as in an address or in JSON."""
    return re.compile("".join(map(_escaped, secret)))


def _escaped(character: str) -> str:
    # What is escaped may have been escaped before: %252F, \\\\/.
    percent = "".join(f"%(?:25){{0,3}}{byte:02x}" for byte in character.encode())
    json_ways = rf"\\{{1,4}}(?:u{ord(character):04x}|{re.escape(character)})"
    return f"(?:{re.escape(character)}|(?i:{percent}|{json_ways}))"
