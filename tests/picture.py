"""Draw the READMEs' picture from the real output of the command."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from tests.support import ROOT, end_process, read_terminal

COLUMNS, ROWS = 80, 24
# The sample's release is from 2018, and its times are those of Beijing. The values here replace those that differ in
# each run.
SAME = {r"127\.0\.0\.1:\d+": "127.0.0.1:43210", r"[0-9.]+ ms": "2.5 ms", r"\d+ years ago": "8 years ago"}


def draw_screen() -> str:
    """Run `make invoke`'s command on a terminal, and draw what it shows as SVG."""
    shown = _on_a_terminal([sys.executable, "-m", "gray_release", "invoke"]).replace("\r\n", "\n")
    for varying, same in SAME.items():
        shown = re.sub(varying, same, shown)
    lines = ["$ make invoke", *(line.rstrip() for line in shown.splitlines())]
    console = Console(file=io.StringIO(), record=True, width=COLUMNS, force_terminal=True)
    console.print(Text.from_ansi("\n".join(lines)))
    # Remove the font URLs, because the picture must not load anything from other hosts.
    style = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    svg = console.export_svg(title="make invoke", code_format=style, unique_id="invoke")
    return "".join(f"{line.rstrip()}\n" for line in svg.splitlines())


def _on_a_terminal(command: list[str]) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environ = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "TZ": "CST-8"}
    started = subprocess.Popen(command, cwd=ROOT, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
    with end_process(started) as process:
        shown = read_terminal(ours, theirs)
        assert process.wait(30) == 0
    return shown
