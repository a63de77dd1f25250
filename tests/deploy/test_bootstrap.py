"""The make targets on bare machines: no other Python, no pip, no uv, a path with blanks, a company's certificates."""

import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from deploy.interpreter import find_interpreter
from tests.support import REPLY, ROOT

pytestmark = pytest.mark.slow

SYSTEM = (
    *("bash", "sh", "make", "grep", "sed", "sort", "paste", "expand", "uname", "env", "cat", "dirname", "readlink"),
    *("mkdir", "touch", "rm", "ln", "cp", "mv", "ls", "git"),
)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Copy the files that a clone of this project has."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / "clone" / name)
    return tmp_path / "clone"


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pack each Python version without pip and venv, as some systems ship it."""
    packed = {}
    for version in ("3.10", "3.13"):
        command = [find_interpreter(version), "-c", "import sys; print(sys.base_prefix)"]
        prefix = Path(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.strip())
        packed[version] = tmp_path_factory.mktemp("bare") / f"{version}.tar.gz"
        with tarfile.open(packed[version], "w:gz", compresslevel=1) as archive:
            archive.add(prefix / "bin" / f"python{version}", f"python/bin/python{version}", filter=_select_entry)
            archive.add(prefix / "lib" / f"python{version}", f"python/lib/python{version}", filter=_select_entry)
    return packed


def _select_entry(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    left_out = ("/test", "/site-packages", "/dist-packages", "/ensurepip", "/__pycache__", "/idlelib", ".a")
    return None if entry.name.endswith(left_out) else entry


@pytest.fixture
def machine(tmp_path: Path, bare: dict[str, Path], request: pytest.FixtureRequest) -> dict[str, str]:
    """Create an environment with one bare Python as python3, without uv and without files in its home folder."""
    version = getattr(request, "param", "3.13")
    (tmp_path / "bin").mkdir()
    (tmp_path / "home").mkdir()
    for name in SYSTEM:
        found = shutil.which(name)
        assert found, name
        (tmp_path / "bin" / name).symlink_to(Path(found).resolve())
    subprocess.run(["tar", "-xzf", str(bare[version]), "-C", str(tmp_path)], check=True, timeout=120)
    (tmp_path / "bin/python3").symlink_to(tmp_path / f"python/bin/python{version}")
    kept = ("SSL_", "PIP_", "REQUESTS_", "CURL_", "http", "HTTP", "no_proxy", "NO_PROXY", "LANG", "LC_")
    environ = {name: value for name, value in os.environ.items() if name.startswith(kept)}
    return environ | {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path / "home"), "TMPDIR": "/tmp"}  # noqa: S108


def uv() -> str:
    """Find the uv that these tests run with."""
    found = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".tools/uv/bin/uv")
    assert Path(found).exists(), "no uv: run these with make test-slow"
    return found


def make(clone: Path, environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in the clone, with no variables except those of the machine."""
    environ = {name: value for name, value in environ.items() if "MAKE" not in name}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=clone, env=environ, capture_output=True, text=True, check=False, timeout=300)


def index(tmp_path: Path, bare: dict[str, Path]) -> str:
    """Write the list of interpreters that uv reads instead of its own; return the list's URL."""
    listed = {
        f"cpython-{version}.99-linux-x86_64-gnu": {
            "name": "cpython",
            "arch": {"family": "x86_64", "variant": None},
            "os": "linux",
            "libc": "gnu",
            **dict(zip(("major", "minor", "patch"), (3, int(version[2:]), 99), strict=True)),
            "prerelease": "",
            "url": packed.as_uri(),
            "sha256": None,
            "variant": None,
            "build": "20260101",
        }
        for version, packed in bare.items()
    }
    (tmp_path / "interpreters.json").write_text(json.dumps(listed))
    return (tmp_path / "interpreters.json").as_uri()


def test_neither_venv_nor_pip(clone: Path, machine: dict[str, str]) -> None:
    """If python3 cannot create environments, the error explains it, and stdout stays empty."""
    process = make(clone, machine, "invoke")
    assert process.returncode == 2
    assert process.stdout == ""
    assert "needs Python's venv or pip" in process.stderr
    assert "Traceback" not in process.stderr


