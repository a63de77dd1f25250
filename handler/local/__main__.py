"""`python -m handler.local`: invoke the function on this machine, or run the WeChat sandbox alone."""

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from handler.contract import OpenApiError
from handler.local.faults import Fault
from handler.local.invoke import call, upstream
from handler.local.sandbox import APPID, SECRET, Sandbox, advancing
from handler.local.serve import front


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    options = _parser().parse_args(arguments)
    with contextlib.suppress(KeyboardInterrupt):
        return int(options.run(options))
    return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m handler.local", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    invoke = commands.add_parser(
        "invoke",
        help="invoke the function with an event",
        description="Print the function's JSON on stdout, notes and the log on stderr. Exit 0, or 1 with the errCode "
        "object. With no credentials in the environment the WeChat sandbox is started for the call.",
    )
    invoke.add_argument("event", nargs="?", default="events/direct.json", help="a file, or - for stdin (%(default)s)")
    invoke.add_argument("--target", choices=["lambda", "scf"], default="lambda", help="entry point and context")
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
    plan.add_argument("--advance", type=float, metavar="SECONDS", help="a plan that goes from 0 to 100 percent")
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
        return 2
    code = 0
    with upstream(), contextlib.redirect_stdout(sys.stderr):
        try:
            reply = call(event, options.target)
        except OpenApiError as error:
            reply, code = error.to_dict(), 1
    _print(reply)
    return code


def _print(reply: dict[str, Any]) -> None:
    """Print a reply for whoever reads it: indented on a terminal, one line for a program."""
    style: dict[str, Any] = {"indent": 2} if sys.stdout.isatty() else {"separators": (",", ":")}
    print(json.dumps(reply, ensure_ascii=False, **style))


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
    plan = advancing(options.advance, time.time()) if options.advance else options.plan
    sandbox = Sandbox(plan=plan, faults=options.fault, host=options.host, port=options.port, access_log=True)
    print(f"WECHAT_API_BASE_URL={sandbox.base_url} WECHAT_APPID={APPID} WECHAT_SECRET={SECRET}", flush=True)
    sandbox.serve_forever()
    return 0


def _json_object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("must be a JSON object")
    return value


def _fault(text: str) -> Fault:
    try:
        return Fault.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
