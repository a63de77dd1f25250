"""The stack in each region: resources that a region does not have are left out or refused."""

import re

import pytest
from cfnlint.helpers import REGIONS
from cfnlint.rules.resources.lmbd.SnapStartSupported import SnapStartSupported
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.deploy.cloudformation import Stack
from tests.support import ROOT

FUNCTION = "GetGrayReleasePlanFunction"
ROBOT = {"Fleet": "true", "RobotUrl": "https://robot/send?key={{resolve:secretsmanager:robot}}"}
ROBOT_RESOURCES = {"RobotConnection", "RobotDestination", "RobotRule", "RobotRole", "RobotFailures"}
PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"}
# AWS's isolated regions have no internet access, so they cannot reach WeChat.
EVERY_REGION = sorted(region for region in REGIONS if not re.match("(us|eu)-iso", region))
# cfn-lint says otherwise, but AWS China's own page about Lambda says that neither of its regions has function URLs.
ALSO_LACKING = {("cn-north-1", "AWS::Lambda::Url")}


def find_partition(region: str) -> str:
    """Return the AWS partition of a region."""
    return next((name for prefix, name in PARTITIONS.items() if region.startswith(prefix)), "aws")


def make_stack(region: str, **parameters: str) -> Stack:
    """Return the stack for a region."""
    return Stack(region=region, partition=find_partition(region), **parameters)


def lacks(region: str, kind: str) -> bool:
    """Whether a region does not have this resource type."""
    return kind not in PROVIDER_SCHEMA_MANAGER.get_resource_types(region) or (region, kind) in ALSO_LACKING


@pytest.mark.parametrize("region", EVERY_REGION)
def test_resource_types(region: str) -> None:
    """Every resource of the stack has a type that exists in the region, even if all options are set."""
    everything = {
        "Dashboard": "true",
        "ScheduleExpression": "rate(1 hour)",
        "DeploymentPreference": "Canary10Percent5Minutes",
    }
    stack = make_stack(region, **everything, **ROBOT)
    assert {name for name, resource in stack.resources.items() if lacks(region, resource["Type"])} == set()


@pytest.mark.parametrize("region", EVERY_REGION)
def test_function_url(region: str) -> None:
    """The stack has a function URL and its output exactly where Lambda has function URLs."""
    stack = make_stack(region)
    expected = not lacks(region, "AWS::Lambda::Url")
    assert ("FunctionUrl" in stack.resources) == expected
    assert ("FunctionUrl" in stack.outputs) == expected
    assert FUNCTION in stack.resources
    assert stack.broken_rules() == []


@pytest.mark.parametrize("region", EVERY_REGION)
def test_snap_start(region: str) -> None:
    """In regions without SnapStart for Python, a rule refuses SnapStart=true, and the function has no such property."""
    available = region in SnapStartSupported().regions
    refused = make_stack(region, SnapStart="true", Deployment="one").broken_rules()
    assert [rule for rule in refused if "SnapStart=false" in rule] == ([] if available else refused)
    assert (refused == []) == available
    assert make_stack(region).properties(FUNCTION).get("SnapStart") == ({"ApplyOn": "None"} if available else None)


@pytest.mark.parametrize("region", EVERY_REGION)
def test_robot(region: str) -> None:
    """A rule refuses the robot in regions without API destinations. In other regions the robot is created."""
    available = not any(lacks(region, f"AWS::Events::{kind}") for kind in ("Connection", "ApiDestination"))
    stack = make_stack(region, **ROBOT)
    assert (stack.broken_rules() == []) == available
    assert ROBOT_RESOURCES & set(stack.resources) == (ROBOT_RESOURCES if available else set())
    assert "Sweep" in stack.resources


def test_linted_regions() -> None:
    """The regions that `make validate` lints cover every set of resource types, and every partition."""
    [others] = re.findall(r"^LINTED_REGIONS := (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    linted = ["us-east-1", *others.split()]
    kinds = {resource["Type"] for resource in Stack(**ROBOT).template["Resources"].values()}

    def find_types(region: str) -> frozenset[str]:
        return frozenset(kinds & set(PROVIDER_SCHEMA_MANAGER.get_resource_types(region)))

    covered = {find_types(region) for region in linted}
    assert [region for region in EVERY_REGION if find_types(region) not in covered] == []
    assert {find_partition(region) for region in linted} == {"aws", "aws-cn", "aws-us-gov"}


def test_robot_needs_a_fleet() -> None:
    """A rule refuses a robot without a fleet, because it would receive no message."""
    robot = {"RobotUrl": ROBOT["RobotUrl"]}
    [refusal] = Stack(**robot).broken_rules()
    assert "Fleet=true" in refusal
    assert Stack(**ROBOT).broken_rules() == []
