"""JSON that keeps every digit: integers of any size and all floats stay exact."""

import json
from typing import Any, NoReturn

JsonObject = dict[str, Any]

DEEPEST = 200  # levels of nesting: WeChat's answers have two; Python 3.10 reaches its recursion limit at about 300

MOST_CONTAINERS = 50_000  # objects and arrays: parsing a million takes seconds on a small function's CPU


def parse_object(content: bytes) -> JsonObject:
    """Parse a JSON object, with or without a byte order mark.

    As in the SDK, raw control characters in strings are kept, and invalid UTF-8 becomes U+FFFD. So do half surrogates,
    which cannot be encoded. Raises `ValueError` for anything else, and for values that a JSON reply cannot carry: NaN,
    numbers beyond a double, nesting beyond `DEEPEST`, more than `MOST_CONTAINERS` objects and arrays.
    """
    containers = _count_containers(content)
    if containers > MOST_CONTAINERS:
        raise ValueError("too many objects and arrays")
    text = content.decode("utf-8-sig", "replace")
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        value = None  # nested deeper than the parser's recursion limit
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - callers need not tell it from invalid JSON
    if containers > DEEPEST and _is_too_deep(value):
        raise ValueError("nested too deeply")
    return _replace_half_surrogates(value) if "\\u" in text else value


def try_parse_object(text: object) -> JsonObject | None:
    """Return the JSON object in a text or bytes; `None` for any other JSON or any other type."""
    if not isinstance(text, str | bytes) or _count_containers(text) > MOST_CONTAINERS:
        return None
    try:
        value = json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and not _is_too_deep(value) else None


def _count_containers(text: str | bytes) -> int:
    """Return an upper bound on the objects and arrays in JSON; brackets inside strings count too."""
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
    """Replace half surrogates with U+FFFD. Only an escape (backslash, u) can create them."""
    whole = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    replaced: JsonObject = _DECODER.decode(whole)
    return replaced


def _parse_finite(literal: str) -> float:
    number = float(literal)
    if number in (float("inf"), float("-inf")):
        raise ValueError("number out of range")
    return number


def refuse_constant(literal: str) -> NoReturn:
    """Raise `ValueError` for NaN and the infinities, which Python's parser accepts."""
    raise ValueError(f"{literal} is not JSON")


_DECODER = json.JSONDecoder(parse_float=_parse_finite, parse_constant=refuse_constant, strict=False)
