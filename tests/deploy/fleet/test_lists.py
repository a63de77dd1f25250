"""Lists of mini programs as people and spreadsheets write them, swept on an AWS emulator."""

import pytest

from gray_release.sandbox.server import Sandbox
from tests.fleet import Cloud, appids, authorize
from tests.support import PLAN, Valkey

pytestmark = pytest.mark.fleet

ONE, TWO = appids(2, start=1300)
SHOP = "商店"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"appid\n{ONE}\n{TWO}\n", [None, None]),
        (f"\ufeffAppID\r\n{ONE}\r\n{TWO}\r\n", [None, None]),
        (f" APPID \n {ONE}\t\n{TWO} ", [None, None]),
        (f"name,appid\n{SHOP},{ONE}\n,{TWO}\n", [SHOP, None]),
        (f"Appid,Name,note\n{ONE},{SHOP},a\n,,\n{TWO},b\n,,\n", [SHOP, "b"]),
        (f"\ufeffappid;name\r\n{ONE};{SHOP}\r\n;\r\n{TWO};\r\n", [SHOP, None]),
        (f"name;appid;x\n{SHOP};{ONE};1\nb;{TWO};2\n", [SHOP, "b"]),
        (f"appid\tname\n{ONE}\t{SHOP}\n{TWO}\tb\n", [SHOP, "b"]),
        (f'"appid","name"\n"{ONE}","a, b"\n"{TWO}",""\n', ["a, b", None]),
        (f'"appid";"name"\n"{ONE}";"a"\n"{TWO}";""\n', ["a", None]),
        (f"appid,name\n{ONE},a\n{ONE},b\n{TWO},\n{ONE},c\n", ["a", None]),
        (f"appid\n\u3000{ONE}\u00a0\n{TWO}\n", [None, None]),
    ],
)
def test_shapes(cloud: Cloud, wechat: Sandbox, server: Valkey, text: str, names: list[str | None]) -> None:
    """A list may have blanks, a byte order mark, any case, `;` or tabs; empty rows and repeated appids are skipped."""
    authorize(wechat, server, [ONE, TWO])
    cloud.s3.put_object(Bucket=cloud.bucket, Key="list.csv", Body=text.encode())
    output = cloud.run(cloud.sweep, {"key": "list.csv"})
    rows = cloud.rows(output["results"])
    assert output == {"total": 2, "answered": 2, "failed": 0, "results": output["results"]}
    assert [(row["appid"], row.get("name")) for row in rows] == list(zip([ONE, TWO], names, strict=True))
    assert wechat.count(PLAN) == 2


def test_rows_without_an_appid(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """If a row of the list has no valid appid, its result is an error that names the row."""
    authorize(wechat, server, [ONE, TWO])
    wrong = ["wx 1", "微信", "wx1;wx2", "x" * 65, "component", "null\u0000"]
    lines = ["appid,name", f"{ONE},a", f",{SHOP}", *(f"{one},b" for one in wrong), f"{TWO},c", " , "]
    cloud.s3.put_object(Bucket=cloud.bucket, Key="list.csv", Body="\n".join(lines).encode())
    output = cloud.run(cloud.sweep, {"key": "list.csv"})
    assert output == {"total": 9, "answered": 2, "failed": 7, "results": output["results"]}
    rows = cloud.rows(output["results"])
    assert sorted(row["errCode"] for row in rows) == [0, 0] + [40097] * 6 + [41002]
    [nameless] = [row for row in rows if row["errCode"] == 41002]
    assert (nameless["appid"], nameless["name"]) == ("", SHOP)
    assert "row 2 " in nameless["errMsg"]
    assert wechat.count(PLAN) == 2


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (None, "States.ItemReaderFailed", "无法从存储桶"),
        (b"appid\n", "EmptyList", "没有小程序"),
        (b"appid,name\n,,\n;\n , \n", "EmptyList", "没有小程序"),
        (f"{ONE}\n{TWO}\n".encode(), "NoColumn", "没有 appid 列"),
        (b"id,name\nwx1,a\n", "NoColumn", "没有 appid 列"),
        (f"appid\n{ONE}\n".encode("utf-16"), "States.ItemReaderFailed", "UTF-8"),
        (f"名称,appid\n{SHOP},{ONE}\n".encode("gbk"), "States.ItemReaderFailed", "UTF-8"),
    ],
    ids=["missing", "header only", "emptied", "no header", "another header", "UTF-16", "GBK"],
)
def test_no_list(cloud: Cloud, wechat: Sandbox, body: bytes | None, error: str, words: str) -> None:
    """If the list is missing, empty or invalid, the sweep fails, and its event gives advice in both languages."""
    if body is not None:
        cloud.s3.put_object(Bucket=cloud.bucket, Key="no-list.csv", Body=body)
    else:
        cloud.s3.delete_object(Bucket=cloud.bucket, Key="no-list.csv")
    description = cloud.wait_for_end(cloud.start(cloud.sweep, {"key": "no-list.csv"}))
    assert (description["status"], description["error"]) == ("FAILED", error)
    [(kind, detail)] = cloud.events(1)
    assert (kind, detail["error"]) == ("Gray Release Sweep Failed", error)
    assert "no-list.csv" in detail["cause"]
    assert detail["cause"] in detail["summary"]
    assert words in detail["summary"]
    assert wechat.count(PLAN) == 0
