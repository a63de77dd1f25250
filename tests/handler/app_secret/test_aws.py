"""AppSecrets from Secrets Manager and SSM: no secret is logged at DEBUG, and a misbehaving AWS does no harm."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from gray_release.sandbox.server import APPID, SECRET, Sandbox
from handler.contract import OpenApiError
from tests.support import DOCUMENTED, PLAN, ROOT, STABLE, Configure, Invoke, end_process

ACCESS_KEY, SECRET_KEY, SESSION_TOKEN = "AKIDHUSH", "hush-aws-secret-key", "hush-session-token-4f1c"
NAMES = {"secretsmanager": "WECHAT_SECRET_NAME", "ssm": "WECHAT_SECRET_PARAMETER"}
MOST = 64 * 1024 * 1024  # bytes after which the stand-in ends an endless answer
SERVICES = pytest.mark.parametrize("service", NAMES)

Play = Callable[["_Handler"], None]


@pytest.fixture
def role(sandbox: Sandbox, configure: Configure) -> Sandbox:
    """Give the function a role's credentials, as Lambda does, and no AppSecret in its variables."""
    configure(
        WECHAT_SECRET=None,
        AWS_REGION="us-east-1",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID=ACCESS_KEY,
        AWS_SECRET_ACCESS_KEY=SECRET_KEY,
        AWS_SESSION_TOKEN=SESSION_TOKEN,
    )
    return sandbox


class RuntimeApi(ThreadingHTTPServer):
    """Lambda's Runtime API for one event: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _RuntimeHandler)
        self.events: list[Any] = [{}]
        self.reply: tuple[str, Any] | None = None
        self.replied = threading.Event()
        self.ended = threading.Event()


class _RuntimeHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RuntimeApi

    def do_GET(self) -> None:
        if not self.server.events:  # the next event never comes
            self.server.ended.wait(60)
            self.close_connection = True
            return
        self._send(
            json.dumps(self.server.events.pop()).encode(),
            **{
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": "5f1e",
                "Lambda-Runtime-Trace-Id": "Root=1-5f1e",
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + 20) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:f",
            },
        )

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.reply = (self.path.rpartition("/")[2], json.loads(content))
        self._send(b"{}")
        self.server.replied.set()

    def _send(self, content: bytes, **headers: str) -> None:
        self.send_response(200)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def run_on_lambda(**environ: str) -> tuple[str, Any, str]:
    """Run the function in Lambda's runtime client for one event; return the reply's kind, the reply and the log."""
    with RuntimeApi() as api:
        threading.Thread(target=api.serve_forever, args=(0.01,), daemon=True).start()
        variables = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            **environ,
        }
        command = [sys.executable, "-W", "ignore", "-m", "awslambdaric", "handler.app.lambda_handler"]
        started = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with end_process(started) as process:
            api.replied.wait(20)
            process.terminate()
            printed, _ = process.communicate(timeout=20)
        api.ended.set()
        api.shutdown()
        assert api.reply, printed
        return *api.reply, printed


@SERVICES
@pytest.mark.parametrize("log_format", ["JSON", "Text"])
@pytest.mark.parametrize("kept", [True, False])
def test_debug_log(role: Sandbox, aws: str, configure: Configure, service: str, log_format: str, *, kept: bool) -> None:
    """At DEBUG, in Lambda's own runtime, neither the AppSecret nor the role's credentials are printed."""
    name = f"wechat-{service}-{log_format}-{kept}"
    configure(AWS_ENDPOINT_URL=aws, **{NAMES[service]: name})
    if kept and service == "ssm":
        boto3.client("ssm").put_parameter(Name=name, Value=SECRET, Type="SecureString")
    elif kept:
        boto3.client("secretsmanager").create_secret(Name=name, SecretString=SECRET)
    kind, reply, printed = run_on_lambda(AWS_LAMBDA_LOG_LEVEL="DEBUG", AWS_LAMBDA_LOG_FORMAT=log_format)
    if kept:
        assert (kind, reply) == ("response", DOCUMENTED)
    else:
        assert (kind, json.loads(reply["errorMessage"])["errCode"]) == ("error", 41004)
    assert "Starting new HTTP connection" in printed  # it is at DEBUG
    secrets = {SECRET, SESSION_TOKEN, SECRET_KEY, ACCESS_KEY, *role.tokens.expiry}
    assert [secret for secret in secrets if secret in printed + json.dumps(reply)] == []


class Aws(ThreadingHTTPServer):
    """An AWS that plays each of the test's answers once, then returns the secret. `sent` counts body bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.plays: list[Play] = []
        self.requests: list[AWSRequest] = []
        self.sent = 0
        self.gone = threading.Event()

    def handle_error(self, *_: object) -> None:
        """Print nothing, because clients close connections on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Aws

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        url = f"http://{self.headers['Host']}{self.path}"
        self.server.requests.append(AWSRequest(self.command, url, dict(self.headers.items()), content))
        if self.server.plays:
            self.server.plays.pop(0)(self)
        elif "GetSecretValue" in self.headers["X-Amz-Target"]:
            self.answer({"Name": "n", "SecretString": SECRET})
        else:
            self.answer({"Parameter": {"Name": "n", "Type": "SecureString", "Value": SECRET}})

    def answer(self, body: Any, status: int = 200) -> None:
        """Answer with JSON."""
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def pour(self, chunk: bytes, seconds: float, *headers: tuple[str, str]) -> None:
        """Send an endless body, until the client closes the connection or has received too much."""
        self.send_response(200)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        try:
            while self.server.sent < MOST:
                self.wfile.write(chunk)
                self.server.sent += len(chunk)
                time.sleep(seconds)
        except OSError:
            self.server.gone.set()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture(params=NAMES)
def stand_in(request: pytest.FixtureRequest, role: Sandbox, configure: Configure) -> Iterator[Aws]:
    """Run the scripted AWS, and read the AppSecret from it."""
    assert role.requests == []
    with Aws() as stand_in:
        threading.Thread(target=stand_in.serve_forever, args=(0.01,), daemon=True).start()
        configure(AWS_ENDPOINT_URL=f"http://127.0.0.1:{stand_in.server_port}", **{NAMES[request.param]: "n"})
        yield stand_in
        stand_in.shutdown()


def test_signature(stand_in: Aws, invoke: Invoke) -> None:
    """The signature matches the request that was sent, including the role's session token."""
    assert invoke() == DOCUMENTED
    [request] = stand_in.requests
    assert request.headers["X-Amz-Security-Token"] == SESSION_TOKEN
    scope, signed, signature = re.findall(r"=([^,]+)", request.headers["Authorization"])
    _, _, region, service, _ = scope.split("/")
    for name in list(request.headers):
        if name.lower() not in signed.split(";"):
            del request.headers[name]
    request.context["timestamp"] = request.headers["X-Amz-Date"]
    auth = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY, SESSION_TOKEN), service, region)
    assert auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request) == signature


