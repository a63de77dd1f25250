"""The artifacts: their contents, and that they run on their targets with no other packages."""

import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import DeployError, artifact
from deploy.archive import write_zip
from deploy.interpreter import find_interpreter
from gray_release.invoke import LambdaContext, create_scf_context
from gray_release.sandbox.server import APPID, SECRET, Sandbox
from handler.app import lambda_handler
from tests.support import DOCUMENTED, ROOT, Emulate, build, find_sam, post

pytestmark = pytest.mark.slow

FOREIGN = (
    "charset_normalizer",
    "dateutil",
    "Crypto",
    "pydantic/v1",
    "aws_lambda_powertools/event_handler",
    "boto3",
    "botocore",
    "setuptools",
    "pip",
    "pytest",
    "hypothesis",
    "gray_release",
)


@pytest.fixture
def lambda_url(emulate: Emulate) -> Iterator[str]:
    """Run the artifact with the sandbox in Lambda's runtime client; return the URL that invokes it."""
    with (
        Sandbox() as sandbox,
        emulate(WECHAT_API_BASE_URL=sandbox.base_url, WECHAT_APPID=APPID, WECHAT_SECRET=SECRET) as url,
    ):
        yield url


def test_lambda(lambda_url: str) -> None:
    """In Lambda's runtime, the artifact answers direct and HTTP events, and its failures can be parsed."""
    assert post(lambda_url, {}) == DOCUMENTED
    assert post(lambda_url, None) == DOCUMENTED
    reply = post(lambda_url, json.loads((ROOT / "events/function-url.json").read_bytes()))
    assert reply["statusCode"] == 200
    failure = post(lambda_url, {"accessToken": "wrong"})
    assert failure["errorType"] == "OpenApiError"
    assert json.loads(failure["errorMessage"])["errCode"] == 40001
    assert "wrong" not in json.dumps(failure["stackTrace"])
    assert "handler/app.py" in failure["stackTrace"][0]


def test_lambda_content(lambda_artifact: Path) -> None:
    """The Lambda artifact is small, and contains nothing that the function cannot use."""
    names = [path.relative_to(lambda_artifact).as_posix() for path in lambda_artifact.rglob("*")]
    assert not [name for name in names if name.startswith(FOREIGN) or name.endswith((".lock", "openapi.json"))]
    assert sum(path.stat().st_size for path in lambda_artifact.rglob("*") if path.is_file()) <= 20e6
    assert (lambda_artifact.parent / "lambda.zip").stat().st_size <= 8e6


def test_bytecode(lambda_artifact: Path) -> None:
    """Every module has bytecode for the target's Python, which Python never compares with the source."""
    magic = subprocess.run(
        [find_interpreter("3.13"), "-c", "import importlib.util as u; print(u.MAGIC_NUMBER.hex())"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    ).stdout.strip()
    modules = list(lambda_artifact.rglob("*.py"))
    assert len(modules) > 300
    for module in modules:
        compiled = module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc"
        header = compiled.read_bytes()[:8]
        assert header[:4].hex() == magic
        assert int.from_bytes(header[4:], "little") == 0b01, "hash-based, unchecked"


def test_metadata(lambda_artifact: Path) -> None:
    """The name and version of each package are there, because scanners and importlib.metadata read them."""
    [metadata] = lambda_artifact.glob("redis-*.dist-info/METADATA")
    fields = metadata.read_text("utf-8")
    assert "\nName: redis\n" in fields
    assert "\nVersion: " in fields


@pytest.mark.parametrize("target", ["lambda", "scf"])
def test_reproducible(target: str, tmp_path: Path) -> None:
    """Two builds are the same byte for byte."""
    hashes = set()
    for name in ("first", "second"):
        build(target, tmp_path / name, "--zip", str(tmp_path / f"{name}.zip"))
        hashes.add(hashlib.sha256((tmp_path / f"{name}.zip").read_bytes()).hexdigest())
    assert len(hashes) == 1


def test_arm64(tmp_path: Path) -> None:
    """In an artifact for arm64, every extension module is built for that processor."""
    build("lambda", tmp_path / "code", "--arm64")
    extensions = list((tmp_path / "code").rglob("*.so"))
    assert extensions
    assert {path.read_bytes()[18] for path in extensions} == {183}  # ELF's e_machine for AArch64


@pytest.mark.parametrize("options", [[], ["--strict"]], ids=["lenient", "strict"])
def test_no_interpreter(tmp_path: Path, options: list[str]) -> None:
    """Without a Python of the target's version, the artifact has no bytecode, and the build says how to get one."""
    path = tmp_path / "bin"
    path.mkdir()
    (path / "python3").symlink_to(find_interpreter("3.13"))
    environ = {
        **os.environ,
        "PATH": str(path),
        "UV": os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".tools/uv/bin/uv"),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_PYTHON_INSTALL_DIR": str(tmp_path / "none"),
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(ROOT / ".tools/cache/uv")),
    }
    command = [str(path / "python3"), "-m", "deploy.artifact", "scf", str(tmp_path / "code"), "--python", "3.11"]
    done = subprocess.run(
        [*command, *options], cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=600
    )
    assert "python install '3.11'" in done.stderr
    assert "UV_PYTHON_INSTALL_MIRROR" in done.stderr
    assert done.returncode == (1 if options else 0)
    assert (tmp_path / "code/handler/app.py").exists() == (not options)
    assert not list((tmp_path / "code").rglob("*.pyc"))


