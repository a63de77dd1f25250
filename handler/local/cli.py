"""`python -m handler.local`: invoke the function on this machine, or run the WeChat sandbox alone."""

import argparse
import contextlib
import errno
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from handler.contract import SYSTEM_ERROR, OpenApiError
from handler.local.invoke import call, upstream
from handler.local.sandbox.faults import Fault
from handler.local.sandbox.server import APPID, SECRET, STEPS, Sandbox, advancing, scenario
from handler.local.screen import DELETED, FINISHED, answer, screen
from handler.local.serve import front

EXIT_CODES = """exit codes:
  0    the function answered; with --watch, the release reached everyone
  1    the function failed: its errCode object is on stdout
  2    the command or the event cannot be understood, or the port is taken
  3    with --watch: no release is under way any more (deleted, or none)
  130  interrupted"""

EXAMPLES = """examples:
  python -m handler.local invoke            # the sandbox's release, in one picture
  python -m handler.local invoke --watch 1  # follow it until it has reached everyone
  WECHAT_APPID=... WECHAT_SECRET=... python -m handler.local invoke  # your own release, from WeChat
  echo '{"appid": "wx..."}' | python -m handler.local invoke -       # another mini program's
  python -m handler.local invoke events/function-url.json  # what an HTTP caller would get
  python -m handler.local serve                            # then: curl http://127.0.0.1:8080/
  python -m handler.local sandbox --port 8088 --scenario rise=20,pause=10,rise=20
"""

WATCHED_SECONDS = 20  # how long the sandbox's release takes when nobody says otherwise


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        print(f"port {options.port} is taken: --port 0 takes a free one", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m handler.local", description=__doc__, epilog=f"{EXAMPLES}\n{EXIT_CODES}", formatter_class=raw
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    invoke = commands.add_parser(
        "invoke",
        help="invoke the function with an event",
        formatter_class=raw,
        description="Print the function's JSON on stdout. On a terminal stderr shows the release as a person\n"
        "reads it, elsewhere the function's log. With no credentials in the environment the WeChat sandbox is\n"
        "started for the call; WECHAT_APPID and WECHAT_SECRET ask WeChat instead.",
        epilog=EXIT_CODES,
    )
    invoke.add_argument("event", nargs="?", default="events/direct.json", help="a file, or - for stdin (%(default)s)")
    invoke.add_argument("--target", choices=["lambda", "scf"], default="lambda", help="entry point and context")
    invoke.add_argument(
        "--watch", type=_seconds, metavar="SECONDS", help="ask again and again until the release has reached everyone"
    )
    invoke.set_defaults(run=_invoke)

    serve = commands.add_parser(
        "serve",
        help="answer HTTP with the function",
        description="Turn HTTP requests into Function URL events and the replies back, for curl and browsers. "
        "With no credentials in the environment the WeChat sandbox is started too.",
    )
    serve.add_argument("--port", type=int, default=8080, help="0 takes a free one (%(default)s)")
    serve.add_argument("--target", choices=["lambda", "scf"], default="lambda", help="whose function URL to play")
    serve.set_defaults(run=_serve)

    openapi = commands.add_parser("openapi", help="print the OpenAPI description of the HTTP faces")
    openapi.set_defaults(run=_openapi)

    sandbox = commands.add_parser("sandbox", help="run the WeChat sandbox", description="Run the WeChat sandbox.")
    sandbox.add_argument("--port", type=int, default=0, help="0 takes a free one")
    sandbox.add_argument("--host", default="127.0.0.1", help="where to listen (%(default)s)")
    plan = sandbox.add_mutually_exclusive_group()
    plan.add_argument("--plan", type=_json_object, metavar="JSON", help="the plan to answer with, in snake_case")
    plan.add_argument("--advance", type=_seconds, metavar="SECONDS", help="a release that goes from 0 to 100 percent")
    plan.add_argument(
        "--scenario",
        type=_steps,
        metavar="STEP=SECONDS,...",
        help=f"a release that goes through steps ({', '.join(STEPS)}), for example rise=20,pause=10,rise=20 or "
        "rise=5,delete",
    )
    sandbox.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="ENDPOINT:KIND[=VALUE][*TIMES]",
        help="for example plan:errcode=45009, token:delay=2, plan:reset*1 (repeatable)",
    )
    sandbox.set_defaults(run=_sandbox)
    return parser


def _invoke(options: argparse.Namespace) -> int:
    try:
        text = sys.stdin.read() if options.event == "-" else Path(options.event).read_text("utf-8")
        event = json.loads(text)
    except (OSError, ValueError) as error:
        print(f"cannot read the event {options.event}: {error}", file=sys.stderr)
        print("events/ has one for every trigger; - reads one from stdin, for example {}", file=sys.stderr)
        return 2
    plan = advancing(WATCHED_SECONDS, time.time()) if options.watch else None
    stdout, terminal = sys.stdout, sys.stdout.isatty()
    with upstream(plan), screen(live=bool(options.watch)) as (log, show), contextlib.redirect_stdout(log):
        while True:
            code: int | None = 0
            try:
                reply = call(event, options.target)
            except OpenApiError as error:
                reply, code = error.to_dict(), 1
            show(reply)
            if options.watch:
                code = _watched(reply)
            if code is not None:
                break
            if not terminal:
                _print(reply, stdout)
            time.sleep(options.watch)
    _print(reply, stdout)
    return code


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


def _serve(options: argparse.Namespace) -> int:
    with upstream(), front(options.target, options.port) as server:
        print(f"serving http://127.0.0.1:{server.server_port}/", flush=True)
        with contextlib.redirect_stdout(sys.stderr):
            server.serve_forever()
    return 0


def _openapi(_options: argparse.Namespace) -> int:
    from handler.local.openapi import describe  # noqa: PLC0415 - the other commands do without

    print(json.dumps(describe(), ensure_ascii=False, indent=2))
    return 0


def _sandbox(options: argparse.Namespace) -> int:
    steps = [("rise", options.advance)] if options.advance else options.scenario
    plan = scenario(steps, time.time()) if steps else options.plan
    sandbox = Sandbox(plan=plan, faults=options.fault, host=options.host, port=options.port, access_log=True)
    print(f"WECHAT_API_BASE_URL={sandbox.base_url} WECHAT_APPID={APPID} WECHAT_SECRET={SECRET}", flush=True)
    sandbox.serve_forever()
    return 0


def _json_object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("must be a JSON object")
    return value


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0 seconds")
    return seconds


def _steps(text: str) -> list[tuple[str, float]]:
    steps = []
    for part in text.split(","):
        step, has_seconds, seconds = part.partition("=")
        if step not in STEPS:
            raise argparse.ArgumentTypeError(f"{step!r} is no step: there are {', '.join(STEPS)}")
        steps.append((step, _seconds(seconds) if has_seconds else 0.0))
    return steps


def _fault(text: str) -> Fault:
    try:
        return Fault.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
