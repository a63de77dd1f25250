"""The release as a person reads it: a picture on the terminal's stderr, drawn by rich."""

import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from handler.contract import camel_case, json_object

Json = dict[str, Any]

STATUS = {  # WeChat's numbers: English, 中文, colour
    0: ("not started", "初始", "white"),
    1: ("rolling out", "执行中", "cyan"),
    2: ("paused", "暂停中", "yellow"),
    3: ("finished", "执行完毕", "green"),
    4: ("deleted", "被删除", "red"),
}
FINISHED, DELETED = 3, 4


def answer(reply: Json) -> Json:
    """Return what a reply says in camelCase, whichever face it is for: also out of an HTTP response's body."""
    body = json.loads(reply["body"] or "{}") if "statusCode" in reply else reply
    if "errcode" in body:
        body = {"errCode": body["errcode"], "errMsg": body.get("errmsg"), **body}
    converted: Json = camel_case(body)
    return converted


@contextlib.contextmanager
def screen(*, live: bool) -> Iterator[tuple[TextIO, Callable[[Json], None]]]:
    """Give where the function may log, and what shows a reply; `live` draws each over the one before.

    On a terminal the picture takes the place of the invocation's log line, whose facts it shows; warnings stay as they
    are. Elsewhere the log goes to stderr.
    """
    if not sys.stderr.isatty():
        yield sys.stderr, lambda _reply: None
        return
    console, log = Console(stderr=True, highlight=False), io.StringIO()
    with Live(console=console, auto_refresh=False) if live else contextlib.nullcontext() as display:

        def show(reply: Json) -> None:
            facts, others = _read(log)
            for line in others:
                console.print(Text(_plain(line)))
            drawn = picture(answer(reply), facts, console)
            if display:
                display.update(drawn, refresh=True)
            else:
                console.print(drawn)

        yield log, show


def picture(body: Json, facts: Json, console: Console) -> Group:
    """Draw an answer in camelCase with the facts of its log line."""
    lines: list[Text | Table] = [Text(_plain(f"getGrayReleasePlan {facts.get('appid') or ''}"), style="bold")]
    details = Table.grid(padding=(0, 2))
    if body.get("errCode"):
        lines.append(Text(_plain(f"✗ {body['errCode']} {body.get('errMsg') or ''}"), style="red"))
        if facts.get("hint"):
            details.add_row("what to do", _plain(str(facts["hint"])))
    else:
        plan = body.get("grayReleasePlan")
        plan = plan if isinstance(plan, dict) else {}
        english, chinese, colour = STATUS.get(_number(plan.get("status")), ("no release", "没有分阶段发布", "white"))
        lines.append(Text(f"● {english}  {chinese}", style=colour))
        share = _number(plan.get("grayPercentage"))
        if share is not None:
            width = max(min(console.width - 10, 100), 10)
            bar = ProgressBar(100, share, width, complete_style=colour, finished_style=colour)
            line = Table.grid(padding=(0, 2))
            line.add_row(f"{share:g} %", bar)
            lines.append(line)
        details.add_row("created", _local(plan.get("createTimestamp")))
        details.add_row("full release", f"{_local(plan.get('defaultFinishTimestamp'))} (expected)")
    if facts.get("token_source"):
        requests = facts["token_requests"] + facts["plan_requests"]
        plural = "" if requests == 1 else "s"
        details.add_row("token", _plain(f"{facts['token_source']}, {facts.get('token_state') or 'none'}"))
        details.add_row("WeChat", f"{facts['upstream_ms']:g} ms, {requests} request{plural}")
    return Group(*lines, details)


def _read(log: io.StringIO) -> tuple[Json, list[str]]:
    """Return the fields of the invocation's own log line, and its other lines but metrics; empty the log."""
    facts: Json = {}
    others = []
    for text in log.getvalue().splitlines():
        line = json_object(text) or {}
        if line.get("message") == "getGrayReleasePlan":
            facts = line
        elif "_aws" not in line:
            others.append(text)
    log.seek(0)
    log.truncate()
    return facts, others


def _number(value: object) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _local(seconds: object) -> str:
    """Write a Unix time in the local time zone."""
    number = _number(seconds)
    try:
        return f"{datetime.fromtimestamp(number).astimezone():%Y-%m-%d %H:%M:%S %Z}" if number else "unknown"
    except (ValueError, OverflowError, OSError):
        return "unknown"


def _plain(text: str) -> str:
    """Keep what WeChat or a caller wrote from steering the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
