"""The sweep on an AWS emulator: rows, counts, failures, and the watches that it starts."""

import json
from collections import Counter
from pathlib import Path

import pytest

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import Sandbox
from tests.fleet import CHANGED, Cloud, appids, authorize, poll
from tests.releases import DONE, plan
from tests.support import PLAN, Valkey, run

pytestmark = pytest.mark.fleet


def test_sweep(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """A sweep of 200 mini programs has a row for each. Refusals are final; transient failures are retried."""
    fleet = appids(200, start=5000)  # `start` selects appids for which no warm function has tokens
    strangers, forbidden, busy, unlucky = fleet[:5], fleet[5:9], fleet[9:12], fleet[12]
    authorize(wechat, server, fleet)
    for appid in strangers:
        del wechat.platform.authorizers[appid]
    wechat.faults[:] = [
        *(Fault("plan", "errcode", "48001", appid=appid) for appid in forbidden),
        *(Fault("plan", "errcode", "45011", times=3, appid=appid) for appid in busy),
        Fault("plan", "errcode", "-1", times=1, appid=unlucky),
    ]
    cloud.upload(fleet)
    output = cloud.run(cloud.sweep, {})
    results = output["results"]
    assert output == {"total": 200, "answered": 200, "failed": 0, "results": results}
    assert results["Bucket"] == cloud.bucket
    assert results["Key"].startswith("results/")

    rows = cloud.rows(results)
    assert [row["appid"] for row in rows] == fleet
    codes = {row["appid"]: row["errCode"] for row in rows}
    expected = dict.fromkeys(fleet, 0) | dict.fromkeys(strangers, 61003) | dict.fromkeys(forbidden, 48001)
    assert codes == expected
    assert {frozenset(row) for row in rows if row["errCode"]} == {frozenset({"appid", "errCode", "errMsg"})}
    assert rows[-1] == {
        "appid": fleet[-1],
        "errCode": 0,
        "errMsg": "openapi.operation.getGrayReleasePlan:ok",
        "grayReleasePlan": {"status": 3, "createTimestamp": 1700000000, "grayPercentage": 100},
    }
    assert wechat.count("/cgi-bin/component/api_component_token") <= 1
    assert wechat.count("/cgi-bin/component/api_authorizer_token") == 200
    assert set(wechat.refusals) == {0, 61003}
    [(kind, detail)] = cloud.events(1)
    assert kind == "Gray Release Sweep Finished"
    assert detail["summary"].startswith("Sweep: 200 of 200 mini programs answered, 0 failed · 灰度巡检：")
    assert detail == {**output, "summary": detail["summary"]}


def test_results_are_drawn_here(cloud: Cloud, wechat: Sandbox, server: Valkey, tmp_path: Path) -> None:
    """The local command shows the rows of a sweep on AWS."""
    fleet = appids(12)
    authorize(wechat, server, fleet)
    wechat.faults[:] = [Fault("plan", "errcode", "48001", appid=fleet[3])]
    cloud.upload(fleet)
    results = cloud.run(cloud.sweep, {})["results"]
    rows = cloud.rows(results)
    [file] = json.loads(cloud.read(results["Key"]))["ResultFiles"]["SUCCEEDED"]
    (tmp_path / "rows.jsonl").write_text(cloud.read(file["Key"]))
    drawn = run("sweep", "--from", str(tmp_path / "rows.jsonl"))
    printed = [json.loads(line) for line in drawn.stdout.splitlines()]
    assert sorted(printed, key=lambda row: str(row["appid"])) == rows
    assert "12 mini programs: 1 failed, 11 finished" in drawn.stderr


def test_failures_have_rows(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """A failure that is neither a refusal nor transient also has a row, and counts as failed."""
    fleet = appids(20)
    authorize(wechat, server, fleet)
    wechat.faults[:] = [Fault("plan", "errcode", "43101", appid=fleet[7])]
    cloud.upload(fleet, "few.csv")
    output = cloud.run(cloud.sweep, {"key": "few.csv"})
    assert output == {"total": 20, "answered": 19, "failed": 1, "results": output["results"]}
    rows = cloud.rows(output["results"])
    assert [row["appid"] for row in rows] == fleet
    assert [row["errCode"] for row in rows] == [0] * 7 + [43101] + [0] * 12


@pytest.mark.parametrize("errcode", ["-1", "43101"])
def test_few_mini_programs(cloud: Cloud, wechat: Sandbox, server: Valkey, errcode: str) -> None:
    """In a short list, the sweep does not fail because one mini program has no answer."""
    fleet = appids(3)
    authorize(wechat, server, fleet)
    wechat.faults[:] = [Fault("plan", "errcode", errcode, appid=fleet[0])]
    cloud.upload(fleet)
    output = cloud.run(cloud.sweep, {})
    assert output == {"total": 3, "answered": 2, "failed": 1, "results": output["results"]}
    assert [row["errCode"] for row in cloud.rows(output["results"])] == [int(errcode), 0, 0]


def test_questions_are_asked_again_alone(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """The sweep repeats only the failed checks, not the whole batch."""
    fleet = appids(30)
    authorize(wechat, server, fleet)
    wechat.faults[:] = [Fault("plan", "errcode", "45011", times=2, appid=fleet[9])]
    cloud.upload(fleet)
    assert cloud.run(cloud.sweep, {})["answered"] == 30
    assert wechat.count(PLAN) == 32


def test_wechat_is_down(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """If WeChat is down, a sweep stops after the tolerated share of failures, and its event names the reason."""
    fleet = appids(1000)
    authorize(wechat, server, fleet)
    wechat.faults[:] = [Fault("plan", "status", "503")]
    cloud.upload(fleet)
    execution = cloud.start(cloud.sweep, {})
    description = cloud.wait_for_end(execution)
    assert description["status"] == "FAILED"
    assert description["error"] == "States.ExceedToleratedFailureThreshold"
    runs = [one["mapRunArn"] for one in cloud.states.list_map_runs(executionArn=execution)["mapRuns"]]
    [asked] = [run for run in runs if "/MiniPrograms:" in run]
    counts = cloud.states.describe_map_run(mapRunArn=asked)["itemCounts"]
    assert 50 <= counts["failed"] <= 500, "one batch, and those under way with it"
    assert counts["failed"] + counts["aborted"] == counts["total"] == 1000
    [(kind, detail)] = cloud.events(1)
    assert kind == "Gray Release Sweep Failed"
    assert detail["error"] == "States.ExceedToleratedFailureThreshold"
    assert "errCode -1 " in detail["cause"]
    assert detail["summary"].startswith(f"Sweep failed: {detail['cause']} · 灰度巡检失败：超过 5%")


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"WECHAT_TOKEN_STORE_URL": "redis://127.0.0.1:1/0"}, -1),
        ({"WECHAT_TOKEN_SOURCE": "stable"}, 41004),
        ({"WECHAT_TOKEN_SOURCE": "stable", "ON_ERROR": "return"}, 41004),
    ],
)
def test_failure_of_what_all_share(
    cloud: Cloud, wechat: Sandbox, server: Valkey, variables: dict[str, str], code: int
) -> None:
    """A failure that affects every mini program ends the sweep, and the sweep's event names it as the cause."""
    fleet = appids(60)
    authorize(wechat, server, fleet)
    cloud.upload(fleet)
    before = {name: cloud.set_variable(name, value) for name, value in variables.items()}
    try:
        description = cloud.wait_for_end(cloud.start(cloud.sweep, {}))
    finally:
        for name, value in before.items():
            cloud.set_variable(name, value)
    assert description["status"] == "FAILED"
    assert wechat.count(PLAN) == 0
    [(_, detail)] = cloud.events(1)
    assert f"errCode {code} " in detail["cause"]


