"""Fuzzing that follows coverage, for so many events."""

from pathlib import Path

import pytest

from tests.support import fuzz

pytestmark = pytest.mark.slow


def test_events(tmp_path: Path) -> None:
    """Events that start from the samples, mutated along new branches, break nothing."""
    for path in Path("events").glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    fuzz("tests.handler.triggers.fuzz_events", tmp_path, "-runs=500000", "-max_len=3000")
