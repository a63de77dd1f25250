"""`make deploy-scf` against a loopback stub of Tencent's API that takes only what the SDK's own models know."""

import base64
import copy
import json
import re
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.scf.v20180416 import models

from deploy.scf import variables as scf_vars
from deploy.scf.__main__ import main
from gray_release.sandbox.server import COMPONENT_SECRET, SECRET
from handler.settings import VARIABLES, Settings

Json = dict[str, Any]

ENVIRON = {
    "TENCENTCLOUD_SECRET_ID": "AKIDsandbox",
    "TENCENTCLOUD_SECRET_KEY": "hush-cloud-key",
    "TENCENTCLOUD_REGION": "ap-guangzhou",
    "WECHAT_APPID": "wx0123456789abcdef",
    "WECHAT_SECRET": "hush-app-secret",
}


class Stub(BaseHTTPRequestHandler):
    """Tencent's SCF, for one function. `outcomes` are the states that the next changes end in, else Active."""

    function: Json
    triggers: dict[str, Json]
    actions: list[str]
    pending: int
    state: str
    outcomes: list[str]
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
        if cls.pending:
            return self.function | {"Status": "Updating"}
        return self.function | {"Status": self.state, "StatusReasons": self.reasons()}

    def reasons(self) -> list[Json]:
        """Tell why the state is a failure."""
        if self.state == "Active":
            return []
        return [{"ErrorCode": "InsufficientResources", "ErrorMessage": f"no room: {self.state}"}]

    def change(self, fields: Json, *allowed: str) -> Json:
        """Start a change, which Tencent refuses in other states and during another change."""
        assert not self.pending
        assert self.state in allowed
        cls = type(self)
        cls.function.update(fields)
        cls.pending = 2
        cls.state = cls.outcomes.pop(0) if cls.outcomes else "Active"
        return {}

    def CreateFunction(self, fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """Create it."""
        assert base64.b64decode(fields.pop("Code")["ZipFile"]) == b"PK code"
        assert all(variable["Value"] for variable in fields["Environment"]["Variables"])
        assert not self.function
        return self.change(fields, "Active")

    def DeleteFunction(self, _fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """Delete it, and its triggers."""
        self.function.clear()
        self.triggers.clear()
        type(self).state = "Active"
        return {}

    def UpdateFunctionCode(self, fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """Take new code."""
        assert fields["Code"]["ZipFile"]
        return self.change({}, "Active", "UpdateFailed")

    def UpdateFunctionConfiguration(self, fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """Take a new configuration."""
        return self.change(fields, "Active", "UpdateFailed")

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
    monkeypatch.setattr("deploy.scf.api.POLL_SECONDS", 0.01)
    monkeypatch.setattr("deploy.scf.api.WAIT_SECONDS", 5)
    fields = {"function": {}, "triggers": {}, "actions": [], "pending": 0, "failure": None}
    handler: type[Stub] = type("_Stub", (Stub,), fields | {"state": "Active", "outcomes": []})
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
    assert "set WECHAT_APPID: wx0123456789abcdef\nset WECHAT_SECRET\nset WECHAT_TIMEOUT_SECONDS: 5\n" in output
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
    assert deploy(stub, code, WECHAT_SECRET="hush-new-secret", WECHAT_APPID="wx00000000000000ff") == 0
    output = capsys.readouterr().out
    assert "change WECHAT_APPID: wx0123456789abcdef -> wx00000000000000ff\n" in output
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


def changes(stub: tuple[type[Stub], str]) -> list[str]:
    """Return the changes that were asked for, and forget them."""
    asked = [action for action in stub[0].actions if action not in ("GetFunction", "ListTriggers")]
    stub[0].actions.clear()
    return asked


def test_repairs_an_update(stub: tuple[type[Stub], str], code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After an update that failed the next run makes it again, though nothing differs any more."""
    deploy(stub, code)
    changes(stub)
    capsys.readouterr()
    stub[0].outcomes[:] = ["Active", "UpdateFailed"]
    code.write_bytes(b"PK other code")
    assert deploy(stub, code) == 1
    assert "UpdateFailed: [{" in capsys.readouterr().err
    assert changes(stub) == ["UpdateFunctionCode", "UpdateFunctionConfiguration"]
    assert deploy(stub, code) == 0
    output = capsys.readouterr().out
    assert output.startswith("repair getGrayReleasePlan in default, which is UpdateFailed: [{")
    assert "no room: UpdateFailed" in output
    assert changes(stub) == ["UpdateFunctionCode", "UpdateFunctionConfiguration"]
    assert deploy(stub, code) == 0
    assert capsys.readouterr().out.startswith("nothing to change\n")


def test_repairs_a_creation(stub: tuple[type[Stub], str], code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After a creation that failed the next run deletes what is left and creates it, with the secret it had."""
    stub[0].outcomes[:] = ["CreateFailed"]
    assert deploy(stub, code) == 1
    assert "CreateFailed: [{" in capsys.readouterr().err
    changes(stub)
    assert deploy(stub, code, WECHAT_SECRET="") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("delete getGrayReleasePlan in default, which is CreateFailed: [{")
    assert lines[1] == "create getGrayReleasePlan in default"
    assert changes(stub) == ["DeleteFunction", "CreateFunction", "CreateTrigger", "CreateTrigger"]
    assert scf_vars.of_function(stub[0].function)["WECHAT_SECRET"] == "hush-app-secret"


def test_waits_for_a_change_under_way(stub: tuple[type[Stub], str], code: Path) -> None:
    """A run during somebody's change waits for its end before it looks."""
    deploy(stub, code)
    stub[0].pending = 3
    stub[0].function["Timeout"] = 3
    assert deploy(stub, code) == 0
    assert stub[0].function["Timeout"] == 20


def test_does_not_wait_for_ever(
    stub: tuple[type[Stub], str], code: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A change that does not end is reported."""
    deploy(stub, code)
    monkeypatch.setattr("deploy.scf.api.WAIT_SECONDS", 0)
    stub[0].pending = 1000
    assert deploy(stub, code) == 1
    assert "still Updating after 0 seconds" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("WECHAT_API_BASE_URL=http://127.0.0.1:8088", "WECHAT_API_BASE_URL is 127.0.0.1"),
        ("WECHAT_API_BASE_URL=http://[::1]:8088", "WECHAT_API_BASE_URL is ::1"),
        ("WECHAT_TOKEN_STORE_URL=redis://:hush@localhost/0", "WECHAT_TOKEN_STORE_URL is localhost"),
        (f"WECHAT_SECRET={SECRET}", "WECHAT_SECRET is the secret of the sandbox"),
        (f"WECHAT_COMPONENT_SECRET={COMPONENT_SECRET}", "WECHAT_COMPONENT_SECRET is the secret of the sandbox"),
    ],
)
def test_refuses_what_works_only_here(
    stub: tuple[type[Stub], str], code: Path, capsys: pytest.CaptureFixture[str], setting: str, said: str
) -> None:
    """What the sandbox left in the environment is not deployed."""
    name, _, value = setting.partition("=")
    assert deploy(stub, code, **{name: value}) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "hush" not in error
    assert SECRET not in error
    assert not stub[0].function


def test_warns_of_no_token_source(stub: tuple[type[Stub], str], code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A function that only answers callers with a token of their own can be meant, and is warned of."""
    assert deploy(stub, code, WECHAT_SECRET="") == 0
    assert "warning: no token source is configured" in capsys.readouterr().err
    assert deploy(stub, code) == 0
    assert not capsys.readouterr().err


def test_variables() -> None:
    """scf.json declares the settings but for AWS's own services, and what of them is secret is never shown."""
    function = json.loads(Path("scf.json").read_bytes())
    variables = scf_vars.of_function(function)
    ours = {name for name in VARIABLES if not name.endswith(("_SECRET_NAME", "_SECRET_PARAMETER"))}
    others = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL", "PYDANTIC_DISABLE_PLUGINS"}
    assert set(variables) == ours | others
    assert not [name for name in variables if variables[name] and re.search("SECRET|TOKEN$|URL$|HEADER", name)]
    secret = {name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    assert "WECHAT_SECRET" in secret
    assert not secret & set(scf_vars.SHOWN)
    assert set(scf_vars.SHOWN) <= set(variables)
    assert function["Timeout"] > 3
    assert [trigger["Enable"] for trigger in function["Triggers"] if trigger["Type"] == "timer"] == ["CLOSE"]


def test_sandbox_secrets() -> None:
    """The secrets that are refused are those of the sandbox."""
    assert scf_vars.SANDBOX_SECRETS == (SECRET, COMPONENT_SECRET)
