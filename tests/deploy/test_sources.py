"""Every token source runs in the artifacts, with every system whose tokens it can read."""

import json
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
import redis

from deploy.interpreter import find_interpreter
from gray_release.credentials import provide_credentials
from gray_release.invoke import create_scf_context
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.rules import APPID, SECRET
from gray_release.sandbox.scenario import DOCUMENTED_PLAN
from gray_release.sandbox.server import Sandbox
from tests.support import DOCUMENTED, Emulate, Valkey, post

pytestmark = pytest.mark.slow

Json = dict[str, str]
Fill = Callable[["redis.Redis", str], object]

# For each system: what it writes to the store, and the setting with which the function reads it.
LAYOUTS: dict[str, tuple[str, Fill]] = {
    "WxJava": (
        "wx:open:wechat_authorizer_access_token:{component_appid}:{appid}",
        lambda store, token: store.set(f"wx:open:wechat_authorizer_access_token:wxplatform:{APPID}", token),
    ),
    "WxJava, old": (
        "wa:{appid}",
        lambda store, token: store.hset(f"wa:{APPID}", "value", token),
    ),
    "silenceper": (
        "gowechat_miniprogram__access_token_{appid}",
        lambda store, token: store.set(f"gowechat_miniprogram__access_token_{APPID}", json.dumps(token)),
    ),
    "co-wechat": (
        "token:{appid}",
        lambda store, token: store.set(f"token:{APPID}", json.dumps({"accessToken": token, "expireTime": 1})),
    ),
}
SOURCES = ("stable", "component", *LAYOUTS, "token server", "cloudbase", "none")
# The packages that only some sources load.
LOADED = {"stable": {"requests"}, "component": {"requests", "redis"}, **{layout: {"redis"} for layout in LAYOUTS}}
CODE = """
import json, sys
sys.path[:0], sys.stdout, out = [sys.argv[1]], sys.stderr, sys.stdout
sys.path += sys.argv[3:]
from handler.app import main_handler
try: reply = main_handler({}, json.loads(sys.argv[2]))
except Exception as error: reply = str(error)
print(json.dumps([reply, list(sys.modules)]), file=out)
"""


