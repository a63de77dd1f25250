"""Read a list of mini programs: one appid a line, CSV from a spreadsheet, or the rows of an earlier sweep."""

import csv
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gray_release.sweep.results import read_values
from gray_release.sweep.texts import decode_text, number_lines

# The pattern of `handler.contract.Appid`: the function refuses a whole batch if one appid does not match.
_APPID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_WECHAT_APPID = re.compile(r"wx[0-9a-f]{16}")
_DELIMITERS = ",;\t，；"  # noqa: RUF001 - a Chinese input method writes the last two
_BLANKS = " \t\u00a0\u200b\u200e\u3000\ufeff"  # text copied from web pages contains invisible ones
_TITLE_LINES = 10  # Apple Numbers and WPS may export titles above the header
_MOST_SHOWN = 5
_UNCLOSED = "a quote is not closed on this line, or there is text after the closing quote"


class ListEntry(NamedTuple):
    """A mini program of a list; `name` is empty if the list has no name for it."""

    appid: str
    name: str = ""


class _Line(NamedTuple):
    number: int
    text: str


class _Columns(NamedTuple):
    """The index of the header line, the delimiter, and the indexes of the columns."""

    header: int
    delimiter: str
    appid: int
    name: int | None


def read_list(content: bytes) -> list[ListEntry]:
    """Read the mini programs of a list, each once.

    A list is one of these:

    - one appid on each line
    - CSV with a column `appid` and maybe a column `name`. The header may be in upper case, have blanks around its
      titles, and follow a few lines of other text.
    - JSON on each line: an appid, or a row of an earlier sweep

    Empty lines and lines that begin with `#` are ignored. Raises `ValueError` with the numbers of wrong lines.
    """
    text = decode_text(content)
    errors: list[str] = []
    if text.lstrip(_BLANKS + "\r\n").startswith(("{", "[")):
        entries = _read_json(text, errors)
    else:
        lines = [_Line(*line) for line in number_lines(text) if not line[1].strip(_BLANKS).startswith("#")]
        columns = _find_columns(lines)
        entries = _read_table(lines, columns, errors) if columns else _read_lines(lines, errors)
    mini_programs: dict[str, ListEntry] = {}
    for number, entry in entries:
        if not _APPID.fullmatch(entry.appid) or entry.appid == "component":
            errors.append(f"line {number}: {_shorten(entry.appid)} is not an appid")
        elif not mini_programs.get(entry.appid, ListEntry("")).name:
            mini_programs[entry.appid] = entry
    if errors:
        more = f"; and {len(errors) - _MOST_SHOWN} more lines" if len(errors) > _MOST_SHOWN else ""
        raise ValueError("; ".join(errors[:_MOST_SHOWN]) + more)
    return list(mini_programs.values())


def _read_json(text: str, errors: list[str]) -> Iterator[tuple[int, ListEntry]]:
    for number, value in read_values(text):
        if isinstance(value, str):
            yield number, ListEntry(value)
        elif isinstance(value, dict) and isinstance(value.get("appid"), str):
            name = value.get("name")
            yield number, ListEntry(value["appid"], name if isinstance(name, str) else "")
        else:
            errors.append(f'line {number} is neither {{"appid": ...}} nor an appid in quotes')


def _find_columns(lines: Sequence[_Line]) -> _Columns | None:
    """Find the header, the first line with a cell `appid`."""
    for index, line in enumerate(lines[: _TITLE_LINES + 1]):
        for delimiter in _DELIMITERS:
            try:
                cells = [re.sub(r"\s", "", cell).casefold() for cell in _split(line.text, delimiter)]
            except csv.Error:
                continue
            if "appid" in cells:
                return _Columns(
                    index, delimiter, cells.index("appid"), cells.index("name") if "name" in cells else None
                )
    return None


def _read_table(lines: Sequence[_Line], columns: _Columns, errors: list[str]) -> Iterator[tuple[int, ListEntry]]:
    early_numbers = [line.number for line in lines[: columns.header] if _WECHAT_APPID.search(line.text)]
    errors += [f"line {number} has an appid above the header" for number in early_numbers]
    for number, text in lines[columns.header + 1 :]:
        try:
            cells = _split(text, columns.delimiter)
        except csv.Error as error:
            errors.append(f"line {number}: {_explain(error)}")
            continue
        appid = cells[columns.appid] if columns.appid < len(cells) else ""
        name = cells[columns.name] if columns.name is not None and columns.name < len(cells) else ""
        if appid:
            yield number, ListEntry(appid, name)
        elif any(cells):
            errors.append(f"line {number} has no appid")


def _read_lines(lines: Sequence[_Line], errors: list[str]) -> Iterator[tuple[int, ListEntry]]:
    for index, (number, text) in enumerate(lines):
        cells = [cell for part in re.split(f"[{_DELIMITERS}]", text) if (cell := part.strip(_BLANKS + '"'))]
        if text.count('"') % 2:
            errors.append(f"line {number}: {_UNCLOSED}")
        elif len(cells) > 1:
            errors.append(f"line {number} has several columns: add a header with a column appid")
        elif index == 0 and cells and "appid" in re.sub("[^a-z]", "", cells[0].casefold()):
            errors.append(f"line {number}: {_shorten(cells[0])} looks like a header: name the column appid")
        elif cells:
            yield number, ListEntry(cells[0])


def _split(text: str, delimiter: str) -> list[str]:
    """Split a line of CSV. Raises `csv.Error`, also if a quote is not closed on this line.

    A cell must not contain a line break: it looks like a missing quote, which would hide the appids after it.
    """
    blank = " " if delimiter == "\t" else r"\s"
    cleaned = re.sub(rf'"{blank}+(?={delimiter}|$)', '"', text.strip("\ufeff"))
    [cells] = csv.reader([cleaned], delimiter=delimiter, strict=True, skipinitialspace=True)
    return [cell.strip(_BLANKS) for cell in cells]


def _explain(error: csv.Error) -> str:
    if "limit" in str(error):
        return f"a cell is longer than {csv.field_size_limit()} characters"
    return _UNCLOSED


def _shorten(appid: str) -> str:
    return repr(appid if len(appid) <= 24 else f"{appid[:24]}…")
