"""JSON without losing a digit: integers of any size and all floats stay as they came."""

import json
from typing import Any, NoReturn

JsonObject = dict[str, Any]

DEEPEST = 200  # levels of nesting: WeChat's answers have two, and Python's own functions can follow some 300 on 3.10

MOST_CONTAINERS = 50_000  # objects and arrays: a million of them cost seconds of a small function's CPU


def parse_object(content: bytes) -> JsonObject:
    """Parse a JSON object, whatever its declared type, with or without a byte order mark.

    As in the SDK, raw control characters in strings pass, and broken UTF-8 becomes U+FFFD; so do half surrogates, which
    no encoder takes. Raises `ValueError` for anything else, also for what JSON has but a reply could not carry: NaN,
    numbers beyond a double, nesting beyond `DEEPEST`, more than `MOST_CONTAINERS`.
    """
    containers = _count_containers(content)
    if containers > MOST_CONTAINERS:
        raise ValueError("too many objects and arrays")
    text = content.decode("utf-8-sig", "replace")
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        value = None  # deeper than the parser itself can follow
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one kind of error for one kind of fault
    if containers > DEEPEST and _is_too_deep(value):
        raise ValueError("nested too deeply")
    return _replace_half_surrogates(value) if "\\u" in text else value


def try_parse_object(text: object) -> JsonObject | None:
    """Return the JSON object that a text holds; `None` for anything else, also for what is no text."""
    if not isinstance(text, str | bytes) or _count_containers(text) > MOST_CONTAINERS:
        return None
    try:
        value = json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and not _is_too_deep(value) else None


def _count_containers(text: str | bytes) -> int:
    """Return the number of objects and arrays in JSON, or more where its strings hold brackets."""
    if isinstance(text, bytes):
        return text.count(b"{") + text.count(b"[")
    return text.count("{") + text.count("[")


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        inner = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        level = [item for items in inner for item in items]
        if not level:
            return False
    return True


def _replace_half_surrogates(value: JsonObject) -> JsonObject:
    """Replace halves of surrogate pairs, which only an escape (backslash, u) can bring in."""
    whole = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    replaced: JsonObject = _DECODER.decode(whole)
    return replaced


def _parse_finite(literal: str) -> float:
    number = float(literal)
    if number in (float("inf"), float("-inf")):
        raise ValueError("number out of range")
    return number


def refuse_constant(literal: str) -> NoReturn:
    """Refuse NaN and infinities, which Python's parser takes. Raises `ValueError`."""
    raise ValueError(f"{literal} is not JSON")


_DECODER = json.JSONDecoder(parse_float=_parse_finite, parse_constant=refuse_constant, strict=False)
