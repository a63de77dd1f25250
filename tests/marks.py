"""Read and replace the blocks of a file between the comments `begin: NAME` and `end: NAME`."""

import re

_BEGIN = r"^ *(?:<!--|#) begin: (NAME)\b.*\n"
_END = r"^ *(?:<!--|#) end: NAME\b"


def find_names(text: str) -> list[str]:
    """Return the names of all blocks of a file."""
    return re.findall(_BEGIN.replace("NAME", r"\w+"), text, re.MULTILINE)


def read_block(text: str, name: str) -> str:
    """Return the lines of a block."""
    start, end = _find_block(text, name)
    return text[start:end]


def replace_block(text: str, name: str, lines: str) -> str:
    """Return the file's text with these lines as the block's content."""
    start, end = _find_block(text, name)
    return f"{text[:start]}{lines}{text[end:]}"


def _find_block(text: str, name: str) -> tuple[int, int]:
    begin = re.search(_BEGIN.replace("NAME", name), text, re.MULTILINE)
    assert begin, f"no `begin: {name}`"
    end = re.compile(_END.replace("NAME", name), re.MULTILINE).search(text, begin.end())
    assert end, f"no `end: {name}`"
    return begin.end(), end.start()
