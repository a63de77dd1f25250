"""The built artifacts, made once for all deploy tests."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(target: str, directory: Path, *options: str) -> str:
    """Build an artifact as the make targets do; return what the builder said."""
    command = [sys.executable, "-m", "handler.local.artifact", target, str(directory), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def sam() -> str:
    """Find aws-sam-cli."""
    found = os.environ.get("SAM") or shutil.which("sam") or str(ROOT / ".tools/sam/bin/sam")
    assert Path(found).exists(), "no sam: run these with make test-slow"
    return found


@pytest.fixture(scope="session")
def lambda_artifact(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Build for Lambda, and see to it that nobody writes there."""
    directory = tmp_path_factory.mktemp("lambda") / "task"
    build("lambda", directory, "--zip", str(directory.parent / "lambda.zip"))
    before = listing(directory)
    for path in directory.rglob("*"):
        path.chmod(path.stat().st_mode & ~0o222)
    yield directory
    assert listing(directory) == before, "something was written into the artifact"
    for path in directory.rglob("*"):
        path.chmod(path.stat().st_mode | 0o200)


@pytest.fixture(scope="session")
def scf_artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build for SCF; return the zip."""
    directory = tmp_path_factory.mktemp("scf")
    build("scf", directory / "code", "--zip", str(directory / "scf.zip"))
    return directory / "scf.zip"


def listing(directory: Path) -> dict[str, tuple[int, float]]:
    """Return size and time of every file."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): (path.stat().st_size, path.stat().st_mtime) for path in files}
