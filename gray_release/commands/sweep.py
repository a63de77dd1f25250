"""`sweep`: the staged releases of many mini programs at a glance."""

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
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
from gray_release.sweep.lists import Listed, read_list
from gray_release.sweep.page import write_page
from gray_release.sweep.results import read_rows
from gray_release.sweep.row import Row, count_states
from gray_release.sweep.table import draw_table
from handler.errors import API, OpenApiError, refused

if TYPE_CHECKING:
    from gray_release.sweep.robot import Robot

EXIT_CODES = """\b
exit codes:
  0    every mini program has an answer, in no state of --fail-on
  1    some have failed: their rows say why (with --fail-on: if it has failed)
  2    the command or a file cannot be understood
  4    a release is in a state that --fail-on names
  5    the robot was not told
  130  interrupted: the rows are those that were there; --output is unchanged"""

CONTENT = click.File("rb")
PATH = click.Path(dir_okay=False, path_type=Path)
SANDBOX_MINI_PROGRAMS = 24  # mini programs of the sandbox when nobody names any
LIST_SECONDS = 60.0


class NullStream(io.TextIOBase):
    """Where the function's log goes: the rows say what it would."""

    def write(self, text: str) -> int:
        """Take a piece of text."""
        return len(text)


@click.command(epilog=EXIT_CODES, short_help="Ask for many mini programs, in one table.")
@click.argument("file", type=CONTENT, required=False)
@click.option("--all", "everyone", is_flag=True, help="Ask for all mini programs that have authorised the platform.")
@click.option("--from", "results", type=CONTENT, metavar="FILE", help="Ask nobody: show an earlier sweep's rows.")
@click.option("--since", type=PATH, metavar="FILE", help="Compare with an earlier sweep's rows; none: the first run.")
@click.option("--output", type=PATH, metavar="FILE", help="Write the rows here, whole or not at all.")
@click.option("--html", type=PATH, metavar="FILE", help="Write the table as a page, too.")
@click.option(
    "--robot", metavar="URL", help="With --since: tell a chat robot what changed; or ROBOT_URL, unseen by ps."
)
@click.option("--robot-kind", type=click.Choice(["wecom", "dingtalk", "feishu"]), help="Whose robot, if URL hides it.")
@click.option(
    "--fail-on",
    type=read_failing_states,
    metavar="STATE,...",
    help="Fail here, such as paused,failed. Default: failed.",
)
def sweep(  # noqa: PLR0913 - one for each option
    file: BinaryIO | None,
    *,
    everyone: bool,
    results: BinaryIO | None,
    since: Path | None,
    output: Path | None,
    html: Path | None,
    robot: str | None,
    robot_kind: str | None,
    fail_on: frozenset[str] | None,
) -> int:
    """Ask for each mini program of FILE, or of stdin with -: an appid on each line, or CSV with a column appid.

    A column name of the list is shown too. On a terminal stdout gets one table, what needs attention first; elsewhere
    one JSON row for each mini program. With no credentials in the environment the sandbox plays them.
    """
    asked = [bool(file), everyone, bool(results)]
    if sum(asked) > 1 or not (any(asked) or not find_credentials()):
        raise click.UsageError(
            "which mini programs? Name one FILE with an appid on each line, or - for stdin, or --all"
        )
    if robot and not since:
        raise click.UsageError("--robot tells what has changed: add --since FILE")
    told = _create_robot(robot or os.environ.get("ROBOT_URL", "").strip(), robot_kind) if since else None
    earlier = _read_earlier(since) if since else None
    with _open_output(output) as rows_file, _open_output(html) as page_file:
        source = _read_results(results) if results else _ask_for_all() if everyone else _ask_for(_read_list(file))
        rows, code = _collect_rows(source, are_shown=not (since or output or sys.stdout.isatty()))
        now = time.time()
        comparison = compare_rows(rows, earlier[0], earlier[1], now) if earlier else None
        rows = comparison.rows if comparison else rows
        _show_rows(rows, comparison, is_printed=bool(since) and not output)
        is_told = code or not (told and comparison) or _send_to_robot(told, comparison, now)
        if page_file:
            page_file.write(write_page(rows, now, comparison))
        # What could not be told stays a change: the next run tells it.
        if rows_file and not code and (is_told or output != since):
            rows_file.write("".join(_format_row(row) for row in rows))
    if code:
        sys.stdout.flush()
        os._exit(code)  # Python would wait for the threads of the function, and for all that they still have to ask
    return _choose_exit_code(rows, fail_on or {FAILED.name}) if is_told else 5


def _collect_rows(source: Iterable[Row], *, are_shown: bool) -> tuple[list[Row], int]:
    """Collect the rows; return them with 130 after an interrupt, else 0."""
    stdout = sys.stdout  # while the function runs another one is in its place
    rows: list[Row] = []
    try:
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


def _choose_exit_code(rows: Iterable[Row], failing: Iterable[str]) -> int:
    names = {row.answer.state.name for row in rows} & set(failing)
    return 1 if FAILED.name in names else 4 if names else 0


def _send_to_robot(robot: "Robot", comparison: Comparison, now: float) -> bool:
    """Tell the robot what there is to tell; return whether nothing went wrong."""
    from gray_release.sweep.digest import create_digest  # noqa: PLC0415 - most sweeps tell nobody
    from gray_release.sweep.robot import RobotError  # noqa: PLC0415

    message = create_digest(comparison, now)
    if message is None:
        print("robot: nothing has changed, so it is told nothing", file=sys.stderr)
        return True
    try:
        robot.send_message(message.head[0], message.write(robot.kind.limit, is_markdown=robot.kind.form == "markdown"))
    except RobotError as error:
        print(f"robot: not told: {error}", file=sys.stderr)
        return False
    print(f"robot: told, {len(message.lines)} lines", file=sys.stderr)
    return True


