"""Build the programs to compare: this function's artifact, and folders with the packages of the others."""

import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from deploy import artifact, interpreter
from deploy.authorities import write_hashed_certificates
from gray_release.sandbox.server import SECRET
from tests.bench.measures import Peer
from tests.bench.upstream import FLEET

HERE = Path(__file__).resolve().parent
NODE_MODULES = interpreter.ROOT / ".tools" / "node" / "node_modules"


@dataclass(frozen=True)
class Peers:
    """The programs to compare. `node` only starts Node.js. `wx_sdk` and `node` are None if Node.js is missing."""

    ours: Peer
    ours_on_3_10: Peer
    plain: Peer
    plain_without_bytecode: Peer
    naive: Peer
    standard_library: Peer
    python: Peer
    wx_sdk: Peer | None
    node: Peer | None


def build(folder: Path, authority: Path) -> Peers:
    """Build the artifacts and install the packages. All trust certifi's authorities and the bench's."""
    python = interpreter.find_interpreter(artifact.LAMBDA.python)
    lock = interpreter.ROOT / "requirements.txt"
    ours, older, plain, bytecode = (folder / name for name in ("ours", "older", "plain", "bytecode"))
    artifact.build_artifact(artifact.LAMBDA, ours, lock)
    artifact.build_artifact(artifact.SCF, older, lock)
    options = (
        *("--quiet", "--target", str(plain), "--link-mode", "copy", "--no-deps"),
        *("--python-version", artifact.LAMBDA.python, "--python-platform", artifact.LAMBDA.platform),
        *("--only-binary", ":all:", "--require-hashes"),
    )
    interpreter.run_uv("pip", "install", *options, "--requirement", str(lock))
    # wechatpy does not start without this package. This function does (handler/wechat/wechatpy_adapter.py).
    crypto = f"pycryptodome=={version('pycryptodome')}"
    interpreter.run_uv(
        "pip", "install", *options, "--constraint", str(interpreter.ROOT / "requirements-dev.txt"), crypto
    )
    for source in (HERE / "peers").glob("*.py"):
        shutil.copy(source, plain)
    for place in (ours, older, plain):
        with (place / "certifi" / "cacert.pem").open("ab") as trusted:
            trusted.write(authority.read_bytes())
    for place in (ours, older):
        write_hashed_certificates(place / "certifi" / "cacert.pem")
    shutil.copytree(plain, bytecode)
    artifact.compile_all(python, bytecode, "/var/task")

    appids = iter(FLEET[-10:])  # two programs' tokens for one AppID would invalidate one another

    def peer(name: str, place: Path, module: str, interpreter_path: str = python) -> Peer:
        command = (interpreter_path, "-S", "-W", "ignore", str(HERE / "child.py"), module)
        environ = {
            "PYTHONPATH": str(place),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_LAMBDA_FUNCTION_NAME": "function",  # this turns metrics on
            "WECHAT_APPID": next(appids),
            "WECHAT_SECRET": SECRET,
            "WECHAT_TIMEOUT_SECONDS": "60",
        }
        if module == "handler.app":  # template.yaml and scf.json set this too
            environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
        if module == "floor":  # the standard library contains no certificate authorities
            environ["SSL_CERT_FILE"] = str(place / "certifi" / "cacert.pem")
        return Peer(name, command, environ)

    node = shutil.which("node") if (NODE_MODULES / "wx-server-sdk").exists() else None
    sdk = {"NODE_PATH": str(NODE_MODULES), "NODE_EXTRA_CA_CERTS": str(authority)}
    return Peers(
        ours=peer("this function", ours, "handler.app"),
        ours_on_3_10=peer(
            "this function on 3.10", older, "handler.app", interpreter.find_interpreter(artifact.SCF.python)
        ),
        plain=peer("the plain stack", bytecode, "stack"),
        plain_without_bytecode=peer("the plain stack without bytecode", plain, "stack"),
        naive=peer("naive wechatpy", bytecode, "naive"),
        standard_library=peer("the standard library", bytecode, "floor"),
        python=Peer("Python", (python, "-S", "-c", "import sys; print(file=sys.stderr)")),
        wx_sdk=Peer("wx-server-sdk", (node, str(HERE / "peers" / "wx.js")), sdk, takes_address=True) if node else None,
        node=Peer("Node.js", (node, "-e", "console.error()")) if node else None,
    )
