"""Measure sweeps of thousands of mini programs through the deployed state machines, on an AWS emulator.

    with-step-functions .venv/bin/python -m tests.bench.fleet [--delay SECONDS] [COUNT ...]

Each count is swept twice: once with an invocation for each mini program, and once in batches of 50. A first sweep of
100 mini programs starts the function's processes. With --delay, WeChat's stand-in answers after that time, as a distant
server would. The seconds are those of the emulator on this machine. The dollars are AWS's prices, at 0.3 seconds for
each request. The two numbers of tokens are requests for the platform's own token and for the authorizers' tokens.
"""

import argparse
import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import Sandbox
from handler.batch import THREADS
from tests.fleet import Cloud, appids, authorize
from tests.releases import plan
from tests.support import PLAN, Valkey

COUNTS = (1000, 10000)
CONCURRENCY = 8  # more invocations at once gain nothing on two processors
TOKENS = ("/cgi-bin/component/api_component_token", "/cgi-bin/component/api_authorizer_token")
REFUSED = (40001, 40014, 42001)  # WeChat's codes for a token that a newer one has replaced

# List prices of us-east-1, USD, 2026-11: pages "pricing" of Step Functions and Lambda.
TRANSITION = 25e-6  # each transition of a Standard workflow; a child of a Distributed Map costs one transition
EXPRESS_REQUEST, EXPRESS_GB_SECOND = 1e-6, 16.67e-6
LAMBDA_REQUEST, LAMBDA_GB_SECOND = 0.2e-6, 16.6667e-6
QUESTION_SECONDS = 0.3  # assumed, for two requests to a distant WeChat
EXPRESS_GB, LAMBDA_GB = 64 / 1024, 512 / 1024
BATCH = 50  # MaxItemsPerBatch of the state machine


@dataclass
class Measured:
    """The figures of one sweep."""

    count: int
    batch: int
    seconds: float
    plans: int
    tokens: tuple[int, ...]
    collisions: int
    transitions: int
    processes: int
    peak_mib: float

    def dollars(self) -> float:
        """Return what AWS would charge for the sweep."""
        rounds = sum(1 + math.ceil((size - 1) / THREADS) for size in _sizes(self.count, self.batch))
        seconds = QUESTION_SECONDS * rounds
        children = math.ceil(self.count / self.batch)
        express = children * EXPRESS_REQUEST + seconds * EXPRESS_GB * EXPRESS_GB_SECOND
        invocations = children * LAMBDA_REQUEST + seconds * LAMBDA_GB * LAMBDA_GB_SECOND
        return self.transitions * TRANSITION + express + invocations


def _sizes(count: int, batch: int) -> list[int]:
    """Return the sizes of the batches."""
    return [min(batch, count - start) for start in range(0, count, batch)]


def create_sweep(cloud: Cloud, batch: int) -> str:
    """Create a state machine like the deployed sweep, with batches of this size; return its ARN."""
    deployed = cloud.states.describe_state_machine(stateMachineArn=cloud.sweep)
    size = f'"MaxItemsPerBatch": {BATCH}'
    assert deployed["definition"].count(size) == 1
    definition = deployed["definition"].replace(size, f'"MaxItemsPerBatch": {batch}')
    name, role = f"sweep-by-{batch}", deployed["roleArn"]
    return str(cloud.states.create_state_machine(name=name, definition=definition, roleArn=role)["stateMachineArn"])


def sweep(
    cloud: Cloud, sandbox: Sandbox, valkey: Valkey, machine: str, *, batch: int, count: int, start: int
) -> Measured:
    """Sweep this number of new mini programs."""
    fleet = appids(count, start)
    authorize(sandbox, valkey, fleet)
    before = [sandbox.count(path) for path in (PLAN, *TOKENS)]
    cloud.upload(fleet)
    began = time.monotonic()
    execution = cloud.start(machine, {})
    description = cloud.wait_for_end(execution, seconds=3600)
    seconds = time.monotonic() - began
    assert description["status"] == "SUCCEEDED", description
    plans, *tokens = (sandbox.count(path) - old for path, old in zip((PLAN, *TOKENS), before, strict=True))
    entered = sum(kind.endswith("StateEntered") for kind in cloud.history(execution))
    memory = [_peak_mib(process) for process in _functions(sandbox.base_url)]
    return Measured(
        count=count,
        batch=batch,
        seconds=seconds,
        plans=plans,
        tokens=tuple(tokens),
        collisions=sum(sandbox.refusals[code] for code in REFUSED),
        transitions=entered + math.ceil(count / batch) + 2,  # two children read the list and the rows
        processes=len(memory),
        peak_mib=max(memory),
    )


def _functions(base_url: str) -> list[Path]:
    """Return the running processes of this function."""
    mark = f"WECHAT_API_BASE_URL={base_url}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environ, command = (process / "environ").read_bytes(), (process / "cmdline").read_bytes()
        except OSError:
            continue
        if b"awslambdaric" in command and mark in environ.split(b"\0"):
            found.append(process)
    return found


def _peak_mib(process: Path) -> float:
    lines = (process / "status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("counts", nargs="*", type=int, default=COUNTS)
    parser.add_argument("--delay", type=float, default=0)
    options = parser.parse_args()
    counts = [100, *options.counts]
    faults = [Fault("plan", "delay", str(options.delay))] if options.delay else []
    with Sandbox(plan=plan(3, 100), faults=faults) as sandbox, tempfile.TemporaryDirectory() as directory:
        valkey = Valkey(Path(directory))
        cloud = Cloud()
        cloud.deploy(sandbox, valkey, FleetConcurrency=CONCURRENCY, FleetToleratedFailurePercentage=0)
        print(
            f"{'appids':>8}{'batch':>7}{'seconds':>9}{'ms each':>9}{'plans':>8}{'tokens':>12}{'collisions':>11}"
            f"{'transitions':>12}{'USD':>8}{'processes':>10}{'MiB':>7}"
        )
        machines = {batch: create_sweep(cloud, batch) for batch in (1, BATCH)}
        start = 0
        for count in counts:
            measured = []
            for batch, machine in machines.items():
                one = sweep(cloud, sandbox, valkey, machine, batch=batch, count=count, start=start)
                start += count
                measured.append(one)
                print(
                    f"{count:>8}{batch:>7}{one.seconds:>9.1f}{one.seconds / count * 1000:>9.2f}{one.plans:>8}"
                    f"{'+'.join(map(str, one.tokens)):>12}{one.collisions:>11}{one.transitions:>12}"
                    f"{one.dollars():>8.4f}{one.processes:>10}{one.peak_mib:>7.1f}",
                    flush=True,
                )
            before, now = measured
            print(
                f"{count:>8}: {before.seconds / now.seconds:.1f} times as fast, "
                f"{now.dollars() / before.dollars():.3f} of the price"
            )
        valkey.stop()


if __name__ == "__main__":
    main()
