"""`sandbox`: the stand-in for WeChat, alone."""

import sys
import time
from typing import Any

import click

from handler.local.commands.options import PORT, fault, json_object, listening, steps
from handler.local.sandbox.faults import Fault
from handler.local.sandbox.rules import APPID, SECRET
from handler.local.sandbox.scenario import STEPS, scenario
from handler.local.sandbox.server import Sandbox


@click.command()
@click.option("--port", type=PORT, default=0, help="0, the default, takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--plan", type=json_object, metavar="JSON", help="The plan to answer with, in snake_case.")
@click.option(
    "--scenario",
    "release",
    type=steps,
    metavar="STEP=SECONDS,...",
    help=f"A release that goes through steps ({', '.join(STEPS)}), for example rise=20,pause=10,rise=20 or "
    "rise=5,delete.",
)
@click.option(
    "--fault",
    "faults",
    type=fault,
    multiple=True,
    metavar="ENDPOINT:KIND[=VALUE][*TIMES]",
    help="For example plan:errcode=45009, token:delay=2, plan:reset*1 (repeatable).",
)
def sandbox(
    port: int,
    host: str,
    plan: dict[str, Any] | None,
    release: list[tuple[str, float]] | None,
    faults: tuple[Fault, ...],
) -> int:
    """Run the WeChat sandbox, and print the variables that lead to it."""
    if plan and release:
        raise click.UsageError("--plan and --scenario both say what the release is: take one")
    answer = scenario(release, time.time()) if release else plan
    with listening(host, port):
        server = Sandbox(plan=answer, faults=list(faults), host=host, port=port, access_log=to_stderr)
    print(f"WECHAT_API_BASE_URL={server.base_url} WECHAT_APPID={APPID} WECHAT_SECRET={SECRET}", flush=True)
    server.serve_forever()
    return 0


def to_stderr(line: str) -> None:
    """Print a line of the access log."""
    print(line, file=sys.stderr, flush=True)
