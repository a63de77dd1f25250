"""What is left out of every artifact, because no path of the function reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What only installers and the packages' own tests read; the public-key half of pycryptodome (wechatpy uses its AES
# alone); the parts of powertools, redis, pydantic and wechatpy that no path of ours reaches; and what requests guesses
# the encoding of texts with, which takes 4 % of a cold import: without it requests takes UTF-8.
FOLDERS = (
    *("charset_normalizer", "bin", ".lock", "setuptools", "pkg_resources", "_distutils_hack"),
    *(f"Crypto/{name}" for name in ("SelfTest", "PublicKey", "Signature", "Math", "IO")),
    "aws_lambda_powertools/event_handler",
    *(f"redis/{name}" for name in ("multidb", "http", "asyncio/multidb", "asyncio/http")),
    *(f"redis/commands/{name}" for name in ("bf", "json", "search", "timeseries", "vectorset")),
    *("pydantic/v1", "wechatpy/enterprise"),
)
USED_UTILITIES = ("__init__.py", "jmespath_utils", "parameters", "typing")  # of powertools
NAMES = ("__pycache__", "*.pyi", "py.typed", "*.c", "*.h")
KEPT_METADATA = "METADATA"  # what importlib.metadata reads


def unused(directory: Path) -> Iterator[Path]:
    """List the files and folders of an artifact that the function cannot use."""
    yield from (directory / name for name in FOLDERS if (directory / name).exists())
    for path in (directory / "aws_lambda_powertools" / "utilities").iterdir():
        if path.name not in USED_UTILITIES:
            yield path
    for pattern in NAMES:
        yield from directory.rglob(pattern)
    for metadata in directory.glob("*.dist-info"):
        yield from (path for path in metadata.iterdir() if path.name != KEPT_METADATA)
