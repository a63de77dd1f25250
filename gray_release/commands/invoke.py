"""`invoke`: the function with an event, once or until its release has ended."""

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import click

from gray_release.commands.options import TARGET, read_seconds, read_states
from gray_release.credentials import find_credentials, use_credentials_or_sandbox
from gray_release.invoke import Target, invoke_function
from gray_release.release import Answer, Json
from gray_release.sandbox.scenario import create_rising_plan
from gray_release.sandbox.server import Sandbox
from gray_release.screen import open_screen
from gray_release.watch import Watch
from handler.errors import OpenApiError

EXIT_CODES = """\b
exit codes:
  0    the function answered; with --watch, the release has reached everyone
  1    the function failed: its errCode object is on stdout
  2    the command or the event cannot be understood, or the port is taken
  3    with --watch: no release is under way (deleted, withdrawn, none)
  4    with --watch: the release is in another state that --until names
  124  with --watch: --timeout is over
  130  interrupted"""

WATCHED_SECONDS = 20  # how long the sandbox's release takes when nobody says otherwise


@click.command(epilog=EXIT_CODES, short_help="Invoke the function, once or until a release has ended.")
@click.argument("event", required=False)
@click.option("--target", type=TARGET, default="lambda", show_default=True, help="Entry point and context.")
@click.option(
    "--watch",
    type=read_seconds,
    metavar="SECONDS",
    help="Ask so often until the release has reached everyone, or is no more.",
)
@click.option("--timeout", type=read_seconds, metavar="SECONDS", help="With --watch: end after so long.")
@click.option(
    "--until", type=read_states, metavar="STATUS,...", help="With --watch: end here too, such as finished,paused."
)
@click.option("--component", is_flag=True, help="On the sandbox: ask as a third-party platform.")
def invoke(  # noqa: PLR0913 - one for each option
    event: str | None,
    *,
    target: Target,
    watch: float | None,
    timeout: float | None,
    until: frozenset[str] | None,
    component: bool,
) -> int:
    """Invoke the function with the EVENT in a file, or - for stdin; without one, with {}.

    The function's JSON goes to stdout. On a terminal stderr shows the release as a person reads it, elsewhere the
    function's log. With no credentials in the environment the WeChat sandbox is started for the call; WECHAT_APPID and
    WECHAT_SECRET ask WeChat instead.
    """
    if watch is None and (timeout or until):
        raise click.UsageError("--timeout and --until say when --watch ends: add --watch SECONDS")
    if component and find_credentials():
        raise click.UsageError(
            f"--component is for the sandbox, and {', '.join(find_credentials())} name a WeChat: unset them"
        )
    content = _read_event(event)
    plan = create_rising_plan(WATCHED_SECONDS, time.time()) if watch else None
    stdout, terminal = sys.stdout, sys.stdout.isatty()
    watching = Watch(until or frozenset(), timeout)
    with (
        open_screen(live=watch is not None) as display,
        use_credentials_or_sandbox(lambda: Sandbox(plan=plan, access_log=display.add_access_line), component=component),
        contextlib.redirect_stdout(display.log_stream),
    ):
        while True:
            reply = _invoke(content, target)
            answer = Answer.from_reply(reply)
            display.show_answer(answer)
            code = watching.find_exit_code(answer, display.log_stream.facts) if watch else int(bool(answer.failure))
            if watch is None or code is not None:
                break
            if not terminal:
                _print_reply(reply, stdout)
            time.sleep(min(watch, watching.count_seconds_left()))
    _print_reply(reply, stdout)
    if watching.end_reason:
        click.echo(watching.end_reason, err=True)
    return code or 0


def _read_event(name: str | None) -> Any:
    """Read an event. Raises `click.UsageError`."""
    if name is None:
        return {}
    try:
        return json.loads(sys.stdin.read() if name == "-" else Path(name).read_text("utf-8"))
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
    except ValueError as error:
        reason = f"it is not JSON: {error}"
    raise click.UsageError(
        f"cannot read the event {name}: {reason}\n"
        "A clone's events/ has one for every trigger; - reads one from stdin, for example {}"
    )


def _invoke(event: Any, target: Target) -> Json:
    try:
        return invoke_function(event, target)
    except OpenApiError as error:
        return error.to_dict()


def _print_reply(reply: Json, stdout: TextIO) -> None:
    """Print a reply for whoever reads it: indented on a terminal, one line for a program."""
    style: dict[str, Any] = {"indent": 2} if stdout.isatty() else {"separators": (",", ":")}
    print(json.dumps(reply, ensure_ascii=False, **style), file=stdout, flush=True)
