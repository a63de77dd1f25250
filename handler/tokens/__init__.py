"""Where the token of a plan request comes from: the order of `auto`, and the source that is configured.

A new source is a module with a subclass of `TokenSource`; add it to `Source` in `settings.py` and to `_make`. Its code,
and the libraries that it needs, are loaded only where it is configured.
"""

import os
from collections.abc import Callable
from functools import partial

from handler import errors
from handler.errors import OpenApiError
from handler.settings import Settings, Source
from handler.tokens.base import Token, TokenSource, Unusable
from handler.tokens.given import given
from handler.wechat.api import WeChat

__all__ = ["Token", "TokenSource", "configured", "given"]


def configured(settings: Settings, wechat: WeChat) -> TokenSource:
    """Return the source that the environment configures. Never raises: what is missing, the source reports."""
    source = _choose(settings)
    if not isinstance(source, str):
        return Unusable("auto", source)
    try:
        return _make(source, settings, wechat)
    except ImportError as error:
        return Unusable(source, partial(errors.library_missing, error.name))


def _choose(settings: Settings) -> Source | Callable[[], OpenApiError]:
    """Return the named source, else the first that is configured; or what to raise where one is half configured."""
    if settings.wechat_token_source != "auto":
        return settings.wechat_token_source
    url = settings.wechat_token_store_url
    if _is_server(settings) or "wechat_token_store_key" in settings.model_fields_set:
        return "store"
    has_secret = bool(
        settings.wechat_component_secret
        or settings.wechat_component_secret_name
        or settings.wechat_component_secret_parameter
    )
    if settings.wechat_component_appid and has_secret:
        return "component" if url else partial(_half_configured, "set WECHAT_TOKEN_STORE_URL to the platform's store")
    if settings.wechat_component_appid:
        return "store" if url else partial(_half_configured, _TWO_WAYS)
    if has_secret:
        return partial(_half_configured, "set WECHAT_COMPONENT_APPID, the AppID of the platform")
    if settings.wechat_secret or settings.wechat_secret_name or settings.wechat_secret_parameter:
        return "stable"
    if url:
        return "store"
    if settings.wechat_cloudbase_access_token or os.path.exists(settings.wechat_cloudbase_token_file):  # noqa: PTH110 - Path.exists fails on a path that is too long
        return "cloudbase"
    return "stable"


_TWO_WAYS = (
    "set WECHAT_COMPONENT_SECRET_NAME, _SECRET_PARAMETER or _SECRET, and WECHAT_TOKEN_STORE_URL, to refresh tokens "
    "here; or WECHAT_TOKEN_STORE_URL alone, to read those that the platform keeps"
)


def _half_configured(advice: str) -> OpenApiError:
    return errors.misconfigured(errors.NO_TOKEN, f"the third-party platform is half configured: {advice}")


def _is_server(settings: Settings) -> bool:
    url = settings.wechat_token_store_url
    return url is not None and url.get_secret_value().startswith("http")


_NEEDS_REDIS = "WECHAT_TOKEN_STORE_URL must be redis(s)://: a token server gives tokens to the source store only"


def _make(source: Source, settings: Settings, wechat: WeChat) -> TokenSource:
    # Each loads what it needs, and what the others need stays out of the cold start.
    if source == "component":
        if _is_server(settings):
            return Unusable(source, partial(errors.misconfigured, errors.NO_TOKEN, _NEEDS_REDIS))
        from handler.tokens.component import ComponentTokens  # noqa: PLC0415 - redis, and wechatpy's platform

        return ComponentTokens(settings, wechat)
    if source == "store":
        if _is_server(settings):
            from handler.tokens.token_server import TokenServer  # noqa: PLC0415 - one of a kind

            return TokenServer(settings)
        from handler.tokens.store import StoredTokens  # noqa: PLC0415 - redis

        return StoredTokens(settings)
    if source == "cloudbase":
        from handler.tokens.cloudbase import CloudbaseToken  # noqa: PLC0415 - one of a kind

        return CloudbaseToken(settings)
    if source == "none":
        from handler.tokens.none import NoToken  # noqa: PLC0415 - one of a kind

        return NoToken()
    from handler.tokens.stable import StableTokens  # noqa: PLC0415 - wechatpy and requests

    return StableTokens(settings, wechat)
