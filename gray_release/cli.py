"""The commands for a developer's own machine, as `python -m gray_release` and as `gray-release`."""

import importlib.metadata
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from gray_release.commands.doctor import doctor
from gray_release.commands.invoke import EXIT_CODES, invoke
from gray_release.commands.sandbox import sandbox
from gray_release.commands.serve import openapi, serve
from gray_release.commands.sweep import sweep

HELP = """Ask how far a WeChat mini program's staged release is: the function itself, on this machine.

\b
examples:
  python -m gray_release invoke            # the sandbox's release
  python -m gray_release invoke --watch 1  # follow it to its end
  WECHAT_APPID=... WECHAT_SECRET=... python -m gray_release invoke  # yours
  echo '{"appid": "wx..."}' | python -m gray_release invoke -
  python -m gray_release invoke events/function-url.json
  python -m gray_release serve             # then: curl http://127.0.0.1:8080
  python -m gray_release sweep appids.txt --html releases.html
  python -m gray_release doctor wx...      # before the first call
  python -m gray_release sandbox --scenario rise=20,pause=10,rise=20
"""


class Commands(click.Group):
    """The commands, each of which returns its exit code."""

    def invoke(self, ctx: click.Context) -> int:
        """Run the command; an interrupt is exit code 130, and being told to end 143, as of a shell's own commands."""
        signal.signal(signal.SIGTERM, _end)
        try:
            return int(super().invoke(ctx))
        except KeyboardInterrupt:
            return 130
        except ModuleNotFoundError as error:
            missing = str(error.name).partition(".")[0]
            raise click.UsageError(f"{missing} is not installed: type pip install {missing}") from None


def _end(number: int, _frame: object) -> None:
    """End as an exit does: what the command has started is taken down."""
    sys.exit(128 + number)


def read_version() -> str:
    """Return the version that pyproject.toml states: of the installed package, or of the clone."""
    try:
        return importlib.metadata.version("get-gray-release-plan")
    except importlib.metadata.PackageNotFoundError:
        text = (Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8")
        found = re.search(r'^version = "(.*)"$', text, re.MULTILINE)
        return found[1] if found else "unknown"


def _show_version(context: click.Context, _parameter: click.Parameter, asked: object) -> None:
    if asked:
        click.echo(read_version())
        context.exit()


@click.group(cls=Commands, help=HELP, epilog=EXIT_CODES, context_settings={"max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def commands() -> None:
    """Do nothing before a command."""


for command in (invoke, sweep, doctor, serve, sandbox, openapi):
    commands.add_command(command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    try:
        return int(commands.main(arguments, standalone_mode=False))
    except click.ClickException as error:
        error.show()
        return error.exit_code
