"""What a sweep reads: the appids to ask for, and the rows that the cloud's sweep left."""

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any

from gray_release.sweep.row import Row


def appids(text: str) -> list[str]:
    """Read appids, each once: one a line, or the column `appid` of a CSV file with a header.

    Empty lines, and lines that begin with `#`, say nothing.
    """
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip() and not line.startswith("#")]
    header = next(csv.reader(lines[:1]), [])
    found = [row["appid"] or "" for row in csv.DictReader(lines)] if "appid" in header else lines
    return [appid for appid in dict.fromkeys(line.strip() for line in found) if appid]


def rows(text: str) -> list[Row]:
    """Read rows as the cloud's sweep and this one write them: JSON, one row or a list of rows on a line.

    Raises `ValueError` that says which line is none.
    """
    return [Row.of(value) for line, value in _values(text.lstrip("\ufeff").splitlines()) if _is_row(line, value)]


def _values(lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    for line, text in enumerate(lines, 1):
        if text.strip():
            try:
                value = json.loads(text)
            except ValueError:
                value = None
            for item in value if isinstance(value, list) else [value]:
                yield line, item


def _is_row(line: int, value: Any) -> bool:
    if isinstance(value, dict) and isinstance(value.get("appid"), str) and isinstance(value.get("errCode"), int):
        return True
    raise ValueError(f'line {line} is no row of a sweep: {{"appid", "errCode", "errMsg", "grayReleasePlan"}}')
