"""What users do with a stack, with the real `sam` on an AWS emulator: `make test-stack`.

They deploy it, invoke it in every way, read logs and metrics, change it, publish a version, delete it, deploy it again.
"""

import json
import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from gray_release.sandbox.server import APPID, SECRET, Sandbox
from tests.deploy.cloudformation import PARAMETERS
from tests.deploy.cloudwatch import Metrics
from tests.support import DOCUMENTED, PLAN, ROOT, find_sam

pytestmark = pytest.mark.stack

ENVIRONMENT = dict(os.environ)  # saved at import, because each test removes AWS's variables
REGION = "us-east-1"
SECONDS = 60  # limit of every wait
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
STORE_URL = "rediss://:password@store.internal"
RIGHT, WRONG = "{{resolve:secretsmanager:wechat/secret}}", "{{resolve:secretsmanager:wechat/wrong}}"
T = TypeVar("T")


class Aws:
    """The AWS emulator that `AWS_ENDPOINT_URL` names. It is never AWS itself, because AWS needs no endpoint URL."""

    def __init__(self) -> None:
        self.url = ENVIRONMENT.get("AWS_ENDPOINT_URL", "")
        assert self.url, "AWS_ENDPOINT_URL names no stand-in for AWS"
        assert not re.search(r"\.amazonaws\.com(\.cn)?$", urlsplit(self.url).hostname or ""), "this is AWS itself"
        session = boto3.Session(region_name=REGION, **KEYS)
        self.cloudformation, self.functions, self.logs, self.sqs, self.secrets = (
            session.client(name, endpoint_url=self.url)
            for name in ("cloudformation", "lambda", "logs", "sqs", "secretsmanager")
        )

    def run_sam(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run sam in the project's folder, as a user would."""
        command = [find_sam(), *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=600
        )


class Stack:
    """A stack with this name."""

    def __init__(self, aws: Aws, name: str) -> None:
        self.aws, self.name = aws, name

    def deploy(self, *options: str, **parameters: object) -> None:
        """Deploy the output of `make build`."""
        done = self.try_to_deploy(*options, **parameters)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    def try_to_deploy(self, *options: str, **parameters: object) -> subprocess.CompletedProcess[str]:
        """Deploy the output of `make build`; return the output of sam."""
        overrides = [f"{name}={value}" for name, value in parameters.items()]
        return self.aws.run_sam(
            *("deploy", "--stack-name", self.name, "--no-confirm-changeset", "--no-progressbar", *options),
            *(["--parameter-overrides", *overrides] if overrides else []),
        )

    def delete(self) -> None:
        """Delete the stack, as the console does."""
        self.aws.cloudformation.delete_stack(StackName=self.name)
        waiter = self.aws.cloudformation.get_waiter("stack_delete_complete")
        waiter.wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of the stack."""
        [stack] = self.aws.cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def resource(self, name: str) -> str:
        """Return the physical id of a resource."""
        found = self.aws.cloudformation.describe_stack_resource(StackName=self.name, LogicalResourceId=name)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def invoke(self, event: object, function: str | None = None) -> Any:
        """Invoke the function of the stack's outputs, or another one; return its reply."""
        name = function or self.outputs["FunctionArn"]
        return json.load(self.aws.functions.invoke(FunctionName=name, Payload=json.dumps(event))["Payload"])

    def invoke_and_leave(self, event: object) -> None:
        """Invoke the function of the stack's outputs asynchronously."""
        name = self.outputs["FunctionArn"]
        self.aws.functions.invoke(FunctionName=name, Payload=json.dumps(event), InvocationType="Event")

    def get(self, path: str = "", *, signed: bool = True) -> tuple[int, Any]:
        """Send a signed request to the function URL; return the status and the JSON body."""
        url = self.outputs["FunctionUrl"].rstrip("/")
        request = AWSRequest("GET", url + path)
        if signed:
            SigV4Auth(Credentials("test", "test"), "lambda", REGION).add_auth(request)
        headers = {**dict(request.headers), "Host": urlsplit(url).netloc}
        try:
            asked = urllib.request.Request(self.aws.url + path, headers=headers)  # noqa: S310 - http
            with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310 - the same
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def read_log_lines(self) -> list[str]:
        """Return the lines of the function's log."""
        events = self.aws.logs.filter_log_events(logGroupName=self.outputs["LogGroupName"], limit=10000)["events"]
        return [event["message"] for event in events]

    def log(self) -> list[dict[str, Any]]:
        """Return the function's log lines about invocations, one for each."""
        return [json.loads(line) for line in self.read_log_lines() if '"message":"getGrayReleasePlan"' in line]


def answer_prompts(command: Sequence[str], answers: Mapping[str, str], *, cwd: Path, env: Mapping[str, str]) -> str:
    """Run a command on a terminal and answer its questions, with Enter by default; return its output."""
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(cwd)
        os.execvpe(command[0], list(command), dict(env))  # noqa: S606 - no shell is wanted
    talk, asked = "", 0
    with os.fdopen(terminal, "r+b", buffering=0) as stream:
        while True:
            quiet = not select.select([stream], [], [], 0.3)[0]
            line = talk[talk.rfind("\n") + 1 :]
            if quiet and line.endswith((": ", ":")) and len(talk) > asked:
                asked = len(talk) + 2  # the echo of Enter
                stream.write(next((f"{text}\n" for end, text in answers.items() if line.endswith(end)), "\n").encode())
                continue
            if quiet:
                continue
            try:
                chunk = stream.read(65536)
            except OSError:  # on Linux, this means that the other end is closed
                break
            if not chunk:
                break
            talk += chunk.decode("utf-8", "replace").replace("\r", "")
    os.waitpid(pid, 0)
    return talk


def poll(look: Callable[[], T | None]) -> T:
    """Repeat a query until it returns something; return the result."""
    deadline = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def aws() -> Aws:
    """Find the emulator, and create the secrets that the tests and the documents name."""
    aws = Aws()
    for name, value in {"wechat/secret": SECRET, "wechat/wrong": "wrong", "wechat/store": STORE_URL}.items():
        aws.secrets.create_secret(Name=name, SecretString=value)
    return aws


@pytest.fixture(scope="module")
def wechat() -> Iterator[Sandbox]:
    """Run WeChat's stand-in."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def stack(aws: Aws, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Create a stack for one test, and delete it afterwards."""
    stack = Stack(aws, re.sub("[^a-z]+", "-", request.node.name.removeprefix("test_")).strip("-"))
    yield stack
    stack.delete()


def account(wechat: Sandbox) -> dict[str, str]:
    """Return the template's parameters for a user's mini program."""
    return {"WechatAppid": APPID, "WechatSecret": RIGHT, "WechatApiBaseUrl": wechat.base_url}


@pytest.fixture(scope="module")
def deployed(aws: Aws, wechat: Sandbox) -> Iterator[Stack]:
    """Deploy a stack whose schedule invokes the function once, immediately."""
    stack = Stack(aws, "deployed")
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    stack.deploy(**account(wechat), ScheduleExpression=f"at({now})")
    yield stack
    stack.delete()


def test_every_way_in(deployed: Stack, wechat: Sandbox) -> None:
    """Calls through each output, from the schedule and asynchronous ones succeed. Log and metrics show each."""
    stack = deployed
    poll(lambda: wechat.count(PLAN))  # the schedule's own call
    command = stack.outputs["InvokeCommand"].split()
    assert stack.invoke({}) == DOCUMENTED
    assert stack.invoke({}, command[command.index("--function-name") + 1]) == DOCUMENTED
    assert stack.get() == (200, DOCUMENTED)
    assert stack.get("/wxa/getgrayreleaseplan")[1]["gray_release_plan"]["gray_percentage"] == 8
    assert stack.get(signed=False)[0] == 403
    asked = wechat.count(PLAN)
    stack.invoke_and_leave({})
    poll(lambda: wechat.count(PLAN) > asked)

    lines = poll(lambda: found if len(found := stack.log()) >= 6 else None)
    assert len(lines) == 6
    assert {(line["level"], line["outcome"], line["plan_status"]) for line in lines} == {("INFO", "ok", 1)}
    metrics = Metrics()
    metrics.read([line for line in stack.read_log_lines() if line.startswith('{"_aws"')], at=1)
    name = ("GrayRelease", "{}", frozenset({("service", "get-gray-release-plan")}))
    found = {metric: metrics.statistic((name[0], metric, name[2]), "Sum", 0, 1) for metric in ("Failures", "Paused")}
    assert found == {"Failures": 0, "Paused": 0}
    assert SECRET not in "".join(stack.read_log_lines())


def test_what_fails_is_kept(deployed: Stack) -> None:
    """An asynchronous event that fails twice goes to the queue with its error."""
    deployed.invoke_and_leave({"accessToken": "wrong"})
    queue = deployed.aws.url + urlsplit(deployed.resource("FailedEvents")).path  # the queue's URL at the emulator
    [message] = poll(lambda: deployed.aws.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"))
    kept = json.loads(message["Body"])
    assert kept["requestPayload"] == {"accessToken": "wrong"}
    assert json.loads(kept["responsePayload"]["errorMessage"])["errCode"] == 40001
    poll(lambda: len([line for line in deployed.log() if line["outcome"] == "failed"]) == 2)


def test_a_change_takes_effect(stack: Stack, wechat: Sandbox) -> None:
    """If only a parameter changes, each output then invokes a function that has the new value."""
    stack.deploy(**{**account(wechat), "WechatSecret": WRONG})
    failure = stack.invoke({})
    assert failure["errorType"] == "OpenApiError"
    assert json.loads(failure["errorMessage"])["errCode"] == 40125
    stack.deploy(OnError="return")
    assert stack.invoke({})["errCode"] == 40125
    assert stack.get()[1]["errCode"] == 40125
    stack.deploy(WechatSecret=RIGHT)
    assert stack.invoke({}) == DOCUMENTED
    assert stack.get() == (200, DOCUMENTED)
    stack.invoke_and_leave({})
    lines = poll(lambda: found if len(found := stack.log()) == 6 else None)
    assert [line["err_code"] for line in sorted(lines, key=lambda line: str(line["timestamp"]))] == [40125] * 3 + [
        0
    ] * 3


def test_published(stack: Stack, wechat: Sandbox) -> None:
    """With SnapStart, each deployment with a new name publishes a version, and all outputs invoke that version."""
    refused = stack.try_to_deploy(**account(wechat), SnapStart="true")
    assert refused.returncode
    assert "Deployment=$(date" in refused.stderr
    stack.deploy(**account(wechat), SnapStart="true", Deployment="one")
    assert stack.outputs["FunctionArn"].endswith(":live")
    assert stack.invoke({}) == DOCUMENTED
    stack.deploy(OnError="return", WechatSecret=WRONG, Deployment="two")
    assert stack.invoke({})["errCode"] == 40125
    assert stack.get()[1]["errCode"] == 40125
    function = stack.outputs["FunctionArn"].removesuffix(":live")
    versions = stack.aws.functions.list_versions_by_function(FunctionName=function)["Versions"]
    assert {version["Version"]: version["Description"].rpartition(" ")[2] for version in versions} == {
        "$LATEST": "two",
        "2": "two",
    }
    stack.deploy(SnapStart="false", WechatSecret=RIGHT)
    assert stack.outputs["FunctionArn"] == function
    assert stack.invoke({}) == stack.get()[1] == DOCUMENTED


def test_delete_and_deploy_again(aws: Aws, wechat: Sandbox) -> None:
    """A deleted stack leaves only its logs, and a stack of the same name can be deployed again."""
    stack = Stack(aws, "gray-release-plan-prod")
    done = aws.run_sam("deploy", "--config-env", "prod", "--no-confirm-changeset", "--parameter-overrides", *(
        f"{name}={value}" for name, value in account(wechat).items()
    ))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert stack.invoke({}) == DOCUMENTED
    group = stack.outputs["LogGroupName"]
    done = aws.run_sam("delete", "--stack-name", stack.name, "--no-prompts")
    assert done.returncode == 0, done.stdout + done.stderr
    names = [function["FunctionName"] for function in aws.functions.list_functions()["Functions"]]
    assert not [name for name in names if name.startswith(stack.name)]
    assert group in [found["logGroupName"] for found in aws.logs.describe_log_groups()["logGroups"]]
    stack.deploy(**account(wechat))
    assert stack.invoke({}) == DOCUMENTED
    stack.delete()


SETUPS = re.findall(
    r"```sh\n(sam deploy --parameter-overrides \\.*?)```",
    (ROOT / "docs/deploying-on-aws.md").read_text("utf-8"),
    re.DOTALL,
)


@pytest.mark.parametrize("setup", range(3))
def test_usual_setups(aws: Aws, stack: Stack, setup: int) -> None:
    """The commands of docs/deploying-on-aws.md deploy without a change."""
    assert len(SETUPS) == 3
    shown = dict(re.findall(r"\b([A-Z]\w+)=([^\s\"']+|'[^']+')", SETUPS[setup]))
    script = f'sam() {{ "{find_sam()}" "$@" --stack-name {stack.name} --no-confirm-changeset; }}\n{SETUPS[setup]}'
    done = subprocess.run(
        ["bash", "-euc", script], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    [described] = aws.cloudformation.describe_stacks(StackName=stack.name)["Stacks"]
    given = {one["ParameterKey"]: one["ParameterValue"] for one in described["Parameters"]}
    assert {name: given[name] for name in shown} == {name: value.strip("'") for name, value in shown.items()}
    assert len(shown) >= 4


def test_guided(stack: Stack, tmp_path: Path) -> None:
    """`sam deploy --guided` accepts Enter as the answer to every question, and deploys after the confirmation."""
    for name in (".aws-sam", "statemachines"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(ROOT / name, tmp_path)
    talk = answer_prompts(
        [find_sam(), "deploy", "--guided", "--stack-name", stack.name],
        {"Deploy this changeset? [y/N]: ": "y"},
        cwd=tmp_path,
        env=ENVIRONMENT,
    )
    assert f"Successfully created/updated stack - {stack.name}" in talk[-2000:], talk[-3000:]
    questions = re.findall(r"Parameter (\w+)", talk.partition("Confirm changes before deploy")[0])
    assert sorted(questions) == sorted(PARAMETERS), talk[:2000]
    assert stack.invoke({})["errorType"] == "OpenApiError"  # no appid is set


def test_readme(stack: Stack) -> None:
    """The README's command deploys without a change, and asks once."""
    [command] = re.findall(r"^(sam deploy .*)$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    talk = answer_prompts(
        [find_sam(), *shlex.split(command)[1:], "--stack-name", stack.name],
        {"Deploy this changeset? [y/N]: ": "y"},
        cwd=ROOT,
        env=ENVIRONMENT,
    )
    assert f"Successfully created/updated stack - {stack.name}" in talk[-2000:], talk[-3000:]
    assert talk.count("[y/N]") == 1


NEVER_DONE = """Resources:
  Never:
    Type: AWS::CloudFormation::WaitCondition
    DependsOn: [LogGroup, GetGrayReleasePlanFunction]
    Properties: {Handle: !Ref Handle, Timeout: 1, Count: 1}
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
"""


def test_failed_deployment(stack: Stack, wechat: Sandbox) -> None:
    """A first deployment that fails leaves nothing behind, not even a log group, and the next one succeeds."""
    before = stack.aws.logs.describe_log_groups()["logGroups"]
    built = ROOT / ".aws-sam/build/template.yaml"
    broken = built.with_name("broken.yaml")
    broken.write_text(built.read_text("utf-8").replace("Resources:\n", NEVER_DONE, 1), "utf-8")
    files = ("--template-file", str(broken), "--config-file", str(ROOT / "samconfig.toml"))
    failed = stack.try_to_deploy(*files, **account(wechat))
    broken.unlink()
    assert failed.returncode
    assert re.search(r"CREATE_COMPLETE +AWS::Logs::LogGroup", failed.stdout), "there was one"
    assert f"Stack {stack.name} has been deleted" in failed.stdout + failed.stderr
    assert stack.aws.logs.describe_log_groups()["logGroups"] == before
    stack.deploy(**account(wechat))
    assert stack.invoke({}) == DOCUMENTED
