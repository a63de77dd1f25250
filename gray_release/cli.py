"""The group of all commands, and their common help, version and exit codes."""

import importlib.metadata
import io
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

HELP = """Run the function on this machine. It asks WeChat how far a mini program's staged release is.

\b
examples:
  python -m gray_release invoke            # ask the built-in sandbox
  python -m gray_release invoke --watch 1  # ask every second until the end
  WECHAT_APPID=... WECHAT_SECRET=... python -m gray_release invoke  # WeChat
  echo '{"appid": "wx..."}' | python -m gray_release invoke -
  python -m gray_release invoke events/function-url.json
  python -m gray_release serve             # then curl http://127.0.0.1:8080
  python -m gray_release sweep appids.txt --html releases.html
  python -m gray_release doctor wx...      # check the settings first
  python -m gray_release sandbox --scenario rise=20,pause=10,rise=20
"""


class Commands(click.Group):
    """A group of commands that each return an exit code."""

    def invoke(self, ctx: click.Context) -> int:
        """Run the command. As in a shell, SIGINT gives exit code 130 and SIGTERM 143."""
        signal.signal(signal.SIGTERM, _exit)
        try:
            return int(super().invoke(ctx))
        except KeyboardInterrupt:
            return 130
        except ModuleNotFoundError as error:
            name = str(error.name).partition(".")[0]
            raise click.UsageError(f"{name} is not installed: run pip install {name}") from None


def _exit(number: int, _frame: object) -> None:
    """Exit through Python, so that the command's servers and processes are closed."""
    sys.exit(128 + number)


def read_version() -> str:
    """Return the version of the installed package, or the one in the clone's pyproject.toml."""
    try:
        return importlib.metadata.version("get-gray-release-plan")
    except importlib.metadata.PackageNotFoundError:
        text = (Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8")
        match = re.search(r'^version = "(.*)"$', text, re.MULTILINE)
        return match[1] if match else "unknown"


def _show_version(context: click.Context, _parameter: click.Parameter, is_given: object) -> None:
    if is_given:
        click.echo(read_version())
        context.exit()


@click.group(cls=Commands, help=HELP, epilog=EXIT_CODES, context_settings={"max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def commands() -> None:
    """Do nothing before the command runs."""


for command in (invoke, sweep, doctor, serve, sandbox, openapi):
    commands.add_command(command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    _choose_encodings()
    try:
        return int(commands.main(arguments, standalone_mode=False))
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OSError as error:  # such as a full disk
        click.echo(f"Error: {error.strerror or error}", err=True)
        return 2


def _choose_encodings() -> None:
    """Write JSON in UTF-8, and text for people in the terminal's encoding, with ? for characters that it lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            is_json = stream is sys.stdout and not stream.isatty()
            stream.reconfigure(encoding="utf-8" if is_json else stream.encoding, errors="replace")
