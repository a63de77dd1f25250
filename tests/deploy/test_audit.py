"""`make audit`, with a stand-in for pip-audit that prints what the real one prints."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.audit import main

CLEAN = {"name": "redis", "version": "8.1.0", "vulns": []}
FOUND = {
    "name": "urllib3",
    "version": "2.0.0",
    "vulns": [{"id": "PYSEC-2023-192", "fix_versions": ["1.26.17", "2.0.6"], "aliases": [], "description": "..."}],
}
SKIPPED = {"name": "six", "skip_reason": "Dependency not found on PyPI and could not be audited: six (1.17.0)"}


def audit(tmp_path: Path, *packages: Any, error: str = "") -> int:
    """Run the audit on what pip-audit found."""
    printed = json.dumps({"dependencies": packages, "fixes": []}) if packages else ""
    (tmp_path / "pip-audit").write_text(f"#!/bin/sh\ncat <<'END'\n{printed}\nEND\necho '{error}' >&2\n")
    (tmp_path / "pip-audit").chmod(0o755)
    return main(str(tmp_path / "pip-audit"), "requirements.txt")


def test_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every package was looked up, and none is on the list."""
    assert audit(tmp_path, CLEAN) == 0
    assert capsys.readouterr().out == "1 packages, no known vulnerabilities\n"


@pytest.mark.parametrize("unreachable", ["", "pass"])
def test_vulnerable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], unreachable: str
) -> None:
    """A vulnerability fails whatever the variable says."""
    monkeypatch.setenv("AUDIT_UNREACHABLE", unreachable)
    assert audit(tmp_path, CLEAN, FOUND, SKIPPED) == 1
    assert capsys.readouterr().out == "urllib3 2.0.0: PYSEC-2023-192, fixed in 1.26.17, 2.0.6\n"


@pytest.mark.parametrize("packages", [(SKIPPED,), (CLEAN, SKIPPED), ()])
def test_unreachable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], packages: tuple[Any, ...]
) -> None:
    """Where packages could not be looked up it says so, and the variable decides whether that fails."""
    monkeypatch.delenv("AUDIT_UNREACHABLE", raising=False)
    assert audit(tmp_path, *packages, error="ERROR: no route to host") == 1
    error = capsys.readouterr().err
    assert "PyPI's list of known vulnerabilities is not reachable from here" in error
    assert ("(ERROR: no route to host)" in error) == (not packages)
    assert "AUDIT_UNREACHABLE=pass passes over that" in error
    monkeypatch.setenv("AUDIT_UNREACHABLE", "pass")
    assert audit(tmp_path, *packages) == 0
    assert "Passed over" in capsys.readouterr().err
