"""`sandbox`: run only the stand-in for WeChat."""

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
use it in a script:
  python -m gray_release sandbox --component > sandbox.env &
  until [ -s sandbox.env ]; do sleep 1; done
  env $(cat sandbox.env) python -m gray_release invoke"""

MANY = click.IntRange(1, 100_000)


@click.command(epilog=SCRIPT, short_help="Run only the WeChat sandbox.")
@click.option(
    "--port", type=PORT, metavar="PORT", default=0, help="Port to listen on; 0, the default, chooses a free one."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--plan", type=read_json_object, metavar="JSON", help="The plan that the sandbox answers with, in snake_case."
)
@click.option(
    "--scenario",
    "release",
    type=read_steps,
    metavar="STEP=SECONDS,...",
    help=f"Play a release step by step. Steps: {', '.join(STEPS)}. Examples: rise=20,pause=10,rise=20 "
    "or rise=5,delete.",
)
@click.option(
    "--fault",
    "faults",
    type=read_fault,
    multiple=True,
    metavar="ENDPOINT:KIND[=VALUE][*TIMES]",
    help="Answer with a fault, such as plan:errcode=45009, token:delay=2 or plan:reset*1. Repeatable.",
)
@click.option(
    "--refuse",
    "refusals",
    type=read_refusal,
    multiple=True,
    metavar="APPID=ERRCODE[*TIMES]",
    help="Refuse the plan of one mini program, such as wx0123456789abcdef=48001. Repeatable.",
)
@click.option("--component", is_flag=True, help="Act as a third-party platform, with a token store.")
@click.option(
    "--authorizers",
    type=MANY,
    metavar="N",
    help="Give the platform N mini programs, wx0000000000000001 and up, each with a different release.",
)
@click.option(
    "--unauthorised", type=MANY, metavar="N", help="The last N of them have revoked their authorisation (61003)."
)
def sandbox(  # noqa: PLR0913 - one parameter for each option
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
    """Run the WeChat sandbox, and print the environment variables with which the function uses it."""
    if plan and release:
        raise click.UsageError("--plan and --scenario exclude each other: both set the release")
    if authorizers and not component:
        raise click.UsageError("--authorizers works only with a third-party platform: add --component")
    if (unauthorised or 0) > (authorizers or 0):
        raise click.UsageError("--unauthorised cannot be more than --authorizers")
    answer = create_scenario(release, time.time()) if release else plan
    with explain_port_errors(host, port):
        server = Sandbox(plan=answer, faults=[*refusals, *faults], host=host, port=port, access_log=print_to_stderr)
    platform = server.platform
    if authorizers:
        appids = fleet.create_appids(authorizers)
        platform.authorizers = {appid: f"refreshtoken@@@{appid}" for appid in appids}
        server.plans.update({} if answer else fleet.create_plans(appids, time.time()))
    refresh_tokens = dict(platform.authorizers)
    for appid in list(refresh_tokens)[len(refresh_tokens) - (unauthorised or 0) :]:
        del platform.authorizers[appid]
    with provide_credentials(server, refresh_tokens if component else None) as variables:
        print(" ".join(f"{name}={value}" for name, value in variables.items()), flush=True)
        server.serve_forever()
    return 0
