"""The workflows of docs/pipelines.md run, and its exit codes are those of the command."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gray_release.commands.invoke import EXIT_CODES
from gray_release.commands.sweep import EXIT_CODES as SWEEP_CODES
from gray_release.release import STATE_NAMES
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, SECRET, Sandbox

DOCUMENT = Path("docs/pipelines.md").read_text("utf-8")
WORKFLOWS = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)]


def read_script(workflow: dict[str, Any], name: str) -> str:
    """Return the script of a step."""
    [job] = workflow["jobs"].values()
    [text] = [step["run"] for step in job["steps"] if step.get("name") == name]
    return str(text)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Put `gray-release` on the PATH, as pip does."""
    command = tmp_path / "bin/gray-release"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH={Path.cwd()} exec {sys.executable} -m gray_release "$@"\n', "ascii")
    command.chmod(0o755)
    return f"{command.parent}:/usr/bin:/bin"


@pytest.mark.parametrize(
    ("plan", "faults", "code", "words"),
    [
        ({"status": 3, "gray_percentage": 100}, [], 0, "::notice::The release has reached everyone"),
        ({"status": 2, "gray_percentage": 40}, [], 1, "::error::The release is paused"),
        ({"status": 4}, [], 1, "::error::The release was withdrawn or deleted"),
        ({"status": 1}, [Fault("plan", "errcode", "48001")], 1, '"errCode":48001'),
    ],
)
def test_follow(path: str, plan: dict[str, Any], faults: list[Fault], code: int, words: str) -> None:
    """The step that follows a release succeeds or fails with it, and says why."""
    with Sandbox(plan=plan, faults=faults) as sandbox:
        process = subprocess.run(
            ["bash", "-e", "-c", read_script(WORKFLOWS[0], "Follow the release")],
            env={
                "PATH": path,
                "WECHAT_API_BASE_URL": sandbox.base_url,
                "WECHAT_APPID": APPID,
                "WECHAT_SECRET": SECRET,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    assert process.returncode == code
    assert words in process.stdout


@pytest.mark.parametrize(("status", "code"), [(1, 0), (2, 4)])
def test_sweep(path: str, tmp_path: Path, status: int, code: int) -> None:
    """The scheduled sweep writes its two files, tolerates a refusal, and fails if a release is paused."""
    (tmp_path / "appids.csv").write_text("AppID,name\nwx1,a\nwx2,b\n", "ascii")
    with Sandbox(plan={"status": status, "gray_percentage": 40}, apps=dict.fromkeys(("wx1", "wx2"), SECRET)) as sandbox:
        sandbox.faults.append(Fault("plan", "errcode", "48001", appid="wx2"))
        environ = {"PATH": path, "WECHAT_API_BASE_URL": sandbox.base_url, "WECHAT_SECRET": SECRET, "ROBOT_URL": ""}
        process = subprocess.run(
            ["bash", "-e", "-c", read_script(WORKFLOWS[1], "Check every release")],
            cwd=tmp_path,
            env=environ,
            check=False,
            timeout=60,
        )
    assert process.returncode == code
    assert len((tmp_path / "releases.jsonl").read_text("utf-8").splitlines()) == 2
    assert "wx2" in (tmp_path / "releases.html").read_text("utf-8")


def test_exit_codes_of_sweep() -> None:
    """The document has the exit codes of `sweep --help`."""
    assert re.findall(r"^\| `(\d+)` \|", DOCUMENT, re.MULTILINE) == re.findall(r"^  (\d+) ", SWEEP_CODES, re.MULTILINE)


def test_exit_codes() -> None:
    """The document has the exit codes of `--help`, and the statuses that `--until` accepts."""
    assert re.findall(r"^\| (\d+) \|", DOCUMENT, re.MULTILINE) == re.findall(r"^  (\d+) ", EXIT_CODES, re.MULTILINE)
    [states] = re.findall(r"`--until` takes (.*?)\.", DOCUMENT)
    assert re.findall(r"`(\w+)`", states) == list(STATE_NAMES)
