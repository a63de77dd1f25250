"""`make deploy-scf` against a loopback stub of Tencent's API that takes only what the SDK's own models know."""

import base64
import copy
import json
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.scf.v20180416 import models

from handler.local.deploy.scf import main

Json = dict[str, Any]

ENVIRON = {
    "TENCENTCLOUD_SECRET_ID": "AKIDsandbox",
    "TENCENTCLOUD_SECRET_KEY": "hush-cloud-key",
    "TENCENTCLOUD_REGION": "ap-guangzhou",
    "WECHAT_APPID": "wx0123456789abcdef",
    "WECHAT_SECRET": "hush-app-secret",
}


class Stub(BaseHTTPRequestHandler):
    """Tencent's SCF, for one function."""

    function: Json
    triggers: dict[str, Json]
    actions: list[str]
    pending: int
    failure: Json | None

    def do_POST(self) -> None:
        """Answer one action."""
        action = self.headers["X-TC-Action"]
        fields = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # the models warn of fields that they do not know
            getattr(models, f"{action}Request")()._deserialize(fields)  # noqa: SLF001 - the SDK's own reader
        fields = {key: value for key, value in fields.items() if value is not None}
        self.actions.append(action)
        answer = type(self).failure or getattr(self, action)(fields)
        content = json.dumps({"Response": {"RequestId": "stub", **answer}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def GetFunction(self, _fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """Tell the function, which takes a moment to become active."""
        if not self.function:
            return {"Error": {"Code": "ResourceNotFound.Function", "Message": "no function"}}
        cls = type(self)
        cls.pending = max(cls.pending - 1, 0)
        return self.function | {"Status": "Creating" if cls.pending else "Active"}

    def CreateFunction(self, fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """Create it."""
        assert base64.b64decode(fields.pop("Code")["ZipFile"]) == b"PK code"
        self.function.update(fields)
        type(self).pending = 3
        return {}

    def UpdateFunctionCode(self, fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """Take new code."""
        assert fields["Code"]["ZipFile"]
        type(self).pending = 2
        return {}

    def UpdateFunctionConfiguration(self, fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """Take a new configuration, which must not come before the code is active."""
        assert not self.pending
        self.function.update(fields)
        type(self).pending = 2
        return {}

    def ListTriggers(self, _fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """List the triggers as Tencent shows them."""
        listed = copy.deepcopy(list(self.triggers.values()))
        for trigger in listed:
            del trigger["FunctionName"], trigger["Namespace"]
            trigger["Enable"] = {"OPEN": 1, "CLOSE": 0}[trigger["Enable"]]
            if trigger["Type"] == "timer":
                trigger["TriggerDesc"] = json.dumps({"cron": trigger["TriggerDesc"]})
            else:
                description = json.loads(trigger["TriggerDesc"])
                description["NetConfig"]["ExtranetUrl"] = "https://1250000000-abc.ap-guangzhou.tencentscf.com"
                trigger["TriggerDesc"] = json.dumps(description)
        return {"Triggers": listed, "TotalCount": len(listed)}

    def CreateTrigger(self, fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """Create or update a trigger."""
        assert not self.pending
        self.triggers[fields["TriggerName"]] = fields
        return {}

    UpdateTrigger = CreateTrigger


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[type[Stub], str]]:
    """Run the stub, without the second that the deployment waits between looks."""
    monkeypatch.setattr("handler.local.deploy.scf.POLL_SECONDS", 0.01)
    monkeypatch.setattr("handler.local.deploy.scf.WAIT_SECONDS", 5)
    state = {"function": {}, "triggers": {}, "actions": [], "pending": 0, "failure": None}
    handler: type[Stub] = type("_Stub", (Stub,), state)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.002,), daemon=True).start()
        yield handler, f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """Write something to deploy."""
    (tmp_path / "scf.zip").write_bytes(b"PK code")
    return tmp_path / "scf.zip"


def deploy(stub: tuple[type[Stub], str], code: Path, *options: str, **environ: str) -> int:
    """Run the command."""
    return main(["--zip", str(code), "--endpoint", stub[1], *(options or ("--yes",))], ENVIRON | environ)


def test_create(stub: tuple[type[Stub], str], code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A first run creates the function and its triggers, waits, and prints the URL and no secret."""
    assert deploy(stub, code) == 0
    handler, _ = stub
    function = handler.function
    assert (function["Runtime"], function["Handler"]) == ("Python3.10", "index.main_handler")
    assert function["PublicNetConfig"]["EipConfig"] == {"EipStatus": "ENABLE"}
    variables = {variable["Key"]: variable["Value"] for variable in function["Environment"]["Variables"]}
    assert variables["WECHAT_SECRET"] == "hush-app-secret"
    assert "WECHAT_TOKEN_STORE_URL" not in variables
    assert handler.triggers["every-ten-minutes"]["Enable"] == "CLOSE"
    assert json.loads(handler.triggers["url"]["TriggerDesc"])["AuthType"] == "CAM"
    output = capsys.readouterr().out
    assert output.splitlines()[0] == "create getGrayReleasePlan in default"
    assert "URL: https://1250000000-abc.ap-guangzhou.tencentscf.com" in output
    assert "hush" not in output


def test_second_run_changes_nothing(
    stub: tuple[type[Stub], str], code: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second run asks and changes nothing, even where the secret is not at hand any more."""
    deploy(stub, code)
    stub[0].actions.clear()
    capsys.readouterr()
    assert deploy(stub, code, WECHAT_SECRET="") == 0
    assert set(stub[0].actions) <= {"GetFunction", "ListTriggers"}
    assert capsys.readouterr().out.startswith("nothing to change\n")


def test_update(stub: tuple[type[Stub], str], code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """New code, a new secret and a changed trigger are shown and then made, each after the last is active."""
    deploy(stub, code)
    stub[0].function["Timeout"] = 3
    stub[0].triggers["every-ten-minutes"]["Enable"] = "OPEN"
    stub[0].actions.clear()
    capsys.readouterr()
    code.write_bytes(b"PK other code")
    assert deploy(stub, code, WECHAT_SECRET="hush-new-secret") == 0
    output = capsys.readouterr().out
    assert "change Timeout: 3 -> 20" in output
    assert "set WECHAT_SECRET\n" in output
    assert "update trigger every-ten-minutes" in output
    assert "hush" not in output
    changes = [action for action in stub[0].actions if action not in ("GetFunction", "ListTriggers")]
    assert changes == ["UpdateFunctionCode", "UpdateFunctionConfiguration", "UpdateTrigger"]


def test_asks_first(
    stub: tuple[type[Stub], str], code: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is changed without a yes."""
    for answer in ("", "n", "no"):
        monkeypatch.setattr("builtins.input", lambda _, answer=answer: answer)
        assert deploy(stub, code, "--zip", str(code)) == 1
    assert not stub[0].function
    assert "nothing was changed" in capsys.readouterr().out
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert deploy(stub, code, "--zip", str(code)) == 0
    assert stub[0].function


def test_failures(stub: tuple[type[Stub], str], code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is missing or refused is said in one line, without the key."""
    assert main(["--zip", str(code)], {}) == 1
    assert "set TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY, TENCENTCLOUD_REGION" in capsys.readouterr().err
    assert main(["--zip", "none.zip"], ENVIRON) == 1
    assert "none.zip" in capsys.readouterr().err
    stub[0].failure = {"Error": {"Code": "AuthFailure.SignatureFailure", "Message": "bad signature"}}
    assert deploy(stub, code) == 1
    error = capsys.readouterr().err
    assert "GetFunction: AuthFailure.SignatureFailure: bad signature" in error
    assert "hush" not in error
    stub[0].failure = None
    stub[0].function.update({"Description": "x", "Environment": None, "Status": "x"})
    stub[0].GetFunction = lambda *_: {"Status": "CreateFailed", "Description": "x"}  # type: ignore[method-assign]  # one failure
    assert deploy(stub, code) == 1
    assert "CreateFailed" in capsys.readouterr().err
