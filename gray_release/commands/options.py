"""What the commands' options take: click turns each text into a value, or says what is allowed."""

import contextlib
import errno
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import click

from gray_release.release import FAILED, STATE_NAMES
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.rules import APPID
from gray_release.sandbox.scenario import STEPS
from handler.contract import Arguments
from handler.errors import OpenApiError

LONGEST_SECONDS = 366 * 86400
EXAMPLE_PLAN = '{"status": 1, "gray_percentage": 8}'


def read_seconds(text: str) -> float:
    """Read a number of seconds, more than 0. Raises `click.BadParameter`, as all of these do."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= LONGEST_SECONDS:
        raise click.BadParameter(f"{text!r} is no number of seconds: it must be more than 0, such as 1 or 0.5")
    return number


def read_json_object(text: str) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise click.BadParameter(f"{text!r} is no JSON object: write one such as {EXAMPLE_PLAN}")
    return value


def read_steps(text: str) -> list[tuple[str, float]]:
    """Read a scenario, `STEP[=SECONDS]` joined by commas: each step with its seconds."""
    found = []
    for part in text.split(","):
        step, has_seconds, number = part.partition("=")
        if step not in STEPS:
            raise click.BadParameter(f"{step!r} is no step: there are {', '.join(STEPS)}")
        found.append((step, read_seconds(number) if has_seconds else 0.0))
    return found


def read_fault(text: str) -> Fault:
    """Read a fault, `ENDPOINT:KIND[=VALUE][*TIMES]`."""
    try:
        return Fault.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def read_appid(text: str) -> str:
    """Read an appid."""
    try:
        Arguments.parse({"appid": text})
    except OpenApiError:
        raise click.BadParameter(f"{text!r} is no appid: it has letters and digits, such as {APPID}") from None
    return text


def read_states(text: str) -> frozenset[str]:
    """Read the states at which watching ends, joined by commas."""
    found = frozenset(text.split(","))
    if unknown := sorted(found - set(STATE_NAMES)):
        raise click.BadParameter(f"{unknown[0]!r} is no status: there are {', '.join(STATE_NAMES)}")
    return found


def read_failing_states(text: str) -> frozenset[str]:
    """Read the states with which a sweep fails, joined by commas: those of `states`, and `failed`."""
    found = frozenset(text.split(","))
    return found & {FAILED.name} | (read_states(",".join(rest)) if (rest := found - {FAILED.name}) else frozenset())


def read_refusal(text: str) -> Fault:
    """Read `APPID=ERRCODE[*TIMES]`: the fault that refuses one mini program's plan."""
    found = re.fullmatch(r"([\w-]+)=(-?\d+)(?:\*(\d+))?", text)
    if not found:
        raise click.BadParameter(f"{text!r} is no refusal: write APPID=ERRCODE, such as {APPID}=48001")
    appid, errcode, times = found.groups()
    return Fault("plan", "errcode", errcode, int(times) if times else None, appid)


PORT = click.IntRange(0, 65535)
TARGET = click.Choice(["lambda", "scf"])


@contextlib.contextmanager
def explain_port_errors(host: str, port: int) -> Iterator[None]:
    """Say what keeps a server from listening there, and what to type. Raises `click.UsageError`."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"port {port} is taken: --port 0 takes a free one"
        elif error.errno == errno.EACCES:
            reason = f"port {port} is for the system's administrator: take one from 1024 on, or --port 0"
        else:
            reason = f"cannot listen on {host}: {error.strerror}; --host 127.0.0.1 is this machine alone"
        raise click.UsageError(reason) from None
