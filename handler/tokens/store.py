"""Source `store`: reads tokens that another system keeps in Redis. `token_server.py` does so with a token server.

This source never refreshes a token. If two systems refresh one mini program's tokens, each invalidates the other's.
"""

from handler.invocation import Budget
from handler.network.redis import Connections
from handler.settings import Settings
from handler.tokens import stored_value
from handler.tokens.base import Token, TokenSource
from handler.tokens.placeholders import fill

_KEY = "WECHAT_TOKEN_STORE_KEY"
_PLACE = f"the token store at {_KEY}"


class StoredTokens(TokenSource):
    """The tokens at the keys that WECHAT_TOKEN_STORE_KEY names. They are read for each plan, and not cached."""

    name = "store"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.knows_one = "{appid}" not in settings.wechat_token_store_key
        self._connections = Connections(settings.wechat_token_store_url, settings.wechat_timeout_seconds)

    def get_token(self, appid: str, budget: Budget) -> Token:
        """Return the stored token. Raises `OpenApiError` 41001 if the key is missing or its value is not a token."""
        key = fill(_KEY, self._settings.wechat_token_store_key, appid, self._settings)
        client = self._connections.create_client(budget.deadline)
        kind = client.get_type(key)
        if kind not in ("string", "hash"):
            raise stored_value.create_error("no such key" if kind == "none" else f"a Redis {kind}", _PLACE)
        fields = stored_value.FIELDS if kind == "hash" else (None,)
        stored = None
        for field in fields:
            value = client.get_bytes(key, field)
            stored = stored if value is None else value
            if stored:
                break
        if stored is None:
            raise stored_value.create_error("a hash without a token" if kind == "hash" else "no such key", _PLACE)
        return Token(stored_value.read_token(stored, _PLACE))
