"""Find the token in a value from another system: raw text, a JSON string, or a JSON object.

Known writers: WxJava and silenceper (raw text), wechatpy and old silenceper (JSON string), co-wechat and token servers
(JSON object).
"""

import codecs
import json
import re

from handler import errors
from handler.errors import NO_TOKEN, OpenApiError
from handler.exact_json import JsonObject, refuse_constant

NAMES = ("access_token", "authorizer_access_token", "accessToken", "authorizerAccessToken", "token")
FIELDS = ("value", *NAMES)  # fields of a Redis hash that may hold the token; old WxJava uses `value`
_INNER = ("data", "authorization_info")  # inner objects that may hold one of the names
_RAW = re.compile(r"[A-Za-z0-9_.~@=+/-]{1,2048}")  # WeChat's own tokens have only letters, digits, - and _
# Shorter texts under `data` are messages, such as `success`; WeChat's tokens have over 100 characters.
_SHORTEST_DATA = 32
_EMPTY_WORDS = {"undefined", "null", "nil", "none", "nan", "infinity", "-infinity", "true", "false"}
_KINDS = {
    bool: "a JSON boolean",
    int: "a JSON number",
    float: "a JSON number",
    list: "a JSON array",
    dict: "a JSON object without a token",
    type(None): "JSON's null",
}
_BINARY = "binary data (Java's serialisation, Kryo or the like)"
_STARTS = (
    (codecs.BOM_UTF16_LE, "a text in UTF-16"),
    (codecs.BOM_UTF16_BE, "a text in UTF-16"),
    (b"\0\0\0\1", "data of PHP's igbinary"),
    (b"\0\0\0\2", "data of PHP's igbinary"),
)
_PATTERNS = (
    (re.compile(r"think_serialize:|[abdiOCsS]:[0-9.-]+[:;]|N;"), "PHP-serialised data"),  # ThinkPHP adds a prefix
    (re.compile(r"\s*<(!doctype|html)\b", re.IGNORECASE), "an HTML page"),
)
_NO_TOKEN = "a text that is not a token"  # noqa: S105 - a description, not a password


def read_token(stored: bytes, where: str) -> str:
    """Return the token.

    Raises `OpenApiError` 41001, whose message names the place (`where`) and the kind of value found there.
    """
    token, kind = find_token_or_kind(stored)
    if token is None:
        raise create_error(kind, where)
    return token


def find_token_or_kind(stored: bytes) -> tuple[str | None, str]:
    """Return the token or `None`, and the kind of the value for an error message."""
    try:
        value = json.loads(stored, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        value = stored.removeprefix(codecs.BOM_UTF8).decode("ascii", "replace").strip()
        kind = _describe_kind(stored)
    else:
        kind = _KINDS.get(type(value), _NO_TOKEN if value else "an empty text")
    found = find_token(value) if isinstance(value, dict) else value
    if isinstance(found, str) and not is_real_value(found):
        return None, "a word such as undefined or null"
    if isinstance(found, str) and _RAW.fullmatch(found):
        return found, "a token"
    return None, kind


def is_real_value(text: str) -> bool:
    """Whether a text is a value, and not a word such as `null`, which programs print for a missing value."""
    return text.lower() not in _EMPTY_WORDS


def find_token(answer: JsonObject) -> object:
    """Return the value of one of `NAMES` in an object. If it has none, return its `data` if that is a long text."""
    named = next((place[name] for place in list_places(answer) for name in NAMES if place.get(name)), None)
    data = answer.get("data")
    if named is None and isinstance(data, str) and len(data) >= _SHORTEST_DATA:
        return data
    return named


def list_places(answer: JsonObject) -> list[JsonObject]:
    """Return the objects that may have one of `NAMES`: the answer itself, and inner objects such as `data`."""
    places = [answer]
    for place in places:
        if len(places) <= len(_INNER) + 1:  # two levels, as in data.authorization_info
            places += [inner for name in _INNER if isinstance(inner := place.get(name), dict)]
    return places


def create_error(kind: str, where: str) -> OpenApiError:
    """Return the error for a value that is not a token."""
    return errors.misconfigured(NO_TOKEN, f"no token in {where}: found {kind}")


def _describe_kind(stored: bytes) -> str:
    """Describe a value that is not JSON."""
    kind = next((kind for start, kind in _STARTS if stored.startswith(start)), None)
    if kind:
        return kind
    try:
        text = stored.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _BINARY
    if not text.strip():
        return "an empty text"
    kind = next((kind for pattern, kind in _PATTERNS if pattern.match(text)), None)
    if kind:
        return kind
    return _NO_TOKEN if all(character.isprintable() or character.isspace() for character in text) else _BINARY
