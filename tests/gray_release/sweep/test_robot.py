"""Each run sends one message to a chat robot, within its limits, and its URL stays secret."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gray_release.sandbox import fleet
from gray_release.sweep.changes import compare_rows
from gray_release.sweep.digest import create_digest
from gray_release.sweep.robot import KINDS, Robot, RobotError
from gray_release.sweep.row import Row
from tests.support import run

if TYPE_CHECKING:
    from tests.gray_release.sweep.conftest import ChatRobots

NOW = 1_800_000_000
SECRET = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"


def create_rows(count: int, name: str) -> list[Row]:
    """Create the rows of many mini programs."""
    plans = fleet.create_plans(fleet.create_appids(count), NOW)
    return [
        Row.from_json({"appid": appid, "name": name, "errCode": 0 if plan else 61003, "grayReleasePlan": plan})
        for appid, plan in plans.items()
    ]


def test_foreign_appids() -> None:
    """With `--from` an appid may be any text: it is shortened, and mentions nobody."""
    row = Row.from_json({"appid": "<@all>" * 20, "errCode": 0, "grayReleasePlan": {"status": 2}})
    message = create_digest(compare_rows([row], [], NOW - 9, NOW), NOW)
    assert message
    text = message.write(4000, is_markdown=True)
    assert ("<" in text, "(@all)" in text) == (False, True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 20, 3000])
@pytest.mark.parametrize(
    "name",
    ["", "灰度" * 50, "<@all> [x](http://evil) **\x1b`", '\\"\n' * 50],
    ids=["none", "chinese", "markdown", "escapes"],
)
def test_limits(robots: "ChatRobots", kind: str, count: int, name: str) -> None:
    """The robot accepts a message about any number of changes; its last line counts those that do not fit."""
    message = create_digest(compare_rows(create_rows(count, name), [], NOW - 9, NOW), NOW)
    assert message
    robot = Robot(robots.get_url(kind))
    robot.send_message(message.head[0], message.write(robot.kind.limit, is_markdown=robot.kind.form == "markdown"))
    [text] = robots.messages
    assert "灰度发布" in text
    shown = sum(f"wx{number:016d}" in text for number in range(1, count + 1))
    left = re.search(r"and (\d+) more$", text)
    assert shown + (int(left[1]) if left else 0) >= count
    assert shown >= min(count, 15)
    assert not [sign for sign in ("<", "[", "`", "\x1b") if sign in text]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "refused"),
        ((200, b'{"errcode": 45009, "errmsg": "KEY", "code": 9499, "msg": "KEY"}'), "too many|20 messages"),
        ((200, b'{"errcode": 12345, "errmsg": "see KEY", "code": 12345, "msg": "see KEY"}'), "12345"),
        ((200, b'{"errcode": "0", "code": false}'), "refused"),
        ((200, b"{}"), "no code"),
        ((200, b"<html>KEY"), "no code"),
        ((302, b""), "HTTP status 302"),
        ((404, b"KEY"), "HTTP status 404"),
        ((500, b"KEY"), "HTTP status 500"),
    ],
)
def test_refused_messages(robots: "ChatRobots", kind: str, answer: tuple[int, bytes] | None, words: str) -> None:
    """An error code with HTTP 200 is an error, and no message shows the URL."""
    robots.answer = answer and (answer[0], answer[1].replace(b"KEY", SECRET.encode()))
    robot = Robot(robots.get_url(kind) + ("" if answer else "x"))
    with pytest.raises(RobotError, match=words) as caught:
        robot.send_message("灰度", "灰度")
    assert SECRET not in f"{caught.value!r} {robot!r}"
    assert len(robots.requests) == 1


def test_unreachable_robot() -> None:
    """The error about an unreachable robot does not show its URL."""
    with pytest.raises(RobotError) as caught:
        Robot(f"http://127.0.0.1:1/robot/send?access_token={SECRET}").send_message("灰度", "灰度")
    assert SECRET not in repr(caught.value)


@pytest.mark.parametrize(
    ("url", "kind", "found"),
    [
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1", None, "wecom"),
        ("https://oapi.dingtalk.com/robot/send?access_token=1", None, "dingtalk"),
        ("https://open.feishu.cn/open-apis/bot/v2/hook/1", None, "feishu"),
        ("https://open.larksuite.com/open-apis/bot/v2/hook/1", None, "feishu"),
        ("http://relay.internal/robot/send?access_token=1", None, "dingtalk"),
        ("http://10.0.0.1:8080/chat", "wecom", "wecom"),
        ("http://chat.example/robot/send", None, None),
        ("https://chat.example/x", None, None),
        ("ftp://qyapi.weixin.qq.com/cgi-bin/webhook/send", None, None),
        ("https://user:pass@qyapi.weixin.qq.com/cgi-bin/webhook/send", None, None),
        ("https://[/cgi-bin/webhook/send", None, None),
        ("https://oapi.dingtalk.com/robot/send?access_token=1\r\nX: 1", None, None),
        ("secret", "wecom", None),
    ],
)
def test_urls(url: str, kind: str | None, found: str | None) -> None:
    """The kind of a robot is found by its host or path; plain http is accepted only for private hosts."""
    if found:
        assert Robot(url, kind).kind is KINDS[found]
        return
    with pytest.raises(ValueError, match=r"must|--robot-kind") as caught:
        Robot(url, kind)
    assert url not in str(caught.value)


def format_row(appid: str, **plan: Any) -> str:
    """Write a row as a line of JSON."""
    return json.dumps({"appid": appid, "name": "商店", "errCode": 0, "grayReleasePlan": plan}) + "\n"


def test_command(robots: "ChatRobots", tmp_path: Path) -> None:
    """The first run sends all rows, later runs only changes. A change is sent until the robot accepts it."""
    results, state = tmp_path / "results.jsonl", tmp_path / "state.jsonl"
    command = ("sweep", "--from", str(results), "--since", str(state), "--output", str(state))
    results.write_text(format_row("wx1", status=1, grayPercentage=5), "utf-8")
    process = run(*command, ROBOT_URL=robots.get_url("wecom"))
    assert (process.returncode, len(robots.messages), "first run" in robots.messages[0]) == (0, 1, True)
    process = run(*command, "--robot", robots.get_url("dingtalk"))
    assert (process.returncode, len(robots.messages)) == (0, 1)
    results.write_text(format_row("wx1", status=2, grayPercentage=5), "utf-8")
    process = run(*command, "--robot", robots.get_url("feishu") + "x")
    assert (process.returncode, SECRET in process.stderr + process.stdout) == (5, False)
    (tmp_path / "link").symlink_to(state)
    unsent = (*command[:-1], str(tmp_path / "link"), "--robot", robots.get_url("feishu") + "x")
    assert run(*unsent).returncode == 5
    process = run(*command, "--robot", robots.get_url("feishu"))
    assert (process.returncode, len(robots.messages)) == (0, 2)
    assert "商店 wx1 paused 已暂停" in robots.messages[1]
    process = run(*command, "--robot", robots.get_url("feishu"))
    assert (process.returncode, len(robots.messages)) == (0, 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--robot", f"https://chat.example/{SECRET}", "--since", "none"],
        ["--robot", f"http://chat.example/robot/send?access_token={SECRET}", "--since", "none"],
        ["--robot", f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={SECRET}"],
        ["--robot", f"https://[{SECRET}", "--since", "none"],
    ],
)
def test_wrong_commands(arguments: list[str]) -> None:
    """A bad URL is an error before the first request, and the error does not show it."""
    process = run("sweep", "-", *arguments, stdin="wx1\n")
    assert (process.returncode, process.stdout, SECRET in process.stderr) == (2, "", False)


def test_failures_with_and_without_advice() -> None:
    """A line about older failures ends with the advice, cut with an ellipsis, or with the code."""
    rows = [Row.from_json({"appid": f"wx{code}", "errCode": code, "errMsg": "fail"}) for code in (48001, 123456)]
    digest = create_digest(compare_rows(rows, rows, 0, 1), 1)
    assert digest
    first, second = sorted(digest.lines)
    assert first.endswith("123456")
    assert second.endswith("…")
