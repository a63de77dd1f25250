"""`invoke`: the function with an event, once or until its release has ended."""

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import click

from handler.contract import SYSTEM_ERROR, OpenApiError
from handler.local.commands.options import TARGET, seconds
from handler.local.invoke import Target, call
from handler.local.sandbox.scenario import advancing
from handler.local.sandbox.server import Sandbox
from handler.local.screen import DELETED, FINISHED, answer, screen
from handler.local.upstream import named, to_stderr, upstream

EXIT_CODES = """\b
exit codes:
  0    the function answered; with --watch, the release reached everyone
  1    the function failed: its errCode object is on stdout
  2    the command or the event cannot be understood, or the port is taken
  3    with --watch: no release is under way any more (deleted, or none)
  130  interrupted"""

WATCHED_SECONDS = 20  # how long the sandbox's release takes when nobody says otherwise


@click.command(epilog=EXIT_CODES)
@click.argument("event", required=False)
@click.option("--target", type=TARGET, default="lambda", show_default=True, help="Entry point and context.")
@click.option("--watch", type=seconds, help="Ask again and again until the release has reached everyone.")
@click.option("--component", is_flag=True, help="On the sandbox: ask as a third-party platform.")
def invoke(event: str | None, target: Target, watch: float | None, *, component: bool) -> int:
    """Invoke the function with the EVENT in a file, or - for stdin; without one, with {}.

    The function's JSON goes to stdout. On a terminal stderr shows the release as a person reads it, elsewhere the
    function's log. With no credentials in the environment the WeChat sandbox is started for the call; WECHAT_APPID and
    WECHAT_SECRET ask WeChat instead.
    """
    content = _event(event)
    if component and named():
        raise click.UsageError(f"--component is for the sandbox, and {', '.join(named())} name a WeChat: unset them")
    plan = advancing(WATCHED_SECONDS, time.time()) if watch else None
    stdout, terminal = sys.stdout, sys.stdout.isatty()
    with (
        upstream(lambda: Sandbox(plan=plan, access_log=to_stderr), component=component),
        screen(live=bool(watch)) as (log, show),
        contextlib.redirect_stdout(log),
    ):
        while True:
            code: int | None = 0
            try:
                reply = call(content, target)
            except OpenApiError as error:
                reply, code = error.to_dict(), 1
            show(reply)
            if watch:
                code = _watched(reply)
            if watch is None or code is not None:
                break
            if not terminal:
                _print(reply, stdout)
            time.sleep(watch)
    _print(reply, stdout)
    return code or 0


def _event(name: str | None) -> Any:
    """Read an event. Raises `click.UsageError`."""
    if name is None:
        return {}
    try:
        return json.loads(sys.stdin.read() if name == "-" else Path(name).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise click.UsageError(
            f"cannot read the event {name}: {error}\nevents/ has one for every trigger; - reads one from stdin, "
            "for example {}"
        ) from None


def _watched(reply: dict[str, Any]) -> int | None:
    """Return the exit code with which watching ends, or nothing to go on: a passing failure ends nothing."""
    body = answer(reply)
    if body.get("errCode"):
        return None if body["errCode"] == SYSTEM_ERROR else 1
    plan = body.get("grayReleasePlan")
    status = plan.get("status") if isinstance(plan, dict) else None
    return {FINISHED: 0, DELETED: 3, None: 3}.get(status)


def _print(reply: dict[str, Any], stdout: TextIO) -> None:
    """Print a reply for whoever reads it: indented on a terminal, one line for a program."""
    style: dict[str, Any] = {"indent": 2} if stdout.isatty() else {"separators": (",", ":")}
    print(json.dumps(reply, ensure_ascii=False, **style), file=stdout, flush=True)
