"""The call itself: token, request, and one more try with another token when WeChat refuses the first."""

import time
from typing import Any
from urllib.parse import quote

from handler import errors, tokens
from handler.contract import HTTPS_PATH, Arguments
from handler.errors import OpenApiError
from handler.invocation import Budget, Outcome
from handler.settings import Settings
from handler.tokens import GivenToken, Token
from handler.wechat.api import WeChat

_BASE_URL = "https://api.weixin.qq.com"
_BASE_URL_OF_NONE = "http://api.weixin.qq.com"  # cloud hosting, whose network vouches for us, has it without TLS
_NEEDED_ALWAYS = ("wechat_api_base_url", "wechat_timeout_seconds", "wechat_token_source")


def create_wechat(settings: Settings) -> WeChat:
    """Return the API of the WeChat that the settings name. Raises `OpenApiError` -1 as `WeChat` does."""
    default = _BASE_URL_OF_NONE if settings.wechat_token_source == "none" else _BASE_URL
    return WeChat(settings.wechat_api_base_url or default, settings.wechat_timeout_seconds)


class Operation:
    """`getGrayReleasePlan` with one process's settings, connections and tokens.

    Making it raises `OpenApiError` -1 when the certificate authorities cannot be read. What a token source lacks is a
    failure of the questions that need the source.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._wechat = create_wechat(settings)
        self._source = tokens.create_source(settings, self._wechat)

    def ask(self, arguments: Arguments, budget: Budget) -> Outcome:
        """Ask WeChat for one plan. A failure is in the outcome, with nothing referenced by it."""
        outcome = Outcome(budget.usage)
        try:
            outcome.body = self._ask(arguments, budget, outcome)
        except OpenApiError as error:
            outcome.failure = error.detach()
        return outcome

    def list_appids(self, budget: Budget) -> list[str]:
        """Return the appids of all mini programs that the source has tokens for. Raises `OpenApiError`."""
        self._settings.check()
        return self._source.list_appids(budget)

    def _ask(self, arguments: Arguments, budget: Budget, outcome: Outcome) -> dict[str, Any]:
        given = _find_given_token(arguments)
        source = given or self._source
        outcome.token_source = source.name
        # A token that the caller has may be for any mini program, and needs nothing else of ours.
        self._settings.check(*(_NEEDED_ALWAYS if given else ()))
        outcome.appid = appid = arguments.appid or (None if given else self._settings.wechat_appid)
        if source.needs_appid and not appid:
            raise errors.misconfigured(errors.NO_APPID, "appid missing: set WECHAT_APPID or pass appid")
        if source.knows_one and arguments.appid and arguments.appid != self._settings.wechat_appid:
            raise errors.bad_arguments(f"the token source {source.name} knows only the mini program WECHAT_APPID")
        outcome.is_appid_claimed = bool(given and appid)
        outcome.is_token_for_appid = source.needs_appid
        token = source.get_token(appid or "", budget)
        state = token.find_state(time.time())
        outcome.token_state = "fetched" if budget.usage.requests["token"] and state == "fresh" else state
        try:
            return self._request_plan(token, budget)
        except OpenApiError as error:
            failure = error
        if failure.errCode not in errors.REFUSED_TOKENS or not budget.allows("plan"):
            raise failure
        another = source.replace(appid or "", token, budget)
        if another is None:
            raise failure
        outcome.token_state = "replaced"
        return self._request_plan(another, budget)

    def _request_plan(self, token: Token, budget: Budget) -> dict[str, Any]:
        query = f"?{token.parameter}={quote(token.value, safe='')}" if token.parameter else ""
        return self._wechat.request_plan(HTTPS_PATH + query, budget)


def _find_given_token(arguments: Arguments) -> GivenToken | None:
    """Return the source for the token in the arguments, if there is one."""
    if arguments.access_token:
        return GivenToken(Token(arguments.access_token.get_secret_value()))
    if arguments.cloudbase_access_token:
        return GivenToken(
            Token(arguments.cloudbase_access_token.get_secret_value(), parameter="cloudbase_access_token")
        )
    return None
