"""Read the rows of an earlier sweep, made by this command or on AWS."""

from collections.abc import Iterator
from typing import Any

from gray_release.sweep.row import Row
from gray_release.sweep.texts import decode_text, number_lines
from handler.exact_json import parse_object


def read_rows(content: bytes) -> list[Row]:
    """Read rows from JSON: one row or one list of rows a line. Raises `ValueError` with the number of a wrong line."""
    return [Row.from_json(value) for line, value in read_values(decode_text(content)) if _check_row(line, value)]


def read_values(text: str) -> Iterator[tuple[int, Any]]:
    """Yield each JSON value with its line number, and each item of a list separately. Raises `ValueError`."""
    document = _parse(text)
    if isinstance(document, list):  # one list over several lines
        yield from ((1, item) for item in document)
        return
    for line, line_text in number_lines(text):
        value = _parse(line_text)
        if value is None:
            raise ValueError(f"line {line} is not JSON, or nested too deeply")
        yield from ((line, item) for item in (value if isinstance(value, list) else [value]))


def _parse(text: str) -> Any:
    """Parse JSON with the parser of WeChat's answers; `None` if it is invalid."""
    try:
        return parse_object(f'{{"value":{text}}}'.encode("utf-8", "replace")).get("value")
    except ValueError:
        return None


def _check_row(line: int, value: Any) -> bool:
    if isinstance(value, dict) and isinstance(value.get("appid"), str):
        code = value.get("errCode")
        if isinstance(code, int) and not isinstance(code, bool):
            return True
    raise ValueError(
        f'line {line} is not a row of a sweep, such as {{"appid", "errCode", "errMsg", "grayReleasePlan"}}'
    )
