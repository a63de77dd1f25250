"""The deployer's policy in docs/deploying-on-aws.md, compared with the permissions that CloudFormation needs.

cfn-lint brings the schemas: each names the permissions that creating, reading, updating and deleting a resource need.
"""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.deploy.cloudformation import Stack
from tests.support import ROOT

PAGE = (ROOT / "docs/deploying-on-aws.md").read_text("utf-8")
STATEMENTS: list[dict[str, Any]] = json.loads(PAGE.partition("```json")[2].partition("```")[0])["Statement"]
TYPES = sorted({resource["Type"] for resource in Stack().template["Resources"].values()})
HANDLERS = ("create", "read", "update", "delete")  # `list` is for finding resources that no stack has

OWN_KEY = "Only with a KMS key of the account. The template uses AWS's own keys."
# What the handlers call for features that the template does not use, by resource type and action.
EXCEPTIONS = {
    ("AWS::Events::Connection", "kms:*"): OWN_KEY,
    (
        "AWS::IAM::Role",
        "iam:*RolePermissionsBoundary",
    ): "The roles have no boundary. Who may remove one is not bound by it.",
    ("AWS::Lambda::Function", "elasticfilesystem:*"): "The function mounts no file system.",
    ("AWS::Lambda::Function", "s3files:*"): "The function mounts no bucket.",
    ("AWS::Lambda::Function", "kms:*"): OWN_KEY,
    ("AWS::Logs::LogGroup", "firehose:*"): "The log groups are not of the class that delivers to Firehose.",
    ("AWS::S3::Bucket", "s3tables:*"): "The bucket has no metadata tables.",
    ("AWS::StepFunctions::StateMachine", "kms:*"): OWN_KEY,
}


def find_actions(kind: str) -> set[str]:
    """Return the actions that CloudFormation calls for a resource type."""
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
    return {action for name in HANDLERS for action in handlers.get(name, {}).get("permissions", [])}


def is_allowed(action: str) -> bool:
    """Whether a statement allows an action, and names a resource of the action's service or every resource."""
    service = action.partition(":")[0]
    return any(
        any(fnmatchcase(action.lower(), pattern.lower()) for pattern in statement["Action"])
        and any(name == "*" or name.split(":")[2] == service for name in statement["Resource"])
        for statement in STATEMENTS
    )


def is_excepted(kind: str, action: str) -> bool:
    """Whether an action is for a feature that the template does not use."""
    return any(of == kind and fnmatchcase(action, pattern) for of, pattern in EXCEPTIONS)


@pytest.mark.parametrize("kind", TYPES)
def test_handlers(kind: str) -> None:
    """The policy allows the actions that CloudFormation calls for each resource type, with few exceptions."""
    actions = find_actions(kind)
    assert actions
    assert sorted(action for action in actions if not is_allowed(action) and not is_excepted(kind, action)) == []


@pytest.mark.parametrize(("kind", "pattern"), EXCEPTIONS)
def test_exceptions(kind: str, pattern: str) -> None:
    """Each exception is an action that CloudFormation may call, and that the policy does not allow."""
    assert kind in TYPES
    assert [action for action in find_actions(kind) if fnmatchcase(action, pattern) and not is_allowed(action)]


def test_statements() -> None:
    """If the policy allows an action for every resource, the action only reads. Each statement has a unique name."""
    everywhere = [action for one in STATEMENTS if one["Resource"] == "*" for action in one["Action"]]
    assert [action for action in everywhere if not re.search(":(Describe|GetTemplateSummary|Validate)", action)] == []
    assert len({statement["Sid"] for statement in STATEMENTS}) == len(STATEMENTS)  # IAM refuses a duplicate name
    assert "*" not in {action for statement in STATEMENTS for action in statement["Action"]}
