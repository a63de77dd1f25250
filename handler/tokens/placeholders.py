"""`{appid}` and `{component_appid}` in what names a token: a key in a store, or the address of a token server."""

from handler import errors
from handler.errors import NO_APPID
from handler.settings import Settings


def fill(variable: str, text: str, appid: str, settings: Settings) -> str:
    """Return the text of a variable with the two ids in their places; other braces stay, as in keys of a cluster.

    Raises `OpenApiError` 41002 where the platform's appid is wanted and not set.
    """
    platform = settings.wechat_component_appid
    if "{component_appid}" in text and not platform:
        reason = f"component appid missing: set WECHAT_COMPONENT_APPID, which {variable} names"
        raise errors.misconfigured(NO_APPID, reason)
    return text.replace("{component_appid}", platform or "").replace("{appid}", appid)
