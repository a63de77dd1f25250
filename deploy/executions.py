"""Stop the executions of a stack's state machines, so that the stack or its fleet can be deleted.

    make stop                  # python -m deploy.executions --stack-name gray-release-plan

CloudFormation cannot delete a state machine before its last execution has ended, and a watch may sleep for a day. The
command lists the executions and asks for confirmation. Then it turns off the schedule of sweeps, stops the sweeps, and
stops the watches last, because sweeps start watches. `sam deploy` turns the schedule on again only if its parameters
change.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deploy import DeployError

MACHINES = ("Sweep", "Watch")  # in this order, because a running sweep starts watches
SCHEDULE, SCHEDULE_GROUP = "SweepSchedule", "ScheduleGroup"
ROUNDS = 30  # stop repeatedly: AWS lists executions a few seconds late, and a watch may start its next one


class Fleet:
    """The state machines and the schedule of a stack."""

    def __init__(self, stack_name: str, session: Any) -> None:
        self._states, self._scheduler = session.client("stepfunctions"), session.client("scheduler")
        resources = session.client("cloudformation").describe_stack_resources(StackName=stack_name)["StackResources"]
        ids = {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in resources}
        self._machines = [ids[name] for name in MACHINES if ids.get(name)]
        self._schedule = {"Name": ids.get(SCHEDULE, ""), "GroupName": ids.get(SCHEDULE_GROUP, "default")}

    def find_executions(self, machine: str) -> list[str]:
        """Return the ARNs of a state machine's running executions."""
        try:
            pages = self._states.get_paginator("list_executions").paginate(
                stateMachineArn=machine, statusFilter="RUNNING"
            )
            return [execution["executionArn"] for page in pages for execution in page["executions"]]
        except self._states.exceptions.StateMachineDoesNotExist:
            return []

    def find_schedule(self) -> dict[str, Any] | None:
        """Return the schedule of sweeps, if it is on."""
        if not self._schedule["Name"]:
            return None
        try:
            schedule: dict[str, Any] = self._scheduler.get_schedule(**self._schedule)
        except self._scheduler.exceptions.ResourceNotFoundException:
            return None
        return schedule if schedule.get("State") == "ENABLED" else None

    def describe(self) -> list[str]:
        """Return a line for the schedule, if it is on, and for each running execution."""
        running = [execution for machine in self._machines for execution in self.find_executions(machine)]
        return [
            *(["the schedule of sweeps"] if self.find_schedule() else []),
            *(name.split(":", 6)[6] for name in running),
        ]

    def stop(self) -> None:
        """Turn the schedule off, and stop the executions. Raises `DeployError` if some are still running."""
        if schedule := self.find_schedule():
            kept = self._scheduler.meta.service_model.operation_model("UpdateSchedule").input_shape.members
            wanted = {name: value for name, value in schedule.items() if name in kept} | {"State": "DISABLED"}
            self._scheduler.update_schedule(**wanted)
        for machine in self._machines:
            for _ in range(ROUNDS):
                if not (running := self.find_executions(machine)):
                    break
                for execution in running:
                    self._states.stop_execution(executionArn=execution, cause="make stop")
                time.sleep(1)
            else:
                raise DeployError(f"executions of {machine} are still running")


def main(arguments: Sequence[str] | None = None) -> int:
    """Stop the schedule and the executions; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.executions", description="Stop a stack's executions.")
    parser.add_argument("--stack-name", required=True, help="the stack")
    parser.add_argument("--yes", action="store_true", help="stop them without asking")
    options = parser.parse_args(arguments)
    try:
        fleet = Fleet(options.stack_name, boto3.Session())
        found = fleet.describe()
        print("\n".join(found) or "nothing to stop")
        if found:
            if not options.yes and input("stop these? [y/N] ").strip().lower() not in ("y", "yes"):
                print("nothing was stopped")
                return 1
            fleet.stop()
    except (DeployError, BotoCoreError, ClientError, EOFError) as error:
        print(f"cannot stop: {error or 'no terminal to ask on; --yes stops without asking'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
