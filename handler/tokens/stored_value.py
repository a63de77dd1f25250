"""A token in what another system has stored or answered: raw text, a JSON string, or a JSON object.

Known writers: WxJava and silenceper (raw text), wechatpy and older silenceper (a JSON string), co-wechat and token
servers (a JSON object).
"""

import json
import re

from handler import errors
from handler.errors import NO_TOKEN, OpenApiError
from handler.exact_json import JsonObject, refuse

NAMES = ("access_token", "authorizer_access_token", "accessToken", "token")
_RAW = re.compile(r"[A-Za-z0-9_.~@=+/-]{1,2048}")  # WeChat's tokens have letters, digits, hyphens and underscores
_PHP = re.compile(r"[abdiOCsS]:[0-9.-]+[:;]|N;")
_HTML = re.compile(r"\s*<(!doctype|html)\b", re.IGNORECASE)
_KINDS = {
    bool: "a JSON boolean",
    int: "a JSON number",
    float: "a JSON number",
    list: "a JSON array",
    dict: "a JSON object without a token",
    type(None): "JSON's null",
}
_NO_TOKEN = "a text that is no token"  # noqa: S105 - it says so


def read(stored: bytes, where: str) -> str:
    """Return the token. Raises `OpenApiError` 41001 that says what was found `where`, by kind, and never the value."""
    try:
        value = json.loads(stored, parse_constant=refuse)
    except (ValueError, RecursionError):
        value = stored.decode("ascii", "replace").strip()
        kind = _kind(stored)
    else:
        kind = _KINDS.get(type(value), _NO_TOKEN if value else "an empty text")
    found = find(value) if isinstance(value, dict) else value
    if isinstance(found, str) and _RAW.fullmatch(found):
        return found
    raise unreadable(kind, where)


def find(answer: JsonObject) -> object:
    """Return what a JSON object has under one of the known names, at its top or under `data`."""
    data = answer.get("data")
    places = [answer, data] if isinstance(data, dict) else [answer]
    return next((place[name] for place in places for name in NAMES if place.get(name)), None)


def unreadable(kind: str, where: str) -> OpenApiError:
    """Make the error for a value that is no token."""
    return errors.misconfigured(NO_TOKEN, f"no token in {where}: found {kind}")


def _kind(stored: bytes) -> str:
    """Tell what is not JSON by its kind."""
    try:
        text = stored.decode()
    except UnicodeDecodeError:
        text = ""
    if not stored.strip():
        return "an empty text"
    if _PHP.match(text):
        return "PHP-serialised data"
    if _HTML.match(text):
        return "an HTML page"
    if text and all(character.isprintable() or character.isspace() for character in text):
        return _NO_TOKEN
    return "binary data (Java's serialisation, Kryo or the like)"
