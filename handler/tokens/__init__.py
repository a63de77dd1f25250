"""List the token sources, and create the configured one.

To add a source, write a module with a subclass of `TokenSource`. Add its name to `Source` (`settings.py`), and a row to
`SOURCES`. The function imports the module and the libraries of the configured source only.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from handler import errors
from handler.errors import OpenApiError
from handler.settings import Settings, Source
from handler.tokens.base import Token, TokenSource, UnusableSource
from handler.tokens.given import GivenToken
from handler.wechat.api import WeChat

__all__ = ["SOURCES", "GivenToken", "Token", "TokenSource", "create_source"]


def create_source(settings: Settings, wechat: WeChat) -> TokenSource:
    """Return the configured source. If it is misconfigured or lacks a library, return an `UnusableSource`."""
    name = settings.wechat_token_source
    try:
        source = _choose_source(settings) if name == "auto" else name
        name = source
        return SOURCES[source].create(settings, wechat)
    except OpenApiError as error:
        failure = error
    except ImportError as error:
        failure = errors.library_missing(error.name)
    return UnusableSource(name, failure)


def _choose_source(settings: Settings) -> Source:
    """Return the source that `auto` selects. Raises `OpenApiError` 41001 if a platform's settings are incomplete."""
    if _has_external_tokens(settings):
        return "store"
    return next((source for source, row in SOURCES.items() if row.is_configured(settings)), "stable")


def _has_external_tokens(settings: Settings) -> bool:
    """Whether the settings say that another system keeps the tokens."""
    has_key = "wechat_token_store_key" in settings.model_fields_set
    is_platform_elsewhere = settings.wechat_component_appid and not _has_platform_secret(settings)
    return _is_token_server(settings) or has_key or bool(is_platform_elsewhere and settings.wechat_token_store_url)


def _is_platform(settings: Settings) -> bool:
    has_secret = _has_platform_secret(settings)
    if settings.wechat_component_appid and has_secret:
        if settings.wechat_token_store_url:
            return True
        advice = "set WECHAT_TOKEN_STORE_URL to the platform's store"
    elif settings.wechat_component_appid:
        advice = (
            "if this function should refresh tokens, set WECHAT_COMPONENT_SECRET_NAME, _SECRET_PARAMETER or _SECRET, "
            "and WECHAT_TOKEN_STORE_URL; if it should only read the platform's tokens, set only WECHAT_TOKEN_STORE_URL"
        )
    elif has_secret:
        advice = "set WECHAT_COMPONENT_APPID, the AppID of the platform"
    else:
        return False
    raise errors.misconfigured(errors.NO_TOKEN, f"the third-party platform is half configured: {advice}")


def _has_platform_secret(settings: Settings) -> bool:
    return bool(
        settings.wechat_component_secret
        or settings.wechat_component_secret_name
        or settings.wechat_component_secret_parameter
    )


def _has_own_secret(settings: Settings) -> bool:
    return bool(settings.wechat_secret or settings.wechat_secret_name or settings.wechat_secret_parameter)


def _has_store(settings: Settings) -> bool:
    return settings.wechat_token_store_url is not None


def _is_token_server(settings: Settings) -> bool:
    url = settings.wechat_token_store_url
    return url is not None and url.get_secret_value().startswith("http")


def _has_cloudbase_token(settings: Settings) -> bool:
    if settings.wechat_cloudbase_access_token:
        return True
    try:
        return Path(settings.wechat_cloudbase_token_file).exists()
    except OSError:  # the path is too long
        return False


def _create_component(settings: Settings, wechat: WeChat) -> TokenSource:
    if _is_token_server(settings):
        reason = "WECHAT_TOKEN_STORE_URL must be redis(s)://, because only the source store can use a token server"
        raise errors.misconfigured(errors.NO_TOKEN, reason)
    from handler.tokens.component import ComponentTokens  # noqa: PLC0415 - loads redis and wechatpy

    return ComponentTokens(settings, wechat)


def _create_stable(settings: Settings, wechat: WeChat) -> TokenSource:
    from handler.tokens.stable import StableTokens  # noqa: PLC0415 - loads wechatpy and requests

    return StableTokens(settings, wechat)


def _create_store(settings: Settings, _wechat: WeChat) -> TokenSource:
    if _is_token_server(settings):
        from handler.tokens.token_server import TokenServer  # noqa: PLC0415 - other sources do not need it

        return TokenServer(settings)
    from handler.tokens.store import StoredTokens  # noqa: PLC0415 - loads redis

    return StoredTokens(settings)


def _create_cloudbase(settings: Settings, _wechat: WeChat) -> TokenSource:
    from handler.tokens.cloudbase import CloudbaseToken  # noqa: PLC0415 - other sources do not need it

    return CloudbaseToken(settings)


def _create_none(_settings: Settings, _wechat: WeChat) -> TokenSource:
    from handler.tokens.none import NoToken  # noqa: PLC0415 - other sources do not need it

    return NoToken()


class SourceRow(NamedTuple):
    """How to create a source, when `auto` may select it, and the texts of its row in the documents."""

    create: Callable[[Settings, WeChat], TokenSource]
    is_configured: Callable[[Settings], bool]
    needs: str
    users: str
    does: str


# `auto` tries the sources in this order. If another system keeps the tokens, it selects `store` at once.
SOURCES: dict[Source, SourceRow] = {
    "component": SourceRow(
        _create_component,
        _is_platform,
        "`WECHAT_COMPONENT_APPID`, its secret, `WECHAT_TOKEN_STORE_URL`",
        "third-party platforms on wechatpy's store",
        "refreshes the tokens in this store; all programs share them",
    ),
    "stable": SourceRow(
        _create_stable,
        _has_own_secret,
        "`WECHAT_APPID`, its secret",
        "mini programs with their own AppSecret",
        "fetches WeChat's stable token; it stays valid if others fetch it too",
    ),
    "store": SourceRow(
        _create_store,
        _has_store,
        "`WECHAT_TOKEN_STORE_URL`, `WECHAT_TOKEN_STORE_KEY`",
        "platforms in Java, Go, PHP; token servers",
        "reads tokens that another system keeps, and never writes",
    ),
    "cloudbase": SourceRow(
        _create_cloudbase,
        _has_cloudbase_token,
        "`WECHAT_CLOUDBASE_ACCESS_TOKEN`, or the token file",
        "WeChat cloud hosting",
        "reads the file for each plan",
    ),
    "none": SourceRow(
        _create_none,
        lambda _: False,
        "`WECHAT_TOKEN_SOURCE=none`",
        "WeChat cloud hosting's open API service",
        "sends no token",
    ),
}
