"""A sweep whose output cannot be written, or whose terminal has another encoding than UTF-8."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")  # a device of Linux: every write fails as on a full disk


def sweep(*options: str, stdout: int = subprocess.PIPE, **environ: str) -> "subprocess.CompletedProcess[bytes]":
    """Check two mini programs of the sandbox, one of which has an emoji in its name."""
    return subprocess.run(
        [sys.executable, "-m", "gray_release", "sweep", "-", *options],
        env={"PATH": os.environ["PATH"], **environ},
        input='appid,name\nwx1,咖啡🎉\nwx2,"a ""b"", c"\n'.encode(),
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
        timeout=30,
    )


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
def test_full_disk_for_stdout() -> None:
    """A sweep whose rows cannot be written ends with a message. It ends although its sandbox still runs."""
    with FULL.open("wb") as stdout:
        process = sweep(stdout=stdout.fileno())
    assert process.returncode != 0
    assert b"No space left" in process.stderr
    assert b"Traceback" not in process.stderr


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("option", ["--output", "--html"])
def test_full_disk_for_a_file(option: str) -> None:
    """If a file can be opened but not written, the command prints a message and no traceback."""
    process = sweep(option, str(FULL))
    assert process.returncode == 2
    assert b"No space left" in process.stderr
    assert b"Traceback" not in process.stderr


@pytest.mark.parametrize("encoding", ["gbk", "ascii"])
def test_encoding_of_stdout(encoding: str) -> None:
    """Rows are UTF-8 whatever encoding the system has, so that `--since` and `--from` can read them."""
    process = sweep(PYTHONIOENCODING=encoding)
    assert (process.returncode, b"Traceback" in process.stderr) == (0, False)
    rows = [json.loads(line) for line in process.stdout.decode("utf-8").splitlines()]
    assert [row["name"] for row in rows] == ["咖啡🎉", 'a "b", c']