def _reset(handler: _Handler) -> None:
    handler.close_connection = True


PASSING: dict[str, Play] = {
    "reset": _reset,
    "throttled": lambda handler: handler.answer({"__type": "ThrottlingException", "message": "slow down"}, 400),
    "500": lambda handler: handler.answer({}, 500),
    "not HTTP": lambda handler: _write(handler, b"hello\r\n\r\n"),
}


def _write(handler: _Handler, content: bytes) -> None:
    handler.wfile.write(content)
    handler.close_connection = True


@pytest.mark.parametrize("fault", PASSING)
def test_passing_faults(stand_in: Aws, invoke: Invoke, fault: str) -> None:
    """The function retries a transient fault of AWS once, and the caller does not notice the fault."""
    stand_in.plays = [PASSING[fault]]
    assert invoke() == DOCUMENTED
    assert len(stand_in.requests) == 2


@pytest.mark.parametrize("fault", PASSING)
def test_lasting_faults(stand_in: Aws, role: Sandbox, invoke: Invoke, fault: str) -> None:
    """If AWS fails twice, the errCode is 41004, and no request goes to WeChat."""
    stand_in.plays = [PASSING[fault]] * 9
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert (caught.value.errCode, caught.value.status) == (41004, 500)
    assert len(stand_in.requests) == 2
    assert role.requests == []


@pytest.mark.parametrize("code", ["A" * 100_000, "hush!", "\u7801", ""])
def test_odd_codes(stand_in: Aws, invoke: Invoke, code: str) -> None:
    """The error shows only AWS's code, and only if it looks like a code."""
    stand_in.plays = [lambda handler: handler.answer({"__type": code, "message": "hush"}, 400)] * 9
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert caught.value.errCode == 41004
    assert len(str(caught.value)) < 300
    assert not code or code not in caught.value.reason


LENGTHS = {"until it closes": (), "with a length": (("Content-Length", str(10**12)),)}


@pytest.mark.parametrize("length", LENGTHS)
def test_endless_body(stand_in: Aws, invoke: Invoke, length: str) -> None:
    """An endless body is read up to the usual limit."""
    stand_in.plays = [lambda handler: handler.pour(b"x" * 65_536, 0, *LENGTHS[length])] * 2
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert caught.value.errCode == 41004
    assert "the answer of AWS is over 1048576 bytes" in caught.value.errMsg
    assert stand_in.gone.wait(10)
    assert stand_in.sent < MOST / 4  # what the sockets hold on the way, too
    assert len(stand_in.requests) == 1


def test_trickling_body(stand_in: Aws, role: Sandbox, invoke: Invoke, configure: Configure) -> None:
    """If AWS sends a body byte by byte, the exchange and its thread end at the timeout."""
    configure(WECHAT_TIMEOUT_SECONDS="0.3")
    stand_in.plays = [lambda handler: handler.pour(b"x", 0.02)]
    with pytest.raises(OpenApiError) as caught:
        invoke()
    assert (caught.value.errCode, caught.value.status) == (-1, 504)
    assert stand_in.gone.wait(10)
    assert role.count(STABLE) == role.count(PLAN) == 0
    assert invoke() == DOCUMENTED
    assert APPID in role.tokens.stable
