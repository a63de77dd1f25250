"""The state machines, deployed by `sam` on AWS's stand-in: `make test-fleet`."""

import json
import queue
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import Sandbox
from tests.deploy.cloudformation import Stack
from tests.fleet import CHANGED, SERVICE, Cloud, Json, appids, authorize, until
from tests.releases import DONE, plan
from tests.support import PLAN, Valkey, run

pytestmark = pytest.mark.fleet


def test_sweep(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """Two hundred mini programs make a row each: refusals of their own are answers, and what passes is asked again."""
    fleet = appids(200)
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
    assert wechat.count("/cgi-bin/component/api_component_token") == 1
    assert wechat.count("/cgi-bin/component/api_authorizer_token") == 200
    assert set(wechat.refusals) == {0, 61003}
    [(kind, detail)] = cloud.events(1)
    assert kind == "Gray Release Sweep Finished"
    assert detail["summary"].startswith("Sweep: 200 of 200 mini programs answered, 0 failed · 灰度巡检：")
    assert detail == {**output, "summary": detail["summary"]}


def test_results_are_drawn_here(cloud: Cloud, wechat: Sandbox, server: Valkey, tmp_path: Path) -> None:
    """The local command reads the rows of the cloud's sweep."""
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


def test_failed_child(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """A failure that is neither the mini program's own nor a passing one is counted, and kept beside the rows."""
    fleet = appids(20)
    authorize(wechat, server, fleet)
    wechat.faults[:] = [Fault("plan", "errcode", "43101", appid=fleet[7])]
    cloud.upload(fleet, "few.csv")
    output = cloud.run(cloud.sweep, {"key": "few.csv"})
    assert {name: output[name] for name in ("total", "answered", "failed")} == {
        "total": 20,
        "answered": 19,
        "failed": 1,
    }
    assert [row["appid"] for row in cloud.rows(output["results"])] == [*fleet[:7], *fleet[8:]]
    [failed] = cloud.rows(output["results"], "FAILED")
    assert failed["Error"] == "OpenApiError"
    cause = json.loads(failed["Cause"])
    assert (cause["appid"], cause["errCode"]) == (fleet[7], 43101)


def test_wechat_is_down(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """When nobody answers, a sweep stops as soon as more than the tolerated share has failed, and says so."""
    fleet = appids(200)
    authorize(wechat, server, fleet)
    wechat.faults[:] = [Fault("plan", "status", "503")]
    cloud.upload(fleet)
    execution = cloud.start(cloud.sweep, {})
    description = cloud.finished(execution)
    assert description["status"] == "FAILED"
    assert description["error"] == "States.ExceedToleratedFailureThreshold"
    run = cloud.states.list_map_runs(executionArn=execution)["mapRuns"][0]["mapRunArn"]
    counts = cloud.states.describe_map_run(mapRunArn=run)["itemCounts"]
    assert 10 < counts["failed"] < 30, "a twentieth, and those under way with them"
    assert counts["failed"] + counts["aborted"] == counts["total"] == 200
    [(kind, detail)] = cloud.events(1)
    assert kind == "Gray Release Sweep Failed"
    assert detail["error"] == "States.ExceedToleratedFailureThreshold"


def test_one_sweep_at_a_time(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """A sweep that finds another one running ends at once, and tells of it."""
    fleet = appids(16)
    authorize(wechat, server, fleet)
    wechat.faults[:] = [Fault("plan", "delay", "2")]
    cloud.upload(fleet)
    first = cloud.start(cloud.sweep, {})
    until(lambda: wechat.count(PLAN) or None)
    second = cloud.run(cloud.sweep, {})
    assert second == {"skipped": True, "running": first}
    assert [(kind, detail["running"]) for kind, detail in cloud.told()] == [("Gray Release Sweep Skipped", first)]
    assert cloud.finished(first)["status"] == "SUCCEEDED"


def test_sweeps_start_watches_once(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """Each release under way gets one watch, however often it is swept; one whose watch failed gets another."""
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
    assert cloud.finished(failed)["status"] == "FAILED"
    assert cloud.run(cloud.sweep, {"key": "under-way.csv"})["answered"] == 3
    assert watches() == {failed.rpartition(":")[2]: "FAILED"} | dict.fromkeys(
        [f"{fleet[0]}-1700000000-2", f"{fleet[1]}-1700000000"], "RUNNING"
    )
    wechat.plans.update(dict.fromkeys(fleet, DONE))
    assert cloud.finished(f"{failed}-2")["status"] == cloud.finished(other)["status"] == "SUCCEEDED"


def test_failures_that_are_returned(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """With OnError=return failures come as results, and mean the same to sweeps and watches."""
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
        watch = cloud.finished(cloud.start(cloud.watch, {"appid": fleet[0], "everySeconds": 5}))
        assert (watch["status"], json.loads(watch["cause"])["errCode"]) == ("FAILED", 48001)
    finally:
        cloud.set_variable("ON_ERROR", before)


class Robot(HTTPServer):
    """A chat robot on loopback, which keeps what is posted to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.posts: queue.Queue[tuple[str, Any]] = queue.Queue()


class _Hook(BaseHTTPRequestHandler):
    server: Robot

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.put((self.path, json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def robot() -> Iterator[Robot]:
    """Run the robot."""
    with Robot() as robot:
        threading.Thread(target=robot.serve_forever, args=(0.01,), daemon=True).start()
        yield robot
        robot.shutdown()


SUMMARY = "wx1: rolling out → paused 30% · 灰度发布：执行中 → 暂停中 30%"


@pytest.mark.parametrize(
    ("kind", "path", "body"),
    [
        ("wecom", "/cgi-bin/webhook/send?key=693a91f6", {"msgtype": "text", "text": {"content": SUMMARY}}),
        ("dingtalk", "/robot/send?access_token=566cc69d", {"msgtype": "text", "text": {"content": SUMMARY}}),
        ("feishu", "/open-apis/bot/v2/hook/3ad6-7f", {"msg_type": "text", "content": {"text": SUMMARY}}),
    ],
)
def test_robot(cloud: Cloud, robot: Robot, kind: str, path: str, body: Json) -> None:
    """EventBridge posts each summary in the robot's own form, and does not bother it with sweeps that went well."""
    # The stand-in's CloudFormation does not know API destinations: they are made from what the template says.
    url = f"http://127.0.0.1:{robot.server_port}{path}"
    stack = Stack(Fleet="true", RobotKind=kind, RobotUrl=url, ServiceName=SERVICE)
    connection, destination, rule = (
        stack.properties(name) for name in ("RobotConnection", "RobotDestination", "RobotRule")
    )
    made = cloud.buses.create_connection(
        Name=kind,
        AuthorizationType=connection["AuthorizationType"],
        AuthParameters=connection["AuthParameters"],
    )
    target = cloud.buses.create_api_destination(
        Name=kind,
        ConnectionArn=made["ConnectionArn"],
        HttpMethod=destination["HttpMethod"],
        InvocationEndpoint=destination["InvocationEndpoint"],
    )
    assert "=" not in destination["InvocationEndpoint"], "the key is in the connection"
    cloud.buses.put_rule(Name=kind, EventPattern=json.dumps(rule["EventPattern"]))
    transformer = rule["Targets"][0]["InputTransformer"]
    arn = target["ApiDestinationArn"]
    cloud.buses.put_targets(Rule=kind, Targets=[{"Id": kind, "Arn": arn, "InputTransformer": transformer}])
    try:
        for detail_type, detail in (
            ("Gray Release Sweep Finished", {"failed": 0, "summary": "all is well"}),
            (CHANGED, {"summary": SUMMARY}),
        ):
            entry = {"Source": SERVICE, "DetailType": detail_type, "Detail": json.dumps(detail)}
            cloud.buses.put_events(Entries=[entry])
        assert robot.posts.get(timeout=30) == (path, body)
        assert robot.posts.empty()
    finally:
        cloud.buses.remove_targets(Rule=kind, Ids=[kind])
        cloud.buses.delete_rule(Name=kind)


def test_schedule(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """The schedule starts a sweep; deployed without an expression it is off."""
    authorize(wechat, server, appids(2))
    cloud.upload(appids(2))
    [schedule] = [
        cloud.scheduler.get_schedule(Name=one["Name"])
        for one in cloud.scheduler.list_schedules()["Schedules"]
        if one["Target"]["Arn"] == cloud.sweep
    ]
    assert schedule["State"] == "DISABLED"
    before = set(cloud.executions(cloud.sweep))
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    cloud.scheduler.update_schedule(
        Name=schedule["Name"],
        ScheduleExpression=f"at({now})",
        State="ENABLED",
        FlexibleTimeWindow=schedule["FlexibleTimeWindow"],
        Target=schedule["Target"],
    )
    [(kind, detail)] = cloud.events(1)
    assert (kind, detail["answered"]) == ("Gray Release Sweep Finished", 2)
    assert len(set(cloud.executions(cloud.sweep)) - before) == 1