def test_no_interpreter_to_be_had(clone: Path, machine: dict[str, str], tmp_path: Path) -> None:
    """If uv may not download a Python, the build says how to allow it, and continues without bytecode."""
    (tmp_path / "bin/uv").symlink_to(uv())
    strict = make(clone, machine | {"UV_PYTHON_DOWNLOADS": "never", "STRICT": "1"}, "scf")
    assert strict.returncode == 2
    process = make(clone, machine | {"UV_PYTHON_DOWNLOADS": "never"}, "scf")
    assert process.returncode == 0
    assert (clone / "dist/scf.zip").exists()
    assert "there is no Python 3.10 on this machine, and uv could not download one: Python downloads" in process.stderr
    assert "\n  UV_PYTHON_DOWNLOADS=automatic uv python install '3.10'\n" in process.stderr
    assert "Traceback" not in process.stderr


def test_blanks_and_pip_user(clone: Path, tmp_path: Path) -> None:
    """The setup works in a path with blanks and with PIP_USER=1, and writes only into the clone."""
    place = clone.rename(tmp_path / "a folder with blanks")
    environ = {name: value for name, value in os.environ.items() if name not in ("UV", "SAM", "VIRTUAL_ENV")}
    (tmp_path / "home").mkdir(exist_ok=True)
    process = make(place, environ | {"PIP_USER": "1", "PYTHONUSERBASE": str(tmp_path / "home")}, "invoke")
    assert process.stdout == REPLY, process.stderr
    assert not list((tmp_path / "home").iterdir())
    process = make(place, environ, "scf", "STRICT=1")
    assert process.returncode == 0, process.stderr


def test_interpreter_from_an_index(clone: Path, machine: dict[str, str], tmp_path: Path, bare: dict[str, Path]) -> None:
    """`make scf` downloads the Python that it needs into the clone. After that, `make invoke` prints only JSON."""
    (tmp_path / "bin/uv").symlink_to(uv())
    environ = machine | {"UV_PYTHON_DOWNLOADS_JSON_URL": index(tmp_path, bare)}
    process = make(clone, environ, "scf")
    assert process.returncode == 0, process.stderr
    assert "setting up Python 3.10" in process.stderr
    with zipfile.ZipFile(clone / "dist/scf.zip") as zipped:
        assert "handler/__pycache__/app.cpython-310.pyc" in zipped.namelist()
    process = make(clone, environ, "invoke")
    assert process.stdout == REPLY, process.stderr
    assert not list((tmp_path / "home").iterdir())


@pytest.mark.parametrize("machine", ["3.10"], indirect=True)
def test_build(clone: Path, machine: dict[str, str], tmp_path: Path, bare: dict[str, Path]) -> None:
    """`make build` downloads the Pythons for SAM and for Lambda, and installs a `sam` that works."""
    (tmp_path / "bin/uv").symlink_to(uv())
    process = make(clone, machine | {"UV_PYTHON_DOWNLOADS_JSON_URL": index(tmp_path, bare)}, "build")
    assert process.returncode == 0, process.stderr
    with zipfile.ZipFile(clone / "dist/lambda.zip") as zipped:
        assert "handler/__pycache__/app.cpython-313.pyc" in zipped.namelist()
    assert (clone / ".aws-sam/build/template.yaml").exists()
    assert not list((tmp_path / "home").iterdir())
    hint = 'export PATH="$PWD/.tools/bin:$PATH"'
    assert process.stdout.splitlines()[-1] == f"To use this sam: {hint}"
    command = ["bash", "-c", f"{hint} && sam --version"]
    process = subprocess.run(command, cwd=clone, env=machine, capture_output=True, text=True, check=True, timeout=120)
    assert process.stdout.startswith("SAM CLI, version")


@pytest.mark.parametrize("said", ["", "SSL_CERT_FILE", "UV_SYSTEM_CERTS"])
def test_certificates(clone: Path, machine: dict[str, str], tmp_path: Path, said: str) -> None:
    """The tool uv trusts the system's authorities, if the system has a list and the user has not chosen another."""
    (tmp_path / "bin/uv").write_text('#!/bin/sh\necho "trusts=$UV_SYSTEM_CERTS" >&2\nexit 1\n')
    (tmp_path / "bin/uv").chmod(0o755)
    quiet = {name: value for name, value in machine.items() if not name.startswith("SSL_")}
    process = make(clone, quiet | ({said: "0"} if said else {}), "invoke")
    expected = {"": "trusts=1", "SSL_CERT_FILE": "trusts=", "UV_SYSTEM_CERTS": "trusts=0"}[said]
    assert expected in process.stderr.split()