@pytest.fixture(scope="module")
def token_server() -> Iterator[tuple[str, list[str]]]:
    """Run a platform's token server; yield its URL and the list whose last entry is its answer."""
    tokens: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps({"code": 0, "data": {"token": tokens[-1]}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.002,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/token?appid={{appid}}", tokens
        server.shutdown()


@pytest.fixture(params=SOURCES)
def source(
    request: pytest.FixtureRequest, server: Valkey, token_server: tuple[str, list[str]]
) -> Iterator[tuple[str, Json]]:
    """Yield a token source's name and its variables, and run the servers that it needs."""
    name: str = request.param
    with Sandbox() as sandbox, redis.Redis(port=server.port) as store:
        store.flushall()
        token = sandbox.tokens.issue_token()["access_token"]
        variables = {"WECHAT_API_BASE_URL": sandbox.base_url, "WECHAT_APPID": APPID}
        if name == "stable":
            yield name, {**variables, "WECHAT_SECRET": SECRET}
        elif name == "component":
            with provide_credentials(sandbox, sandbox.platform.authorizers) as platform:
                yield name, platform
        elif name == "token server":
            token_server[1].append(token)
            yield name, {**variables, "WECHAT_TOKEN_STORE_URL": token_server[0]}
        elif name == "cloudbase":
            sandbox.cloudbase_tokens.add("cloudbase-token")
            yield name, {**variables, "WECHAT_CLOUDBASE_ACCESS_TOKEN": "cloudbase-token"}
        elif name == "none":
            # WeChat's open API service needs no token. The sandbox does not imitate this service.
            plan = json.dumps({"errcode": 0, "errmsg": "ok", "gray_release_plan": DOCUMENTED_PLAN})
            sandbox.faults.append(Fault("plan", "body", plan))
            yield name, {**variables, "WECHAT_TOKEN_SOURCE": "none"}
        else:
            key, fill = LAYOUTS[name]
            fill(store, token)
            url = f"redis://127.0.0.1:{server.port}/0"
            yield (
                name,
                {
                    **variables,
                    "WECHAT_TOKEN_STORE_URL": url,
                    "WECHAT_TOKEN_STORE_KEY": key,
                    "WECHAT_COMPONENT_APPID": "wxplatform",
                },
            )


@pytest.fixture(params=["lambda", "scf"])
def artifact(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """Return the folder and the Python version of each artifact."""
    if request.param == "lambda":
        return request.getfixturevalue("lambda_artifact"), "3.13"
    with zipfile.ZipFile(request.getfixturevalue("scf_artifact")) as zipped:
        zipped.extractall(tmp_path)
    return tmp_path, "3.10"


def invoke(artifact: tuple[Path, str], variables: Json, *beside: Path) -> tuple[object, set[str]]:
    """Invoke the function with only the artifact and these folders; return its reply and the loaded packages."""
    directory, version = artifact
    process = subprocess.run(
        [
            *(find_interpreter(version), "-I", "-S", "-B", "-c", CODE, str(directory)),
            *(json.dumps(create_scf_context()), *map(str, beside)),
        ],
        env={"PYTHONDONTWRITEBYTECODE": "1", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert process.returncode == 0, process.stderr
    assert "Warning" not in process.stderr
    reply, modules = json.loads(process.stdout)
    return reply, {module.partition(".")[0] for module in modules}


def test_sources(artifact: tuple[Path, str], source: tuple[str, Json]) -> None:
    """In each artifact, each source succeeds, and loads only the libraries that it needs."""
    name, variables = source
    reply, loaded = invoke(artifact, variables)
    assert reply == DOCUMENTED
    assert loaded & {"redis", "requests", "boto3", "charset_normalizer", "dateutil", "Crypto"} == LOADED.get(
        name, set()
    )


def test_sources_on_lambda(emulate: Emulate, source: tuple[str, Json]) -> None:
    """Each source succeeds in Lambda's runtime client."""
    with emulate(**source[1]) as url:
        assert post(url, {}) == DOCUMENTED


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"WECHAT_TIMEOUT_SECONDS": "soon"}, "invalid settings: WECHAT_TIMEOUT_SECONDS"),
        ({"WECHAT_API_BASE_URL": "https://127.0.0.1:1"}, "no answer from WeChat"),
        ({"WECHAT_TOKEN_SOURCE": "store", "WECHAT_TOKEN_STORE_URL": "rediss://127.0.0.1:1"}, "token store"),
        ({"WECHAT_TOKEN_SOURCE": "store", "WECHAT_TOKEN_STORE_URL": "https://127.0.0.1:1"}, "token server"),
    ],
)
def test_failures(artifact: tuple[Path, str], variables: Json, said: str) -> None:
    """A failure has the same message in the artifact as in the project, so the artifact has all that it needs."""
    reply, _ = invoke(artifact, {"WECHAT_APPID": APPID, "WECHAT_SECRET": SECRET, **variables})
    assert isinstance(reply, str)
    assert json.loads(reply)["errCode"] == -1
    assert said in json.loads(reply)["errMsg"]


@pytest.mark.parametrize("setting", ["WECHAT_SECRET_NAME", "WECHAT_SECRET_PARAMETER"])
def test_secrets(lambda_artifact: Path, aws: str, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    """The function reads the secret from AWS with the boto3 of Lambda's runtime."""
    variables = {
        "AWS_ENDPOINT_URL": aws,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "moto",
        "AWS_SECRET_ACCESS_KEY": "moto",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if setting == "WECHAT_SECRET_NAME":
        boto3.client("secretsmanager").create_secret(Name="/wechat", SecretString=SECRET)
    else:
        boto3.client("ssm").put_parameter(Name="/wechat", Value=SECRET, Type="SecureString")
    with Sandbox() as sandbox:
        variables |= {"WECHAT_API_BASE_URL": sandbox.base_url, "WECHAT_APPID": APPID, setting: "/wechat"}
        reply, _ = invoke((lambda_artifact, "3.13"), variables, Path(boto3.__file__).parents[1])
    assert reply == DOCUMENTED
