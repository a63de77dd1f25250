"""The sandbox follows WeChat's rules, and plays faults and scenarios."""

import json
import time
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.rules import APPID, SECRET
from gray_release.sandbox.scenario import create_rising_plan, create_scenario
from gray_release.sandbox.server import Sandbox

GOOD = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}


def send_request(sandbox: Sandbox, path: str, data: Any = None) -> Any:
    """Send a plain HTTP request to the sandbox."""
    content = data if data is None or isinstance(data, bytes) else json.dumps(data).encode()
    with urllib.request.urlopen(sandbox.base_url + path, content, timeout=5) as answer:  # noqa: S310 - loopback
        return json.load(answer)


@pytest.mark.parametrize("fault", ["plan", "plan:nothing", "store:reset", "plan:errcode=x", "plan:delay=x", "plan:raw"])
def test_unknown_faults(fault: str) -> None:
    """An invalid fault is refused, and the error shows a valid one."""
    with pytest.raises(ValueError, match=r"(such as|use) .*(plan|errcode)"):
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
        assert send_request(sandbox, "/cgi-bin/stable_token", fields)["errcode"] == code


def test_stable_token_rules() -> None:
    """Normal mode returns the same token until its last 300 seconds; then it returns a new one, and both are valid."""
    now = [1000.0]
    with Sandbox(clock=lambda: now[0]) as sandbox:

        def fetch(**more: Any) -> Mapping[str, Any]:
            answer: Mapping[str, Any] = send_request(sandbox, "/cgi-bin/stable_token", {**GOOD, **more})
            return answer

        first = fetch()
        now[0] += 6899
        assert fetch() == {"access_token": first["access_token"], "expires_in": 301}
        now[0] += 1
        second = fetch()
        assert second["access_token"] != first["access_token"]
        for token in (first, second):
            assert (
                send_request(sandbox, f"/wxa/getgrayreleaseplan?access_token={token['access_token']}")["errcode"] == 0
            )
        now[0] += 300
        assert (
            send_request(sandbox, f"/wxa/getgrayreleaseplan?access_token={first['access_token']}")["errcode"] == 42001
        )
        third = fetch(force_refresh=True)
        assert (
            send_request(sandbox, f"/wxa/getgrayreleaseplan?access_token={second['access_token']}")["errcode"] == 40001
        )
        assert send_request(sandbox, f"/wxa/getgrayreleaseplan?access_token={third['access_token']}")["errcode"] == 0


def test_classic_token_replaces_the_previous() -> None:
    """A new classic token invalidates the previous one, but not the stable token."""
    query = f"/cgi-bin/token?grant_type=client_credential&appid={APPID}&secret={SECRET}"
    with Sandbox() as sandbox:
        stable = send_request(sandbox, "/cgi-bin/stable_token", GOOD)["access_token"]
        first, second = (send_request(sandbox, query)["access_token"] for _ in range(2))
        codes = [
            send_request(sandbox, f"/wxa/getgrayreleaseplan?access_token={t}")["errcode"]
            for t in (first, second, stable)
        ]
        assert codes == [40001, 0, 0]


def test_plan_rules() -> None:
    """The plan needs the method GET, and each kind of token needs its own parameter."""
    with Sandbox() as sandbox:
        sandbox.cloudbase_tokens.add("cloud")
        assert send_request(sandbox, "/wxa/getgrayreleaseplan")["errcode"] == 41001
        assert send_request(sandbox, "/wxa/getgrayreleaseplan?access_token=x")["errcode"] == 40001
        assert send_request(sandbox, "/wxa/getgrayreleaseplan?access_token=cloud")["errcode"] == 40001
        assert send_request(sandbox, "/wxa/getgrayreleaseplan?cloudbase_access_token=cloud")["errcode"] == 0
        assert send_request(sandbox, "/wxa/getgrayreleaseplan?access_token=x", b"")["errcode"] == 43001
        assert send_request(sandbox, "/wxa/unknown")["errcode"] == 40066


def test_rising_plan() -> None:
    """A rising plan reaches 100 percent with the clock, and is finished then."""
    plan = create_rising_plan(100, 1000)
    assert [(p := plan(now)) and (p["status"], p["gray_percentage"]) for now in (900, 1050, 1100, 2000)] == [
        (1, 0),
        (1, 50),
        (3, 100),
        (3, 100),
    ]


def test_access_log_is_quick(capfd: pytest.CaptureFixture[str]) -> None:
    """The sandbox prints one line for each request, without its query."""
    with Sandbox(access_log=print) as sandbox:
        send_request(sandbox, "/wxa/getgrayreleaseplan?access_token=hush")
        deadline = time.monotonic() + 5
        while not (log := capfd.readouterr().out) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert log == "sandbox: GET /wxa/getgrayreleaseplan -> errcode 40001\n"


def test_scenario() -> None:
    """A scenario can play every status that WeChat documents."""
    plan = create_scenario([("wait", 1), ("rise", 1), ("pause", 1), ("rise", 1), ("finish", 1), ("delete", 1)], 100)
    seen = [plan(now) for now in (100.5, 101.5, 102.5, 103.5, 104.5, 105.5, 999)]
    assert [found and found["status"] for found in seen] == [0, 1, 2, 1, 3, 4, 4]
    assert [found and found["gray_percentage"] for found in seen] == [0, 25, 50, 75, 100, 100, 100]


def test_fault_of_one_mini_program() -> None:
    """A fault with an appid applies only to requests with that mini program's token."""
    with Sandbox(
        apps={"wx1": SECRET, "wx2": SECRET}, faults=[Fault("plan", "errcode", "48001", appid="wx2")]
    ) as sandbox:
        tokens = [
            send_request(sandbox, "/cgi-bin/stable_token", {**GOOD, "appid": appid})["access_token"]
            for appid in ("wx1", "wx2")
        ]
        codes = [send_request(sandbox, f"/wxa/getgrayreleaseplan?access_token={token}")["errcode"] for token in tokens]
    assert codes == [0, 48001]
