"""The requests of the state machines, checked against AWS's own models of its services in botocore."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import botocore.session
import pytest
from botocore.model import ListShape, OperationModel, Shape, StringShape, StructureShape

from tests.support import ROOT

MACHINES = {path.name: json.loads(path.read_text("utf-8")) for path in (ROOT / "statemachines").glob("*.asl.json")}
# Step Functions' name of each service that it calls directly, and botocore's name.
SERVICES = {"states": "stepfunctions", "sfn": "stepfunctions"}
PREFIX = "StepFunctions."


class Request(NamedTuple):
    """A state's request to a service."""

    state: str
    service: str
    operation: str
    definition: dict[str, Any]

    def model(self) -> OperationModel:
        """Return botocore's model of the operation."""
        model = botocore.session.get_session().get_service_model(SERVICES.get(self.service, self.service))
        return model.operation_model(self.operation[0].upper() + self.operation[1:])


def find_requests(machine: Any, name: str) -> Iterator[Request]:
    """Find each request in a definition, including those of a Map's reader."""
    if isinstance(machine, dict):
        resource = machine.get("Resource", "")
        if resource:
            *_, service, operation = resource.split(":")
            yield Request(name, service, operation, machine)
        for key, value in machine.items():
            yield from find_requests(value, key if key[0].isupper() and isinstance(value, dict) else name)


REQUESTS = [
    pytest.param(request, id=f"{file.partition('.')[0]}-{request.state}-{request.operation}")
    for file, machine in MACHINES.items()
    for request in find_requests(machine, file)
    if request.state != "ResultWriter"  # its Prefix belongs to Step Functions, not to S3
]


def pascal(name: str) -> str:
    """Return a member's name in the form that Step Functions uses."""
    return name[0].upper() + name[1:]


def check(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """Find members that the service would refuse: unknown, missing, of a wrong type, or with an invalid value."""
    if isinstance(value, str) and value.startswith("{%"):
        return
    if isinstance(shape, StructureShape):
        if not isinstance(value, dict):
            yield f"{path}: not an object"
            return
        members = {pascal(name): member for name, member in shape.members.items()}
        yield from (f"{path}: no member {name}" for name in value.keys() - members.keys())
        yield from (f"{path}: {name} is missing" for name in shape.required_members if pascal(name) not in value)
        for name in value.keys() & members.keys():
            yield from check(value[name], members[name], f"{path}.{name}")
    elif isinstance(shape, ListShape):
        if not isinstance(value, list) or len(value) > shape.metadata.get("max", len(value)):
            yield f"{path}: no list of so many"
            return
        for one in value:
            yield from check(one, shape.member, f"{path}[]")
    elif isinstance(shape, StringShape) and isinstance(value, str):
        yield from check_text(re.sub(r"\$\{\w+\}", "x", value), shape, path)


def check_text(text: str, shape: StringShape, path: str) -> Iterator[str]:
    """Find what is wrong with a text: its value or its length."""
    if shape.enum and text not in shape.enum:
        yield f"{path}: {text} is none of {shape.enum}"
    if not shape.metadata.get("min", 0) <= len(text) <= shape.metadata.get("max", len(text)):
        yield f"{path}: length of {text}"


@pytest.mark.parametrize("request_", REQUESTS)
def test_arguments(request_: Request) -> None:
    """Each request has every member that its operation requires, and only members that it knows."""
    shape = request_.model().input_shape
    assert shape is not None
    assert list(check(request_.definition["Arguments"], shape, request_.operation)) == []


@pytest.mark.parametrize("request_", REQUESTS)
def test_results(request_: Request) -> None:
    """Each member of a result that an expression reads is in the operation's output."""
    shape = request_.model().output_shape
    if request_.definition.get("ReaderConfig") or not isinstance(shape, StructureShape):
        return  # the result of a Map's reader is a list of items
    mine = {key: request_.definition.get(key) for key in ("Output", "Assign")}
    for read in re.findall(r"\$states\.result\.([\w.]+)", json.dumps(mine)):
        inner: Shape = shape
        for name in read.split("."):
            if not isinstance(inner, StructureShape):
                break  # no model describes the function's reply
            members = {pascal(key): member for key, member in inner.members.items()}
            assert name in members, read
            inner = members[name]


@pytest.mark.parametrize("request_", REQUESTS)
def test_errors(request_: Request) -> None:
    """The definition catches and retries only errors that the operation can return."""
    handlers = [*request_.definition.get("Retry", []), *request_.definition.get("Catch", [])]
    named = {name for handler in handlers for name in handler["ErrorEquals"] if name.startswith(PREFIX)}
    known = {f"{PREFIX}{shape.name}" for shape in request_.model().error_shapes}
    known |= {f"{name}Exception" for name in known}
    assert named <= known


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("states:startExecution", {"Name": "n"}),
        ("states:startExecution", {"StateMachineArn": "a", "name": "n"}),
        ("states:startExecution", {"StateMachineArn": "a", "Name": "n" * 81}),
        ("sfn:listExecutions", {"StateMachineArn": "a", "StatusFilter": "BUSY"}),
        ("events:putEvents", {"Entries": {"Source": "s"}}),
        ("events:putEvents", {"Entries": [{"Source": "s"}] * 11}),
        ("events:putEvents", {"Entries": [{"Source": "s", "Kind": "k"}]}),
        ("s3:getObject", {"Bucket": "b"}),
    ],
)
def test_wrong_requests(operation: str, arguments: dict[str, Any]) -> None:
    """The check of these tests finds what the service would refuse."""
    [request] = find_requests({"Resource": f"arn:aws:states:::{operation}", "Arguments": arguments}, "Wrong")
    shape = request.model().input_shape
    assert shape is not None
    assert list(check(arguments, shape, operation)) != []