def test_one_sweep_at_a_time(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """If another sweep is running, a new sweep ends at once and sends an event that says so."""
    fleet = appids(16)
    authorize(wechat, server, fleet)
    wechat.faults[:] = [Fault("plan", "delay", "2")]
    cloud.upload(fleet)
    first = cloud.start(cloud.sweep, {})
    poll(lambda: wechat.count(PLAN) or None)
    second = cloud.run(cloud.sweep, {})
    assert second == {"skipped": True, "running": first}
    assert [(kind, detail["running"]) for kind, detail in cloud.take_events()] == [
        ("Gray Release Sweep Skipped", first)
    ]
    assert cloud.wait_for_end(first)["status"] == "SUCCEEDED"


def test_sweeps_start_watches_once(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """An unfinished release gets one watch, even if several sweeps find it. After a failed watch, it gets another."""
    fleet = appids(3, start=1100)
    authorize(wechat, server, fleet)
    wechat.plans.update({fleet[0]: plan(1, 20), fleet[1]: plan(2, 60), fleet[2]: plan(0, 0)})
    cloud.upload(fleet, "under-way.csv")
    names = {f"{appid}-1700000000" for appid in fleet[:2]}

    def watches() -> dict[str, str]:
        return {name: status for name, status in cloud.executions(cloud.watch).items() if name[:18] in fleet}

    for _ in range(2):
        assert cloud.run(cloud.sweep, {"key": "under-way.csv"})["answered"] == 3
        assert watches() == dict.fromkeys(names, "RUNNING")
    assert Counter(kind for kind, _ in cloud.events(4)) == {CHANGED: 2, "Gray Release Sweep Finished": 2}

    wechat.faults[:] = [Fault("plan", "errcode", "61007", times=1, appid=fleet[0])]
    failed, other = (
        cloud.watch.replace(":stateMachine:", ":execution:") + f":{appid}-1700000000" for appid in fleet[:2]
    )
    assert cloud.wait_for_end(failed)["status"] == "FAILED"
    assert cloud.run(cloud.sweep, {"key": "under-way.csv"})["answered"] == 3
    assert watches() == {failed.rpartition(":")[2]: "FAILED"} | dict.fromkeys(
        [f"{fleet[0]}-1700000000-2", f"{fleet[1]}-1700000000"], "RUNNING"
    )
    wechat.plans.update(dict.fromkeys(fleet, DONE))
    assert cloud.wait_for_end(f"{failed}-2")["status"] == cloud.wait_for_end(other)["status"] == "SUCCEEDED"


def test_failures_that_are_returned(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """If OnError=return, failures are results, and sweeps and watches treat them like raised errors."""
    fleet = appids(3, start=1200)
    authorize(wechat, server, fleet)
    wechat.faults[:] = [
        Fault("plan", "errcode", "48001", appid=fleet[0]),
        Fault("plan", "errcode", "45011", times=1, appid=fleet[1]),
    ]
    cloud.upload(fleet, "returned.csv")
    before = cloud.set_variable("ON_ERROR", "return")
    try:
        results = cloud.run(cloud.sweep, {"key": "returned.csv"})["results"]
        assert [row["errCode"] for row in cloud.rows(results)] == [48001, 0, 0]
        watch = cloud.wait_for_end(cloud.start(cloud.watch, {"appid": fleet[0], "everySeconds": 5}))
        assert (watch["status"], json.loads(watch["cause"])["errCode"]) == ("FAILED", 48001)
    finally:
        cloud.set_variable("ON_ERROR", before)
