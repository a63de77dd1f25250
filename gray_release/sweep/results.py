"""The rows that a sweep has left, here or in the cloud."""

from collections.abc import Iterator
from typing import Any

from gray_release.sweep.row import Row
from gray_release.sweep.texts import decode_text, number_lines
from handler.exact_json import parse_object


def read_rows(content: bytes) -> list[Row]:
    """Read rows: JSON, one row or a list of rows on a line. Raises `ValueError` that says which line is none."""
    return [Row.from_json(value) for line, value in read_values(decode_text(content)) if _check_row(line, value)]


def read_values(text: str) -> Iterator[tuple[int, Any]]:
    """Read lines of JSON, and the items of lists one by one, each with its line. Raises `ValueError`."""
    whole = _parse(text)
    if isinstance(whole, list):  # a list that is written over several lines
        yield from ((1, item) for item in whole)
        return
    for line, one in number_lines(text):
        value = _parse(one)
        if value is None:
            raise ValueError(f"line {line} is not JSON, or nested too deeply")
        yield from ((line, item) for item in (value if isinstance(value, list) else [value]))


def _parse(text: str) -> Any:
    """Parse JSON as the function parses WeChat's answers; `None` for what it would refuse."""
    try:
        return parse_object(f'{{"value":{text}}}'.encode("utf-8", "replace")).get("value")
    except ValueError:
        return None


def _check_row(line: int, value: Any) -> bool:
    if isinstance(value, dict) and isinstance(value.get("appid"), str):
        code = value.get("errCode")
        if isinstance(code, int) and not isinstance(code, bool):
            return True
    raise ValueError(f'line {line} is no row of a sweep: {{"appid", "errCode", "errMsg", "grayReleasePlan"}}')
