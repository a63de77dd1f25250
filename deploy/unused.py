"""What every artifact leaves out: the largest parts that no path of the function imports.

tests/deploy/test_sources.py runs every token source in what is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# These rules bring nearly all that can be gained. More of them would be bets on the insides of other libraries.
UNUSED = (
    "charset_normalizer",  # requests guesses encodings with it, for 4 % of a cold import
    "charset_normalizer-*.dist-info",
    "dateutil",  # wechatpy asks it for a time zone; on Lambda it would hide the one that boto3 needs
    "python_dateutil-*.dist-info",
    "aws_lambda_powertools/event_handler",
    "pydantic/v1",
)
USED_UTILITIES = ("__init__.py", "jmespath_utils", "parameters", "typing")  # of powertools
# Scripts and lists that hold paths of the machine that built: two builds must be the same byte for byte.
INSTALLERS = ("bin", ".lock", "*.dist-info/RECORD")


def list_unused(directory: Path) -> Iterator[Path]:
    """List the files and folders of an artifact that the function does not use."""
    for pattern in (*UNUSED, *INSTALLERS):
        yield from directory.glob(pattern)
    utilities = directory / "aws_lambda_powertools" / "utilities"
    yield from (path for path in utilities.iterdir() if path.name not in USED_UTILITIES)
