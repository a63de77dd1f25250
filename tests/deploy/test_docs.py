"""The page about deploying: its prices, its policy, and names that exist."""

import json
import re
from typing import Any

import pytest

from tests.deploy.cloudformation import PARAMETERS, TEMPLATE
from tests.support import ROOT

PAGE = (ROOT / "docs/deploying-on-aws.md").read_text("utf-8")

# The prefix of a service's actions, where it is not the service's name in a resource type.
PREFIXES = {"Serverless": "lambda", "StateMachine": "states", "CloudWatch": "cloudwatch"}


def test_costs() -> None:
    """The prices are what calls, memory and seconds come to."""
    table = PAGE.partition("<!-- costs")[2].partition("<!-- end")[0].splitlines()[1:]
    kinds = [
        (float(memory) / 1024, 0.3 if warmth == "warm" else 1.5)
        for memory, warmth in re.findall(r"(\d+) MB, (warm|cold)", table[0])
    ]
    assert len(kinds) == 4
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table[2:]]
    assert len(rows) == 5
    for calls, _, *prices in rows:
        count = int(calls.replace(",", ""))
        expected = [count * (0.20e-6 + gigabytes * seconds * 0.0000166667) for gigabytes, seconds in kinds]
        assert prices == [f"{price:.2f}" for price in expected]


def test_policy() -> None:
    """The deployer's policy has a part for every service that the template uses, and allows no service everywhere."""
    policy = json.loads(PAGE.partition("```json")[2].partition("```")[0])
    statements: list[dict[str, Any]] = policy["Statement"]
    allowed = {action.partition(":")[0] for statement in statements for action in statement["Action"]}
    used = set()
    for resource in TEMPLATE["Resources"].values():
        _, service, kind = resource["Type"].split("::")
        used.add(PREFIXES.get(kind, PREFIXES.get(service, service.lower())))
    assert used <= allowed
    assert len(used) >= 9
    everywhere = [action for one in statements if one["Resource"] == "*" for action in one["Action"]]
    assert [action for action in everywhere if not re.search(":(Describe|GetTemplateSummary|Validate)", action)] == []


def test_names() -> None:
    """Every parameter, alarm and file that the page names exists."""
    named = set(re.findall(r"\b([A-Z][A-Za-z]+)=", PAGE)) - {"Key"}
    assert named <= set(PARAMETERS)
    assert len(named) >= 15
    alarms = {name for name, resource in TEMPLATE["Resources"].items() if resource["Type"] == "AWS::CloudWatch::Alarm"}
    assert set(re.findall(r"`(\w+Alarm)` \|", PAGE)) == alarms
    for path in re.findall(r"\]\(([\w./-]+\.md)", PAGE) + re.findall(r"`(tests/[\w/]+\.py)`", PAGE):
        assert (ROOT / path).exists() or (ROOT / "docs" / path).exists(), path


@pytest.mark.parametrize("path", ["docs/deploying-on-aws.md", "docs/fleet.md", "docs/fleet.zh-CN.md", "README.md"])
def test_quotes(path: str) -> None:
    """A value with a blank has quotes inside the shell's: sam would cut it off at the blank."""
    text = (ROOT / path).read_text("utf-8")
    assert re.findall(r"(?<![\"'`\w])\w+Expression='[^']*'", text) == []
