"""The template gives the state machines the permissions and values that they need, and no others."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.cloudformation import TEMPLATE, Stack
from tests.support import ROOT

RESOURCES = TEMPLATE["Resources"]
STACK = Stack(Fleet="true", RobotUrl="https://robot.example/send?key=k")
STATE_MACHINES = {name: part for name, part in RESOURCES.items() if part["Type"] == "AWS::Serverless::StateMachine"}
FLEET = (*STATE_MACHINES, "FleetRole", "FleetBucket", "FleetLogGroup", "SweepsAlarm", "WatchesAlarm")
ROBOT = ("RobotConnection", "RobotDestination", "RobotRule", "RobotRole", "RobotFailures")


def statements(role: str) -> list[dict[str, Any]]:
    """Return the statements of a role's policies."""
    policies = STACK.properties(role)["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


@pytest.mark.parametrize("name", STATE_MACHINES)
def test_substitutions(name: str) -> None:
    """The template fills every placeholder of the definition, and names no other."""
    properties = STATE_MACHINES[name]["Properties"]
    text = (ROOT / properties["DefinitionUri"]).read_text("utf-8")
    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(properties["DefinitionSubstitutions"])


@pytest.mark.parametrize("name", STATE_MACHINES)
def test_names(name: str) -> None:
    """The template names each state machine, because its role needs the name before the state machine exists."""
    resource = f"stateMachine:{STACK.properties(name)['StateMachineName']}"
    starts = next(one["Resource"] for one in statements("FleetRole") if one["Action"] == "states:StartExecution")
    assert any(arn.endswith(resource) for arn in starts)


def states(value: object) -> Iterator[dict[str, Any]]:
    """Find every state of a definition, including those inside a Map."""
    if isinstance(value, dict):
        for inner in value.get("States", {}).values():
            yield inner
        for inner in value.values():
            yield from states(inner)


@pytest.mark.parametrize("name", STATE_MACHINES)
def test_what_all_does_not_catch(name: str) -> None:
    """A state that catches all errors also names the two that `States.ALL` does not match."""
    definition = json.loads((ROOT / STATE_MACHINES[name]["Properties"]["DefinitionUri"]).read_text("utf-8"))
    catchers = [[catcher["ErrorEquals"] for catcher in state.get("Catch", [])] for state in states(definition)]
    for caught in catchers:
        if ["States.ALL"] in caught:
            assert caught.index(["States.DataLimitExceeded", "States.Runtime"]) < caught.index(["States.ALL"])
    assert any(["States.ALL"] in caught for caught in catchers)


def test_everything_is_optional() -> None:
    """Without Fleet there are no state machines, and without RobotUrl there is no robot."""
    assert {RESOURCES[name].get("Condition") for name in FLEET} == {"HasFleet"}
    assert {RESOURCES[name].get("Condition") for name in ROBOT} == {"HasRobot"}
    outputs = TEMPLATE["Outputs"]
    assert {outputs[name]["Condition"] for name in ("SweepArn", "WatchArn", "FleetBucketName")} == {"HasFleet"}


def test_least_privilege() -> None:
    """No action is a wildcard. Only log delivery needs `*` as its resource, because AWS accepts no other."""
    every = [*statements("FleetRole"), *statements("RobotRole")]
    assert "*" not in json.dumps([statement["Action"] for statement in every])
    wild = [statement["Action"] for statement in every if statement["Resource"] == "*"]
    assert [all("Log" in action or "ResourcePolic" in action for action in actions) for actions in wild] == [True]
    told = next(statement for statement in every if statement["Action"] == "events:PutEvents")
    assert told["Condition"] == {"StringEquals": {"events:source": STACK.parameters["ServiceName"]}}


def test_missing_list() -> None:
    """The role may list the bucket, because otherwise S3 answers "Access Denied" for a missing list."""
    [statement] = [one for one in statements("FleetRole") if one["Action"] == "s3:ListBucket"]
    assert statement["Resource"] == "<FleetBucket.Arn>"


def test_bucket() -> None:
    """The bucket is private and encrypted. Results expire, but the list of mini programs does not."""
    bucket = RESOURCES["FleetBucket"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]
    assert [rule["Prefix"] for rule in bucket["LifecycleConfiguration"]["Rules"]] == ["results/"]


def test_failed_deliveries_are_kept() -> None:
    """Messages that the robot refuses go to the queue, and the rule may write to this queue."""
    [target] = STACK.properties("RobotRule")["Targets"]
    assert target["DeadLetterConfig"] == {"Arn": "<FailedEvents.Arn>"}
    policy = STACK.properties("RobotFailures")
    assert policy["Queues"] == ["<FailedEvents>"]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": "<RobotRule.Arn>"}}


@pytest.mark.parametrize(
    ("url", "query"),
    [
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k", "key"),
        ("https://oapi.dingtalk.com/robot/send?access_token=k", "access_token"),
    ],
)
def test_key_of_a_robot(url: str, query: str) -> None:
    """The robot's key is sent under its name in RobotUrl, for each kind of robot."""
    stack = Stack(Fleet="true", RobotUrl=url)
    [parameter] = stack.properties("RobotConnection")["AuthParameters"]["InvocationHttpParameters"][
        "QueryStringParameters"
    ]
    assert (parameter["Key"], parameter["Value"]) == (query, "k")
    assert stack.properties("RobotDestination")["InvocationEndpoint"] == url.partition("?")[0]
