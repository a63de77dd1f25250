"""A token that the caller passes in the arguments. It is used for one plan, and never cached or refreshed."""

from handler.invocation import Budget
from handler.tokens.base import Token, TokenSource


class GivenToken(TokenSource):
    """The source of the caller's token. It replaces the configured source."""

    name = "given"
    needs_appid = False

    def __init__(self, token: Token) -> None:
        self._token = token

    def get_token(self, _appid: str, _budget: Budget) -> Token:
        """Return the caller's token."""
        return self._token
