"""A token from the arguments: used for one question, never cached, never refreshed."""

from handler.invocation import Budget
from handler.tokens.base import Token, TokenSource


class GivenToken(TokenSource):
    """The caller's token, which is used instead of the configured source."""

    name = "given"
    needs_appid = False

    def __init__(self, token: Token) -> None:
        self._token = token

    def get_token(self, _appid: str, _budget: Budget) -> Token:
        """Return the caller's token."""
        return self._token
