"""`doctor`: check the configuration before the first call."""

import json
import sys
from typing import TYPE_CHECKING

import click

from gray_release.commands.options import check_component_option, read_appid
from gray_release.credentials import use_credentials_or_sandbox

if TYPE_CHECKING:
    from gray_release.doctor import Finding, State

MARKS: "dict[State, tuple[str, str]]" = {"ok": ("✓", "green"), "problem": ("✗", "red"), "unknown": ("?", "yellow")}

EXIT_CODES = """\b
exit codes:
  0  no problem was found
  1  a problem was found
  2  an option or the appid is invalid"""


@click.command(epilog=EXIT_CODES, short_help="Check settings, token store, token, permission and quota.")
@click.argument("appid", type=read_appid, required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each check.")
@click.option("--component", is_flag=True, help="With the sandbox: check it as a third-party platform.")
def doctor(appid: str | None, *, as_json: bool, component: bool) -> int:
    """Check, step by step, everything that a call for APPID needs, and say how to fix each problem.

    APPID defaults to WECHAT_APPID. The checks show no secret and change nothing, except that they fetch a token as
    every call does. Without credentials in the environment they check the sandbox.
    """
    from gray_release.doctor import diagnose  # noqa: PLC0415 - it loads the function, which then logs to the current stdout

    check_component_option(component=component)
    is_well = True
    with use_credentials_or_sandbox(component=component):
        for finding in diagnose(appid):
            is_well = is_well and finding.state != "problem"
            if as_json:
                print(json.dumps(finding.to_dict(), ensure_ascii=False), flush=True)
            else:
                _show_finding(finding)
    return 0 if is_well else 1


def _show_finding(finding: "Finding") -> None:
    mark, colour = MARKS[finding.state]
    click.secho(f"{mark} {finding.check:<15} ", fg=colour, nl=False, color=None if sys.stdout.isatty() else False)
    click.echo(finding.text)
    if finding.advice:
        click.echo(click.wrap_text(finding.advice, 100, " " * 18, " " * 18))
