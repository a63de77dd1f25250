"""`--output`, `--html`, `--since` and `--fail-on`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import run


def write(path: Path, *plans: Any) -> None:
    """Write rows of wx0, wx1 and on; a number instead of a plan is an errCode."""
    rows = [
        {"appid": f"wx{index}", "errCode": plan}
        if isinstance(plan, int)
        else {"appid": f"wx{index}", "errCode": 0, "grayReleasePlan": plan}
        for index, plan in enumerate(plans)
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")


RUNNING, PAUSED, FINISHED = {"status": 1, "grayPercentage": 5}, {"status": 2}, {"status": 3}


@pytest.mark.parametrize(
    ("plans", "states", "code"),
    [
        ([RUNNING, FINISHED], None, 0),
        ([RUNNING, 61003], None, 1),
        ([PAUSED, RUNNING], None, 0),
        ([PAUSED, 61003], "paused", 4),
        ([RUNNING, 61003], "paused", 0),
        ([PAUSED, 61003], "paused,failed", 1),
        ([RUNNING, FINISHED], "paused,failed", 0),
        ([RUNNING, FINISHED], "finished", 4),
        ([None], "none", 4),
        ([RUNNING], "broken", 2),
        ([RUNNING], "", 2),
    ],
)
def test_fail_on(tmp_path: Path, plans: list[Any], states: str | None, code: int) -> None:
    """The exit code says whether a mini program is in a state that the caller cannot live with."""
    write(tmp_path / "rows", *plans)
    options = [] if states is None else ["--fail-on", states]
    assert run("sweep", "--from", str(tmp_path / "rows"), *options).returncode == code


def test_since(tmp_path: Path) -> None:
    """Rows of the cloud are compared, and what an earlier comparison found is kept: since when all is as it is."""
    results, state = tmp_path / "results", tmp_path / "state"
    write(state, RUNNING, PAUSED)
    os.utime(state, (1_700_000_000, 1_700_000_000))
    for changes, since in (({"wx1": "resumed", "wx2": "new"}, 1_700_000_000), ({}, 1_700_000_000)):
        write(results, RUNNING, RUNNING, None)
        process = run("sweep", "--from", str(results), "--since", str(state), "--output", str(state))
        assert (process.returncode, process.stdout) == (0, "")
        found = [json.loads(line) for line in state.read_text("utf-8").splitlines()]
        assert {row["appid"]: row["change"] for row in found if "change" in row} == changes
        assert found[0]["unchangedSince"] == since
        assert f"{3 - len(changes)} unchanged" in process.stderr
    write(results, RUNNING)
    process = run("sweep", "--from", str(results), "--since", str(tmp_path / "none"))
    assert (json.loads(process.stdout)["appid"], "first run" in process.stderr) == ("wx0", True)


def test_whole_or_not_at_all(tmp_path: Path) -> None:
    """A sweep that cannot be made leaves both files as they were, and nothing beside them; a new file can be read."""
    output, page, results = tmp_path / "rows", tmp_path / "page", tmp_path / "results"
    options = ("--output", str(output), "--html", str(page))
    output.write_text("before", "ascii")
    page.write_text("before", "ascii")
    output.chmod(0o640)
    assert run("sweep", "-", *options, stdin="two words\n").returncode == 2
    assert (output.read_text("ascii"), page.read_text("ascii")) == ("before", "before")
    assert sorted(tmp_path.iterdir()) == [page, output]
    page.unlink()
    write(results, RUNNING)
    (tmp_path / "link").symlink_to(output)
    assert run("sweep", "--from", str(results), "--output", str(tmp_path / "link"), "--html", str(page)).returncode == 0
    assert (tmp_path / "link").is_symlink()
    assert (output.stat().st_mode & 0o777, page.stat().st_mode & 0o444) == (0o640, 0o444)
    assert json.loads(output.read_text("utf-8"))["appid"] == "wx0"
    assert run("sweep", "--from", str(results), "--output", "/dev/stdout").stdout.startswith('{"appid":"wx0"')


@pytest.mark.parametrize("option", ["--output", "--html"])
def test_a_folder_that_is_not_there(tmp_path: Path, option: str) -> None:
    """A file that could not be written is named before anybody is asked."""
    process = run("sweep", "-", option, str(tmp_path / "none/rows"), stdin="wx1\n")
    assert (process.returncode, process.stdout) == (2, "")
    assert "No such file" in process.stderr


def test_the_shell_has_emptied_it(tmp_path: Path) -> None:
    """`--since FILE > FILE` loses what was there: it is refused, with the way to do it."""
    state = tmp_path / "state"
    with state.open("w") as stdout:
        process = subprocess.run(
            [sys.executable, "-m", "gray_release", "sweep", "--since", str(state)],
            env={"PATH": os.environ["PATH"]},
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=30,
        )
    assert (process.returncode, "--output" in process.stderr) == (2, True)


def test_since_that_is_none(tmp_path: Path) -> None:
    """A file that holds no rows is refused, with its line."""
    (tmp_path / "state").write_text("<html>", "ascii")
    process = run("sweep", "--since", str(tmp_path / "state"))
    assert (process.returncode, "line 1" in process.stderr) == (2, True)
