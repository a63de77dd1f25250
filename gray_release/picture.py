"""The release as a person reads it: what is drawn on a terminal, in 80 columns and in more."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from gray_release.release import DELETED, FINISHED, LONGEST_DAYS, OVER, Answer, Json, number, plain
from gray_release.times import absolute, relative

WIDEST_BAR = 60
LONGEST_HISTORY = 8


class Seen(NamedTuple):
    """A state of the release, and when it was first seen (Unix time)."""

    at: float
    words: str


@dataclass
class History:
    """The states that a watched release went through."""

    seen: list[Seen] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """Note an answer whose state is another one than the last."""
        words = answer.state.english
        if not self.seen or self.seen[-1].words.partition(",")[0] != words:
            share = "" if answer.percentage is None else f", {answer.percentage:g} %"
            self.seen.append(Seen(time.time(), words + share))


def picture(answer: Answer, facts: Json, console: Console, history: Sequence[Seen] = ()) -> Group:
    """Draw an answer with the facts of its log line, and the states seen before."""
    lines: list[Text | Table] = [Text(plain(f"getGrayReleasePlan {facts.get('appid') or ''}"), style="bold")]
    details = Table.grid(padding=(0, 2))
    if answer.failure:
        lines.append(Text(plain(f"✗ {answer.failure} {answer.body.get('errMsg') or ''}"), style="red"))
        _row(details, "what to do", facts.get("hint"))
    else:
        state = answer.state
        lines.append(Text(f"● {state.english}  {state.chinese}", style=state.colour))
        if answer.percentage is not None:
            share = f"{answer.percentage:g} %  "
            width = min(console.width - len(share) - 1, WIDEST_BAR)
            lines.append(Text.assemble(share, bar(answer.percentage, width, state.colour)))
        _explain(details, answer)
    if facts.get("token_source"):
        requests = facts.get("token_requests", 0) + facts.get("plan_requests", 0)
        _row(details, "token", f"{facts['token_source']}, {facts.get('token_state') or 'none'}")
        _row(details, "WeChat", f"{facts.get('upstream_ms', 0):g} ms, {requests} request{'' if requests == 1 else 's'}")
    for at, words in history[-LONGEST_HISTORY:] if len(history) > 1 else ():
        _row(details, "seen", f"{time.strftime('%H:%M:%S', time.localtime(at))}  {words}")
    return Group(*lines, details)


def bar(percentage: float, width: int, colour: str) -> Text:
    """Draw a bar whose track shows without colour too."""
    done = round(width * min(max(percentage, 0), 100) / 100)
    return Text.assemble(("━" * done, colour), ("─" * (width - done), "dim"))


def _explain(details: Table, answer: Answer) -> None:
    now = time.time()
    if answer.state is OVER:
        _row(details, "status 0", "WeChat says the same of a release that has not started, is over or was withdrawn")
    if answer.first:
        _row(details, "first", " and ".join(answer.first))
    over = answer.state in (FINISHED, DELETED)
    for name, key in (("created", "createTimestamp"), ("expected", "defaultFinishTimestamp")):
        if answer.plan.get(key) and not (over and name == "expected"):
            seconds = number(answer.plan[key])
            text = absolute(seconds)
            _row(details, name, text if seconds is None or text == "unknown" else f"{text} ({relative(seconds, now)})")
    end = answer.end(now)
    if end and end.day:
        day = f"day {end.day} of {LONGEST_DAYS}" if end.day <= LONGEST_DAYS else f"day {end.day}"
        _row(details, "expected", f"{day}, everyone on {absolute(end.at)[:10]}" if end.at else day)


def _row(details: Table, name: str, text: object) -> None:
    if text:
        details.add_row(name, Text(plain(text)))
