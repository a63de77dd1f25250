"""`invoke`: run the function once, or repeatedly until the release ends."""

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import click

from gray_release.commands.options import TARGET, check_component_option, read_seconds, read_states
from gray_release.credentials import use_credentials_or_sandbox
from gray_release.invoke import Target, invoke_function
from gray_release.release import Answer, Json
from gray_release.sandbox.scenario import create_rising_plan
from gray_release.sandbox.server import Sandbox
from gray_release.screen import open_screen
from gray_release.watch import Watch
from handler.errors import OpenApiError

EXIT_CODES = """\b
exit codes:
  0    the function succeeded; with --watch, the release reached everyone
  1    the function failed: stdout has its errCode and errMsg
  2    an option or the event is invalid, or the port is in use
  3    with --watch: no release (none, withdrawn, deleted, replaced)
  4    with --watch: the release reached another status that --until lists
  124  with --watch: --timeout has passed
  130  interrupted"""

WATCHED_SECONDS = 20  # length of the release that the sandbox plays for --watch


@click.command(epilog=EXIT_CODES, short_help="Run the function once, or until the release ends.")
@click.argument("event", required=False)
@click.option("--target", type=TARGET, default="lambda", show_default=True, help="Entry point and context to use.")
@click.option(
    "--watch",
    type=read_seconds,
    metavar="SECONDS",
    help="Repeat every SECONDS until the release ends.",
)
@click.option("--timeout", type=read_seconds, metavar="SECONDS", help="With --watch: stop after SECONDS.")
@click.option(
    "--until",
    type=read_states,
    metavar="STATUS,...",
    help="With --watch: also stop at these statuses, such as finished,paused.",
)
@click.option("--component", is_flag=True, help="With the sandbox: call as a third-party platform.")
def invoke(  # noqa: PLR0913 - one parameter for each option
    event: str | None,
    *,
    target: Target,
    watch: float | None,
    timeout: float | None,
    until: frozenset[str] | None,
    component: bool,
) -> int:
    """Run the function with the JSON event in the file EVENT, or - for stdin. The default event is {}.

    stdout gets the function's JSON. stderr shows the release in words and a bar if it is a terminal, and the function's
    log if it is not. Without credentials in the environment the command starts a WeChat sandbox and asks that. Set
    WECHAT_APPID and WECHAT_SECRET to ask WeChat.
    """
    if watch is None and (timeout or until):
        raise click.UsageError("--timeout and --until work only with --watch: add --watch SECONDS")
    check_component_option(component=component)
    content = _read_event(event)
    plan = create_rising_plan(WATCHED_SECONDS, time.time()) if watch else None
    stdout, terminal = sys.stdout, sys.stdout.isatty()
    watch_state = Watch(until or frozenset(), timeout)
    with (
        open_screen(live=watch is not None) as display,
        use_credentials_or_sandbox(lambda: Sandbox(plan=plan, access_log=display.add_access_line), component=component),
        contextlib.redirect_stdout(display.log_stream),
    ):
        while True:
            reply = _invoke(content, target)
            answer = Answer.from_reply(reply)
            display.show_answer(answer)
            code = watch_state.find_exit_code(answer, display.log_stream.facts) if watch else int(bool(answer.failure))
            if watch is None or code is not None:
                break
            if not terminal:
                _print_reply(reply, stdout)
            time.sleep(min(watch, watch_state.count_seconds_left()))
    _print_reply(reply, stdout)
    if watch_state.end_reason:
        click.echo(watch_state.end_reason, err=True)
    return code or 0


def _read_event(name: str | None) -> Any:
    """Read the event from a file or stdin. Raises `click.UsageError`."""
    if name is None:
        return {}
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
        return json.loads(text.removeprefix("\ufeff"))
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
    except RecursionError:
        reason = "it is nested too deeply"
    except ValueError as error:
        reason = f"it is not JSON: {error}"
    raise click.UsageError(
        f"cannot read the event {name}: {reason}\n"
        "events/ in the repository has a sample for every trigger; - reads the event from stdin, for example {}"
    )


def _invoke(event: Any, target: Target) -> Json:
    try:
        return invoke_function(event, target)
    except OpenApiError as error:
        return error.to_dict()


def _print_reply(reply: Json, stdout: TextIO) -> None:
    """Print a reply: indented on a terminal, on one line elsewhere."""
    style: dict[str, Any] = {"indent": 2} if stdout.isatty() else {"separators": (",", ":")}
    print(json.dumps(reply, ensure_ascii=False, **style), file=stdout, flush=True)
