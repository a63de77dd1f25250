"""Build what is deployed: a folder, and a zip of it, for AWS Lambda or for Tencent SCF.

    python3 -m deploy.artifact lambda DIRECTORY [--arm64] [--zip FILE]

The locked dependencies for the target's platform with their hashes checked, `handler/` as it is, the
authorities as OpenSSL's directory, and bytecode for the target's Python. Needs uv, and for the bytecode an interpreter
of the target's minor version. Standard library only: `sam build` runs it with whatever Python
there is. Two builds are the same byte for byte.
"""

from __future__ import annotations  # for the system's Python, which may be older than the function's

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from deploy import DeployError
from deploy.archive import files, write_zip
from deploy.authorities import write_hashed
from deploy.interpreter import ROOT, MissingError, find_interpreter, uv
from deploy.unused import list_unused

if TYPE_CHECKING:
    from collections.abc import Sequence

# Where a build may go inside the project: git ignores these, and `make clean` removes them.
BUILD_FOLDERS = ("dist", ".aws-sam")
EPOCH = 315_619_200  # 1980-01-02 UTC: the first day that a zip can state in every time zone

# SCF's console calls index.main_handler: https://cloud.tencent.com/document/product/583/55593
SCF_INDEX = (
    '"""Where SCF looks for the entry point."""\n\nfrom handler.app import main_handler\n\n__all__ = ["main_handler"]\n'
)


@dataclass(frozen=True)
class Target:
    """Where an artifact runs: Python's minor version, uv's name of the platform, and the folder it is mounted at."""

    python: str
    platform: str
    mounted_at: str


LAMBDA = Target("3.13", "x86_64-manylinux_2_34", "/var/task")  # Amazon Linux 2023
LAMBDA_ARM64 = Target("3.13", "aarch64-manylinux_2_34", "/var/task")
SCF = Target("3.10", "x86_64-manylinux2014", "/var/user")  # CentOS 7
SCF_PYTHONS = ("3.10", "3.11")  # the API takes 3.10; CloudBase lists 3.11 too


def main(arguments: Sequence[str] | None = None) -> int:
    """Build an artifact; return the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m deploy.artifact", description="Build a deployable artifact.")
    parser.add_argument("target", choices=["lambda", "scf"])
    parser.add_argument("directory", type=Path, help="where to build; what is there is removed")
    parser.add_argument("--arm64", action="store_true", help="for Lambda on Graviton")
    parser.add_argument("--python", choices=SCF_PYTHONS, help="the version of SCF's runtime, instead of 3.10")
    parser.add_argument("--strict", action="store_true", help="fail where there is no interpreter for the bytecode")
    parser.add_argument("--lock", type=Path, default=ROOT / "requirements.txt", help="the locked dependencies")
    parser.add_argument("--zip", type=Path, help="the zip to write")
    options = parser.parse_args(arguments)
    target = LAMBDA_ARM64 if options.arm64 else LAMBDA
    if options.target == "scf":
        target = replace(SCF, python=options.python or SCF.python)
    try:
        check_places(options.directory, options.zip)
        build(target, options.directory, options.lock, strict=options.strict)
        size = sum(path.stat().st_size for path in files(options.directory))
        print(f"{options.directory}: {size / 1e6:.1f} MB for Python {target.python}, {target.platform}")
        if options.zip:
            write_zip(options.directory, options.zip)
            print(f"{options.zip}: {options.zip.stat().st_size / 1e6:.1f} MB")
    except (DeployError, OSError) as error:
        print(f"cannot build: {error}", file=sys.stderr)
        return 1
    return 0


def build(target: Target, directory: Path, lock: Path, *, strict: bool = False) -> None:
    """Fill the directory with the artifact; what was there is removed. Raises `DeployError`.

    Where there is no interpreter of the target's version the artifact has no bytecode; `strict` raises instead.
    """
    interpreter = _find_compiler(target.python, strict=strict)
    directory = directory.resolve()
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    uv(
        *("pip", "install", "--quiet", "--target", str(directory), "--link-mode", "copy", "--no-deps"),
        *("--python-version", target.python, "--python-platform", target.platform, "--only-binary", ":all:"),
        *("--require-hashes", "--requirement", str(lock)),
    )
    files(ROOT / "handler")
    shutil.copytree(ROOT / "handler", directory / "handler", ignore=shutil.ignore_patterns("__pycache__"))
    if target.mounted_at == SCF.mounted_at:
        (directory / "index.py").write_text(SCF_INDEX, "utf-8")
    write_hashed(directory / "certifi" / "cacert.pem")
    for path in list(list_unused(directory)):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    if interpreter:
        compile_all(interpreter, directory, target.mounted_at)
    for path in directory.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (EPOCH, EPOCH))


def _find_compiler(version: str, *, strict: bool) -> str | None:
    """Return an interpreter that makes the target's bytecode, or say what its absence costs."""
    try:
        return find_interpreter(version)
    except MissingError:
        raise
    except DeployError as error:
        if strict:
            raise
        reason = error
    print(
        f"warning: {reason}\n"
        f"The artifact is built without bytecode: it works, and each cold start takes about twice as long, because it\n"
        f"compiles every module (1.1 instead of 0.5 seconds of a whole CPU).",
        file=sys.stderr,
    )
    return None


def check_places(directory: Path, archive: Path | None) -> None:
    """Refuse a folder whose emptying would remove something else, and a zip in it. Raises `DeployError`."""
    stated, real = Path(os.path.abspath(directory)), directory.resolve()  # noqa: PTH100 - with its symlinks
    if ROOT.is_relative_to(real):
        raise DeployError(f"{directory} would be emptied, and this project is in it")
    if stated.is_relative_to(ROOT) and not real.is_relative_to(ROOT):
        raise DeployError(f"{directory} would be emptied, and a symlink makes it {real}, outside this project")
    if real.is_relative_to(ROOT) and real.relative_to(ROOT).parts[0] not in BUILD_FOLDERS:
        raise DeployError(
            f"{directory} would be emptied, and is among the sources: build in {' or '.join(BUILD_FOLDERS)},"
            " or outside this project"
        )
    if archive and archive.resolve().is_relative_to(real):
        raise DeployError(f"the zip {archive} would be inside the folder that it is made of")


def compile_all(interpreter: str, directory: Path, mounted_at: str) -> None:
    """Compile every module. Without bytecode a cold start on a read-only disk compiles each of them anew.

    The bytecode is never checked against its source: zips and layers change the times that would be compared.
    Raises `DeployError`.
    """
    command = [interpreter, "-W", "ignore", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    process = subprocess.run(
        [*command, "-s", str(directory), "-p", mounted_at, str(directory)],
        env=os.environ | {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise DeployError(process.stdout or process.stderr)


if __name__ == "__main__":
    sys.exit(main())
