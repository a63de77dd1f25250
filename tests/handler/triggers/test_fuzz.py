"""Fuzzing of events, guided by coverage."""

from pathlib import Path

import pytest

from tests.support import fuzz

pytestmark = pytest.mark.slow


def test_events(tmp_path: Path) -> None:
    """Events mutated from the samples cause no crash."""
    for path in Path("events").glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    fuzz("tests.handler.triggers.fuzz_events", tmp_path, "-runs=500000", "-max_len=3000")
