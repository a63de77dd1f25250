"""Where the token of a plan request comes from. Each source's code is loaded only where it is configured."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from handler.contract import NO_TOKEN, SYSTEM_ERROR, Arguments, JsonObject, OpenApiError
from handler.invocation import Budget
from handler.settings import Settings
from handler.wechat.api import WeChat

# The artifact leaves out what requests guesses encodings with; requests would say so in each cold start's log.
warnings.filterwarnings("ignore", "Unable to find acceptable character detection")

# WeChat keeps the old and the new token valid side by side for 5 minutes, and stable_token gives out the new
# one when the old one has less than that left: before, renewing would only return the same token.
STALE_SECONDS = 300
LIFETIME_SECONDS = 7200  # the longest that WeChat documents
REFUSED = {40001, 40014, 42001}  # invalid credential, invalid access_token, expired access_token: another may do
PLACEHOLDER = "default-tcb-wx-access-token"  # what cloud hosting's file holds until the first token is pushed


@dataclass(frozen=True)
class Token:
    """A token, the query parameter it is sent in (none: the network vouches for us), and its end in Unix time."""

    value: str = field(repr=False)
    expires_at: float = float("inf")
    parameter: Literal["access_token", "cloudbase_access_token"] | None = "access_token"

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


class CloudbaseToken:
    """Source `cloudbase`: the token that WeChat's cloud gives its own containers, from a variable or a file.

    The file changes every ten minutes and is read each time. https://developers.weixin.qq.com/miniprogram/dev/wxcloudrun
    """

    name = "cloudbase"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def token(self, _appid: str | None, _budget: Budget) -> Token:
        """Return the token. Raises `OpenApiError` 41001 when there is none."""
        variable = self._settings.wechat_cloudbase_access_token
        text = variable.get_secret_value() if variable else self._file()
        if not text or text == PLACEHOLDER:
            raise OpenApiError(NO_TOKEN, "no cloudbase token in the variable or the file", status=500)
        return Token(text, parameter="cloudbase_access_token")

    def replace(self, appid: str | None, failed: Token, budget: Budget) -> Token | None:
        """Read the file once more."""
        token = self.token(appid, budget)
        return None if token.value == failed.value else token

    def _file(self) -> str:
        try:
            with Path(self._settings.wechat_cloudbase_token_file).open(encoding="ascii") as file:
                return file.read(4096).strip()
        except (OSError, ValueError):
            return ""


class NoToken:
    """Source `none`: WeChat cloud hosting's open API service, which knows the caller by its network."""

    name = "none"

    def token(self, _appid: str | None, _budget: Budget) -> Token:
        """Return a token that is not sent."""
        return Token("", parameter=None)

    def replace(self, _appid: str | None, _failed: Token, _budget: Budget) -> None:
        """Return nothing: there is no other."""


def configured(settings: Settings, wechat: WeChat) -> TokenSource:
    """Return the source that the environment configures, and load its code."""
    source = settings.token_source()
    if source == "component":
        from handler.tokens.component import ComponentTokens  # noqa: PLC0415 - redis, and wechatpy's platform

        return ComponentTokens(settings, wechat)
    if source == "store":
        from handler.tokens.redis_store import StoredTokens  # noqa: PLC0415 - redis

        return StoredTokens(settings)
    if source == "cloudbase":
        return CloudbaseToken(settings)
    if source == "none":
        return NoToken()
    from handler.tokens.stable import StableTokens  # noqa: PLC0415 - wechatpy and requests

    return StableTokens(settings, wechat)


def read(answer: JsonObject, name: str = "access_token") -> tuple[str, int]:
    """Return the token of WeChat's answer, and its lifetime in seconds: 0 where WeChat does not say.

    Raises `OpenApiError` -1 when there is no token in it.
    """
    token, lifetime = answer.get(name), answer.get("expires_in")
    if not (isinstance(token, str) and token):
        raise OpenApiError(SYSTEM_ERROR, f"WeChat's answer has no {name}", status=503)
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float):
        lifetime = 0
    return token, int(min(max(lifetime, 0), LIFETIME_SECONDS))
