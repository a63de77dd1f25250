"""A token in what another system has stored or answered: raw text, a JSON string, or a JSON object.

Known writers: wechatpy and silenceper (a JSON string), WxJava (raw text), co-wechat and token servers (a JSON object).
"""

import json
import re

from handler import errors
from handler.errors import NO_TOKEN, OpenApiError
from handler.exact_json import JsonObject

NAMES = ("access_token", "authorizer_access_token", "accessToken", "token")
_RAW = re.compile(r"[A-Za-z0-9_.~@=+/-]{1,2048}")  # WeChat's tokens have letters, digits, hyphens and underscores
_PHP = re.compile(rb"[abdisOC]:[0-9]")
_KINDS = {bool: "a JSON boolean", int: "a JSON number", float: "a JSON number", list: "a JSON array"}


def read(stored: bytes, where: str) -> str:
    """Return the token. Raises `OpenApiError` 41001 that says what was found `where`, by kind, and never the value."""
    try:
        value = json.loads(stored)
    except (ValueError, RecursionError):
        text = stored.decode("ascii", "replace").strip()
        if _RAW.fullmatch(text):
            return text
        raise unreadable(_kind(stored), where) from None
    found = value if isinstance(value, str) else find(value) if isinstance(value, dict) else None
    if isinstance(found, str) and _RAW.fullmatch(found):
        return found
    if isinstance(value, dict):
        raise unreadable("a JSON object without a token", where)
    raise unreadable(_KINDS.get(type(value), "no text" if value is None else "a text that is no token"), where)


def find(answer: JsonObject) -> object:
    """Return what a JSON object has under one of the known names, at its top or under `data`."""
    data = answer.get("data")
    places = [answer, data] if isinstance(data, dict) else [answer]
    return next((place[name] for place in places for name in NAMES if place.get(name)), None)


def unreadable(kind: str, where: str) -> OpenApiError:
    """Make the error for a value that is no token."""
    return errors.misconfigured(NO_TOKEN, f"no token to read in {where}: found {kind}")


def _kind(stored: bytes) -> str:
    if not stored.strip():
        return "nothing"
    if _PHP.match(stored):
        return "PHP-serialised data"
    if stored.isascii() and stored.decode().isprintable():
        return "a text that is no token"
    return "binary data (Java's serialisation, Kryo or the like)"
