"""Measure a process: wall time until its first line, CPU time, instructions, and the figures that it prints."""

import json
import os
import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

VALGRIND = shutil.which("valgrind")
K = TypeVar("K")
T = TypeVar("T")


class Run(NamedTuple):
    """Wall seconds until the first line on stderr, CPU seconds, and the JSON of that line."""

    wall: float
    cpu: float
    told: dict[str, float]


@dataclass(frozen=True, eq=False)
class Peer:
    """A program to compare. Its command takes an address (only with `takes_address`), then WARM and CALLS."""

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    takes_address: bool = False

    def create_command(self, address: str, *arguments: int) -> tuple[list[str], dict[str, str]]:
        """Return the command that calls this address, and its environment."""
        place = (f"{address}/admin",) if self.takes_address else ()
        environ = {"PATH": os.environ["PATH"], **self.environ, "WECHAT_API_BASE_URL": address}
        return [*self.command, *place, *map(str, arguments)], environ

    def run(self, address: str, *arguments: int) -> Run:
        """Run the program. Raises `RuntimeError` with its output when it fails."""
        return run(*self.create_command(address, *arguments))

    def instructions(self, address: str, *arguments: int) -> int:
        """Count the instructions of a run."""
        command, environ = self.create_command(address, *arguments)
        process = subprocess.run(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command],
            env=environ | {"PYTHONHASHSEED": "0"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        found = re.search(r"I +refs: +([\d,]+)", process.stderr)
        if process.returncode or not found:
            raise RuntimeError(process.stderr)
        return int(found[1].replace(",", ""))


def run(command: list[str], environ: Mapping[str, str]) -> Run:
    """Run a command. Raises `RuntimeError` with its output when it fails."""
    started = time.perf_counter()
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        line = process.stderr.readline()
        wall = time.perf_counter() - started
        rest = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(line + rest)
    return Run(wall, usage.ru_utime + usage.ru_stime, json.loads(line.strip() or "{}"))


def interleave(measures: Mapping[K, Callable[[], T]], rounds: int) -> dict[K, list[T]]:
    """Run the programs in turn. The first round is not counted, because it only fills the disk cache."""
    taken = [{name: measure() for name, measure in measures.items()} for _ in range(rounds + 1)]
    return {name: [found[name] for found in taken[1:]] for name in measures}


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the ratios of interleaved rounds."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
