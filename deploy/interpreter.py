"""Run uv, and find a Python of a given version. If the machine has none, uv downloads one.

python3 -m deploy.interpreter VERSION       # prints its path
"""

from __future__ import annotations  # this module must also run on a system Python older than 3.10

import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy import DeployError

ROOT = Path(__file__).resolve().parents[1]
DOWNLOADS = {  # keeps downloaded Pythons inside the clone, and off the PATH
    "UV_PYTHON_INSTALL_DIR": os.environ.get("UV_PYTHON_INSTALL_DIR") or str(ROOT / ".tools" / "python"),
    "UV_PYTHON_INSTALL_BIN": "0",
}


def find_interpreter(version: str) -> str:
    """Return the path of a Python of this version (such as 3.13 or >=3.10); download one if the machine has none.

    Raises `DeployError` if that fails.
    """
    find = ("python", "find", "--no-project", "--system", version)
    for environ in ({}, DOWNLOADS):
        try:
            return run_uv(*find, **environ)
        except UvMissingError:
            raise
        except DeployError:
            continue
    print(f"setting up Python {version}", file=sys.stderr)
    try:
        run_uv("python", "install", version, **DOWNLOADS)
        return run_uv(*find, **DOWNLOADS)
    except DeployError as error:
        raise DeployError(
            f"there is no Python {version} on this machine, and uv could not download one: {_shorten_error(error)}\n"
            f"Put one on the PATH, or let uv download it:\n"
            f"  UV_PYTHON_DOWNLOADS=automatic {_shorten_path(_find_uv())} python install '{version}'\n"
            f"To download it from a mirror, set UV_PYTHON_INSTALL_MIRROR=URL."
        ) from None


class UvMissingError(DeployError):
    """uv is not installed."""


def run_uv(*arguments: str, **environ: str) -> str:
    """Run uv with these additional environment variables and return its output. Raises `DeployError`."""
    try:
        process = subprocess.run(
            [_find_uv(), *arguments], env={**os.environ, **environ}, capture_output=True, text=True, check=False
        )
    except OSError:
        raise UvMissingError("uv is missing: install it with `make .tools/.ready` or `pip install uv`") from None
    if process.returncode:
        raise DeployError(process.stderr.strip())
    return process.stdout.strip()


def _shorten_error(error: DeployError) -> str:
    """Return the first and the last line of the causes that uv prints."""
    lines = [line.strip().removeprefix("error: ").removeprefix("cause: ") for line in str(error).splitlines()]
    return ": ".join(dict.fromkeys((lines[0], lines[-1])) if lines else ["no reason given"])


def _find_uv() -> str:
    return os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".tools" / "uv" / "bin" / "uv")


def _shorten_path(command: str) -> str:
    """Return the shortest form of a command's path that works in the current folder."""
    if shutil.which(Path(command).name) == command:
        return Path(command).name
    return os.path.relpath(command) if Path(command).is_relative_to(Path.cwd()) else command


def main(version: str) -> int:
    """Print the path of an interpreter; return the exit code."""
    try:
        print(find_interpreter(version))
    except DeployError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
