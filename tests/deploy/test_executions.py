"""`make stop` stops a stack's executions, on moto's CloudFormation and Step Functions."""

import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from deploy import executions

ROLE = "arn:aws:iam::123456789012:role/role"
MACHINE = {
    "Type": "AWS::StepFunctions::StateMachine",
    "Properties": {
        "DefinitionString": '{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":9,"End":true}}}',
        "RoleArn": ROLE,
    },
}
STACK = "gray-release-plan"
ASK = ["--stack-name", STACK]


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Deploy a stack with a running sweep and two running watches; return a Step Functions client."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    body = json.dumps({"Resources": dict.fromkeys(("Sweep", "Watch", "Other"), MACHINE)})
    boto3.client("cloudformation").create_stack(StackName=STACK, TemplateBody=body)
    client = boto3.client("stepfunctions")
    for name, count in {"Sweep": 1, "Watch": 2, "Other": 1}.items():
        for _ in range(count):
            client.start_execution(stateMachineArn=find_machine(name))
    yield client
    boto3.client("cloudformation").delete_stack(StackName=STACK)  # moto keeps its state after its server has stopped
    server.stop()


def find_machine(name: str) -> str:
    """Return the ARN of the stack's state machine."""
    described = boto3.client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=name)
    return str(described["StackResourceDetail"]["PhysicalResourceId"])


def list_statuses(states: Any, name: str) -> list[str]:
    """Return the status of each execution."""
    found = states.list_executions(stateMachineArn=find_machine(name))["executions"]
    return [execution["status"] for execution in found]


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Type an answer to the question."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_stop(states: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """After yes, the command stops the stack's sweeps and watches, and nothing else. A second run finds none."""
    answer(monkeypatch, "y\n")
    assert executions.main(ASK) == 0
    assert list_statuses(states, "Sweep") == ["ABORTED"]
    assert list_statuses(states, "Watch") == ["ABORTED"] * 2
    assert list_statuses(states, "Other") == ["RUNNING"]
    assert len([line for line in capsys.readouterr().out.splitlines() if "-Sweep-" in line or "-Watch-" in line]) == 3
    assert executions.main(ASK) == 0  # the command asks nothing


@pytest.mark.parametrize("text", ["\n", "n\n", ""])
def test_no(states: Any, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Unless the user answers yes, the command stops nothing and fails, so that `make delete` ends too."""
    answer(monkeypatch, text)
    assert executions.main(ASK) == 1
    assert list_statuses(states, "Watch") == ["RUNNING"] * 2


def test_nobody_is_asked(states: Any) -> None:
    """With --yes, the command asks no question."""
    assert executions.main([*ASK, "--yes"]) == 0
    assert list_statuses(states, "Sweep") == ["ABORTED"]


@pytest.mark.usefixtures("states")
def test_no_stack(capsys: pytest.CaptureFixture[str]) -> None:
    """If the stack does not exist, the error names it, without a traceback."""
    assert executions.main(["--stack-name", "another"]) == 1
    assert "another" in capsys.readouterr().err
