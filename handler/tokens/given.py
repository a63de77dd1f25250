"""A token from the arguments: used as it is, once; never kept, never refreshed."""

from handler.invocation import Budget
from handler.tokens.base import Token, TokenSource


class GivenToken(TokenSource):
    """The caller's token. It always wins: nothing of the configured source is needed."""

    name = "given"
    needs_appid = False

    def __init__(self, token: Token) -> None:
        self._token = token

    def get_token(self, _appid: str, _budget: Budget) -> Token:
        """Return the given token."""
        return self._token
