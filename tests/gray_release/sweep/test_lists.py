"""Lists of mini programs as spreadsheets, editors and scripts write them."""

import csv
import json

import pytest

from gray_release.sweep.lists import ListEntry, read_list

APPIDS = ["wx0123456789abcdef", "wx1"]
ONE, TWO = APPIDS


@pytest.mark.parametrize(
    "text",
    [
        f"{ONE}\n{TWO}\n",
        f"\ufeff{ONE}\r\n\r\n# ours\r\n  {TWO}  \r\n{ONE}\r\n",
        f"{ONE}\r{TWO}",  # Classic Mac OS, and Excel's CSV (Macintosh)
        f'"{ONE}\t"\n"{TWO}"\t\n',
        f"{ONE},,\n{TWO}，\n,,\n",
        f"\u200b{ONE}\u3000\n\u00a0{TWO}",
        f"appid\n{ONE}\n{TWO}\n",
        f'"{ONE}"\n["{TWO}"]\n'.replace('"wx0', '["wx0', 1).replace('def"', 'def"]', 1),
        json.dumps([ONE, TWO], indent=2),
        f'{{"appid": "{ONE}", "errCode": 0, "grayReleasePlan": null}}\n[{{"appid": "{TWO}", "errCode": 61003}}]',
    ],
)
def test_appids(text: str) -> None:
    """A plain list, a column and the rows of an earlier sweep give the same appids, each once."""
    assert [entry.appid for entry in read_list(text.encode())] == APPIDS


@pytest.mark.parametrize(
    "text",
    [
        f'name,appid\n"a, b",{ONE}\n名,{TWO}\n,,\n,\n',
        f"\ufeff AppID ;Name\r\n{ONE};a, b\r\n{TWO};名\r\n;;\r\n",
        f"No\tAPPID\tnote\tname\n1\t{ONE}\t\ta, b\n2\t{TWO}\tx\t名\n\t\t\t\n",
        f"我的小程序\n2026-11\n\nAppId，NAME\n{ONE}，a, b\n{TWO}，名\n",
        f'"appid" , "name"\n"{ONE}\t" , "a, b"\n{TWO}, 名\n# the rest is retired\n{TWO},other\n',
        f'{{"appid": "{ONE}", "name": "a, b", "errCode": 0}}\n{{"appid": "{TWO}", "name": "名", "errCode": -1}}',
    ],
)
def test_names(text: str) -> None:
    """The header is found in any case, with blanks, below titles, and with every delimiter."""
    assert read_list(text.encode()) == [ListEntry(ONE, "a, b"), ListEntry(TWO, "名")]


@pytest.mark.parametrize("text", ["", "\n# nobody\n", "appid\n", "appid,name\n,,\n", "[]"])
def test_empty_list(text: str) -> None:
    """A list may be empty; the command refuses it."""
    assert read_list(text.encode()) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f"{ONE}\nnot an appid\n".encode(), ["line 2", "not an appid"]),
        (f"authorizer_appid\n{ONE}\n".encode(), ["line 1", "column appid"]),
        (f"App_ID\n{ONE}\n".encode(), ["line 1", "column appid"]),
        (f"{ONE}\ncomponent\n".encode(), ["line 2", "component"]),
        (f"{ONE}\n{'w' * 65}\n".encode(), ["line 2"]),
        (f"{ONE},{TWO}\n".encode(), ["line 1", "header"]),
        (f"\n{ONE},a name\n".encode(), ["line 2", "header"]),
        (f"appid,name\n{ONE},a\n,b\n".encode(), ["line 3"]),
        (f"{ONE}\nappid\n{TWO}\n".encode(), ["line 1", "above the header"]),
        (f'appid,name\n{ONE},"a\n{TWO},b"\n'.encode(), ["line 2", "quote"]),
        (f'appid,name\n"{ONE},a\n{TWO},b\n'.encode(), ["line 2", "quote"]),
        (f'"{ONE}\n{TWO}\n'.encode(), ["line 1", "quote"]),
        (f"appid,name\n{ONE},{'x' * (csv.field_size_limit() + 1)}\n".encode(), ["line 2", "longer"]),
        (f"appid,name\n{ONE},商店\n".encode("gbk"), ["line 2", "GBK", "另存为 CSV UTF-8"]),
        (f"appid,name\n{ONE},商店\n".encode("utf-16"), ["UTF-16", "另存为 CSV UTF-8"]),
        (f"appid\n{ONE}\n".encode("utf-16-le"), ["UTF-16"]),
        (f'["{ONE}"]\n{"[" * 100_000}\n'.encode(), ["line 2"]),
        (f'["{ONE}"]\n["wx\\ud800"]\n'.encode(), ["line 2"]),
        (f'["{ONE}"]\n[1]\n'.encode(), ["line 2"]),
        (b"{}", ["line 1"]),
        (b"<html>\n<body>", ["line 1", "line 2"]),
    ],
)
def test_wrong_lines(content: bytes, words: list[str]) -> None:
    """The error names each wrong line, so that no appid is skipped silently."""
    with pytest.raises(ValueError, match=r"line|UTF") as caught:
        read_list(content)
    assert all(word in str(caught.value) for word in words)


def test_many_wrong_lines() -> None:
    """The error names the first wrong lines and counts the others, so that it stays short."""
    with pytest.raises(ValueError, match="line 1") as caught:
        read_list("\n".join(["w w " * 1000] * 1000).encode())
    assert "995" in str(caught.value)
    assert len(str(caught.value)) < 500
