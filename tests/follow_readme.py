"""Run every command of a README in a fresh clone, in order and in one shell.

python -m tests.follow_readme README.md

The home is empty. If root starts this program, the commands run as the user nobody. The stdout of a
block of commands is compared with the block of JSON or text after it.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from deploy.interpreter import find_interpreter
from tests.support import ROOT

# Commands that need a cloud account are not run; these tests cover them.
ELSEWHERE = {
    # its first test runs the real `sam deploy` against an AWS emulator
    "sam deploy --parameter-overrides WechatAppid=wx0123456789abcdef WechatSecretName=wechat/secret": (
        "tests/deploy/test_stack.py"
    ),
    "make deploy-scf": "tests/deploy/scf/test_creation.py",  # runs it against a stub of Tencent's API
}
NOBODY = 65534
SECONDS = 900  # a command may take this long
# These variables are kept, because this machine may reach package indexes only with them.
KEPT = re.compile(r"PIP_|UV_(DEFAULT_|EXTRA_)?INDEX|UV_FIND_LINKS|SSL_CERT|REQUESTS_CA|.*_proxy$", re.IGNORECASE)


class Block(NamedTuple):
    """A block of commands, and its documented stdout, if any."""

    commands: list[str]
    printed: str | None


def blocks(text: str) -> Iterator[Block]:
    """Find the blocks of commands in a document."""
    found = re.compile(r"^```sh\n(.*?)^```\n(?:\n```(?:json|text)\n(.*?)^```)?", re.MULTILINE | re.DOTALL)
    for commands, printed in found.findall(text):
        yield Block(commands.splitlines(), printed or None)


class Shell:
    """One shell for a whole document, so that later lines see earlier exports and processes."""

    def __init__(self, directory: Path, environ: dict[str, str]) -> None:
        as_nobody = os.geteuid() == 0
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=directory,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            user=NOBODY if as_nobody else None,
            group=NOBODY if as_nobody else None,
            extra_groups=[] if as_nobody else None,
            start_new_session=True,
        )

    def run(self, line: str) -> tuple[str, int]:
        """Run a line; return its stdout and its exit code."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{line}\nprintf '\\n=%s=\\n' \"$?\"\n")
        printed = ""
        late = threading.Timer(SECONDS, os.killpg, (self._process.pid, signal.SIGKILL))
        late.start()
        try:
            for text in self._process.stdout:
                if end := re.fullmatch(r"=(\d+)=\n", text):
                    return printed[:-1], int(end[1])  # minus the newline before the mark
                printed += text
        finally:
            late.cancel()
        raise EOFError(f"the shell ended at: {line}")

    def close(self) -> None:
        """End the shell and everything that it started."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)


def follow(document: str) -> list[str]:
    """Follow a document in a new clone; return the differences."""
    with tempfile.TemporaryDirectory() as directory:
        return _follow(document, Path(directory))


def _follow(document: str, directory: Path) -> list[str]:
    clone, home = directory / "clone", directory / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], check=True, timeout=60)
    if os.geteuid() == 0:
        directory.chmod(0o755)
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(clone), str(home)], check=True, timeout=60)
    environ = {name: value for name, value in os.environ.items() if KEPT.match(name)}
    environ |= {"HOME": str(home), "LANG": "C.UTF-8", **_interpreters(directory / "python")}
    shell, wrong = Shell(clone, environ), []
    for block in blocks((clone / document).read_text("utf-8")):
        shown = ""
        for line in block.commands:
            if line in ELSEWHERE:
                print(f"# {line}: {ELSEWHERE[line]}", flush=True)
                continue
            print(f"$ {line}", flush=True)
            printed, code = shell.run(line)
            shown += printed
            if code:
                wrong.append(f"{line}\nended with {code}")
        if block.printed is not None and shown.strip() != block.printed.strip():
            wrong.append(f"{' / '.join(block.commands)}\nprinted\n{shown}\nand the document says\n{block.printed}")
    shell.close()
    wrong.extend(f"{left} was written into the home" for left in home.iterdir())
    return wrong


def _interpreters(directory: Path) -> dict[str, str]:
    """Give the user the Pythons that compile the artifacts' bytecode; return the variables for them.

    A Python in root's home is copied with its library, because other users cannot read it there.
    """
    prefixes = []
    for version in ("3.10", "3.13"):
        prefix = Path(find_interpreter(version)).resolve().parents[1]
        if os.geteuid() == 0 and prefix.is_relative_to(Path.home()):
            prefix = shutil.copytree(prefix, directory / version, symlinks=True)
        prefixes.append(prefix)
    return {
        "PATH": ":".join(["/usr/local/bin:/usr/bin:/bin", *(f"{prefix}/bin" for prefix in prefixes)]),
        "LD_LIBRARY_PATH": ":".join(f"{prefix}/lib" for prefix in prefixes),
    }


def main(document: str) -> int:
    """Follow a document and print the differences; return the exit code."""
    wrong = follow(document)
    print("\n".join(wrong) or f"{document}: every command and every printed block is as written")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
