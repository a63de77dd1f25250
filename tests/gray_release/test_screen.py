"""The picture that `invoke` draws on a terminal."""

import json
import os
import pty
import re
import subprocess
import sys
import time
import unicodedata
from typing import Any

import pytest

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, DOCUMENTED_PLAN, SECRET, Sandbox
from tests.support import REPLY, end_process, read_terminal

COMMAND = [sys.executable, "-m", "gray_release"]


def run_on_terminal(command: list[str], columns: int = 80, **environ: str) -> tuple[str, str, int]:
    """Run a command with a terminal as stderr; return its stdout, the terminal's content, and the exit code."""
    terminal, program_end = pty.openpty()
    started = subprocess.Popen(
        command,
        env={"PATH": os.environ["PATH"], "TERM": "xterm-256color", "COLUMNS": str(columns), "TZ": "UTC", **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=program_end,
        text=True,
    )
    with end_process(started) as process:
        shown = read_terminal(terminal, program_end)
        assert process.stdout
        return process.stdout.read(), shown, process.wait(timeout=30)


def count_columns(line: str) -> int:
    """Count the columns of a line; a Chinese character has two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)


def remove_colours(shown: str) -> str:
    """Remove the colours."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)


@pytest.mark.parametrize("columns", [80, 160])
def test_picture(columns: int) -> None:
    """The picture has the state in words, a bar that fits, and the times."""
    stdout, shown, code = run_on_terminal([*COMMAND, "invoke"], columns)
    assert (stdout, code) == (REPLY, 0)
    assert "\x1b[36m" in shown
    text = remove_colours(shown)
    for words in (
        "rolling out  执行中",
        "8 %  ━━━━━─",
        APPID,
        "2018-02-02 06:42:01 UTC (",
        " years ago)",
        "06:58:41 UTC",
    ):
        assert words in text
    assert re.search(r"token +stable, fetched", text)
    assert re.search(r"WeChat +[0-9.]+ ms, 2 requests", text)
    assert max(count_columns(line) for line in text.splitlines()) <= columns
    assert "getGrayReleasePlan" in text
    assert '"message"' not in text


def test_picture_without_colour() -> None:
    """NO_COLOR removes the colours."""
    _, shown, _ = run_on_terminal([*COMMAND, "invoke"], NO_COLOR="1")
    assert not re.search(r"\x1b\[3[0-9]", shown)
    assert "8 %  ━━━━━─" in remove_colours(shown)


def test_picture_of_a_failure() -> None:
    """The picture of a failure has its code and the advice."""
    fault = Fault.parse("plan:errcode=40164")
    with Sandbox(faults=[fault]) as sandbox:
        stdout, shown, code = run_on_terminal(
            [*COMMAND, "invoke"],
            WECHAT_API_BASE_URL=sandbox.base_url,
            WECHAT_APPID=APPID,
            WECHAT_SECRET=SECRET,
        )
    assert json.loads(stdout)["errCode"] == 40164
    assert code == 1
    assert "✗ 40164" in remove_colours(shown)
    assert "fixed egress address" in " ".join(remove_colours(shown).split())
    assert max(count_columns(line) for line in remove_colours(shown).splitlines()) <= 80
    assert SECRET not in shown


def test_control_characters() -> None:
    """Control characters from WeChat do not reach the terminal."""
    plan = {**DOCUMENTED_PLAN, "status": 7, "create_timestamp": 1e300, "gray_percentage": "\x1b[2J"}
    with Sandbox(plan=plan) as sandbox:
        _, shown, code = run_on_terminal(
            [*COMMAND, "invoke"], WECHAT_API_BASE_URL=sandbox.base_url, WECHAT_APPID=APPID, WECHAT_SECRET=SECRET
        )
    assert code == 0
    assert "\x1b[2J" not in shown
    assert "created   unknown" in remove_colours(shown)
    assert '"message":"contract drift"' in remove_colours(shown).replace("\r\n", "")


def test_other_lines() -> None:
    """Lines that somebody prints for debugging are shown below the picture unchanged."""
    program = (
        "from gray_release.release import Answer\n"
        "from gray_release.screen import open_screen\n"
        "with open_screen(live=False) as display:\n"
        "    print(5, [1], 'a word', sep='\\n', file=display.log_stream)\n"
        "    display.show_answer(Answer.from_reply({'errCode': 0}))\n"
    )
    _, shown, code = run_on_terminal([sys.executable, "-c", program])
    assert code == 0
    assert remove_colours(shown).split()[-4:] == ["5", "[1]", "a", "word"]


@pytest.mark.parametrize("name", ["rich.console", "click"])
def test_without_the_extra(name: str) -> None:
    """Without the libraries of the extra, the error is one line that says what to install."""
    code = f"import sys; sys.modules[{name!r}] = None\nfrom gray_release.__main__ import main\nsys.exit(main())"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (process.returncode, process.stdout) == (2, "")
    [line] = process.stderr.splitlines()
    assert line.startswith(name.partition(".")[0])
    assert "pip install '.[cli]'" in line


@pytest.mark.slow
def test_live_picture() -> None:
    """A live picture replaces the previous one, and keeps at most four lines of the access log below it."""
    stdout, shown, code = run_on_terminal([*COMMAND, "invoke", "--watch", "0.1", "--timeout", "3", "--until", "paused"])
    assert code == 124
    assert len(stdout.splitlines()) > 1
    first, *frames = remove_colours(shown).replace("\r", "").split("getGrayReleasePlan ")
    assert "using the WeChat sandbox" in first
    assert len(frames) > 5
    assert all(frame.count("sandbox: ") <= 4 for frame in frames)
    assert "\x1b[1A" in shown  # moves the cursor up, to draw over the last picture


def test_transitions() -> None:
    """The picture lists the states of a watched release; a finished one has no expected end."""
    statuses = [(1, 30), (1, 50), (2, 50), (1, 50), (3, 100)]
    plans = [{"status": status, "gray_percentage": share, "default_finish_timestamp": 1} for status, share in statuses]
    with Sandbox(plan=lambda _now: plans.pop(0)) as sandbox:
        _, shown, code = run_on_terminal(
            [*COMMAND, "invoke", "--watch", "0.05"],
            WECHAT_API_BASE_URL=sandbox.base_url,
            WECHAT_APPID=APPID,
            WECHAT_SECRET=SECRET,
        )
    last = remove_colours(shown).rpartition("getGrayReleasePlan ")[2]
    assert code == 0
    assert "finished  执行完毕" in last
    assert re.findall(r"seen +[0-9:]+  ([a-z ]+, [0-9]+ %)", last) == [
        "rolling out, 30 %",
        "paused, 50 %",
        "rolling out, 50 %",
        "finished, 100 %",
    ]
    assert "expected" not in last


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"status": 0}, ["not under way  未进行", "is over or was withdrawn"]),
        ({"status": 0, "gray_percentage": 0}, ["not started  初始", "0 %  ─"]),
        (
            {"status": 1, "gray_percentage": 0, "support_debuger_first": True, "support_experiencer_first": True},
            ["members only  仅限成员", "developers and trial users"],
        ),
        ({"status": 3, "gray_percentage": 100, "default_finish_timestamp": 1517554721}, ["finished  执行完毕"]),
        ({}, ["no release  暂无发布"]),
        ({"status": 5}, ["status 5  状态 5"]),
    ],
)
def test_pictures(plan: dict[str, Any], words: list[str]) -> None:
    """Each state has its own words, in lines that fit."""
    with Sandbox(plan=plan) as sandbox:
        _, shown, code = run_on_terminal(
            [*COMMAND, "invoke"], WECHAT_API_BASE_URL=sandbox.base_url, WECHAT_APPID=APPID, WECHAT_SECRET=SECRET
        )
    text = remove_colours(shown)
    assert code == 0
    assert [part for part in words if part not in re.sub(r"\s*\n\s*", " ", text)] == []
    assert "expected" not in text
    assert max(count_columns(line) for line in text.splitlines()) <= 80


def test_end_without_a_time() -> None:
    """Without a time from WeChat, the picture counts the days of the release."""
    with Sandbox(plan={"status": 1, "gray_percentage": 8, "create_timestamp": int(time.time()) - 200_000}) as sandbox:
        _, shown, _ = run_on_terminal(
            [*COMMAND, "invoke"], WECHAT_API_BASE_URL=sandbox.base_url, WECHAT_APPID=APPID, WECHAT_SECRET=SECRET
        )
    assert "day 3 of 15, everyone on 20" in remove_colours(shown)
