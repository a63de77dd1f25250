"""Parse JSON. Integers of any size and all doubles keep their exact value."""

import json
from typing import Any, NoReturn

JsonObject = dict[str, Any]

# Levels of nesting. WeChat's answers have two. Python 3.10 reaches its recursion limit at about 300.
DEEPEST = 200

# Objects and arrays. Parsing a million of them takes seconds on a small function's CPU.
MOST_CONTAINERS = 50_000


def parse_object(content: bytes) -> JsonObject:
    """Parse a JSON object, with or without a byte order mark.

    Like the SDK, this keeps raw control characters in strings, and replaces invalid UTF-8 with U+FFFD. It also replaces
    half surrogates, which a reply cannot contain. Raises `ValueError` for text that is not a JSON object, for NaN, for
    numbers beyond a double's range, for nesting beyond `DEEPEST`, and for more than `MOST_CONTAINERS` objects and
    arrays.
    """
    containers = _count_containers(content)
    if containers > MOST_CONTAINERS:
        raise ValueError("too many objects and arrays")
    text = content.decode("utf-8-sig", "replace")
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        value = None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - callers handle this and invalid JSON in the same way
    if containers > DEEPEST and _is_too_deep(value):
        raise ValueError("nested too deeply")
    return _replace_half_surrogates(value) if "\\u" in text else value  # only an escape can create them


def try_parse_object(text: object) -> JsonObject | None:
    """Return the JSON object in a text or bytes, or `None` if there is none or it exceeds the limits."""
    if not isinstance(text, str | bytes) or _count_containers(text) > MOST_CONTAINERS:
        return None
    try:
        value = json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and not _is_too_deep(value) else None


def _count_containers(text: str | bytes) -> int:
    """Count the objects and arrays in JSON. The count may be too high, because it includes brackets in strings."""
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
    """Replace half surrogates with U+FFFD."""
    whole = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    replaced: JsonObject = _DECODER.decode(whole)
    return replaced


def _parse_finite(literal: str) -> float:
    number = float(literal)
    if number in (float("inf"), float("-inf")):
        raise ValueError("number out of range")
    return number


def refuse_constant(literal: str) -> NoReturn:
    """Raise `ValueError` for NaN and infinity, which Python's parser would accept."""
    raise ValueError(f"{literal} is not JSON")


_DECODER = json.JSONDecoder(parse_float=_parse_finite, parse_constant=refuse_constant, strict=False)
