"""A cold start loads only the modules that its configuration uses."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

NEVER = [
    "boto3",
    "botocore.session",  # powertools imports the bare package `botocore`, which takes only 0.5 ms
    "redis",
    "aws_xray_sdk",
    "pydantic_settings",
    "aws_lambda_powertools.utilities.parameters",
    "aws_lambda_powertools.event_handler",
    "hypothesis",
    "gray_release",
    "handler.tokens.component",
    "handler.tokens.component_store",
    "handler.telemetry.metrics",
    "handler.telemetry.hints",
]
DEFAULT = {"WECHAT_APPID": "wx1", "WECHAT_SECRET": "s"}


@pytest.mark.parametrize("environ", [{}, DEFAULT], ids=["nothing set", "stable"])
def test_modules_not_loaded(environ: dict[str, str]) -> None:
    """Importing the entry point loads nothing that this configuration does not use."""
    code = "import sys, handler.app; print(*sys.modules, sep='\\n')"
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = set(process.stdout.split())
    assert "handler.app" in loaded
    assert not loaded & set(NEVER)
    assert process.stderr == ""


BASE = {"WECHAT_APPID": "wx1", "WECHAT_SECRET": "hush-secret"}
LAMBDA = BASE | {"AWS_LAMBDA_FUNCTION_NAME": "function"}
POWERTOOLS = (
    "POWERTOOLS_DEBUG",
    "POWERTOOLS_DEV",
    "POWERTOOLS_LOGGER_SAMPLE_RATE",
    "POWERTOOLS_LOG_DEDUPLICATION_DISABLED",
    "POWERTOOLS_METRICS_DISABLED",
    "POWERTOOLS_LOGGER_LOG_EVENT",
    "POWERTOOLS_LOG_LEVEL",
    "POWERTOOLS_PARAMETERS_MAX_AGE",
    "POWERTOOLS_PARAMETERS_SSM_DECRYPT",
    "POWERTOOLS_TRACE_DISABLED",
    "POWERTOOLS_TRACE_MIDDLEWARES",
    "POWERTOOLS_SERVICE_NAME",
    "POWERTOOLS_METRICS_NAMESPACE",
)
STORE = {"WECHAT_TOKEN_SOURCE": "store", "WECHAT_APPID": "wx1"}
REDIS = "redis://127.0.0.1:1/0"
# A name for each case: the variables, the missing library, the errCode, and a part of the errMsg.
FAULTY: dict[str, tuple[dict[str, str], str, int, str]] = {
    "seconds": (BASE | {"WECHAT_TIMEOUT_SECONDS": "hush"}, "", -1, "WECHAT_TIMEOUT_SECONDS must be"),
    "source": (BASE | {"WECHAT_TOKEN_SOURCE": "hush"}, "", -1, "WECHAT_TOKEN_SOURCE must be 'auto', 'component'"),
    "store's port": (STORE | {"WECHAT_TOKEN_STORE_URL": "redis://h:hush"}, "", -1, "WECHAT_TOKEN_STORE_URL must be"),
    "password with a slash": (STORE | {"WECHAT_TOKEN_STORE_URL": "redis://:hu/sh@h:1/0"}, "", -1, "in the password"),
    "no store": (STORE, "", 41001, "set WECHAT_TOKEN_STORE_URL"),
    "host with a space": (BASE | {"WECHAT_API_BASE_URL": "https://a hush"}, "", -1, "WECHAT_API_BASE_URL must be"),
    "long path": ({"WECHAT_CLOUDBASE_TOKEN_FILE": "/" + "h" * 9000}, "", 41002, "set WECHAT_APPID"),
    "authorities": (BASE | {"SSL_CERT_FILE": "/nowhere"}, "", -1, "cannot read the certificate authorities"),
    "sample rate": (BASE | {"POWERTOOLS_LOGGER_SAMPLE_RATE": "50%hush"}, "", -1, "SAMPLE_RATE must be a number"),
    "rate beyond 1": (BASE | {"POWERTOOLS_LOGGER_SAMPLE_RATE": "50"}, "", -1, "SAMPLE_RATE must be a number"),
    "no rate": (BASE | {"POWERTOOLS_LOGGER_SAMPLE_RATE": "nan"}, "", -1, "SAMPLE_RATE must be a number"),
    "debug": (BASE | {"POWERTOOLS_DEBUG": "hush"}, "", -1, "POWERTOOLS_DEBUG must be true or false"),
    "dev": (BASE | {"POWERTOOLS_DEV": "hush"}, "", -1, "POWERTOOLS_DEV must be true or false"),
    "duplicates": (BASE | {"POWERTOOLS_LOG_DEDUPLICATION_DISABLED": "2"}, "", -1, "DISABLED must be true or false"),
    "metrics": (LAMBDA | {"POWERTOOLS_METRICS_DISABLED": "hush"}, "", -1, "METRICS_DISABLED must be true or false"),
    "all of Powertools'": (
        LAMBDA | dict.fromkeys(POWERTOOLS, "?"),
        "",
        -1,
        "POWERTOOLS_DEBUG must be true or false; POWERTOOLS_DEV must be true",
    ),
    "service": (LAMBDA | {"POWERTOOLS_SERVICE_NAME": "hush\udce9"}, "", -1, "SERVICE_NAME must be UTF-8"),
    "namespace": (LAMBDA | {"POWERTOOLS_METRICS_NAMESPACE": "hush\udce9"}, "", -1, "METRICS_NAMESPACE must be UTF-8"),
    "empty ones": (LAMBDA | dict.fromkeys(POWERTOOLS, "") | {"WECHAT_APPID": ""}, "", 41002, "set WECHAT_APPID"),
    "blank ones": (LAMBDA | dict.fromkeys(POWERTOOLS, " \n") | {"WECHAT_APPID": " "}, "", 41002, "set WECHAT_APPID"),
    "good ones": (LAMBDA | dict.fromkeys(POWERTOOLS, "1\n") | {"WECHAT_APPID": ""}, "", 41002, "set WECHAT_APPID"),
    "level with a newline": ({"POWERTOOLS_LOG_LEVEL": "CRITICAL\r\n"}, "", 41002, "set WECHAT_APPID"),
    "no wechatpy": (BASE, "wechatpy", -1, "the library wechatpy is missing"),
    "no requests": (BASE, "requests", -1, "the library requests is missing"),
    "no urllib3": (BASE, "urllib3", -1, "the library urllib3"),
    "no certifi": (BASE, "certifi", -1, "the library certifi is missing"),
    "no redis": (STORE | {"WECHAT_TOKEN_STORE_URL": REDIS}, "redis", -1, "the library redis is missing"),
    "no boto3": ({"WECHAT_APPID": "wx1", "WECHAT_SECRET_NAME": "n"}, "boto3", -1, "the library boto3 is missing"),
}


@pytest.mark.parametrize(("environ", "missing", "code", "reason"), FAULTY.values(), ids=FAULTY)
def test_import_never_fails(environ: dict[str, str], missing: str, code: int, reason: str) -> None:
    """With invalid variables or missing libraries the import succeeds, and the invocation says what is wrong."""
    script = (
        "import sys\n"
        "if sys.argv[1]: sys.modules[sys.argv[1]] = None\n"
        "from handler.app import lambda_handler\n"
        "print(lambda_handler({}, None))"
    )
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, missing],
        env=environ | {"ON_ERROR": "return"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answer = ast.literal_eval(process.stdout.splitlines()[-1])
    assert answer["errCode"] == code
    assert reason in answer["errMsg"]
    assert "hush" not in process.stdout + process.stderr


def test_public_names() -> None:
    """The package is typed, offers the modules `app` and `contract`, and does not load them on its own import."""
    code = (
        "import sys, handler; print('handler.app' in sys.modules, handler.__all__)\n"
        "from handler import *; print(app.lambda_handler, app.main_handler, contract.OpenApiError)"
    )
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env={}, capture_output=True, text=True, check=True, timeout=60
    )
    assert process.stdout.startswith("False ['app', 'contract']\n")
    assert Path("handler/py.typed").exists()
