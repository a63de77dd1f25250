"""The built artifacts, built once for all deploy tests."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.interpreter import find_interpreter, run_uv
from tests.support import ROOT, Emulate, build, end_process, find_sam
from tests.tcp import find_free_port


@pytest.fixture(scope="session")
def lambda_artifact(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Build the Lambda artifact. The test fails if anything changes the folder."""
    directory = tmp_path_factory.mktemp("lambda") / "task"
    build("lambda", directory, "--zip", str(directory.parent / "lambda.zip"))
    before = list_files(directory)
    for path in directory.rglob("*"):
        path.chmod(path.stat().st_mode & ~0o222)
    yield directory
    assert list_files(directory) == before, "something was written into the artifact"
    for path in directory.rglob("*"):
        path.chmod(path.stat().st_mode | 0o200)


@pytest.fixture(scope="session")
def scf_artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build for SCF; return the zip."""
    directory = tmp_path_factory.mktemp("scf")
    build("scf", directory / "code", "--zip", str(directory / "scf.zip"))
    return directory / "scf.zip"


def list_files(directory: Path) -> dict[str, tuple[int, float]]:
    """Return the size and the time of change of every file."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): (path.stat().st_size, path.stat().st_mtime) for path in files}


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install Lambda's runtime client for Python 3.13 into a separate folder."""
    directory = tmp_path_factory.mktemp("runtime")
    # Install the locked version with its hash, and no dependencies.
    run_uv(
        *("pip", "install", "--quiet", "--target", str(directory), "--python-version", "3.13", "--no-deps"),
        *("--constraint", str(ROOT / "requirements-dev.txt"), "--only-binary", ":all:"),
        *("awslambdaric", "simplejson", "snapshot-restore-py"),
    )
    return directory


@pytest.fixture
def emulate(lambda_artifact: Path, runtime: Path) -> Emulate:
    """Run the artifact in Lambda's runtime client with these variables; return the URL that invokes it."""
    emulator = next(
        Path(find_sam()).resolve().parents[1].glob("lib/python3*/site-packages/samcli/local/rapid/*rie-x86_64")
    )
    python = find_interpreter("3.13")

    @contextlib.contextmanager
    def emulate(**variables: str) -> Iterator[str]:
        invoke, api = find_free_port(), find_free_port()
        command = [
            *(str(emulator), "--log-level", "info", "--runtime-interface-emulator-address", f"127.0.0.1:{invoke}"),
            *("--runtime-api-address", f"127.0.0.1:{api}"),
            *(python, "-S", "-m", "awslambdaric", "handler.app.lambda_handler"),
        ]
        environ = {
            "PATH": os.defpath,
            "PYTHONPATH": f"{lambda_artifact}:{runtime}",
            "AWS_REGION": "us-east-1",
            "AWS_LAMBDA_FUNCTION_NAME": "artifact",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "20",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            **variables,
        }
        nowhere = subprocess.DEVNULL
        with end_process(
            subprocess.Popen(command, cwd=lambda_artifact, env=environ, stdout=nowhere, stderr=nowhere), 120
        ):
            for _ in range(500):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", invoke)) == 0:
                        break
                time.sleep(0.02)
            yield f"http://127.0.0.1:{invoke}/2015-03-31/functions/function/invocations"

    return emulate
