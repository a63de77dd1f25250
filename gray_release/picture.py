"""The picture of a release on a terminal of at least 80 columns."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from gray_release.release import DELETED, FINISHED, LONGEST_DAYS, OVER, Answer, Json, make_printable, read_number
from gray_release.times import format_distance, format_time

WIDEST_BAR = 60
LONGEST_HISTORY = 8


class SeenState(NamedTuple):
    """A state of the release in words, and the Unix time of the first answer with it."""

    at: float
    words: str


@dataclass
class History:
    """The states of a watched release, in order."""

    states: list[SeenState] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """Add the state of an answer if it differs from the last one."""
        words = answer.state.english
        if not self.states or self.states[-1].words.partition(",")[0] != words:
            share = "" if answer.percentage is None else f", {answer.percentage:g} %"
            self.states.append(SeenState(time.time(), words + share))


def draw_picture(answer: Answer, facts: Json, console: Console, history: Sequence[SeenState] = ()) -> Group:
    """Draw an answer. `facts` are the fields of its log line, `history` the states up to now."""
    lines: list[Text | Table] = [Text(make_printable(f"getGrayReleasePlan {facts.get('appid') or ''}"), style="bold")]
    details = Table.grid(padding=(0, 2))
    if answer.failure:
        lines.append(Text(make_printable(f"✗ {answer.failure} {answer.body.get('errMsg') or ''}"), style="red"))
        _add_row(details, "what to do", facts.get("hint"))
    else:
        state = answer.state
        lines.append(Text(f"● {state.english}  {state.chinese}", style=state.colour))
        if answer.percentage is not None:
            share = f"{answer.percentage:g} %  "
            width = min(console.width - len(share) - 1, WIDEST_BAR)
            lines.append(Text.assemble(share, draw_bar(answer.percentage, width, state.colour)))
        _add_details(details, answer)
    if facts.get("token_source"):
        requests = facts.get("token_requests", 0) + facts.get("plan_requests", 0)
        _add_row(details, "token", f"{facts['token_source']}, {facts.get('token_state') or 'none'}")
        _add_row(
            details, "WeChat", f"{facts.get('upstream_ms', 0):g} ms, {requests} request{'' if requests == 1 else 's'}"
        )
    for at, words in history[-LONGEST_HISTORY:] if len(history) > 1 else ():
        _add_row(details, "seen", f"{time.strftime('%H:%M:%S', time.localtime(at))}  {words}")
    return Group(*lines, details)


def draw_bar(percentage: float, width: int, colour: str) -> Text:
    """Draw a bar. The two line weights keep it readable without colour."""
    done = round(width * min(max(percentage, 0), 100) / 100)
    return Text.assemble(("━" * done, colour), ("─" * (width - done), "dim"))


def _add_details(details: Table, answer: Answer) -> None:
    now = time.time()
    if answer.state is OVER:
        _add_row(
            details, "status 0", "the release has not started, is over or was withdrawn: WeChat does not say which"
        )
    if answer.early_users:
        _add_row(details, "early users", " and ".join(answer.early_users))
    over = answer.state in (FINISHED, DELETED)
    for name, key in (("created", "createTimestamp"), ("expected", "defaultFinishTimestamp")):
        if answer.plan.get(key) and not (over and name == "expected"):
            seconds = read_number(answer.plan[key])
            text = format_time(seconds)
            _add_row(
                details,
                name,
                text if seconds is None or text == "unknown" else f"{text} ({format_distance(seconds, now)})",
            )
    end = answer.find_end(now)
    if end and end.day:
        day = f"day {end.day} of {LONGEST_DAYS}" if end.day <= LONGEST_DAYS else f"day {end.day}"
        _add_row(details, "expected", f"{day}, everyone on {format_time(end.at)[:10]}" if end.at else day)


def _add_row(details: Table, name: str, text: object) -> None:
    if text:
        details.add_row(name, Text(make_printable(text)))
