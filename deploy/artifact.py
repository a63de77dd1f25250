"""Build the artifact to deploy, a folder and its zip, for AWS Lambda or for Tencent SCF.

    python3 -m deploy.artifact lambda DIRECTORY [--arm64] [--zip FILE]

The artifact holds the locked dependencies for the target's platform (with checked hashes), a copy of `handler/`, the
certificate authorities as a directory for OpenSSL, and bytecode for the target's Python. Builds are reproducible.

The build needs uv. To compile the bytecode, it needs a Python of the target's minor version. It imports only the
standard library, because `sam build` runs it with the machine's own `python3`.
"""

from __future__ import annotations  # this module must also run on a system Python older than 3.10

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from deploy import DeployError
from deploy.archive import list_files, write_zip
from deploy.authorities import write_hashed_certificates
from deploy.interpreter import ROOT, UvMissingError, find_interpreter, run_uv
from deploy.unused import list_unused

if TYPE_CHECKING:
    from collections.abc import Sequence

# The only folders of the project that a build may empty: git ignores them, and `make clean` removes them.
BUILD_FOLDERS = ("dist", ".aws-sam")
EPOCH = 315_619_200  # 1980-01-02 UTC: zips hold local times from 1980-01-01, so this date is valid in every time zone

# SCF's console calls index.main_handler: https://cloud.tencent.com/document/product/583/55593
SCF_INDEX = (
    '"""Where SCF looks for the entry point."""\n\nfrom handler.app import main_handler\n\n__all__ = ["main_handler"]\n'
)


@dataclass(frozen=True)
class Target:
    """Where an artifact runs: Python's minor version, uv's name for the platform, and the folder of the code there."""

    python: str
    platform: str
    mount_path: str


LAMBDA = Target("3.13", "x86_64-manylinux_2_34", "/var/task")  # Amazon Linux 2023
LAMBDA_ARM64 = Target("3.13", "aarch64-manylinux_2_34", "/var/task")
SCF = Target("3.10", "x86_64-manylinux2014", "/var/user")  # CentOS 7
SCF_PYTHONS = ("3.10", "3.11")  # SCF's API accepts 3.10; CloudBase also lists 3.11


def main(arguments: Sequence[str] | None = None) -> int:
    """Build an artifact; return the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m deploy.artifact", description="Build a deployable artifact.")
    parser.add_argument("target", choices=["lambda", "scf"])
    parser.add_argument("directory", type=Path, help="the folder to build in; its content is deleted first")
    parser.add_argument("--arm64", action="store_true", help="build for Lambda on Graviton")
    parser.add_argument("--python", choices=SCF_PYTHONS, help="the Python version of the SCF runtime (3.10)")
    parser.add_argument("--strict", action="store_true", help="fail if no Python can compile the bytecode")
    parser.add_argument("--lock", type=Path, default=ROOT / "requirements.txt", help="the file of locked dependencies")
    parser.add_argument("--zip", type=Path, help="also write this zip file")
    options = parser.parse_args(arguments)
    target = LAMBDA_ARM64 if options.arm64 else LAMBDA
    if options.target == "scf":
        target = replace(SCF, python=options.python or SCF.python)
    try:
        check_places(options.directory, options.zip)
        build_artifact(target, options.directory, options.lock, strict=options.strict)
        size = sum(path.stat().st_size for path in list_files(options.directory))
        print(f"{options.directory}: {size / 1e6:.1f} MB for Python {target.python}, {target.platform}")
        if options.zip:
            write_zip(options.directory, options.zip)
            print(f"{options.zip}: {options.zip.stat().st_size / 1e6:.1f} MB")
    except (DeployError, OSError) as error:
        print(f"cannot build: {error}", file=sys.stderr)
        return 1
    return 0


def build_artifact(target: Target, directory: Path, lock: Path, *, strict: bool = False) -> None:
    """Replace the content of the directory with the artifact. Raises `DeployError`.

    Without a Python of the target's version, the artifact has no bytecode; with `strict`, that is an error.
    """
    interpreter = _find_compiler(target.python, strict=strict)
    directory = directory.resolve()
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    run_uv(
        *("pip", "install", "--quiet", "--target", str(directory), "--link-mode", "copy", "--no-deps"),
        *("--python-version", target.python, "--python-platform", target.platform, "--only-binary", ":all:"),
        *("--require-hashes", "--requirement", str(lock)),
    )
    list_files(ROOT / "handler")  # refuses symlinks that point outside, before copytree follows them
    shutil.copytree(ROOT / "handler", directory / "handler", ignore=shutil.ignore_patterns("__pycache__"))
    if target.mount_path == SCF.mount_path:
        (directory / "index.py").write_text(SCF_INDEX, "utf-8")
    write_hashed_certificates(directory / "certifi" / "cacert.pem")
    for path in list(list_unused(directory)):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    if interpreter:
        compile_all(interpreter, directory, target.mount_path)
    for path in directory.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (EPOCH, EPOCH))


def _find_compiler(version: str, *, strict: bool) -> str | None:
    """Return a Python of this version. If there is none, warn that cold starts will be slower."""
    try:
        return find_interpreter(version)
    except UvMissingError:
        raise
    except DeployError as error:
        if strict:
            raise
        reason = error
    print(
        f"warning: {reason}\n"
        f"The artifact is built without bytecode. It works, but each cold start compiles every module and takes about\n"
        f"twice as long (1.1 instead of 0.5 seconds of a full CPU).",
        file=sys.stderr,
    )
    return None


def check_places(directory: Path, archive: Path | None) -> None:
    """Raise `DeployError` if the folder may hold more than a build, or if the zip would be inside the folder."""
    stated, real = Path(os.path.abspath(directory)), directory.resolve()  # noqa: PTH100 - resolve() follows symlinks
    if ROOT.is_relative_to(real):
        raise DeployError(f"the build would empty {directory}, which contains this project")
    if stated.is_relative_to(ROOT) and not real.is_relative_to(ROOT):
        raise DeployError(f"the build would empty {real}, outside this project, because {directory} is a symlink to it")
    if real.is_relative_to(ROOT) and real.relative_to(ROOT).parts[0] not in BUILD_FOLDERS:
        raise DeployError(
            f"the build would empty {directory}, which belongs to the sources: build in {' or '.join(BUILD_FOLDERS)},"
            " or outside this project"
        )
    if archive and archive.resolve().is_relative_to(real):
        raise DeployError(f"the zip {archive} would be inside the folder {directory}, which is the zip's content")


def compile_all(interpreter: str, directory: Path, mount_path: str) -> None:
    """Compile every module. Without bytecode, each cold start compiles every module, because the disk is read-only.

    Python does not compare this bytecode with its source. Such a comparison uses file times, and unpacking a zip or a
    layer changes them. Raises `DeployError`.
    """
    command = [interpreter, "-W", "ignore", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    process = subprocess.run(
        [*command, "-s", str(directory), "-p", mount_path, str(directory)],
        env=os.environ | {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise DeployError(process.stdout or process.stderr)


if __name__ == "__main__":
    sys.exit(main())
