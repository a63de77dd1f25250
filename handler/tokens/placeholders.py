"""Replace `{appid}` and `{component_appid}` in a key of the token store or in the URL of a token server."""

from handler import errors
from handler.errors import NO_APPID
from handler.settings import Settings


def fill(variable: str, text: str, appid: str, settings: Settings) -> str:
    """Return `text`, which comes from the setting `variable`, with both placeholders replaced.

    Other braces stay, because keys may contain Redis Cluster's hash tags. Raises `OpenApiError` 41002 if the text
    contains `{component_appid}` but WECHAT_COMPONENT_APPID is not set.
    """
    platform = settings.wechat_component_appid
    if "{component_appid}" in text and not platform:
        reason = f"component appid missing: set WECHAT_COMPONENT_APPID, because {variable} contains {{component_appid}}"
        raise errors.misconfigured(NO_APPID, reason)
    return text.replace("{component_appid}", platform or "").replace("{appid}", appid)
