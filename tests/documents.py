"""What the documents quote of the code: tables, and a picture of the real screen.

`make docs` writes it into them, and `test_documents.py` compares.
"""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from handler.settings import Settings
from handler.telemetry.hints import HINTS
from tests.support import ROOT, ending, read_terminal

COLUMNS, ROWS = 80, 24
# The sample's release is of 2018, in Beijing's time; what differs from run to run is shown as one of these.
SAME = {r"127\.0\.0\.1:\d+": "127.0.0.1:43210", r"[0-9.]+ ms": "2.5 ms", r"\d+ years ago": "8 years ago"}


def settings() -> str:
    """Make the table of the settings."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = f"`{str(field.default).replace('False', 'false')}` " if field.default is not None else ""
        rows.append(f"| `{name.upper()}` | {field.description} | {default}|")
    return "\n".join(["| variable | meaning | default |", "|---|---|---|", *rows])


def hints() -> str:
    """Make the table of what to do about an errCode."""
    rows = [f"| {code} | {hint.replace('{address}', 'an address')} |" for code, hint in sorted(HINTS.items())]
    return "\n".join(["| errCode | what to do |", "|---|---|", *rows])


def picture() -> str:
    """Run `make invoke`'s command on a terminal, and draw what it shows as SVG."""
    shown = _on_a_terminal([sys.executable, "-m", "gray_release", "invoke"]).replace("\r\n", "\n")
    for varying, same in SAME.items():
        shown = re.sub(varying, same, shown)
    lines = ["$ make invoke", *(line.rstrip() for line in shown.splitlines())]
    console = Console(file=io.StringIO(), record=True, width=COLUMNS, force_terminal=True)
    console.print(Text.from_ansi("\n".join(lines)))
    # Without the addresses of fonts: a picture must not ask other hosts for anything.
    style = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    svg = console.export_svg(title="make invoke", code_format=style, unique_id="invoke")
    return "".join(f"{line.rstrip()}\n" for line in svg.splitlines())


def _on_a_terminal(command: list[str]) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environ = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "TZ": "CST-8"}
    started = subprocess.Popen(command, cwd=ROOT, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
    with ending(started) as process:
        shown = read_terminal(ours, theirs)
        assert process.wait(30) == 0
    return shown


TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "settings": ("docs/settings.md", settings),
    "hints": ("docs/operating.md", hints),
}
PICTURE = ROOT / "docs/picture.svg"


def block(name: str, text: str) -> str:
    """Return what stands in a document between the marks of this name."""
    found = re.search(rf"<!-- {name}: .*? -->\n(.*?)<!-- end of {name} -->\n", text, re.DOTALL)
    assert found, f"no marks of {name}"
    return found[1]


def write() -> None:
    """Write all of it into the documents."""
    for name, (document, table) in TABLES.items():
        path = ROOT / document
        text = path.read_text("utf-8")
        marks = re.compile(rf"(<!-- {name}: .*? -->\n).*?(<!-- end of {name} -->\n)", re.DOTALL)
        made = f"{table()}\n"
        path.write_text(marks.sub(lambda found, made=made: f"{found[1]}{made}{found[2]}", text), "utf-8")  # type: ignore[misc]
    PICTURE.write_text(picture(), "utf-8")


if __name__ == "__main__":
    write()
