"""Reading the rows of an earlier sweep."""

import json

import pytest

from gray_release.sweep.results import read_rows

PLAN = {"status": 1, "grayPercentage": 8}
ROW = {"appid": "wx1", "errCode": 0, "errMsg": "ok", "grayReleasePlan": PLAN}
LINE = json.dumps(ROW)


@pytest.mark.parametrize("text", [LINE, f"\ufeff{LINE}\r\n\r\n", f"[{LINE}]", json.dumps([ROW], indent=2), f"\n{LINE}"])
def test_rows(text: str) -> None:
    """Lines of rows, lines of lists, and one list over many lines are read."""
    [row] = read_rows(text.encode())
    assert (row.appid, row.answer.plan, row.json) == ("wx1", PLAN, ROW)


def test_what_wechat_may_add() -> None:
    """Half surrogates, U+2028 and keys such as `statusCode` from WeChat do no harm."""
    extra = {"statusCode": 500, "body": "{", "headers": None, "x": "\ud800\u2028"}
    for ascii_only in (True, False):
        text = json.dumps({**ROW, **extra}, ensure_ascii=ascii_only)
        [row] = read_rows(text.encode("utf-8", "replace"))
        assert (row.answer.failure, row.answer.plan) == (None, PLAN)
        assert json.dumps(row.json, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "<html>",
        '{"appid": "wx1", "errCode": true}',
        '{"appid": "wx1", "errCode": 0, "x": NaN}',
        '{"appid": 1, "errCode": 0}',
        '{"appid": "wx1", "errCode": 0, "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"appid": "wx1", "errCode": 0, "x": ' + "[" * 400 + "]" * 400 + "}",
        "null",
        LINE[:-3],
    ],
)
def test_no_row(line: str) -> None:
    """The error names the line that is not a row."""
    with pytest.raises(ValueError, match="line 3"):
        read_rows(f"{LINE}\n\n{line}\n".encode())
