"""The values of the commands' options: each function parses a text, or raises an error that shows a valid one."""

import contextlib
import errno
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import click

from gray_release.credentials import find_credentials
from gray_release.release import FAILED, STATE_NAMES
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.rules import APPID
from gray_release.sandbox.scenario import STEPS
from handler.contract import Arguments
from handler.errors import OpenApiError

LONGEST_SECONDS = 366 * 86400
EXAMPLE_PLAN = '{"status": 1, "gray_percentage": 8}'


def read_seconds(text: str) -> float:
    """Read a number of seconds above 0. Raises `click.BadParameter`, like all functions below."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= LONGEST_SECONDS:
        raise click.BadParameter(f"{text!r} is not a number of seconds above 0, such as 1 or 0.5")
    return number


def read_json_object(text: str) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise click.BadParameter(f"{text!r} is not a JSON object, such as {EXAMPLE_PLAN}")
    return value


def read_steps(text: str) -> list[tuple[str, float]]:
    """Read a scenario: comma-separated `STEP[=SECONDS]`."""
    pairs = []
    for part in text.split(","):
        step, has_seconds, number = part.partition("=")
        if step not in STEPS:
            raise click.BadParameter(f"{step!r} is not a step: use {', '.join(STEPS)}")
        pairs.append((step, read_seconds(number) if has_seconds else 0.0))
    return pairs


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
        raise click.BadParameter(f"{text!r} is not an appid, such as {APPID}") from None
    return text


def read_states(text: str) -> frozenset[str]:
    """Read the comma-separated states at which a watch stops."""
    found = frozenset(text.split(","))
    if unknown := sorted(found - set(STATE_NAMES)):
        raise click.BadParameter(f"{unknown[0]!r} is not a status: use {', '.join(STATE_NAMES)}")
    return found


def read_failing_states(text: str) -> frozenset[str]:
    """Read the comma-separated states at which a sweep exits with an error: `failed`, or any that a watch accepts."""
    found = frozenset(text.split(","))
    return found & {FAILED.name} | (read_states(",".join(rest)) if (rest := found - {FAILED.name}) else frozenset())


def read_refusal(text: str) -> Fault:
    """Read `APPID=ERRCODE[*TIMES]`: a fault that refuses the plan of one mini program."""
    found = re.fullmatch(r"([\w-]+)=(-?\d+)(?:\*(\d+))?", text)
    if not found:
        raise click.BadParameter(f"{text!r} is not APPID=ERRCODE, such as {APPID}=48001")
    appid, errcode, times = found.groups()
    return Fault("plan", "errcode", errcode, int(times) if times else None, appid)


def check_component_option(*, component: bool) -> None:
    """Refuse `--component` if credentials are set, because the sandbox is then not used. Raises `click.UsageError`."""
    if component and find_credentials():
        raise click.UsageError(f"--component works only with the sandbox: unset {', '.join(find_credentials())}")


PORT = click.IntRange(0, 65535)
TARGET = click.Choice(["lambda", "scf"])


@contextlib.contextmanager
def explain_port_errors(host: str, port: int) -> Iterator[None]:
    """Explain why a server cannot listen on this port, and how to fix it. Raises `click.UsageError`."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"port {port} is in use: --port 0 chooses a free one"
        elif error.errno == errno.EACCES:
            reason = f"port {port} needs root: use a port of at least 1024, or --port 0"
        else:
            reason = f"cannot listen on {host}: {error.strerror}; the default is --host 127.0.0.1"
        raise click.UsageError(reason) from None
