"""`sweep`: check the releases of many mini programs, and show them in one table."""

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gray_release.commands.options import read_failing_states
from gray_release.credentials import find_credentials, use_credentials_or_sandbox
from gray_release.invoke import invoke_function
from gray_release.release import FAILED
from gray_release.sandbox import fleet
from gray_release.sandbox.rules import SECRET
from gray_release.sandbox.server import Sandbox
from gray_release.sweep.atomic_file import AtomicFile
from gray_release.sweep.batches import Sweep
from gray_release.sweep.changes import Comparison, compare_rows, describe_changes
from gray_release.sweep.lists import ListEntry, read_list
from gray_release.sweep.page import write_page
from gray_release.sweep.results import read_rows
from gray_release.sweep.row import Row, count_states
from gray_release.sweep.table import draw_table
from handler.errors import API, OpenApiError, refused

if TYPE_CHECKING:
    from gray_release.sweep.robot import Robot

EXIT_CODES = """\b
exit codes:
  0    no mini program is in a state that --fail-on lists
  1    a mini program failed, and --fail-on lists failed (the default)
  2    an option or a file is invalid
  4    a release is in another state that --fail-on lists
  5    the robot did not get its message
  130  interrupted: shows the rows so far, does not write --output"""

CONTENT = click.File("rb")
PATH = click.Path(dir_okay=False, path_type=Path)
SANDBOX_MINI_PROGRAMS = 24  # size of the sandbox's list when there is no FILE
LIST_SECONDS = 60.0


class NullStream(io.TextIOBase):
    """A stream that drops the function's log, because the rows have the same facts."""

    def write(self, text: str) -> int:
        """Drop a piece of text."""
        return len(text)


@click.command(epilog=EXIT_CODES, short_help="Check many mini programs, and show one table.")
@click.argument("file", type=CONTENT, required=False)
@click.option("--all", "is_all", is_flag=True, help="Check every mini program that has authorised the platform.")
@click.option(
    "--from",
    "results",
    type=CONTENT,
    metavar="FILE",
    help="Show the rows of an earlier sweep, without requests to WeChat.",
)
@click.option(
    "--since", type=PATH, metavar="FILE", help="Compare with the rows of an earlier sweep; FILE may be missing."
)
@click.option(
    "--output", type=PATH, metavar="FILE", help="Write the rows to FILE. An interrupted sweep does not change FILE."
)
@click.option("--html", type=PATH, metavar="FILE", help="Also write the table to FILE as a web page.")
@click.option(
    "--robot",
    metavar="URL",
    help="With --since: send the changes to a chat robot. Use the variable ROBOT_URL to hide the URL from ps.",
)
@click.option(
    "--robot-kind",
    type=click.Choice(["wecom", "dingtalk", "feishu"]),
    help="Kind of robot, if the URL does not tell it.",
)
@click.option(
    "--fail-on",
    type=read_failing_states,
    metavar="STATE,...",
    help="States to fail on, such as paused,failed.  [default: failed]",
)
def sweep(  # noqa: PLR0913 - one parameter for each option
    file: BinaryIO | None,
    *,
    is_all: bool,
    results: BinaryIO | None,
    since: Path | None,
    output: Path | None,
    html: Path | None,
    robot: str | None,
    robot_kind: str | None,
    fail_on: frozenset[str] | None,
) -> int:
    """Check the release of each mini program in FILE, or - for stdin.

    FILE has one appid a line, or is CSV with a column appid and, if you like, a column name. stdout gets one table if
    it is a terminal, with what needs attention on top, and one JSON row for each mini program if it is not. Without
    credentials in the environment, the command uses a WeChat sandbox.
    """
    sources = [bool(file), is_all, bool(results)]
    if sum(sources) > 1 or not (any(sources) or not find_credentials()):
        raise click.UsageError("say which mini programs to check: one of FILE, - for stdin, --all and --from")
    if robot and not since:
        raise click.UsageError("--robot sends only changes, so it needs --since FILE")
    chat_robot = _create_robot(robot or os.environ.get("ROBOT_URL", "").strip(), robot_kind) if since else None
    earlier = _read_earlier(since) if since else None
    with _open_output(output) as rows_file, _open_output(html) as page_file:
        if results:
            source = _read_results(results)
        else:
            source = _check_authorizers() if is_all else _check_listed(_read_list(file))
        rows, code = _collect_rows(source, are_shown=not (since or output or sys.stdout.isatty()))
        now = time.time()
        comparison = compare_rows(rows, earlier[0], earlier[1], now) if earlier else None
        rows = comparison.rows if comparison else rows
        _show_rows(rows, comparison, is_printed=bool(since) and not output)
        is_sent = code or not (chat_robot and comparison) or _send_to_robot(chat_robot, comparison, now)
        if page_file:
            page_file.write(write_page(rows, now, comparison))
        # After a failed message, do not change the file, so that the next run finds and sends the same changes.
        is_same_file = output and since and output.resolve() == since.resolve()
        if rows_file and not code and (is_sent or not is_same_file):
            rows_file.write("".join(_format_row(row) for row in rows))
    if code:
        sys.stdout.flush()
        os._exit(code)  # a plain exit would wait for the function's threads and their remaining requests
    return _choose_exit_code(rows, fail_on or {FAILED.name}) if is_sent else 5


