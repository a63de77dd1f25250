"""`sweep`: the staged releases of many mini programs at a glance."""

import contextlib
import io
import json
import sys
import time
from collections.abc import Iterator
from typing import BinaryIO, TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gray_release.invoke import call
from gray_release.sandbox import fleet
from gray_release.sandbox.rules import SECRET
from gray_release.sandbox.server import Sandbox
from gray_release.sweep.ask import Sweep
from gray_release.sweep.files import read_rows
from gray_release.sweep.lists import Listed, read_list
from gray_release.sweep.page import page
from gray_release.sweep.row import Row, totals
from gray_release.sweep.table import draw
from gray_release.upstream import named, upstream
from handler.errors import OpenApiError

EXIT_CODES = """\b
exit codes:
  0    every mini program has an answer
  1    some have failed: their rows say why
  2    the command or a file cannot be understood
  130  interrupted: the rows are those that were there"""

CONTENT = click.File("rb")
PAGE = click.File("w", encoding="utf-8", lazy=False, atomic=True)
PLAYED = 24  # mini programs of the sandbox when nobody names any


class Nowhere(io.TextIOBase):
    """Where the function's log goes: the rows say what it would."""

    def write(self, text: str) -> int:
        """Take a piece of text."""
        return len(text)


@click.command(epilog=EXIT_CODES, short_help="Ask for many mini programs, in one table.")
@click.argument("file", type=CONTENT, required=False)
@click.option(
    "--from", "results", type=CONTENT, metavar="FILE", help="Ask nobody: show the results of the cloud's sweep."
)
@click.option("--html", type=PAGE, metavar="FILE", help="Write the table as a page, too.")
def sweep(file: BinaryIO | None, results: BinaryIO | None, html: TextIO | None) -> int:
    """Ask for each mini program of FILE, or of stdin with -: an appid on each line, or CSV with a column appid.

    On a terminal stdout gets one table, what needs attention first; elsewhere one JSON row for each mini program. With
    no credentials in the environment the sandbox plays them.
    """
    if (file and results) or not (file or results or not named()):
        raise click.UsageError("which mini programs? Name one FILE with an appid on each line, or - for stdin")
    stdout, code = sys.stdout, 0
    terminal = stdout.isatty()
    rows: list[Row] = []
    try:
        for row in _read(results) if results else _asked(_list(file)):
            rows.append(row)
            if not terminal:
                print(json.dumps(row.json, ensure_ascii=False, separators=(",", ":")), file=stdout, flush=True)
    except KeyboardInterrupt:
        code = 130
    if terminal:
        draw(Console(highlight=False), rows)
    else:
        print(totals(rows), file=sys.stderr)
    if html:
        html.write(page(rows, time.time()))
    return code or int(any(row.answer.failure for row in rows))


def _read(file: BinaryIO) -> list[Row]:
    """Read a results file. Raises `click.UsageError`."""
    try:
        return read_rows(file.read())
    except ValueError as error:
        raise click.UsageError(f"cannot read {file.name}: {error}") from None


def _list(file: BinaryIO | None) -> list[Listed]:
    """Read the mini programs to ask for. Raises `click.UsageError`."""
    if file is None:
        return [Listed(appid) for appid in fleet.appids(PLAYED)]
    try:
        listed = read_list(file.read())
    except ValueError as error:
        raise click.UsageError(f"cannot read {file.name}: {error}") from None
    if not listed:
        raise click.UsageError(f"{file.name} names no mini program: write an appid on each line")
    return listed


def _asked(listed: list[Listed]) -> Iterator[Row]:
    """Ask for each, with a progress bar; when interrupted, give what is left and raise `KeyboardInterrupt`."""
    names = dict(listed)
    appids = list(names)

    def ask(appid: str) -> Row:
        return _ask(appid, names[appid])

    def play() -> Sandbox:
        sandbox = Sandbox(apps=dict.fromkeys(appids, SECRET))
        sandbox.plans.update(fleet.plans(appids, time.time()))
        return sandbox

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[failed]} failed"), TimeRemainingColumn())
    progress = Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,  # stdout is the rows' or, while the function runs, nobody's
        disable=not sys.stderr.isatty(),
    )
    with upstream(play), progress, contextlib.redirect_stdout(Nowhere()):
        task = progress.add_task("", total=len(appids), failed=0)
        asking, failed = Sweep(appids, ask), 0
        try:
            for row in asking:
                failed += bool(row.answer.failure)
                progress.update(task, advance=1, failed=failed)
                yield row
        except KeyboardInterrupt:
            yield from asking.again.values()
            raise


def _ask(appid: str, name: str) -> Row:
    try:
        reply = call({"appid": appid}, "lambda")
    except OpenApiError as error:
        reply = error.to_dict()
    return Row.of({"appid": appid, **({"name": name} if name else {}), **reply})