def _create_robot(url: str, kind: str | None) -> "Robot | None":
    """Make the robot, `None` where no address is given. Raises `click.UsageError`."""
    if not url:
        return None
    from gray_release.sweep.robot import Robot  # noqa: PLC0415 - it loads the HTTP client

    try:
        return Robot(url, kind)
    except ValueError as error:
        reason = str(error)
    raise click.UsageError(f"cannot use the robot's address: {reason}")


@contextlib.contextmanager
def _open_output(path: Path | None) -> Iterator[AtomicFile | None]:
    """Prepare a file to write. Raises `click.UsageError`."""
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
    """Read an earlier sweep's rows and when they were written; a file that does not exist, or is empty, has none.

    Raises `click.UsageError`.
    """
    try:
        content, status = path.read_bytes(), path.stat()
        if not sys.stdout.isatty() and os.path.samestat(status, os.fstat(1)):
            raise click.UsageError(f"{path} is also where stdout goes, which empties it: write --output {path} instead")
        return (read_rows(content) if content.strip() else None), status.st_mtime
    except FileNotFoundError:
        return None, 0.0
    except OSError as error:
        reason = error.strerror
    except ValueError as error:
        reason = str(error)
    raise click.UsageError(f"cannot read {path}: {reason}")


def _read_results(file: BinaryIO) -> list[Row]:
    """Read a results file. Raises `click.UsageError`."""
    try:
        return read_rows(file.read())
    except ValueError as error:
        raise click.UsageError(f"cannot read {file.name}: {error}") from None


def _read_list(file: BinaryIO | None) -> list[Listed]:
    """Read the mini programs to ask for. Raises `click.UsageError`."""
    if file is None:
        return [Listed(appid) for appid in fleet.create_appids(SANDBOX_MINI_PROGRAMS)]
    try:
        listed = read_list(file.read())
    except ValueError as error:
        raise click.UsageError(f"cannot read {file.name}: {error}") from None
    if not listed:
        raise click.UsageError(f"{file.name} names no mini program: write an appid on each line")
    return listed


def _create_sandbox(appids: Sequence[str]) -> Sandbox:
    """Play mini programs of one's own, and a platform that they have authorised."""
    sandbox = Sandbox(apps=dict.fromkeys(appids, SECRET))
    sandbox.platform.authorizers = {appid: f"refreshtoken@@@{appid}" for appid in appids}
    sandbox.plans.update(fleet.create_plans(appids, time.time()))
    return sandbox


def _ask_for(listed: Sequence[Listed]) -> Iterator[Row]:
    names = dict(listed)
    with use_credentials_or_sandbox(lambda: _create_sandbox(list(names))), contextlib.redirect_stdout(NullStream()):
        yield from _ask_all(names)


def _ask_for_all() -> Iterator[Row]:
    """Ask for all mini programs of the platform. Raises `click.ClickException`."""
    appids = fleet.create_appids(SANDBOX_MINI_PROGRAMS)
    with (
        use_credentials_or_sandbox(lambda: _create_sandbox(appids), component=True),
        contextlib.redirect_stdout(NullStream()),
    ):
        yield from _ask_all(dict.fromkeys(_list_authorizers(), ""))


def _list_authorizers() -> list[str]:
    from handler.deadline import Deadline  # noqa: PLC0415 - the function is loaded where it is asked
    from handler.invocation import Budget  # noqa: PLC0415
    from handler.operation import Operation  # noqa: PLC0415
    from handler.settings import load  # noqa: PLC0415

    try:
        return Operation(load()).list_appids(Budget(Deadline(LIST_SECONDS)))
    except OpenApiError as error:
        reason = str(error)
    raise click.ClickException(f"cannot list the platform's mini programs: {reason}")


def _ask_all(names: dict[str, str]) -> Iterator[Row]:
    """Ask for each, with a progress bar; when interrupted, give what is left and raise `KeyboardInterrupt`."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[failed]} failed"), TimeRemainingColumn())
    progress = Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,  # stdout is the rows' or, while the function runs, nobody's
        disable=not sys.stderr.isatty(),
    )
    with progress:
        task = progress.add_task("", total=len(names), failed=0)
        asking, failed = Sweep(list(names), _ask_batch), 0
        try:
            for row in asking:
                failed += bool(row.answer.failure)
                progress.update(task, advance=1, failed=failed)
                yield _add_name(row, names[row.appid])
        except KeyboardInterrupt:
            yield from (_add_name(row, names[row.appid]) for row in asking.retries.values())
            raise


def _ask_batch(appids: Sequence[str]) -> list[Row]:
    """Ask for a batch in one invocation. Raises `OpenApiError` for a failure of all."""
    reply = invoke_function({"appids": list(appids)}, "lambda")
    if "results" not in reply:  # ON_ERROR=return
        raise refused(reply["errCode"], reply["errMsg"].removeprefix(f"{API}:fail "))
    return [Row.from_json(row) for row in reply["results"]]


def _add_name(row: Row, name: str) -> Row:
    rest = {key: value for key, value in row.json.items() if key not in ("appid", "name")}
    return Row.from_json({"appid": row.appid, "name": name, **rest}) if name else row