def _collect_rows(source: Generator[Row, None, None], *, are_shown: bool) -> tuple[list[Row], int]:
    """Collect the rows. Return them with exit code 130 after an interrupt, else 0."""
    stdout = sys.stdout  # `_check_listed` replaces sys.stdout while the function runs
    rows: list[Row] = []
    try:
        with contextlib.closing(source):  # stops the sandbox, which would keep the process alive after an error
            for row in source:
                rows.append(row)
                if are_shown:
                    print(_format_row(row), end="", file=stdout, flush=True)
    except KeyboardInterrupt:
        return rows, 130
    return rows, 0


def _show_rows(rows: Sequence[Row], comparison: Comparison | None, *, is_printed: bool) -> None:
    notes = [describe_changes(comparison)] if comparison else []
    if sys.stdout.isatty():
        draw_table(Console(highlight=False), rows, notes)
        return
    if is_printed:
        print("".join(map(_format_row, rows)), end="", flush=True)
    print("\n".join([count_states(rows), *notes]), file=sys.stderr)


def _format_row(row: Row) -> str:
    return json.dumps(row.json, ensure_ascii=False, separators=(",", ":")) + "\n"


def _choose_exit_code(rows: Iterable[Row], states: Iterable[str]) -> int:
    names = {row.answer.state.name for row in rows} & set(states)
    return 1 if FAILED.name in names else 4 if names else 0


def _send_to_robot(robot: "Robot", comparison: Comparison, now: float) -> bool:
    """Send the changes to the robot. Return False if that failed."""
    from gray_release.sweep.digest import create_digest  # noqa: PLC0415 - most sweeps have no robot
    from gray_release.sweep.robot import RobotError  # noqa: PLC0415

    message = create_digest(comparison, now)
    if message is None:
        print("robot: nothing has changed, no message sent", file=sys.stderr)
        return True
    try:
        robot.send_message(message.head[0], message.write(robot.kind.limit, is_markdown=robot.kind.form == "markdown"))
    except RobotError as error:
        print(f"robot: message not sent: {error}", file=sys.stderr)
        return False
    print(f"robot: message sent, {len(message.lines)} lines", file=sys.stderr)
    return True


def _create_robot(url: str, kind: str | None) -> "Robot | None":
    """Create the robot, or return `None` if there is no URL. Raises `click.UsageError`."""
    if not url:
        return None
    from gray_release.sweep.robot import Robot  # noqa: PLC0415 - it loads the HTTP client

    try:
        return Robot(url, kind)
    except ValueError as error:
        reason = str(error)
    raise click.UsageError(f"cannot use the URL of the robot: {reason}")


@contextlib.contextmanager
def _open_output(path: Path | None) -> Iterator[AtomicFile | None]:
    """Open a file that is written at the end. If it cannot be written, raises `click.UsageError` at once."""
    if path is None:
        yield None
        return
    try:
        file = AtomicFile(path)
    except OSError as error:
        raise click.UsageError(f"cannot write {path}: {error.strerror}") from None
    with file:
        yield file


def _read_earlier(path: Path) -> tuple[list[Row] | None, float]:
    """Read the rows of an earlier sweep, and when they were written. A missing or empty file has no rows.

    Raises `click.UsageError`.
    """
    try:
        content, status = path.read_bytes(), path.stat()
        if not sys.stdout.isatty() and os.path.samestat(status, os.fstat(1)):
            raise click.UsageError(
                f"the shell has emptied {path}, because stdout goes there: use --output {path} instead"
            )
        return (read_rows(content) if content.strip() else None), status.st_mtime
    except FileNotFoundError:
        return None, 0.0
    except OSError as error:
        reason = error.strerror
    except ValueError as error:
        reason = str(error)
    raise click.UsageError(f"cannot read {path}: {reason}")


