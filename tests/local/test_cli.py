"""`python -m handler.local`, as a developer runs it, and the rules that the sandbox keeps."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest

from handler.local.sandbox.faults import Fault
from handler.local.sandbox.server import APPID, SECRET, Sandbox, advancing
from tests.support import REPLY, run

GOOD = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}


def ask(sandbox: Sandbox, path: str, data: Any = None) -> Any:
    """Ask the sandbox as any client would."""
    content = data if data is None or isinstance(data, bytes) else json.dumps(data).encode()
    with urllib.request.urlopen(sandbox.base_url + path, content, timeout=5) as answer:  # noqa: S310 - loopback
        return json.load(answer)


def test_invoke() -> None:
    """`invoke` without credentials starts the sandbox, says so, and prints the documented reply and nothing else."""
    process = run("invoke", "events/direct.json")
    assert process.stdout == REPLY
    assert process.returncode == 0
    assert "no credentials in the environment: using the WeChat sandbox" in process.stderr


def test_invoke_scf_from_stdin() -> None:
    """`invoke - --target scf` reads the event from stdin and takes SCF's way in."""
    process = run("invoke", "-", "--target", "scf", stdin='{"Type":"Timer","Message":"hello"}')
    assert process.stdout == REPLY
    assert '"trigger":"timer"' in process.stderr


def test_invoke_failure() -> None:
    """A failure prints the errCode object and exits 1."""
    process = run("invoke", "-", stdin="[]")
    assert json.loads(process.stdout)["errCode"] == 40097
    assert process.returncode == 1


def test_invoke_unreadable_event() -> None:
    """An event that cannot be read exits 2 and says why."""
    for process in (run("invoke", "events/none.json"), run("invoke", "-", stdin="{")):
        assert process.returncode == 2
        assert process.stdout == ""
        assert "cannot read the event" in process.stderr


def test_invoke_with_credentials() -> None:
    """With credentials in the environment no sandbox is started."""
    with Sandbox() as sandbox:
        process = run(
            "invoke", WECHAT_API_BASE_URL=sandbox.base_url, WECHAT_APPID=APPID, WECHAT_SECRET="not-the-secret"
        )
        assert json.loads(process.stdout)["errCode"] == 40125
        assert "not-the-secret" not in process.stdout + process.stderr
        assert "sandbox at" not in process.stderr


