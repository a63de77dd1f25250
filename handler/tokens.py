"""Where the token of a plan request comes from. Each source's code is loaded only where it is configured."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from handler.budget import Budget
from handler.contract import Arguments
from handler.settings import Settings
from handler.transport import WeChat

# WeChat keeps the old and the new token valid side by side for 5 minutes, and stable_token gives out the new
# one when the old one has less than that left: before, renewing would only return the same token.
STALE_SECONDS = 300


@dataclass(frozen=True)
class Token:
    """A token, the query parameter it is sent in, and the Unix time at which it expires."""

    value: str = field(repr=False)
    expires_at: float = float("inf")
    parameter: Literal["access_token", "cloudbase_access_token"] = "access_token"

    def state(self, now: float) -> Literal["fresh", "stale", "expired"]:
        """Tell at Unix time `now` whether to use the token, to use it and try to renew it, or to drop it."""
        left = self.expires_at - now
        return "fresh" if left >= STALE_SECONDS else "stale" if left > 0 else "expired"


class TokenSource(Protocol):
    """Gives tokens. Both methods raise `OpenApiError` when there is none to be had."""

    name: str

    def token(self, appid: str | None, budget: Budget, /) -> Token:
        """Return a token for the mini program `appid`, or for the configured one."""

    def replace(self, appid: str | None, failed: Token, budget: Budget, /) -> Token | None:
        """Return another token after WeChat refused this one; `None` when the source has no other."""


class GivenToken:
    """A token from the arguments: used as it is, once; never kept, never refreshed."""

    name = "given"

    def __init__(self, token: Token) -> None:
        self._token = token

    def token(self, _appid: str | None, _budget: Budget) -> Token:
        """Return the given token."""
        return self._token

    def replace(self, _appid: str | None, _failed: Token, _budget: Budget) -> None:
        """Return nothing: only the caller has another token."""


def given(arguments: Arguments) -> GivenToken | None:
    """Return the source for a token in the arguments, if there is one."""
    if arguments.access_token:
        return GivenToken(Token(arguments.access_token.get_secret_value()))
    if arguments.cloudbase_access_token:
        return GivenToken(
            Token(arguments.cloudbase_access_token.get_secret_value(), parameter="cloudbase_access_token")
        )
    return None


def configured(settings: Settings, wechat: WeChat) -> TokenSource:
    """Return the source that the environment configures."""
    from handler.stable import StableTokens  # noqa: PLC0415 - it loads wechatpy and requests

    return StableTokens(settings, wechat)
