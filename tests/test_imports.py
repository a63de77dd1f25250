"""What a cold start loads: only what its own path uses."""

import subprocess
import sys
from pathlib import Path

import pytest

NEVER = [
    "boto3",
    "botocore.session",  # powertools asks for the bare package, whose 0.5 ms are all there is to it
    "redis",
    "aws_xray_sdk",
    "pydantic_settings",
    "aws_lambda_powertools.utilities.parameters",
    "aws_lambda_powertools.event_handler",
    "hypothesis",
    "handler.local",
    "handler.tokens.component",
    "handler.tokens.redis_store",
    "handler.telemetry.metrics",
    "handler.telemetry.hints",
]
DEFAULT = {"WECHAT_APPID": "wx1", "WECHAT_SECRET": "s"}


@pytest.mark.parametrize("environ", [{}, DEFAULT], ids=["nothing set", "stable"])
def test_modules_not_loaded(environ: dict[str, str]) -> None:
    """Importing the entry point loads nothing that this configuration does not use."""
    code = "import sys, handler.app; print(*sys.modules, sep='\\n')"
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    loaded = set(process.stdout.split())
    assert "handler.app" in loaded
    assert not loaded & set(NEVER)
    assert process.stderr == ""


def test_import_survives_a_faulty_environment() -> None:
    """A faulty environment does not break the import; the invocation reports it."""
    code = "import handler.app; print('loaded')"
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={"WECHAT_TIMEOUT_SECONDS": "x"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout == "loaded\n"


def test_public_names() -> None:
    """The package offers two modules, the entry points and the contract, is typed, and loads neither by itself."""
    code = (
        "import sys, handler; print('handler.app' in sys.modules, handler.__all__)\n"
        "from handler import *; print(app.lambda_handler, app.main_handler, contract.OpenApiError)"
    )
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env={}, capture_output=True, text=True, check=True
    )
    assert process.stdout.startswith("False ['app', 'contract']\n")
    assert Path("handler/py.typed").exists()
