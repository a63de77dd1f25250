"""`python -m gray_release` from the command line."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gray_release import cli
from gray_release.cli import commands
from gray_release.sandbox.server import APPID, Sandbox
from tests.support import REPLY, ROOT, end_process, run


def test_invoke() -> None:
    """`invoke` without credentials starts the sandbox and says so; stdout has only the documented reply."""
    process = run("invoke", "events/direct.json")
    assert process.stdout == REPLY
    assert process.returncode == 0
    assert "no credentials set: using the WeChat sandbox" in process.stderr


def test_invoke_scf_from_stdin() -> None:
    """`invoke - --target scf` reads the event from stdin and uses the SCF entry point."""
    process = run("invoke", "-", "--target", "scf", stdin='{"Type":"Timer","Message":"hello"}')
    assert process.stdout == REPLY
    assert '"trigger":"timer"' in process.stderr


def test_invoke_failure() -> None:
    """A failure prints errCode and errMsg, and exits 1."""
    process = run("invoke", "-", stdin="[]")
    assert json.loads(process.stdout)["errCode"] == 40097
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("event", "environ"),
    [
        ({"appid": "wx-unknown"}, {"ON_ERROR": "return"}),
        ({"httpMethod": "DELETE", "path": "/", "queryString": {}, "headers": {}, "body": ""}, {}),
        ({"httpMethod": "HEAD", "path": "/", "queryString": {"appid": "?"}, "headers": {}, "body": ""}, {}),
        ({"httpMethod": "PUT", "path": "/wxa/getgrayreleaseplan", "queryString": {}, "headers": {}, "body": ""}, {}),
    ],
)
def test_failures_that_are_returned(event: Any, environ: dict[str, str]) -> None:
    """A failure that the function returns, with ON_ERROR=return or as an HTTP response, also exits 1."""
    process = run("invoke", "-", "--target", "scf", stdin=json.dumps(event), **environ)
    assert process.returncode == 1
    assert json.loads(process.stdout)


def test_failure_through_make() -> None:
    """`make invoke` fails if the command fails, and shows its exit code."""
    command = ["make", "--silent", "invoke", "EVENT=events/none.json"]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (process.returncode, process.stdout) == (2, "")
    assert "Error 2" in process.stderr


def test_anywhere(tmp_path: Path) -> None:
    """The command needs no event file, so it runs in any folder."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "gray_release"]
    process = subprocess.run(
        [*command, "invoke"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    assert process.stdout == REPLY


def test_invoke_unreadable_event() -> None:
    """An unreadable event exits 2 with the reason."""
    for process in (
        run("invoke", "events/none.json"),
        *(run("invoke", "-", stdin=text) for text in ("{", "[" * 100_000)),
    ):
        assert process.returncode == 2
        assert process.stdout == ""
        assert "cannot read the event" in process.stderr


def test_invoke_byte_order_mark(tmp_path: Path) -> None:
    """An event with a byte order mark, as editors on Windows write it, is read."""
    (tmp_path / "event.json").write_text("\ufeff{}", "utf-8")
    assert run("invoke", str(tmp_path / "event.json")).stdout == REPLY
    assert run("invoke", "-", stdin="\ufeff{}").stdout == REPLY


def test_deep_plan() -> None:
    """The option `--plan` refuses a plan that is nested too deeply."""
    process = run("sandbox", "--plan", "[" * 100_000)
    assert (process.returncode, "--plan" in process.stderr) == (2, True)


def test_invoke_with_credentials() -> None:
    """With credentials in the environment, no sandbox starts."""
    with Sandbox() as sandbox:
        process = run(
            "invoke", WECHAT_API_BASE_URL=sandbox.base_url, WECHAT_APPID=APPID, WECHAT_SECRET="not-the-secret"
        )
        assert json.loads(process.stdout)["errCode"] == 40125
        assert "not-the-secret" not in process.stdout + process.stderr
        assert "sandbox at" not in process.stderr


def test_invoke_on_a_terminal() -> None:
    """On a terminal the reply is indented."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "gray_release", "invoke"]
    with end_process(subprocess.Popen(command, stdout=slave, stderr=subprocess.DEVNULL)) as process:
        assert process.wait(30) == 0
    os.close(slave)
    output = os.read(master, 4096).decode().replace("\r\n", "\n")
    os.close(master)
    assert output == json.dumps(json.loads(REPLY), indent=2) + "\n"


def test_sandbox_alone() -> None:
    """`sandbox` prints the variables for its use, serves another process, and ends on an interrupt."""
    command = [sys.executable, "-m", "gray_release", "sandbox", "--plan", '{"status":2}', "--fault", "plan:reset*1"]
    with end_process(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)) as server:
        assert server.stdout is not None
        environ = dict(pair.split("=", 1) for pair in server.stdout.readline().split())
        assert json.loads(run("invoke", **environ).stdout)["grayReleasePlan"] == {"status": 2}
        server.send_signal(signal.SIGINT)
        _, log = server.communicate(timeout=10)
        assert server.returncode == 130
    assert log.splitlines() == [
        "sandbox: POST /cgi-bin/stable_token -> errcode 0",
        "sandbox: GET /wxa/getgrayreleaseplan -> fault reset",
        "sandbox: GET /wxa/getgrayreleaseplan -> errcode 0",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["invoke", "--watch", "0"],
        ["sandbox", "--scenario", "fly=3"],
        ["sandbox", "--scenario", "rise=x"],
        ["invoke", "--watch", "nan"],
        ["invoke", "--timeout", "3"],
        ["invoke", "--watch", "1", "--until", "done"],
        ["invoke", "pyproject.toml"],
        ["invoke", "tests"],
        ["sandbox", "--port", "65536"],
        ["sandbox", "--host", "host.invalid"],
        ["sandbox", "--fault", "plan:errcode=many"],
        ["sandbox", "--plan", "[]"],
        ["sandbox", "--advance", "3"],
    ],
)
def test_bad_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A bad argument exits 2 with a sentence, without a traceback or an internal name."""
    assert cli.run(arguments) == 2
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert "Usage:" in stderr
    assert "Error: " in stderr
    assert not re.search(r"Traceback|\b_\w|Errno|(handler|gray_release)\.\w+\.\w", stderr)


def test_help_teaches() -> None:
    """`--help` shows examples and the meaning of the exit codes."""
    text = run("--help").stdout
    for words in ("examples:", "--watch 1", "exit codes:", "WECHAT_APPID"):
        assert words in text


@pytest.mark.parametrize("command", [[], *([name] for name in commands.commands)])
def test_help_fits(command: list[str]) -> None:
    """Every help page fits 80 columns, and no sentence is cut off."""
    process = run(*command, "--help", COLUMNS="80")
    assert process.returncode == 0
    assert max(map(len, process.stdout.splitlines())) <= 80
    assert not re.search(r"\w\.\.\.$", process.stdout, re.MULTILINE)


@pytest.mark.parametrize("command", ["serve", "sandbox"])
@pytest.mark.parametrize("port", ["80000", "taken"])
def test_ports(command: str, port: str) -> None:
    """The error for a port that cannot be used shows a valid one."""
    with Sandbox() as sandbox:
        process = run(command, "--port", port.replace("taken", sandbox.base_url.rpartition(":")[2]))
    assert (process.returncode, process.stdout) == (2, "")
    assert "--port 0" in process.stderr or "0<=x<=65535" in process.stderr
