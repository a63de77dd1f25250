"""The notes and the tag of a release."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT

[VERSION] = re.findall('^version = "(.*)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
CHANGELOG = """# Changelog

## {heading}

- New.
- Newer.

## 0.0.1 (2020-01-01)

- Old.
"""


def notes(changelog: Path, *variables: str) -> subprocess.CompletedProcess[str]:
    """Run `make notes` for a tag."""
    command = ["make", "--silent", "notes", f"CHANGELOG={changelog}", *variables]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_notes(tmp_path: Path) -> None:
    """The notes of a release are the changelog's section for its version."""
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(CHANGELOG.format(heading=f"{VERSION} (2026-11-24)"))
    assert notes(changelog).stdout == "- New.\n- Newer.\n"


@pytest.mark.parametrize(
    ("heading", "variables", "said"),
    [
        (f"{VERSION} (unreleased)", [], "unreleased"),
        ("9.9.9 (2026-11-24)", [], f"has no section {VERSION}"),
        ("9.9.9 (2026-11-24)", ["VERSION=9.9.9"], "pyproject.toml"),
    ],
)
def test_not_to_be_released(tmp_path: Path, heading: str, variables: list[str], said: str) -> None:
    """`make notes` refuses a tag that does not match the project's version and the changelog."""
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(CHANGELOG.format(heading=heading))
    made = notes(changelog, *variables)
    assert made.returncode
    assert said in made.stderr


@pytest.mark.parametrize(
    "version",
    ["$(shell touch {})", "$$(touch {})", "';touch {};'", '";touch {};"', "`touch {}`", "1\ntouch {}", "", "-e"],
)
def test_hostile_version(tmp_path: Path, version: str) -> None:
    """No part of a tag's name is run as a command."""
    run = tmp_path / "run"
    made = notes(tmp_path / "CHANGELOG.md", "VERSION=" + version.replace("{}", str(run)))
    assert made.returncode
    assert not run.exists()


@pytest.mark.parametrize("event", ["$(shell touch {})", "';touch {};'", "$$(touch {})", "a file with blanks {}"])
def test_hostile_event(tmp_path: Path, event: str) -> None:
    """An event's file name is one argument of the command, and no part of it is run."""
    run = tmp_path / "run"
    command = ["make", "--silent", "--dry-run", "invoke", "EVENT=" + event.replace("{}", str(run))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert not run.exists()
