"""Fill `{appid}` and `{component_appid}` into a key of the token store or the URL of a token server."""

from handler import errors
from handler.errors import NO_APPID
from handler.settings import Settings


def fill(variable: str, text: str, appid: str, settings: Settings) -> str:
    """Return the variable's text with the two ids filled in. Other braces stay: Redis Cluster's hash tags have them.

    Raises `OpenApiError` 41002 if the text needs the platform's appid, which is not set.
    """
    platform = settings.wechat_component_appid
    if "{component_appid}" in text and not platform:
        reason = f"component appid missing: set WECHAT_COMPONENT_APPID, which {variable} names"
        raise errors.misconfigured(NO_APPID, reason)
    return text.replace("{component_appid}", platform or "").replace("{appid}", appid)