def _read_results(file: BinaryIO) -> Generator[Row, None, None]:
    """Read the rows of an earlier sweep. Raises `click.UsageError`."""
    try:
        yield from read_rows(file.read())
    except ValueError as error:
        raise click.UsageError(f"cannot read {file.name}: {error}") from None


def _read_list(file: BinaryIO | None) -> list[ListEntry]:
    """Read the mini programs to check. Raises `click.UsageError`."""
    if file is None:
        return [ListEntry(appid) for appid in fleet.create_appids(SANDBOX_MINI_PROGRAMS)]
    try:
        listed = read_list(file.read())
    except ValueError as error:
        raise click.UsageError(f"cannot read {file.name}: {error}") from None
    if not listed:
        raise click.UsageError(f"{file.name} has no appid: write one on each line")
    return listed


def _create_sandbox(appids: Sequence[str]) -> Sandbox:
    """Create a sandbox with these mini programs, and with a platform that they have authorised."""
    sandbox = Sandbox(apps=dict.fromkeys(appids, SECRET))
    sandbox.platform.authorizers = {appid: f"refreshtoken@@@{appid}" for appid in appids}
    sandbox.plans.update(fleet.create_plans(appids, time.time()))
    return sandbox


def _check_listed(entries: Sequence[ListEntry]) -> Generator[Row, None, None]:
    """Check the mini programs of a list."""
    names = dict(entries)
    with use_credentials_or_sandbox(lambda: _create_sandbox(list(names))), contextlib.redirect_stdout(NullStream()):
        yield from _check_all(names)


def _check_authorizers() -> Generator[Row, None, None]:
    """Check every mini program that has authorised the platform. Raises `click.ClickException`."""
    appids = fleet.create_appids(SANDBOX_MINI_PROGRAMS)
    with (
        use_credentials_or_sandbox(lambda: _create_sandbox(appids), component=True),
        contextlib.redirect_stdout(NullStream()),
    ):
        yield from _check_all(dict.fromkeys(_list_authorizers(), ""))


def _list_authorizers() -> list[str]:
    from handler.deadline import Deadline  # noqa: PLC0415 - not before the environment is set
    from handler.invocation import Budget, Outcome  # noqa: PLC0415
    from handler.operation import Operation  # noqa: PLC0415
    from handler.settings import load  # noqa: PLC0415

    outcome = Outcome()
    try:
        appids = Operation(load()).list_appids(Budget(Deadline(LIST_SECONDS)), outcome)
    except OpenApiError as error:
        raise click.ClickException(f"cannot list the platform's mini programs: {error}") from None
    for warning in outcome.usage.warnings:
        click.echo(f"warning: {warning}", err=True)
    return appids


def _check_all(names: dict[str, str]) -> Iterator[Row]:
    """Check each mini program, with a progress bar.

    After an interrupt, yield the rows that were waiting for a retry, and raise `KeyboardInterrupt`.
    """
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[failures]} failed"), TimeRemainingColumn())
    progress = Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,  # only rows may go to stdout
        disable=not sys.stderr.isatty(),
    )
    with progress:
        task = progress.add_task("", total=len(names), failures=0)
        sweeper, failures = Sweep(list(names), _check_batch), 0
        try:
            for row in sweeper:
                failures += bool(row.answer.failure)
                progress.update(task, advance=1, failures=failures)
                yield _add_name(row, names[row.appid])
        except KeyboardInterrupt:
            yield from (_add_name(row, names[row.appid]) for row in sweeper.retries.values())
            raise


def _check_batch(appids: Sequence[str]) -> list[Row]:
    """Check a batch of mini programs in one invocation. Raises `OpenApiError` if the whole invocation failed."""
    reply = invoke_function({"appids": list(appids)}, "lambda")
    if "results" not in reply:  # ON_ERROR=return
        raise refused(reply["errCode"], reply["errMsg"].removeprefix(f"{API}:fail "))
    return [Row.from_json(row) for row in reply["results"]]


def _add_name(row: Row, name: str) -> Row:
    rest = {key: value for key, value in row.json.items() if key not in ("appid", "name")}
    return Row.from_json({"appid": row.appid, "name": name, **rest}) if name else row
