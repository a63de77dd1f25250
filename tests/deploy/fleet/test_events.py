"""The schedule that starts a sweep, and the chat robot that receives its messages, on an AWS emulator."""

import json
import queue
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from gray_release.sandbox.server import Sandbox
from tests.deploy.cloudformation import Stack
from tests.fleet import CHANGED, SERVICE, Cloud, Json, appids, authorize
from tests.support import Valkey

pytestmark = pytest.mark.fleet


class Robot(HTTPServer):
    """A chat robot on loopback, which keeps the messages that it receives."""

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
        """Print nothing."""


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
    """EventBridge sends each summary in the robot's format, but nothing after a successful sweep."""
    # The emulator's CloudFormation does not know API destinations, so this test creates them from the template.
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
    """The schedule starts a sweep. Without an expression, the schedule is disabled."""
    authorize(wechat, server, appids(2))
    cloud.upload(appids(2))
    [schedule] = [
        cloud.scheduler.get_schedule(Name=one["Name"], GroupName=one["GroupName"])
        for one in cloud.scheduler.list_schedules()["Schedules"]
        if one["Target"]["Arn"] == cloud.sweep
    ]
    assert schedule["State"] == "DISABLED"
    before = set(cloud.executions(cloud.sweep))
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    cloud.scheduler.update_schedule(
        Name=schedule["Name"],
        GroupName=schedule["GroupName"],
        ScheduleExpression=f"at({now})",
        State="ENABLED",
        FlexibleTimeWindow=schedule["FlexibleTimeWindow"],
        Target=schedule["Target"],
    )
    [(kind, detail)] = cloud.events(1)
    assert (kind, detail["answered"]) == ("Gray Release Sweep Finished", 2)
    assert len(set(cloud.executions(cloud.sweep)) - before) == 1