@pytest.mark.parametrize(
    ("directory", "said"),
    [
        (ROOT, "contains this project"),
        (ROOT.parent, "contains this project"),
        (ROOT / "handler", "belongs to the sources"),
        (ROOT / "handler/new", "belongs to the sources"),
        (ROOT / "events/../tests", "belongs to the sources"),
        (ROOT / "new", "belongs to the sources"),
    ],
)
def test_refuses_to_empty(directory: Path, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A build refuses to empty a folder that holds anything except an earlier build."""
    assert artifact.main(["lambda", str(directory)]) == 1
    assert said in capsys.readouterr().err
    assert (ROOT / "handler/app.py").exists()


def test_refuses_a_folder_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build refuses to empty a folder outside the project that a symlink in the project points to."""
    (tmp_path / "project/dist").mkdir(parents=True)
    (tmp_path / "precious").mkdir()
    (tmp_path / "project/dist/scf").symlink_to(tmp_path / "precious")
    monkeypatch.setattr(artifact, "ROOT", tmp_path / "project")
    with pytest.raises(DeployError, match="outside this project"):
        artifact.check_places(tmp_path / "project/dist/scf", None)


def test_refuses_symlinks_out_of_the_folder(tmp_path: Path) -> None:
    """A build refuses a symlink that points outside the folder, and accepts one that stays inside it."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "module.py").write_text("pass\n")
    (folder / "same.py").symlink_to("module.py")
    write_zip(folder, tmp_path / "code.zip")
    with zipfile.ZipFile(tmp_path / "code.zip") as zipped:
        assert zipped.namelist() == ["module.py", "same.py"]
    (tmp_path / "credentials").write_text("hush")
    (folder / "link.py").symlink_to(tmp_path / "credentials")
    with pytest.raises(DeployError, match=r"link\.py is a symlink"):
        write_zip(folder, tmp_path / "code.zip")


def test_refuses_a_zip_in_its_own_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A build refuses to write the zip into the folder that it zips."""
    assert artifact.main(["scf", str(tmp_path / "code"), "--zip", str(tmp_path / "code/scf.zip")]) == 1
    assert "would be inside the folder" in capsys.readouterr().err
    assert not (tmp_path / "code").exists()


def test_scf(scf_artifact: Path, tmp_path: Path) -> None:
    """With only Python 3.10, the SCF zip answers through `index.main_handler`, and its failures are OpenApiErrors."""
    with zipfile.ZipFile(scf_artifact) as zipped:
        zipped.extractall(tmp_path)
    code = (
        "import sys, json; sys.path[:0] = [sys.argv[1]]; sys.stdout, out = sys.stderr, sys.stdout\n"
        "import index\n"
        "context = json.loads(sys.argv[2])\n"
        "print(json.dumps([index.main_handler(json.loads(e), context) for e in sys.argv[3:]]), file=out)\n"
        "try: index.main_handler([], context)\n"
        "except Exception as error: print(error, file=out)\n"
        "assert not {'redis', 'boto3', 'charset_normalizer'} & set(sys.modules)\n"
    )
    events = [(ROOT / f"events/{name}.json").read_text("utf-8") for name in ("direct", "scf-timer", "scf-function-url")]
    with Sandbox() as sandbox:
        process = subprocess.run(
            [
                find_interpreter("3.10"),
                "-I",
                "-S",
                "-c",
                code,
                str(tmp_path),
                json.dumps(create_scf_context()),
                *events,
            ],
            env={
                "PYTHONDONTWRITEBYTECODE": "1",
                "TENCENTCLOUD_RUNENV": "SCF",
                "WECHAT_API_BASE_URL": sandbox.base_url,
                "WECHAT_APPID": APPID,
                "WECHAT_SECRET": SECRET,
            },
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert process.returncode == 0, process.stderr
        assert "Warning" not in process.stderr
        replies, failure = process.stdout.splitlines()
        assert json.loads(replies)[:2] == [DOCUMENTED, DOCUMENTED]
        assert json.loads(json.loads(replies)[2]["body"]) == DOCUMENTED
        assert json.loads(failure)["errCode"] == 40097
        assert sandbox.connections == 1


@pytest.mark.parametrize(
    "arguments",
    ["apigateway aws-proxy", "apigateway http-api-proxy", "alb request", "cloudwatch scheduled-event"],
)
def test_sams_own_events(arguments: str) -> None:
    """The function replies correctly to the events that `sam local generate-event` creates."""
    process = subprocess.run(
        [find_sam(), "local", "generate-event", *arguments.split()],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    with Sandbox() as sandbox, pytest.MonkeyPatch.context() as patch:
        patch.setenv("WECHAT_API_BASE_URL", sandbox.base_url)
        patch.setenv("WECHAT_APPID", APPID)
        patch.setenv("WECHAT_SECRET", SECRET)
        reply = lambda_handler(json.loads(process.stdout), LambdaContext())
        assert (json.loads(reply["body"]) if "body" in reply else reply) == DOCUMENTED


def test_builder_needs_no_environment(tmp_path: Path) -> None:
    """The build needs only the standard library, because `sam build` runs it with the machine's Python."""
    process = subprocess.run(
        ["python3", "-E", "-s", "-S", "-m", "deploy.artifact", "scf", str(tmp_path / "code")],
        cwd=ROOT,
        env={name: os.environ[name] for name in os.environ if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
