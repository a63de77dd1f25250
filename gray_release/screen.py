"""What `invoke` shows on stderr: a picture if stderr is a terminal, else the function's log."""

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

LINES_BELOW = 4  # the latest lines of the access log and warnings that a live picture shows below it


class LogStream(io.TextIOBase):
    """The stream that the function logs to. It keeps the fields of the last invocation's log line as `facts`.

    Each line goes to `pass_on`, except the log lines of invocations and metrics if `includes_facts` is false.
    """

    def __init__(self, pass_on: Callable[[str], None], *, includes_facts: bool) -> None:
        self.facts: Json = {}
        self._pass_on = pass_on
        self._includes_facts = includes_facts
        self._rest = ""

    def write(self, text: str) -> int:
        """Split the text into lines, and pass on the complete ones."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            fields = try_parse_object(line) or {}
            is_fact = fields.get("message") == "getGrayReleasePlan"
            if is_fact:
                self.facts = fields
            if self._includes_facts or not (is_fact or "_aws" in fields):
                self._pass_on(line)
        return len(text)


class Screen(Protocol):
    """The output of `invoke` on stderr."""

    log_stream: LogStream

    def add_access_line(self, line: str) -> None:
        """Show a line of the sandbox's access log."""

    def show_answer(self, answer: Answer) -> None:
        """Show an answer, together with the facts in `log_stream`."""


class LogScreen:
    """Without a terminal: pass every line to stderr at once."""

    def __init__(self) -> None:
        self.log_stream = LogStream(print_to_stderr, includes_facts=True)

    add_access_line = staticmethod(print_to_stderr)

    def show_answer(self, answer: Answer) -> None:
        """Show nothing, because the log and stdout already have the answer."""


class PictureScreen:
    """On a terminal: draw a picture instead of the log line of the invocation, and other lines below it."""

    def __init__(self, console: Console, live: Live | None) -> None:
        self.log_stream = LogStream(self._add_line, includes_facts=False)
        self._console = console
        self._live = live
        self._history = History()
        self._lines: deque[str] = deque(maxlen=LINES_BELOW if live else None)

    def _add_line(self, line: str) -> None:
        self._lines.append(line)

    add_access_line = _add_line

    def show_answer(self, answer: Answer) -> None:
        """Draw an answer; a live picture replaces the previous one."""
        self._history.add(answer)
        group = draw_picture(answer, self.log_stream.facts, self._console, self._history.states)
        group = Group(group, *(Text(make_printable(line), style="dim") for line in self._lines))
        if self._live:
            self._live.update(group, refresh=True)
        else:
            self._console.print(group)


@contextlib.contextmanager
def open_screen(*, live: bool) -> Iterator[Screen]:
    """Yield a `PictureScreen` if stderr is a terminal, else a `LogScreen`.

    With `live`, each picture replaces the last.
    """
    if not sys.stderr.isatty():
        yield LogScreen()
        return
    console = Console(stderr=True, highlight=False)
    with Live(console=console, auto_refresh=False) if live else contextlib.nullcontext() as display:
        yield PictureScreen(console, display)
