"""`make stop` and `make delete` end a fleet while a watch waits, on an AWS emulator."""

import subprocess

import pytest
from botocore.exceptions import ClientError

from gray_release.sandbox.server import COMPONENT_APPID, Sandbox
from tests.fleet import ENVIRONMENT, Cloud, Script, appids, authorize, poll
from tests.releases import plan
from tests.support import ROOT, Valkey, find_sam

pytestmark = pytest.mark.fleet

STACK = "leaving"
[APPID] = appids(1, start=7000)


@pytest.fixture
def resources(cloud: Cloud, wechat: Sandbox, server: Valkey) -> dict[str, str]:
    """Deploy another stack that sweeps every hour; return the physical ids of its resources."""
    authorize(wechat, server, [APPID])
    wechat.plans[APPID] = Script(plan(1, 8))
    parameters = {
        "Fleet": "true",
        "FleetScheduleExpression": "'rate(1 hour)'",
        "ServiceName": STACK,
        "WechatComponentAppid": COMPONENT_APPID,
        "WechatComponentSecretName": "wechat/platform",
        "WechatTokenStoreUrl": f"redis://127.0.0.1:{server.port}/0",
        "WechatApiBaseUrl": wechat.base_url,
    }
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    command = [
        find_sam(),
        "deploy",
        "--stack-name",
        STACK,
        "--no-confirm-changeset",
        "--parameter-overrides",
        *overrides,
    ]
    subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=300)
    described = cloud.cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in described}


def run_make(target: str) -> None:
    """Run a target of the Makefile on the stack, without questions."""
    command = ["make", target, f"STACK={STACK}", "YES=1"]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_stop_and_delete(cloud: Cloud, resources: dict[str, str]) -> None:
    """The command stops a watch that waits for a day and turns the schedule off. Then the stack can be deleted."""
    arn = cloud.start(resources["Watch"], {"appid": APPID, "everySeconds": 86400})
    poll(lambda: "WaitStateEntered" in cloud.history(arn) or None)
    run_make("stop")
    assert cloud.wait_for_end(arn)["status"] == "ABORTED"
    schedule = cloud.scheduler.get_schedule(Name=resources["SweepSchedule"], GroupName=resources["ScheduleGroup"])
    assert schedule["State"] == "DISABLED"
    arn = cloud.start(resources["Watch"], {"appid": APPID, "everySeconds": 86400})
    run_make("delete")
    with pytest.raises(ClientError):
        cloud.cloudformation.describe_stacks(StackName=STACK)
    machines = [one["stateMachineArn"] for one in cloud.states.list_state_machines()["stateMachines"]]
    assert not {resources["Sweep"], resources["Watch"]} & set(machines)
