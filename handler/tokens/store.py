"""Source `store`: tokens that another system keeps, in Redis or behind a token server. Read only, always.

Two systems that refresh the same authorizer would end each other's tokens.
"""

from handler import errors
from handler.errors import NO_APPID, NO_TOKEN
from handler.invocation import Invocation
from handler.settings import Settings
from handler.tokens import stored_value
from handler.tokens.base import Token, TokenSource
from handler.tokens.redis_client import Connections


class StoredTokens(TokenSource):
    """Tokens at the keys that WECHAT_TOKEN_STORE_KEY names, read each time."""

    name = "store"

    def __init__(self, settings: Settings) -> None:
        self._key = settings.wechat_token_store_key
        self._platform = settings.wechat_component_appid
        self._connections = Connections(settings)

    def token(self, appid: str, invocation: Invocation) -> Token:
        """Return the stored token. Raises `OpenApiError` 41001 when there is none, or something else."""
        if "{component_appid}" in self._key and not self._platform:
            reason = "component appid missing: set WECHAT_COMPONENT_APPID, which WECHAT_TOKEN_STORE_KEY names"
            raise errors.misconfigured(NO_APPID, reason)
        key = self._key.replace("{component_appid}", self._platform or "").replace("{appid}", appid)
        client = self._connections.client(invocation.deadline)
        kind = client.kind(key)
        if kind == "hash":  # old WxJava
            return _token(client.bytes_at(key, "value"))
        if kind not in ("string", "none"):
            raise stored_value.unreadable(f"a {kind} of Redis", _PLACE)
        return _token(client.bytes_at(key))


_PLACE = "the token store at WECHAT_TOKEN_STORE_KEY"


def _token(stored: bytes | None) -> Token:
    if stored is None:
        raise errors.misconfigured(NO_TOKEN, "the token store has no token for this appid")
    return Token(stored_value.read(stored, _PLACE))
