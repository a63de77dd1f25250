"""`sandbox`: the stand-in for WeChat, alone, for mini programs of one's own or for a third-party platform."""

import time
from typing import Any

import click

from gray_release.commands.options import (
    PORT,
    explain_port_errors,
    read_fault,
    read_json_object,
    read_refusal,
    read_steps,
)
from gray_release.credentials import print_to_stderr, provide_credentials
from gray_release.sandbox import fleet
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.scenario import STEPS, create_scenario
from gray_release.sandbox.server import Sandbox

SCRIPT = """\b
in a script:
  python -m gray_release sandbox --component > sandbox.env &
  until [ -s sandbox.env ]; do sleep 1; done
  env $(cat sandbox.env) python -m gray_release invoke"""

MANY = click.IntRange(1, 100_000)


@click.command(epilog=SCRIPT, short_help="Run the WeChat sandbox alone.")
@click.option("--port", type=PORT, default=0, help="0, the default, takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--plan", type=read_json_object, metavar="JSON", help="The plan to answer with, in snake_case.")
@click.option(
    "--scenario",
    "release",
    type=read_steps,
    metavar="STEP=SECONDS,...",
    help=f"A release that goes through steps ({', '.join(STEPS)}), for example rise=20,pause=10,rise=20 or "
    "rise=5,delete.",
)
@click.option(
    "--fault",
    "faults",
    type=read_fault,
    multiple=True,
    metavar="ENDPOINT:KIND[=VALUE][*TIMES]",
    help="For example plan:errcode=45009, token:delay=2, plan:reset*1 (repeatable).",
)
@click.option(
    "--refuse",
    "refusals",
    type=read_refusal,
    multiple=True,
    metavar="APPID=ERRCODE[*TIMES]",
    help="Refuse one mini program's plan, for example wx0123456789abcdef=48001 (repeatable).",
)
@click.option("--component", is_flag=True, help="Play a third-party platform, with its token store.")
@click.option(
    "--authorizers",
    type=MANY,
    metavar="N",
    help="The platform's mini programs: wx0000000000000001 and on, each with a release of its own.",
)
@click.option("--unauthorised", type=MANY, metavar="N", help="The last N of them have withdrawn (61003).")
def sandbox(  # noqa: PLR0913 - one for each option
    *,
    port: int,
    host: str,
    plan: dict[str, Any] | None,
    release: list[tuple[str, float]] | None,
    faults: tuple[Fault, ...],
    refusals: tuple[Fault, ...],
    component: bool,
    authorizers: int | None,
    unauthorised: int | None,
) -> int:
    """Run the WeChat sandbox, and print the variables that lead to it."""
    if plan and release:
        raise click.UsageError("--plan and --scenario both say what the release is: take one")
    if authorizers and not component:
        raise click.UsageError("--authorizers are a third-party platform's: add --component")
    if (unauthorised or 0) > (authorizers or 0):
        raise click.UsageError("--unauthorised says how many of --authorizers: it cannot be more")
    answer = create_scenario(release, time.time()) if release else plan
    with explain_port_errors(host, port):
        server = Sandbox(plan=answer, faults=[*refusals, *faults], host=host, port=port, access_log=print_to_stderr)
    platform = server.platform
    if authorizers:
        appids = fleet.create_appids(authorizers)
        platform.authorizers = {appid: f"refreshtoken@@@{appid}" for appid in appids}
        server.plans.update({} if answer else fleet.create_plans(appids, time.time()))
    stored = dict(platform.authorizers)
    for appid in list(stored)[len(stored) - (unauthorised or 0) :]:
        del platform.authorizers[appid]
    with provide_credentials(server, stored if component else None) as variables:
        print(" ".join(f"{name}={value}" for name, value in variables.items()), flush=True)
        server.serve_forever()
    return 0
