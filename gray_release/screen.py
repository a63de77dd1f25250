"""Where the commands show what happens: a picture where stderr is a terminal, and elsewhere the function's log."""

import contextlib
import io
import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from gray_release.credentials import print_to_stderr
from gray_release.picture import History, draw_picture
from gray_release.release import Answer, Json, make_printable
from handler.exact_json import try_parse_object

LINES_BELOW = 4  # of the sandbox's access log and of warnings, under a picture that is drawn again and again


class LogStream(io.TextIOBase):
    """The stream that the function logs to: keeps the facts of its last invocation, and passes its lines on."""

    def __init__(self, pass_on: Callable[[str], None], *, has_facts: bool) -> None:
        self.facts: Json = {}
        self._pass_on = pass_on
        self._has_facts = has_facts
        self._rest = ""

    def write(self, text: str) -> int:
        """Take a piece of text."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            found = try_parse_object(line) or {}
            is_fact = found.get("message") == "getGrayReleasePlan"
            if is_fact:
                self.facts = found
            if self._has_facts or not (is_fact or "_aws" in found):
                self._pass_on(line)
        return len(text)


class Screen(Protocol):
    """What the commands show an invocation on."""

    log_stream: LogStream

    def add_access_line(self, line: str) -> None:
        """Take a line of the sandbox's access log."""

    def show_answer(self, answer: Answer) -> None:
        """Show an answer, with the facts that the journal has of it."""


class LogScreen:
    """Where nobody looks at a terminal: all lines go to stderr as they come."""

    def __init__(self) -> None:
        self.log_stream = LogStream(print_to_stderr, has_facts=True)

    add_access_line = staticmethod(print_to_stderr)

    def show_answer(self, answer: Answer) -> None:
        """Show nothing more: the log says it, and stdout."""


class PictureScreen:
    """A terminal: a picture stands in for the log line of the invocation; other lines stand under it."""

    def __init__(self, console: Console, live: Live | None) -> None:
        self.log_stream = LogStream(self._add_line, has_facts=False)
        self._console = console
        self._live = live
        self._history = History()
        self._lines: deque[str] = deque(maxlen=LINES_BELOW if live else None)

    def _add_line(self, line: str) -> None:
        self._lines.append(line)

    add_access_line = _add_line

    def show_answer(self, answer: Answer) -> None:
        """Draw an answer, in a live picture over the one before."""
        self._history.add(answer)
        drawn = draw_picture(answer, self.log_stream.facts, self._console, self._history.states)
        drawn = Group(drawn, *(Text(make_printable(line), style="dim") for line in self._lines))
        if self._live:
            self._live.update(drawn, refresh=True)
        else:
            self._console.print(drawn)


@contextlib.contextmanager
def open_screen(*, live: bool) -> Iterator[Screen]:
    """Give what fits where stderr goes; with `live` a picture is drawn over the one before."""
    if not sys.stderr.isatty():
        yield LogScreen()
        return
    console = Console(stderr=True, highlight=False)
    with Live(console=console, auto_refresh=False) if live else contextlib.nullcontext() as display:
        yield PictureScreen(console, display)
