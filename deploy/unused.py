"""What is left out of every artifact, because no path of the function reaches it.

tests/deploy/test_sources.py runs every token source in what is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What only installers and the packages' own tests read.
NAMES = ("__pycache__", "*.pyi", "py.typed", "*.c", "*.h", "bin", ".lock")
PACKAGES = {  # and what their distributions are called
    "charset_normalizer": "charset_normalizer",  # requests guesses encodings with it, for 4 % of a cold import
    "Crypto": "pycryptodome",  # wechatpy decrypts messages with it (handler/tokens/wechatpy_adapter.py)
    "dateutil": "python_dateutil",  # wechatpy asks it for a time zone; on Lambda it would hide the one that boto3 needs
}
# Where version 1 of pydantic had its names: each module says so, and is imported by nobody.
PYDANTIC_V1 = (
    *("class_validators", "datetime_parse", "decorator", "env_settings", "error_wrappers", "generics", "json"),
    *("parse", "schema", "tools", "typing", "utils", "validators"),
)
PARTS = (
    *(f"aws_lambda_powertools/{name}" for name in ("event_handler", "metrics/provider/datadog", "middleware_factory")),
    *(f"idna/{name}" for name in ("uts46data.py", "codec.py", "cli.py")),  # the settings take ASCII hosts alone
    *(f"pydantic/{name}" for name in ("v1", "deprecated", "experimental", "mypy.py", "color.py", "networks.py")),
    *(f"pydantic/{name}" for name in ("dataclasses.py", "type_adapter.py")),  # we have models alone
    *(f"pydantic/{name}.py" for name in PYDANTIC_V1),
    *(f"redis/{name}" for name in ("multidb", "http", "asyncio/multidb", "asyncio/http", "background.py", "ocsp.py")),
    *(f"redis/commands/{name}" for name in ("bf", "json", "search", "timeseries", "vectorset")),
    *(f"urllib3/{name}" for name in ("contrib/emscripten", "http2/connection.py")),
    *(f"urllib3/contrib/{name}" for name in ("pyopenssl.py", "socks.py")),
    *(
        f"wechatpy/{name}"
        for name in ("crypto", "enterprise", "pay", "events.py", "oauth.py", "parser.py", "replies.py")
    ),
    *("annotated_types/test_cases.py", "certifi/tests"),
)
USED_UTILITIES = ("__init__.py", "jmespath_utils", "parameters", "typing")  # of powertools


def unused(directory: Path) -> Iterator[Path]:
    """List the files and folders of an artifact that the function cannot use."""
    for pattern in NAMES:
        yield from directory.rglob(pattern)
    for name, distribution in PACKAGES.items():
        yield directory / name
        yield from directory.glob(f"{distribution}-*.dist-info")
    yield from (directory / name for name in PARTS)
    utilities = directory / "aws_lambda_powertools" / "utilities"
    yield from (path for path in utilities.iterdir() if path.name not in USED_UTILITIES)
    # importlib.metadata and scanners read METADATA alone.
    yield from (path for path in directory.glob("*.dist-info/*") if path.name != "METADATA")


def shorten(metadata: str) -> str:
    """Return the fields of a package's METADATA without the README that follows them."""
    return metadata.partition("\n\n")[0] + "\n"
