"""uv, and an interpreter of a version that a build needs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from handler.local.deploy import DeployError

ROOT = Path(__file__).resolve().parents[3]


def find_interpreter(version: str) -> str:
    """Return the path of a Python of this minor version. Raises `DeployError` when there is none."""
    try:
        return uv("python", "find", "--no-project", version)
    except DeployError:
        raise DeployError(
            f"the bytecode needs a Python {version}, and uv finds none: `uv python install {version}` gets one"
        ) from None


def uv(*arguments: str) -> str:
    """Run uv and return what it prints. Raises `DeployError`."""
    command = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
    try:
        process = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    except OSError:
        raise DeployError("uv is missing: `make` sets it up, or `pip install uv`") from None
    if process.returncode:
        raise DeployError(process.stderr.strip())
    return process.stdout.strip()