def test_invoke_on_a_terminal() -> None:
    """On a terminal the reply is indented."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "handler.local", "invoke"], stdout=slave, stderr=subprocess.DEVNULL
    ) as process:
        assert process.wait(30) == 0
    os.close(slave)
    output = os.read(master, 4096).decode().replace("\r\n", "\n")
    os.close(master)
    assert output == json.dumps(json.loads(REPLY), indent=2) + "\n"


def test_sandbox_alone() -> None:
    """`sandbox` prints the environment to use it with, serves another process, and ends when interrupted."""
    command = [sys.executable, "-m", "handler.local", "sandbox", "--plan", '{"status":2}', "--fault", "plan:reset*1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        environ = dict(pair.split("=", 1) for pair in server.stdout.readline().split())
        assert json.loads(run("invoke", **environ).stdout)["grayReleasePlan"] == {"status": 2}
        server.send_signal(signal.SIGINT)
        _, log = server.communicate(timeout=10)
        assert server.returncode == 130
    assert log.splitlines() == [
        "sandbox: POST /cgi-bin/stable_token -> errcode 0",
        "sandbox: GET /wxa/getgrayreleaseplan -> fault reset",
        "sandbox: GET /wxa/getgrayreleaseplan -> errcode 0",
    ]


@pytest.mark.parametrize("fault", ["plan", "plan:nothing", "store:reset", "plan:errcode=x", "plan:delay=x", "plan:raw"])
def test_unknown_faults(fault: str) -> None:
    """A fault that is none is refused."""
    with pytest.raises(ValueError, match=r"fault|invalid literal|could not convert"):
        Fault.parse(fault)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({**GOOD, "appid": ""}, 41002),
        ({**GOOD, "secret": ""}, 41004),
        ({**GOOD, "appid": "wx-unknown"}, 40013),
        ({**GOOD, "secret": "wrong"}, 40125),
        ({**GOOD, "grant_type": "x"}, 40002),
        (b"grant_type=client_credential", 47001),
        (None, 43002),
    ],
)
def test_stable_token_refusals(fields: Any, code: int) -> None:
    """The sandbox refuses a bad stable_token request as WeChat does."""
    with Sandbox() as sandbox:
        assert ask(sandbox, "/cgi-bin/stable_token", fields)["errcode"] == code


def test_stable_token_rules() -> None:
    """Normal mode gives the same token until its last 300 seconds, then a new one while both work."""
    now = [1000.0]
    with Sandbox(clock=lambda: now[0]) as sandbox:

        def fetch(**more: Any) -> Mapping[str, Any]:
            answer: Mapping[str, Any] = ask(sandbox, "/cgi-bin/stable_token", {**GOOD, **more})
            return answer

        first = fetch()
        now[0] += 6899
        assert fetch() == {"access_token": first["access_token"], "expires_in": 301}
        now[0] += 1
        second = fetch()
        assert second["access_token"] != first["access_token"]
        for token in (first, second):
            assert ask(sandbox, f"/wxa/getgrayreleaseplan?access_token={token['access_token']}")["errcode"] == 0
        now[0] += 300
        assert ask(sandbox, f"/wxa/getgrayreleaseplan?access_token={first['access_token']}")["errcode"] == 42001
        third = fetch(force_refresh=True)
        assert ask(sandbox, f"/wxa/getgrayreleaseplan?access_token={second['access_token']}")["errcode"] == 40001
        assert ask(sandbox, f"/wxa/getgrayreleaseplan?access_token={third['access_token']}")["errcode"] == 0


def test_classic_token_kills_the_previous() -> None:
    """Each fetch of a classic token ends the one before, and leaves the stable token alone."""
    query = f"/cgi-bin/token?grant_type=client_credential&appid={APPID}&secret={SECRET}"
    with Sandbox() as sandbox:
        stable = ask(sandbox, "/cgi-bin/stable_token", GOOD)["access_token"]
        first, second = (ask(sandbox, query)["access_token"] for _ in range(2))
        codes = [ask(sandbox, f"/wxa/getgrayreleaseplan?access_token={t}")["errcode"] for t in (first, second, stable)]
        assert codes == [40001, 0, 0]


def test_plan_rules() -> None:
    """The plan needs GET and a token in the parameter of its kind."""
    with Sandbox() as sandbox:
        sandbox.cloudbase_tokens.add("cloud")
        assert ask(sandbox, "/wxa/getgrayreleaseplan")["errcode"] == 41001
        assert ask(sandbox, "/wxa/getgrayreleaseplan?access_token=x")["errcode"] == 40001
        assert ask(sandbox, "/wxa/getgrayreleaseplan?access_token=cloud")["errcode"] == 40001
        assert ask(sandbox, "/wxa/getgrayreleaseplan?cloudbase_access_token=cloud")["errcode"] == 0
        assert ask(sandbox, "/wxa/getgrayreleaseplan?access_token=x", b"")["errcode"] == 43001
        assert ask(sandbox, "/wxa/unknown")["errcode"] == 40066


def test_advancing_plan() -> None:
    """A plan can rise with the clock until it is finished."""
    plan = advancing(100, 1000)
    assert [(p := plan(now)) and (p["status"], p["gray_percentage"]) for now in (900, 1050, 1100, 2000)] == [
        (1, 0),
        (1, 50),
        (3, 100),
        (3, 100),
    ]


def test_access_log_is_quick(capfd: pytest.CaptureFixture[str]) -> None:
    """The sandbox prints one line for each request, without its query."""
    with Sandbox(access_log=print) as sandbox:
        ask(sandbox, "/wxa/getgrayreleaseplan?access_token=hush")
        deadline = time.monotonic() + 5
        while not (log := capfd.readouterr().out) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert log == "sandbox: GET /wxa/getgrayreleaseplan -> errcode 40001\n"
