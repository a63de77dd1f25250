"""List the parts of the dependencies that no artifact needs, because the function never imports them.

tests/deploy/test_sources.py runs every token source without these parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# These are the largest unused parts. Removing smaller ones would gain little, and would depend on how each library is
# organised inside.
UNUSED = (
    "charset_normalizer",  # requests guesses encodings with it, which takes 4 % of the import time of a cold start
    "charset_normalizer-*.dist-info",
    "dateutil",  # wechatpy needs it only for a time zone; on Lambda this copy would hide the one that boto3 needs
    "python_dateutil-*.dist-info",
    "aws_lambda_powertools/event_handler",
    "pydantic/v1",
)
USED_UTILITIES = ("__init__.py", "jmespath_utils", "parameters", "typing")  # of aws_lambda_powertools/utilities
# These hold paths of the machine that built the artifact, and two builds must give the same bytes.
INSTALLERS = ("bin", ".lock", "*.dist-info/RECORD")


def list_unused(directory: Path) -> Iterator[Path]:
    """Yield the files and folders of an artifact that the function does not use."""
    for pattern in (*UNUSED, *INSTALLERS):
        yield from directory.glob(pattern)
    utilities = directory / "aws_lambda_powertools" / "utilities"
    yield from (path for path in utilities.iterdir() if path.name not in USED_UTILITIES)
