"""Fuzzing that follows coverage, for so many events."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_events(tmp_path: Path) -> None:
    """Events that start from the samples, mutated along new branches, break nothing."""
    pytest.importorskip("atheris", reason="atheris has wheels for Linux on x86_64 and CPython 3.11 to 3.13")
    for path in Path("events").glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    options = ["-seed=1", "-runs=500000", "-max_total_time=60", "-max_len=3000"]
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.handler.triggers.fuzz_events", *options, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    assert "Done " in process.stderr
