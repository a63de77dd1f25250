"""The function's variables on SCF: where their values come from, which are secret, and which cannot be meant."""

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from deploy import DeployError

# Everything that is not on this list is shown by its name alone: a value that somebody added may be a secret.
SHOWN = (
    *("WECHAT_APPID", "WECHAT_COMPONENT_APPID", "WECHAT_TOKEN_SOURCE", "WECHAT_TOKEN_STORE_KEY"),
    *("WECHAT_CLOUDBASE_TOKEN_FILE", "WECHAT_API_BASE_URL", "WECHAT_TIMEOUT_SECONDS", "ON_ERROR", "METRICS_BY_APPID"),
    *("POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL", "PYDANTIC_DISABLE_PLUGINS"),
)
URLS = ("WECHAT_API_BASE_URL", "WECHAT_TOKEN_STORE_URL")
TOKENS = (
    *("WECHAT_SECRET", "WECHAT_COMPONENT_SECRET", "WECHAT_TOKEN_STORE_URL"),
    *("WECHAT_CLOUDBASE_ACCESS_TOKEN", "WECHAT_CLOUDBASE_TOKEN_FILE"),
)

# As in gray_release/sandbox/rules.py: `deploy` imports nothing of the other two houses.
SANDBOX_SECRETS = ("5a6d6b0c7d1e4f2a9b8c7d6e5f4a3b2c", "0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a")
# Tencent's limits, which its SDK does not state. Not tried in an account.
RESERVED_PREFIXES = ("SCF_", "QCLOUD_", "TENCENTCLOUD_")
MAX_BYTES = 4096
WITHOUT_SETTINGS = ("none", "cloudbase")  # sources that need no other variable, in WeChat's own cloud


def of_function(function: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of a function as Tencent lists them."""
    listed = (function.get("Environment") or {}).get("Variables") or []
    return {variable["Key"]: variable["Value"] for variable in listed}


def wanted(stated: Mapping[str, str], environ: Mapping[str, str], deployed: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to deploy.

    `scf.json` comes first. What it leaves empty comes from the variable of the same name here, and what is empty here
    too keeps its deployed value. Raises `DeployError` for a value that cannot work on SCF.
    """
    variables = {**deployed, **{name: value for name, text in stated.items() if (value := text or environ.get(name))}}
    for name in URLS:
        host = _host(variables.get(name, ""))
        if _is_loopback(host):
            raise DeployError(f"{name} is {host}, which on SCF is the function itself: set the address to use there")
    for name, value in variables.items():
        if value in SANDBOX_SECRETS:
            raise DeployError(f"{name} is the secret of the sandbox, which WeChat does not know: set your own")
        if name.startswith(RESERVED_PREFIXES):
            raise DeployError(f"{name} begins with a prefix that Tencent reserves: remove it from scf.json")
    size = sum(len(f"{name}{value}".encode()) for name, value in variables.items())
    if size > MAX_BYTES:
        raise DeployError(f"the variables have {size} bytes, and Tencent takes {MAX_BYTES}: shorten the longest")
    return variables


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """Say what changes, a line for each variable, with the values that may be shown."""
    for name, value in sorted(new.items()):
        if old.get(name) == value:
            continue
        if name not in SHOWN:
            yield f"set {name}"
        elif name in old:
            yield f"change {name}: {old[name]} -> {value}"
        else:
            yield f"set {name}: {value}"


def warnings(variables: Mapping[str, str]) -> Iterator[str]:
    """Say what will not work, though it can be meant."""
    if variables.get("WECHAT_TOKEN_SOURCE") not in WITHOUT_SETTINGS and not any(map(variables.get, TOKENS)):
        yield (
            "no token source is configured: only callers that pass a token get an answer. Set WECHAT_APPID and"
            " WECHAT_SECRET, or what another source needs (README: Tokens)"
        )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # the function itself says what is wrong with it
        return ""


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified
