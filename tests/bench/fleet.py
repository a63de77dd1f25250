"""How a sweep grows: mini programs by the thousand, asked for through the deployed state machines on AWS's stand-in.

    with-step-functions .venv/bin/python -m tests.bench.fleet [COUNT ...]

The first hundred start the function's processes. Seconds are the stand-in's, on this machine; what is asked of WeChat,
and what AWS would charge, is counted. Tokens are the platform's own and the authorizers'.
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from gray_release.sandbox.server import Sandbox
from tests.fleet import Cloud, appids, authorize
from tests.releases import plan
from tests.support import PLAN, Valkey

COUNTS = (1000, 10000)
CONCURRENCY = 8  # as much as two processors can use
TOKENS = ("/cgi-bin/component/api_component_token", "/cgi-bin/component/api_authorizer_token")
REFUSED = (40001, 40014, 42001)  # what a token gets that another one has replaced

# List prices of us-east-1, USD, 2026-11: pages "pricing" of Step Functions and Lambda.
TRANSITION = 25e-6  # of a Standard workflow; a child that a Distributed Map starts is one too
EXPRESS_REQUEST, EXPRESS_GB_SECOND = 1e-6, 16.67e-6
LAMBDA_REQUEST, LAMBDA_GB_SECOND = 0.2e-6, 16.6667e-6
QUESTION_SECONDS = 0.3  # assumed: two exchanges with WeChat from afar
EXPRESS_GB, LAMBDA_GB = 64 / 1024, 512 / 1024


@dataclass
class Measured:
    """One sweep."""

    count: int
    seconds: float
    plans: int
    tokens: tuple[int, ...]
    collisions: int
    transitions: int
    processes: int
    peak_mib: float

    def dollars(self) -> float:
        """Return what AWS would charge for it."""
        express = EXPRESS_REQUEST + QUESTION_SECONDS * EXPRESS_GB * EXPRESS_GB_SECOND
        invocation = LAMBDA_REQUEST + QUESTION_SECONDS * LAMBDA_GB * LAMBDA_GB_SECOND
        return self.transitions * TRANSITION + self.count * express + self.plans * invocation


def sweep(cloud: Cloud, sandbox: Sandbox, valkey: Valkey, count: int, start: int) -> Measured:
    """Sweep so many new mini programs."""
    fleet = appids(count, start)
    authorize(sandbox, valkey, fleet)
    before = [sandbox.count(path) for path in (PLAN, *TOKENS)]
    cloud.upload(fleet)
    began = time.monotonic()
    execution = cloud.start(cloud.sweep, {})
    description = cloud.finished(execution, seconds=3600)
    seconds = time.monotonic() - began
    assert description["status"] == "SUCCEEDED", description
    plans, *tokens = (sandbox.count(path) - old for path, old in zip((PLAN, *TOKENS), before, strict=True))
    entered = sum(kind.endswith("StateEntered") for kind in cloud.history(execution))
    memory = [_peak_mib(process) for process in _functions(sandbox.base_url)]
    return Measured(
        count=count,
        seconds=seconds,
        plans=plans,
        tokens=tuple(tokens),
        collisions=sum(sandbox.refusals[code] for code in REFUSED),
        transitions=entered + count,
        processes=len(memory),
        peak_mib=max(memory),
    )


def _functions(base_url: str) -> list[Path]:
    """Return the running processes of our function."""
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
    counts = [100, *([int(argument) for argument in sys.argv[1:]] or COUNTS)]
    with Sandbox(plan=plan(3, 100)) as sandbox, tempfile.TemporaryDirectory() as directory:
        valkey = Valkey(Path(directory))
        cloud = Cloud()
        cloud.deploy(sandbox, valkey, FleetConcurrency=CONCURRENCY, FleetToleratedFailurePercentage=0)
        print(
            f"{'appids':>8}{'seconds':>10}{'ms each':>9}{'plans':>8}{'tokens':>14}{'collisions':>11}"
            f"{'transitions':>12}{'USD':>8}{'processes':>10}{'MiB':>7}"
        )
        each = []
        for number, count in enumerate(counts):
            one = sweep(cloud, sandbox, valkey, count, sum(counts[:number]))
            each.append(one.seconds / count)
            print(
                f"{count:>8}{one.seconds:>10.1f}{each[-1] * 1000:>9.2f}{one.plans:>8}"
                f"{'+'.join(map(str, one.tokens)):>14}{one.collisions:>11}{one.transitions:>12}{one.dollars():>8.4f}"
                f"{one.processes:>10}{one.peak_mib:>7.1f}",
                flush=True,
            )
        print(f"one of {counts[-1]} takes {each[-1] / each[1]:.2f} times as long as one of {counts[1]}")
        valkey.stop()


if __name__ == "__main__":
    main()
