"""A token from the arguments: used as it is, once; never kept, never refreshed."""

from handler.contract import Arguments
from handler.invocation import Budget
from handler.tokens.base import Token, TokenSource


class GivenToken(TokenSource):
    """The caller's token. It always wins: nothing of the configured source is needed."""

    name = "given"
    needs_appid = False

    def __init__(self, token: Token) -> None:
        self._token = token

    def token(self, _appid: str, _budget: Budget) -> Token:
        """Return the given token."""
        return self._token

    @classmethod
    def from_arguments(cls, arguments: Arguments) -> "GivenToken | None":
        """Return the source for the token in the arguments, if there is one."""
        if arguments.access_token:
            return cls(Token(arguments.access_token.get_secret_value()))
        if arguments.cloudbase_access_token:
            value = arguments.cloudbase_access_token.get_secret_value()
            return cls(Token(value, parameter="cloudbase_access_token"))
        return None
