"""Build what is deployed: a folder, and a zip of it, for AWS Lambda or for Tencent SCF.

    python3 -m handler.local.deploy.artifact lambda DIRECTORY [--arm64] [--zip FILE]

The locked dependencies for the target's platform with their hashes checked, `handler/` without `handler/local`, and
bytecode for the target's Python; nothing that the function cannot use. Needs uv, and an interpreter of the target's
minor version. Standard library only: `sam build` runs it with whatever Python there is. Two builds are the same
byte for byte.
"""

import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

# Left out of every artifact: what only installers, type checkers and the packages' own tests read, the public-key half
# of pycryptodome (wechatpy uses its AES alone), the parts of powertools, redis, pydantic and wechatpy that no path of
# ours reaches, and what requests guesses the encoding of texts with, which takes 4 % of a cold import: without it
# requests takes UTF-8.
UNUSABLE = (
    *("charset_normalizer", "bin", ".lock", "setuptools", "pkg_resources", "_distutils_hack"),
    *(f"Crypto/{name}" for name in ("SelfTest", "PublicKey", "Signature", "Math", "IO")),
    "aws_lambda_powertools/event_handler",
    *(f"redis/{name}" for name in ("multidb", "http", "asyncio/multidb", "asyncio/http")),
    *(f"redis/commands/{name}" for name in ("bf", "json", "search", "timeseries", "vectorset")),
    *("pydantic/v1", "wechatpy/enterprise"),
)
USED_UTILITIES = ("__init__.py", "jmespath_utils", "parameters", "typing")
UNUSABLE_NAMES = ("__pycache__", "*.pyi", "py.typed", "*.c", "*.h")
KEPT_METADATA = "METADATA"  # what importlib.metadata reads

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Build an artifact; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python3 -m handler.local.deploy.artifact", description="Build a deployable artifact."
    )
    parser.add_argument("target", choices=["lambda", "scf"])
    parser.add_argument("directory", type=Path, help="where to build; what is there is removed")
    parser.add_argument("--arm64", action="store_true", help="for Lambda on Graviton")
    parser.add_argument("--lock", type=Path, default=ROOT / "requirements.txt", help="the locked dependencies")
    parser.add_argument("--zip", type=Path, help="the zip to write")
    options = parser.parse_args(arguments)
    target = SCF if options.target == "scf" else LAMBDA_ARM64 if options.arm64 else LAMBDA
    try:
        build(target, options.directory.resolve(), options.lock)
    except BuildError as error:
        print(f"cannot build: {error}", file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in options.directory.rglob("*") if path.is_file())
    print(f"{options.directory}: {size / 1e6:.1f} MB for Python {target.python}, {target.platform}")
    if options.zip:
        write_zip(options.directory, options.zip)
        print(f"{options.zip}: {options.zip.stat().st_size / 1e6:.1f} MB")
        if target is SCF:
            write_tccli_input(options.zip)
    return 0


class BuildError(Exception):
    """Why an artifact cannot be built, in words for the one who builds it."""


def build(target: Target, directory: Path, lock: Path) -> None:
    """Fill the directory with the artifact. Raises `BuildError`."""
    interpreter = find_interpreter(target.python)
    if ROOT.is_relative_to(directory):
        raise BuildError(f"{directory} would be emptied, and this project is in it")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    uv(
        *("pip", "install", "--quiet", "--target", str(directory), "--link-mode", "copy", "--no-deps"),
        *("--python-version", target.python, "--python-platform", target.platform, "--only-binary", ":all:"),
        *("--require-hashes", "--requirement", str(lock)),
    )
    shutil.copytree(ROOT / "handler", directory / "handler", ignore=shutil.ignore_patterns("local", "openapi.json"))
    if target is SCF:
        (directory / "index.py").write_text(SCF_INDEX, "utf-8")
    for path in list(unusable(directory)):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    compile_all(interpreter, directory, target.mounted_at)
    for path in directory.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (EPOCH, EPOCH))


EPOCH = 315_619_200  # 1980-01-02 UTC: the first day that a zip can state in every time zone


def unusable(directory: Path) -> Iterator[Path]:
    """List what the function cannot use."""
    yield from (directory / name for name in UNUSABLE if (directory / name).exists())
    for path in (directory / "aws_lambda_powertools" / "utilities").iterdir():
        if path.name not in USED_UTILITIES:
            yield path
    for pattern in UNUSABLE_NAMES:
        yield from directory.rglob(pattern)
    for metadata in directory.glob("*.dist-info"):
        yield from (path for path in metadata.iterdir() if path.name != KEPT_METADATA)


def find_interpreter(version: str) -> str:
    """Return the path of a Python of this minor version. Raises `BuildError` when there is none."""
    try:
        return uv("python", "find", "--no-project", version)
    except BuildError:
        raise BuildError(
            f"the bytecode needs a Python {version}, and uv finds none: `uv python install {version}` gets one"
        ) from None


def compile_all(interpreter: str, directory: Path, mounted_at: str) -> None:
    """Compile every module. Without bytecode a cold start on a read-only disk compiles each of them anew.

    The bytecode is never checked against its source: zips and layers change the times that would be compared.
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
        raise BuildError(process.stdout or process.stderr)


def write_zip(directory: Path, archive: Path) -> None:
    """Zip the directory: the same content gives the same bytes."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zipped:
        for path in sorted(path for path in directory.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(directory).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            zipped.writestr(entry, path.read_bytes())


def write_tccli_input(archive: Path) -> None:
    """Write scf.json with the code in it, beside the zip: what `tccli scf CreateFunction --cli-input-json` takes."""
    request = json.loads((ROOT / "scf.json").read_text("utf-8"))
    request.pop("Triggers")
    variables = request["Environment"]["Variables"]
    request["Environment"]["Variables"] = [variable for variable in variables if variable["Value"]]
    request["Code"] = {"ZipFile": base64.b64encode(archive.read_bytes()).decode()}
    archive.with_suffix(".json").write_text(json.dumps(request), "utf-8")


def uv(*arguments: str) -> str:
    """Run uv and return what it prints. Raises `BuildError`."""
    command = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
    try:
        process = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    except OSError:
        raise BuildError("uv is missing: `make` sets it up, or `pip install uv`") from None
    if process.returncode:
        raise BuildError(process.stderr.strip())
    return process.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
