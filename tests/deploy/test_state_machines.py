"""What the template gives to the state machines: what they need, and no more."""

import json
import re
from typing import Any

import pytest

from tests.support import ROOT, template

RESOURCES = template()["Resources"]
STATE_MACHINES = {name: part for name, part in RESOURCES.items() if part["Type"] == "AWS::Serverless::StateMachine"}
FLEET = (*STATE_MACHINES, "FleetRole", "FleetBucket", "FleetLogGroup", "SweepsAlarm")
ROBOT = ("RobotConnection", "RobotDestination", "RobotRule", "RobotRole", "RobotFailures")


def statements(role: str) -> list[dict[str, Any]]:
    """Return the statements of a role's policies."""
    policies = RESOURCES[role]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


@pytest.mark.parametrize("name", STATE_MACHINES)
def test_substitutions(name: str) -> None:
    """The template fills every placeholder of the definition, and no other."""
    properties = STATE_MACHINES[name]["Properties"]
    text = (ROOT / properties["DefinitionUri"]).read_text("utf-8")
    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(properties["DefinitionSubstitutions"])


@pytest.mark.parametrize("name", STATE_MACHINES)
def test_names(name: str) -> None:
    """A state machine has a name of its own choice, which its role names: else each would wait for the other."""
    given = STATE_MACHINES[name]["Properties"]["Name"]["Sub"]
    resource = f"stateMachine:{given}"
    starts = next(one["Resource"] for one in statements("FleetRole") if one["Action"] == "states:StartExecution")
    assert any(arn["Sub"].endswith(resource) for arn in starts)


def test_everything_is_optional() -> None:
    """Without Fleet there is none of it, and without RobotUrl no robot."""
    assert {RESOURCES[name].get("Condition") for name in FLEET} == {"HasFleet"}
    assert {RESOURCES[name].get("Condition") for name in ROBOT} == {"HasRobot"}
    outputs = template()["Outputs"]
    assert {outputs[name]["Condition"] for name in ("SweepArn", "WatchArn", "FleetBucketName")} == {"HasFleet"}


def test_least_privilege() -> None:
    """No action is a wildcard, and only log delivery, which knows no resources, has one for a resource."""
    every = [*statements("FleetRole"), *statements("RobotRole")]
    assert "*" not in json.dumps([statement["Action"] for statement in every])
    wild = [statement["Action"] for statement in every if statement["Resource"] == "*"]
    assert [all("Log" in action or "ResourcePolic" in action for action in actions) for actions in wild] == [True]
    told = next(statement for statement in every if statement["Action"] == "events:PutEvents")
    assert told["Condition"] == {"StringEquals": {"events:source": {"Ref": "ServiceName"}}}


def test_bucket() -> None:
    """The bucket is private and encrypted; results expire, the list of mini programs stays."""
    bucket = RESOURCES["FleetBucket"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]
    assert [rule["Prefix"] for rule in bucket["LifecycleConfiguration"]["Rules"]] == ["results/"]


def test_failed_deliveries_are_kept() -> None:
    """What the robot does not take goes to the queue, which the rule may write to."""
    [target] = RESOURCES["RobotRule"]["Properties"]["Targets"]
    assert target["DeadLetterConfig"] == {"Arn": {"GetAtt": "FailedEvents.Arn"}}
    policy = RESOURCES["RobotFailures"]["Properties"]
    assert policy["Queues"] == [{"Ref": "FailedEvents"}]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"GetAtt": "RobotRule.Arn"}}}


def test_alarm() -> None:
    """The alarm counts sweeps that failed and sweeps that ran out of time."""
    alarm = RESOURCES["SweepsAlarm"]["Properties"]
    *metrics, total = alarm["Metrics"]
    names = [metric["MetricStat"]["Metric"]["MetricName"] for metric in metrics]
    assert names == ["ExecutionsFailed", "ExecutionsTimedOut"]
    assert all(metric["Id"] in total["Expression"] for metric in metrics)
