"""The stack in regions that lack function URLs or SnapStart, and the rules that refuse what cannot work."""

import pytest

from tests.deploy.cloudformation import Stack

FUNCTION = "GetGrayReleasePlanFunction"
CHINA = [("cn-north-1", "aws-cn"), ("cn-northwest-1", "aws-cn")]
# cfn-lint's E3006, and AWS China's page for cn-north-1.
WITHOUT_URL = [
    *CHINA,
    ("us-gov-east-1", "aws-us-gov"),
    ("us-gov-west-1", "aws-us-gov"),
    *(
        (region, "aws")
        for region in (
            *("ap-east-2", "ap-south-2", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7"),
            *("ca-west-1", "eu-central-2", "il-central-1", "me-central-1", "mx-central-1"),
        )
    ),
]


@pytest.mark.parametrize(("region", "partition"), WITHOUT_URL)
def test_no_function_url(region: str, partition: str) -> None:
    """Where function URLs do not exist, the stack has neither the URL nor its output."""
    stack = Stack(region=region, partition=partition)
    assert "FunctionUrl" not in stack.resources
    assert "FunctionUrl" not in stack.outputs
    assert FUNCTION in stack.resources
    assert stack.broken_rules() == []


@pytest.mark.parametrize("region", ["us-east-1", "ap-east-1", "ap-southeast-1", "eu-west-1"])
def test_function_url(region: str) -> None:
    """Everywhere else the stack has a URL and its output."""
    stack = Stack(region=region)
    assert "FunctionUrl" in stack.resources
    assert "FunctionUrl" in stack.outputs


@pytest.mark.parametrize(("region", "partition"), CHINA)
def test_snap_start_in_china(region: str, partition: str) -> None:
    """AWS China has no SnapStart for Python: nothing is said of it, and a rule refuses it."""
    assert "SnapStart" not in Stack(region=region, partition=partition).properties(FUNCTION)
    [refusal] = Stack(region=region, partition=partition, SnapStart="true", Deployment="one").broken_rules()
    assert "SnapStart=false" in refusal
    assert Stack().properties(FUNCTION)["SnapStart"] == {"ApplyOn": "None"}


def test_robot_needs_a_fleet() -> None:
    """A robot without a fleet would never be told anything, so a rule refuses it."""
    robot = {"RobotUrl": "https://robot/send?key=k"}
    [refusal] = Stack(**robot).broken_rules()
    assert "Fleet=true" in refusal
    assert Stack(**robot, Fleet="true").broken_rules() == []
