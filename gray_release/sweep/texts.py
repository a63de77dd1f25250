"""Decode the files that a sweep reads, and number their lines."""

import re
from collections.abc import Iterator

_SAVE = "save it as CSV UTF-8 (另存为 CSV UTF-8)"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def decode_text(content: bytes) -> str:
    """Decode UTF-8, with or without a byte order mark. For other encodings, raises `ValueError` with advice."""
    if content.startswith(_UTF_16_MARKS) or b"\0" in content[:64]:
        raise ValueError(f"the file is UTF-16: {_SAVE}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
    raise ValueError(f"line {line} is not UTF-8, most likely GBK: {_SAVE}")


def number_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line that is not blank, with its number."""
    # Not `splitlines`, which also splits at U+2028 and others that JSON strings may contain.
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if line.strip():
            yield number, line
