"""The release as a person sees it: `invoke` on a terminal, and `--watch`."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import time
from typing import Any

import pytest

from handler.contract import INVALID_ARGUMENTS
from handler.local.sandbox.faults import Fault
from handler.local.sandbox.server import APPID, DOCUMENTED_PLAN, SECRET, Sandbox, scenario
from handler.local.screen import STATUS, answer
from tests.support import REPLY, run

COMMAND = [sys.executable, "-m", "handler.local"]


def on_terminal(command: list[str], columns: int = 80, **environ: str) -> tuple[str, str, int]:
    """Run a command whose stderr is a terminal; return its stdout, what the terminal got, and the exit code."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command,
        env={"PATH": os.environ["PATH"], "TERM": "xterm-256color", "COLUMNS": str(columns), "TZ": "UTC", **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    ) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # the terminal's end
            while chunk := os.read(ours, 65536):
                shown += chunk
        os.close(ours)
        assert process.stdout
        return process.stdout.read(), shown.decode(), process.wait(timeout=30)


def plain(shown: str) -> str:
    """Cut the colours off."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)


@pytest.mark.parametrize("columns", [80, 160])
def test_picture(columns: int) -> None:
    """On a terminal the release is shown in words, in a bar no wider than the terminal, and with its times."""
    stdout, shown, code = on_terminal([*COMMAND, "invoke"], columns)
    assert (stdout, code) == (REPLY, 0)
    assert "\x1b[36m" in shown
    text = plain(shown)
    for words in ("rolling out  执行中", "8 %  ━", APPID, "2018-02-02 06:42:01 UTC", "2018-02-02 06:58:41 UTC"):
        assert words in text
    assert re.search(r"token +stable, fetched", text)
    assert re.search(r"WeChat +[0-9.]+ ms, 2 requests", text)
    assert max(len(line) for line in text.splitlines() if "━" in line) <= columns
    assert "getGrayReleasePlan" in text
    assert '"message"' not in text


def test_picture_without_colour() -> None:
    """NO_COLOR is heeded."""
    _, shown, _ = on_terminal([*COMMAND, "invoke"], NO_COLOR="1")
    assert not re.search(r"\x1b\[3[0-9]", shown)
    assert "8 %  ━" in plain(shown)


def test_picture_of_a_failure() -> None:
    """A failure is shown with what to do about it, and cannot steer the terminal."""
    fault = Fault.parse("plan:errcode=40164")
    with Sandbox(faults=[fault]) as sandbox:
        stdout, shown, code = on_terminal(
            [*COMMAND, "invoke"],
            WECHAT_API_BASE_URL=sandbox.base_url,
            WECHAT_APPID=APPID,
            WECHAT_SECRET=SECRET,
        )
    assert json.loads(stdout)["errCode"] == 40164
    assert code == 1
    assert "✗ 40164" in plain(shown)
    assert "fixed egress address" in " ".join(plain(shown).split())
    assert SECRET not in shown


def test_no_escape_reaches_the_terminal() -> None:
    """What WeChat writes is shown without its control characters."""
    plan = {**DOCUMENTED_PLAN, "status": 7, "create_timestamp": 1e300, "gray_percentage": "\x1b[2J"}
    with Sandbox(plan=plan) as sandbox:
        _, shown, code = on_terminal(
            [*COMMAND, "invoke"], WECHAT_API_BASE_URL=sandbox.base_url, WECHAT_APPID=APPID, WECHAT_SECRET=SECRET
        )
    assert code == 0
    assert "\x1b[2J" not in shown
    assert "created       unknown" in plain(shown)
    assert '"message":"contract drift"' in plain(shown).replace("\r\n", "")


def test_lines_that_are_no_log() -> None:
    """What somebody prints while finding a fault is shown above the picture as it is, JSON or not."""
    show = "with screen(live=False) as (log, show): print(5, [1], 'a word', sep='\\n', file=log); show({'errCode': 0})"
    _, shown, code = on_terminal([sys.executable, "-c", f"from handler.local.screen import screen\n{show}"])
    assert code == 0
    assert plain(shown).split()[:5] == ["5", "[1]", "a", "word", "getGrayReleasePlan"]


@pytest.mark.parametrize("name", ["rich.console", "click"])
def test_without_the_extra(name: str) -> None:
    """Where the commands' own libraries are missing, one line says what to type."""
    code = f"import sys; sys.modules[{name!r}] = None\nfrom handler.local.__main__ import main\nsys.exit(main())"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.splitlines() == [
        f"{name} is not installed: type pip install '.[cli]', or make .venv/.ready and then .venv/bin/python"
    ]


