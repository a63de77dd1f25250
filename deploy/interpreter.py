"""uv, and an interpreter of the version that something needs: this machine's, or else one that uv downloads.

python3 -m deploy.interpreter VERSION       # prints its path
"""

from __future__ import annotations  # for the system's Python, which may be older than the function's

import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy import DeployError

ROOT = Path(__file__).resolve().parents[1]
DOWNLOADS = {  # within the clone, with nothing of it on the PATH
    "UV_PYTHON_INSTALL_DIR": os.environ.get("UV_PYTHON_INSTALL_DIR") or str(ROOT / ".tools" / "python"),
    "UV_PYTHON_INSTALL_BIN": "0",
}


def find_interpreter(version: str) -> str:
    """Return the path of a Python of this version, such as 3.13 or >=3.10, which is downloaded where there is none.

    Raises `DeployError` when it cannot be.
    """
    find = ("python", "find", "--no-project", "--system", version)
    for environ in ({}, DOWNLOADS):
        try:
            return uv(*find, **environ)
        except MissingError:
            raise
        except DeployError:
            continue
    print(f"setting up Python {version}", file=sys.stderr)
    try:
        uv("python", "install", version, **DOWNLOADS)
        return uv(*find, **DOWNLOADS)
    except DeployError as error:
        raise DeployError(
            f"there is no Python {version} on this machine, and uv could not download one: {_short(error)}\n"
            f"Put one on the PATH, or try again where uv may and can download it. By hand:\n"
            f"  UV_PYTHON_DOWNLOADS=automatic {_shown(_uv())} python install '{version}'\n"
            f"UV_PYTHON_INSTALL_MIRROR=URL makes both download it from a mirror."
        ) from None


class MissingError(DeployError):
    """uv itself is missing."""


def uv(*arguments: str, **environ: str) -> str:
    """Run uv, with these variables beside the environment's, and return what it prints. Raises `DeployError`."""
    try:
        process = subprocess.run(
            [_uv(), *arguments], env={**os.environ, **environ}, capture_output=True, text=True, check=False
        )
    except OSError:
        raise MissingError("uv is missing: `make .tools/.ready` sets it up, or `pip install uv`") from None
    if process.returncode:
        raise DeployError(process.stderr.strip())
    return process.stdout.strip()


def _short(error: DeployError) -> str:
    """Return the first and the last of uv's causes."""
    lines = [line.strip().removeprefix("error: ").removeprefix("cause: ") for line in str(error).splitlines()]
    return ": ".join(dict.fromkeys((lines[0], lines[-1])) if lines else ["no reason given"])


def _uv() -> str:
    return os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".tools" / "uv" / "bin" / "uv")


def _shown(command: str) -> str:
    """Shorten the path of a command to what works when typed in this folder."""
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
