"""The function's variables on SCF: find their values, hide the secret ones, and refuse those that cannot work."""

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from deploy import DeployError

# For all other variables, only the name is shown, because a variable that a user added may hold a secret.
SHOWN_VARIABLES = (
    # begin: shown (written by make docs)
    "WECHAT_APPID",
    "WECHAT_COMPONENT_APPID",
    "WECHAT_TOKEN_SOURCE",
    "WECHAT_TOKEN_STORE_KEY",
    "WECHAT_CLOUDBASE_TOKEN_FILE",
    "WECHAT_API_BASE_URL",
    "WECHAT_TIMEOUT_SECONDS",
    "ON_ERROR",
    "METRICS_BY_APPID",
    # end: shown (written by make docs)
    *("POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL", "PYDANTIC_DISABLE_PLUGINS"),
)
URL_VARIABLES = ("WECHAT_API_BASE_URL", "WECHAT_TOKEN_STORE_URL")
TOKEN_VARIABLES = (
    *("WECHAT_SECRET", "WECHAT_COMPONENT_SECRET", "WECHAT_TOKEN_STORE_URL"),
    *("WECHAT_CLOUDBASE_ACCESS_TOKEN", "WECHAT_CLOUDBASE_TOKEN_FILE"),
)

# Copied from gray_release/sandbox/rules.py, because `deploy` must not import `gray_release` or `handler`.
SANDBOX_SECRETS = ("5a6d6b0c7d1e4f2a9b8c7d6e5f4a3b2c", "0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a")
# Tencent's limits. Its SDK does not state them, and they were not tried in an account.
RESERVED_PREFIXES = ("SCF_", "QCLOUD_", "TENCENTCLOUD_")
MAX_BYTES = 4096
SOURCES_WITHOUT_SETTINGS = ("none", "cloudbase")  # token sources that work with only WECHAT_TOKEN_SOURCE set


def read_variables(function: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of a CreateFunction request or a GetFunction response."""
    listed = (function.get("Environment") or {}).get("Variables") or []
    return {variable["Key"]: variable["Value"] for variable in listed}


def choose_variables(
    stated: Mapping[str, str], environ: Mapping[str, str], deployed: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables to deploy.

    A value stated in `scf.json` wins, then the environment variable of the same name, then the deployed value. Raises
    `DeployError` for a value that cannot work on SCF.
    """
    variables = {**deployed, **{name: value for name, text in stated.items() if (value := text or environ.get(name))}}
    for name in URL_VARIABLES:
        host = _read_host(variables.get(name, ""))
        if _is_loopback(host):
            raise DeployError(
                f"{name} is {host}, which on SCF is the function itself: set an address that SCF can reach"
            )
    for name, value in variables.items():
        if value in SANDBOX_SECRETS:
            raise DeployError(f"{name} is the sandbox's secret, which WeChat does not know: set your own")
        if name.startswith(RESERVED_PREFIXES):
            raise DeployError(f"{name} begins with a prefix that Tencent reserves: remove it from scf.json")
    size = sum(len(f"{name}{value}".encode()) for name, value in variables.items())
    if size > MAX_BYTES:
        raise DeployError(f"the variables have {size} bytes, and Tencent allows {MAX_BYTES}: shorten the longest one")
    return variables


def describe_changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each variable that changes, with its value if it may be shown."""
    for name, value in sorted(new.items()):
        if old.get(name) == value:
            continue
        if name not in SHOWN_VARIABLES:
            yield f"set {name}"
        elif name in old:
            yield f"change {name}: {old[name]} -> {value}"
        else:
            yield f"set {name}: {value}"


def find_warnings(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield warnings about settings that are probably a mistake."""
    needs_settings = variables.get("WECHAT_TOKEN_SOURCE") not in SOURCES_WITHOUT_SETTINGS
    if needs_settings and not any(map(variables.get, TOKEN_VARIABLES)):
        yield (
            "no token source is configured: only callers that pass a token get an answer. Set WECHAT_APPID and"
            " WECHAT_SECRET, or the variables of another source (README: Tokens)"
        )


def _read_host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # the deployed function reports what is wrong with the URL
        return ""


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified
