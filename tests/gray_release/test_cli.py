"""`python -m gray_release`, as a developer runs it."""

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

from gray_release.cli import commands
from gray_release.sandbox.server import APPID, Sandbox
from tests.support import REPLY, ROOT, ending, run


def test_invoke() -> None:
    """`invoke` without credentials starts the sandbox, says so, and prints the documented reply and nothing else."""
    process = run("invoke", "events/direct.json")
    assert process.stdout == REPLY
    assert process.returncode == 0
    assert "no credentials set: using the WeChat sandbox" in process.stderr


def test_invoke_scf_from_stdin() -> None:
    """`invoke - --target scf` reads the event from stdin and takes SCF's way in."""
    process = run("invoke", "-", "--target", "scf", stdin='{"Type":"Timer","Message":"hello"}')
    assert process.stdout == REPLY
    assert '"trigger":"timer"' in process.stderr


def test_invoke_failure() -> None:
    """A failure prints the errCode object and exits 1."""
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
    """A failure exits 1 also where the function returns it: with ON_ERROR=return, and over HTTP."""
    process = run("invoke", "-", "--target", "scf", stdin=json.dumps(event), **environ)
    assert process.returncode == 1
    assert json.loads(process.stdout)


def test_failure_through_make() -> None:
    """`make invoke` fails where the command does, and says with which code."""
    command = ["make", "--silent", "invoke", "EVENT=events/none.json"]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (process.returncode, process.stdout) == (2, "")
    assert "Error 2" in process.stderr


def test_anywhere(tmp_path: Path) -> None:
    """From any folder the command has an event of its own."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "gray_release"]
    process = subprocess.run(
        [*command, "invoke"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    assert process.stdout == REPLY


def test_invoke_unreadable_event() -> None:
    """An event that cannot be read exits 2 and says why."""
    for process in (run("invoke", "events/none.json"), run("invoke", "-", stdin="{")):
        assert process.returncode == 2
        assert process.stdout == ""
        assert "cannot read the event" in process.stderr


def test_invoke_with_credentials() -> None:
    """With credentials in the environment no sandbox is started."""
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
    with ending(subprocess.Popen(command, stdout=slave, stderr=subprocess.DEVNULL)) as process:
        assert process.wait(30) == 0
    os.close(slave)
    output = os.read(master, 4096).decode().replace("\r\n", "\n")
    os.close(master)
    assert output == json.dumps(json.loads(REPLY), indent=2) + "\n"


def test_sandbox_alone() -> None:
    """`sandbox` prints the environment to use it with, serves another process, and ends when interrupted."""
    command = [sys.executable, "-m", "gray_release", "sandbox", "--plan", '{"status":2}', "--fault", "plan:reset*1"]
    with ending(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)) as server:
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
def test_bad_arguments(arguments: list[str]) -> None:
    """What cannot be done is refused in words, without a traceback or a name of ours: exit 2."""
    process = run(*arguments)
    assert (process.returncode, process.stdout) == (2, "")
    assert "Usage:" in process.stderr
    assert "Error: " in process.stderr
    assert not re.search(r"Traceback|\b_\w|Errno|handler\.local\.\w", process.stderr)


def test_help_teaches() -> None:
    """`--help` shows what to type, and what the exit codes mean."""
    text = run("--help").stdout
    for words in ("examples:", "--watch 1", "exit codes:", "WECHAT_APPID"):
        assert words in text


@pytest.mark.parametrize("command", [[], *([name] for name in commands.commands)])
def test_help_fits(command: list[str]) -> None:
    """Every page of help fits 80 columns, and tells each command in a whole sentence."""
    process = run(*command, "--help", COLUMNS="80")
    assert process.returncode == 0
    assert max(map(len, process.stdout.splitlines())) <= 80
    assert not re.search(r"\w\.\.\.$", process.stdout, re.MULTILINE)


@pytest.mark.parametrize("command", ["serve", "sandbox"])
@pytest.mark.parametrize("port", ["80000", "taken"])
def test_ports(command: str, port: str) -> None:
    """A port that cannot be had is refused with the way out."""
    with Sandbox() as sandbox:
        process = run(command, "--port", port.replace("taken", sandbox.base_url.rpartition(":")[2]))
    assert (process.returncode, process.stdout) == (2, "")
    assert "--port 0 takes a free one" in process.stderr or "0<=x<=65535" in process.stderr
