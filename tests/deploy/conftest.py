"""The built artifacts, made once for all deploy tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from handler.local.deploy.interpreter import uv
from tests.support import ROOT, build


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
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install Lambda's runtime loop for Python 3.13, apart from everything else."""
    directory = tmp_path_factory.mktemp("runtime")
    # From the lock, with its hashes checked, and without what it does not ask for.
    uv(
        *("pip", "install", "--quiet", "--target", str(directory), "--python-version", "3.13", "--no-deps"),
        *("--constraint", str(ROOT / "requirements-dev.txt"), "--only-binary", ":all:"),
        *("awslambdaric", "simplejson", "snapshot-restore-py"),
    )
    return directory


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