def watch(plan: Any, *faults: str) -> subprocess.CompletedProcess[str]:
    """Watch a release every 50 ms."""
    with Sandbox(plan=plan, faults=[Fault.parse(fault) for fault in faults]) as sandbox:
        environ = {"WECHAT_API_BASE_URL": sandbox.base_url, "WECHAT_APPID": APPID, "WECHAT_SECRET": SECRET}
        return run("invoke", "--watch", "0.05", **environ)


def test_watch_until_finished() -> None:
    """`--watch` prints a line for each look, the last one that of the release which has reached everyone."""
    process = watch(scenario([("rise", 0.4), ("pause", 0.3), ("rise", 0.4)], time.time() + 0.5))
    plans = [json.loads(line)["grayReleasePlan"] for line in process.stdout.splitlines()]
    assert process.returncode == 0
    assert [plan["status"] for plan in plans if plan["status"] == 3] == [3]
    assert plans[-1]["grayPercentage"] == 100
    assert {1, 2} <= {plan["status"] for plan in plans}
    percentages = [plan["grayPercentage"] for plan in plans]
    assert percentages == sorted(percentages)


@pytest.mark.parametrize("plan", [scenario([("delete", 0)], 0), {}, lambda _now: None])
def test_watch_ends_with_the_release(plan: Any) -> None:
    """Where no release is under way there is nothing to wait for: exit 3."""
    process = watch(plan)
    assert process.returncode == 3
    assert len(process.stdout.splitlines()) == 1


def test_watch_outlives_a_passing_failure() -> None:
    """WeChat's -1 ends no watch; another errCode does, with exit 1."""
    process = watch(scenario([("finish", 0)], 0), "plan:errcode=-1*2")
    codes = [json.loads(line)["errCode"] for line in process.stdout.splitlines()]
    assert (codes, process.returncode) == ([-1, 0], 0)
    process = watch(scenario([("finish", 0)], 0), "plan:errcode=48001")
    assert process.returncode == 1
    assert json.loads(process.stdout)["errCode"] == 48001


def test_live_picture() -> None:
    """On a terminal the picture of a watched release is drawn anew, and stdout gets every look."""
    with Sandbox(plan=scenario([("rise", 0.4)], time.time() + 1)) as sandbox:
        stdout, shown, code = on_terminal(
            [*COMMAND, "invoke", "--watch", "0.1"],
            WECHAT_API_BASE_URL=sandbox.base_url,
            WECHAT_APPID=APPID,
            WECHAT_SECRET=SECRET,
        )
    assert code == 0
    assert len(stdout.splitlines()) > 1
    assert "\x1b[1A" in shown  # up, to draw over the last one
    assert "finished  执行完毕" in plain(shown)


def test_status_words() -> None:
    """Every status that WeChat documents has words, and a scenario's steps play each."""
    assert set(STATUS) == {0, 1, 2, 3, 4}
    plan = scenario([("wait", 1), ("rise", 1), ("pause", 1), ("rise", 1), ("finish", 1), ("delete", 1)], 100)
    seen = [plan(now) for now in (100.5, 101.5, 102.5, 103.5, 104.5, 105.5, 999)]
    assert [found and found["status"] for found in seen] == [0, 1, 2, 1, 3, 4, 4]
    assert [found and found["gray_percentage"] for found in seen] == [0, 25, 50, 75, 100, 100, 100]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"statusCode": 200, "body": '{"errcode": 40097, "errmsg": "x"}'}, INVALID_ARGUMENTS),
        ({"statusCode": 200, "body": ""}, None),
        ({"errCode": 0}, 0),
    ],
)
def test_answers_of_every_face(reply: dict[str, Any], expected: int | None) -> None:
    """The errCode is found in an HTTP reply of either face, and in a result."""
    assert answer(reply).get("errCode") == expected


@pytest.mark.parametrize(
    "arguments",
    [
        ["invoke", "--watch", "0"],
        ["sandbox", "--scenario", "fly=3"],
        ["sandbox", "--scenario", "rise=x"],
        ["invoke", "--watch", "nan"],
    ],
)
def test_bad_arguments(arguments: list[str]) -> None:
    """What cannot be played is refused with the usage, exit 2."""
    process = run(*arguments)
    assert process.returncode == 2
    assert "Usage:" in process.stderr


def test_taken_port() -> None:
    """A taken port is named, with the way out."""
    with Sandbox() as sandbox:
        process = run("sandbox", "--port", sandbox.base_url.rpartition(":")[2])
    assert process.returncode == 2
    assert "--port 0 takes a free one" in process.stderr


def test_help_teaches() -> None:
    """`--help` shows what to type, and what the exit codes mean."""
    text = run("--help").stdout
    for words in ("examples:", "--watch 1", "exit codes:", "WECHAT_APPID"):
        assert words in text
