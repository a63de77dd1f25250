"""`doctor`: what is right and what is wrong, before the first call."""

import json
import sys
from typing import TYPE_CHECKING

import click

from gray_release.commands.options import read_appid
from gray_release.credentials import use_credentials_or_sandbox

if TYPE_CHECKING:
    from gray_release.doctor import Finding, State

MARKS: "dict[State, tuple[str, str]]" = {"ok": ("✓", "green"), "problem": ("✗", "red"), "unknown": ("?", "yellow")}

EXIT_CODES = """\b
exit codes:
  0  nothing is wrong
  1  there is a problem
  2  the command cannot be understood"""


@click.command(
    epilog=EXIT_CODES, short_help="Check settings, store, token, permission and quota before the first call."
)
@click.argument("appid", type=read_appid, required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each check.")
@click.option("--component", is_flag=True, help="On the sandbox: check a third-party platform.")
def doctor(appid: str | None, *, as_json: bool, component: bool) -> int:
    """Check step by step what a question for APPID needs, and say what to do about each problem.

    Without an APPID the one of WECHAT_APPID is checked. No secret is shown, and nothing is changed but for the token
    that the source fetches as it does for any question. With no credentials in the environment the sandbox is checked.
    """
    from gray_release.doctor import diagnose  # noqa: PLC0415 - it loads the function, whose log takes this stdout

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
