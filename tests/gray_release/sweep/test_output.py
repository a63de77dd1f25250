"""`--output`, `--html`, `--since` and `--fail-on`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import run


def write_rows(path: Path, *plans: Any) -> None:
    """Write rows of wx0, wx1 and so on, each with a plan or an errCode."""
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
    """The exit code says whether a mini program is in a state that `--fail-on` lists."""
    write_rows(tmp_path / "rows", *plans)
    options = [] if states is None else ["--fail-on", states]
    assert run("sweep", "--from", str(tmp_path / "rows"), *options).returncode == code


def test_since(tmp_path: Path) -> None:
    """Rows from AWS can be compared too, and `unchangedSince` is kept over several comparisons."""
    results, state = tmp_path / "results", tmp_path / "state"
    write_rows(state, RUNNING, PAUSED)
    os.utime(state, (1_700_000_000, 1_700_000_000))
    for changes, since in (({"wx1": "resumed", "wx2": "new"}, 1_700_000_000), ({}, 1_700_000_000)):
        write_rows(results, RUNNING, RUNNING, None)
        process = run("sweep", "--from", str(results), "--since", str(state), "--output", str(state))
        assert (process.returncode, process.stdout) == (0, "")
        found = [json.loads(line) for line in state.read_text("utf-8").splitlines()]
        assert {row["appid"]: row["change"] for row in found if "change" in row} == changes
        assert found[0]["unchangedSince"] == since
        assert f"{3 - len(changes)} unchanged" in process.stderr
    write_rows(results, RUNNING)
    process = run("sweep", "--from", str(results), "--since", str(tmp_path / "none"))
    assert (json.loads(process.stdout)["appid"], "first run" in process.stderr) == ("wx0", True)


def test_atomic_files(tmp_path: Path) -> None:
    """A failed sweep leaves both files unchanged and no temporary file; a new file has the usual mode."""
    output, page, results = tmp_path / "rows", tmp_path / "page", tmp_path / "results"
    options = ("--output", str(output), "--html", str(page))
    output.write_text("before", "ascii")
    page.write_text("before", "ascii")
    output.chmod(0o640)
    assert run("sweep", "-", *options, stdin="two words\n").returncode == 2
    assert (output.read_text("ascii"), page.read_text("ascii")) == ("before", "before")
    assert sorted(tmp_path.iterdir()) == [page, output]
    page.unlink()
    write_rows(results, RUNNING)
    (tmp_path / "link").symlink_to(output)
    assert run("sweep", "--from", str(results), "--output", str(tmp_path / "link"), "--html", str(page)).returncode == 0
    assert (tmp_path / "link").is_symlink()
    assert (output.stat().st_mode & 0o777, page.stat().st_mode & 0o444) == (0o640, 0o444)
    assert json.loads(output.read_text("utf-8"))["appid"] == "wx0"
    assert run("sweep", "--from", str(results), "--output", "/dev/stdout").stdout.startswith('{"appid":"wx0"')


@pytest.mark.parametrize("option", ["--output", "--html"])
def test_missing_folder(tmp_path: Path, option: str) -> None:
    """A file that cannot be written is an error before the first request."""
    process = run("sweep", "-", option, str(tmp_path / "none/rows"), stdin="wx1\n")
    assert (process.returncode, process.stdout) == (2, "")
    assert "No such file" in process.stderr


def test_file_that_the_shell_has_emptied(tmp_path: Path) -> None:
    """`--since FILE > FILE` is refused, because the shell has emptied FILE; the error names `--output`."""
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


def test_since_without_rows(tmp_path: Path) -> None:
    """The error about a file without rows names the wrong line."""
    (tmp_path / "state").write_text("<html>", "ascii")
    process = run("sweep", "--since", str(tmp_path / "state"))
    assert (process.returncode, "line 1" in process.stderr) == (2, True)
