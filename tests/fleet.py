"""A stack with its state machines, which `sam` deploys to an AWS emulator, and a sandbox of many mini programs."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
import redis
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.server import COMPONENT_APPID, COMPONENT_SECRET, TICKET, Sandbox
from gray_release.sandbox.store import fill_store
from tests.support import ROOT, Valkey, find_sam

Json = dict[str, Any]
T = TypeVar("T")

ENVIRONMENT = dict(os.environ)  # the process's own, because a test's environment has no AWS variables
SERVICE = "get-gray-release-plan"
CHANGED = "Gray Release Changed"
SECONDS = 120  # the longest wait for an event or for the end of an execution


class Script:
    """Returns the plans in turn, then repeats the last one. `None` stands for no plan."""

    def __init__(self, *plans: Json | None) -> None:
        self._plans = list(plans)
        self.asked = 0

    def __call__(self, _now: float) -> Json | None:
        """Return the next plan."""
        self.asked += 1
        return self._plans.pop(0) if len(self._plans) > 1 else self._plans[0]


def appids(count: int, start: int = 0) -> list[str]:
    """Return this number of appids."""
    return [f"wx{number:016d}" for number in range(start, start + count)]


def authorize(sandbox: Sandbox, valkey: Valkey, authorizers: Iterable[str]) -> None:
    """Authorize the platform for mini programs, in WeChat's stand-in and in the platform's store."""
    with redis.Redis(port=valkey.port) as client:
        refresh_tokens = {appid: f"refreshtoken@@@{appid}" for appid in authorizers}
        sandbox.platform.authorizers.update(refresh_tokens)
        fill_store(RedisStorage(client), TICKET, refresh_tokens)


class Cloud:
    """Clients of the AWS emulator, the ARNs `sweep` and `watch`, and the name of the `bucket`."""

    def __init__(self) -> None:
        url = ENVIRONMENT.get("AWS_ENDPOINT_URL", "")
        assert urlsplit(url).hostname == "127.0.0.1", "AWS_ENDPOINT_URL must be an AWS emulator on this machine"
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
        client = {name: session.client(name, endpoint_url=url) for name in CLIENTS}
        self.cloudformation, self.buses, self.s3 = client["cloudformation"], client["events"], client["s3"]
        self.scheduler, self.sqs, self.states = client["scheduler"], client["sqs"], client["stepfunctions"]
        self.functions, self.secrets = client["lambda"], client["secretsmanager"]
        self.sweep = self.watch = self.bucket = self._queue = ""

    def deploy(self, sandbox: Sandbox, valkey: Valkey, **parameters: object) -> None:
        """Deploy the output of `make build` with `sam`, as users do, and collect the stack's events."""
        self.secrets.create_secret(Name="wechat/platform", SecretString=COMPONENT_SECRET)
        values = {
            "Fleet": "true",
            "ServiceName": SERVICE,
            "WechatComponentAppid": COMPONENT_APPID,
            "WechatComponentSecret": "{{resolve:secretsmanager:wechat/platform}}",
            "WechatTokenStoreUrl": f"redis://127.0.0.1:{valkey.port}/0",
            "WechatApiBaseUrl": sandbox.base_url,
            **parameters,
        }
        overrides = [f"{name}={value}" for name, value in values.items()]
        command = [
            find_sam(),
            "deploy",
            "--stack-name",
            "fleet",
            "--no-confirm-changeset",
            "--parameter-overrides",
            *overrides,
        ]
        done = subprocess.run(
            command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        stack = self.cloudformation.describe_stacks(StackName="fleet")["Stacks"][0]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        self.sweep, self.watch, self.bucket = outputs["SweepArn"], outputs["WatchArn"], outputs["FleetBucketName"]
        self._listen()

    def _listen(self) -> None:
        self._queue = self.sqs.create_queue(QueueName="told")["QueueUrl"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]
        self.buses.put_rule(Name="told", EventPattern=json.dumps({"source": [SERVICE]}))
        self.buses.put_targets(Rule="told", Targets=[{"Id": "told", "Arn": attributes["QueueArn"]}])

    def set_variable(self, name: str, value: str) -> str:
        """Set a variable of the function; return its old value."""
        described = self.cloudformation.describe_stack_resource(
            StackName="fleet", LogicalResourceId="GetGrayReleasePlanFunction"
        )
        function = described["StackResourceDetail"]["PhysicalResourceId"]
        variables = self.functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        environment = {"Variables": {**variables, name: value}}
        self.functions.update_function_configuration(FunctionName=function, Environment=environment)
        return str(variables.get(name, ""))

    def upload(self, fleet: Iterable[str], key: str = "appids.csv") -> None:
        """Put the list of mini programs into the bucket."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body="\n".join(["appid", *fleet]).encode())

    def start(self, machine: str, given: Any, **options: str) -> str:
        """Start an execution; return its ARN."""
        started = self.states.start_execution(stateMachineArn=machine, input=json.dumps(given), **options)
        return str(started["executionArn"])

    def wait_for_end(self, execution: str, seconds: float = SECONDS) -> Json:
        """Wait until an execution has ended; return its description."""

        def find_ended() -> Json | None:
            description: Json = self.states.describe_execution(executionArn=execution)
            return None if description["status"] == "RUNNING" else description

        return poll(find_ended, seconds)

    def run(self, machine: str, given: Any, seconds: float = SECONDS) -> Json:
        """Start an execution and wait for its end; return its output, or None if it failed."""
        description = self.wait_for_end(self.start(machine, given), seconds)
        assert description["status"] == "SUCCEEDED", description
        return dict(json.loads(description["output"]))

    def executions(self, machine: str) -> dict[str, str]:
        """Return the status of every execution by its name."""
        listed = self.states.list_executions(stateMachineArn=machine)["executions"]
        return {execution["name"]: execution["status"] for execution in listed}

    def history(self, execution: str) -> list[str]:
        """Return the types of an execution's events."""
        events = self.states.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        return [event["type"] for event in events]

    def read(self, key: str) -> str:
        """Return an object's content."""
        return str(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode())

    def rows(self, results: Json, status: str = "SUCCEEDED") -> list[Json]:
        """Return the rows that a sweep has written, in the order of their appids."""
        manifest = json.loads(self.read(results["Key"]))
        files = [self.read(file["Key"]) for file in manifest["ResultFiles"][status]]
        rows = [json.loads(line) for text in files for line in text.splitlines()]
        return sorted(rows, key=lambda row: str(row.get("appid")))

    def take_events(self) -> list[tuple[str, Json]]:
        """Return the kinds and details of the events since the last call."""
        events = []
        while messages := self.sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                event = json.loads(message["Body"])
                events.append((event["detail-type"], event["detail"]))
                self.sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return events

    def events(self, count: int) -> list[tuple[str, Json]]:
        """Wait for this number of events; return all events that have arrived."""
        events: list[tuple[str, Json]] = []

        def has_enough() -> bool | None:
            events.extend(self.take_events())
            return True if len(events) >= count else None

        poll(has_enough)
        return events


CLIENTS = ("cloudformation", "events", "lambda", "s3", "scheduler", "secretsmanager", "sqs", "stepfunctions")


def poll(look: Callable[[], T | None], seconds: float = SECONDS) -> T:
    """Repeat a query until it returns something; return the result."""
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.05)
    return found
