"""The call itself: get a token, request the plan, and retry once with another token if WeChat refuses the first."""

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
_CLOUD_HOSTING_BASE_URL = "http://api.weixin.qq.com"  # inside cloud hosting's network, which serves it without TLS
# The settings that a call with the caller's own token uses.
_SETTINGS_FOR_ANY_TOKEN = ("wechat_api_base_url", "wechat_timeout_seconds", "wechat_token_source")


def create_wechat(settings: Settings) -> WeChat:
    """Create the client of WeChat's API. Raises `OpenApiError` -1 if the certificate authorities cannot be read."""
    default = _CLOUD_HOSTING_BASE_URL if settings.wechat_token_source == "none" else _BASE_URL
    return WeChat(settings.wechat_api_base_url or default, settings.wechat_timeout_seconds)


class Operation:
    """`getGrayReleasePlan` with one process's settings, connections and tokens.

    The constructor raises `OpenApiError` -1 if the certificate authorities cannot be read. A misconfigured token
    source fails later, in each `ask` that needs it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._wechat = create_wechat(settings)
        self._source = tokens.create_source(settings, self._wechat)

    def ask(self, arguments: Arguments, budget: Budget) -> Outcome:
        """Ask WeChat for one plan. Never raises `OpenApiError`: `outcome.failure` holds it, without its traceback."""
        outcome = Outcome(budget.usage)
        try:
            outcome.body = self._ask(arguments, budget, outcome)
        except OpenApiError as error:
            outcome.failure = error.detach()
        return outcome

    def list_appids(self, budget: Budget, outcome: Outcome) -> list[str]:
        """Return the appids of all mini programs that the token source serves, with the facts in `outcome`.

        Raises `OpenApiError`.
        """
        outcome.usage = budget.usage
        outcome.token_source = self._source.name
        self._settings.check()
        return self._source.list_appids(budget)

    def _ask(self, arguments: Arguments, budget: Budget, outcome: Outcome) -> dict[str, Any]:
        caller_token = _find_given_token(arguments)
        source = caller_token or self._source
        outcome.token_source = source.name
        # The caller's own token may belong to any mini program, so WECHAT_APPID says nothing about it.
        self._settings.check(*(_SETTINGS_FOR_ANY_TOKEN if caller_token else ()))
        outcome.appid = appid = arguments.appid or (None if caller_token else self._settings.wechat_appid)
        if source.needs_appid and not appid:
            raise errors.misconfigured(errors.NO_APPID, "appid missing: set WECHAT_APPID or pass appid")
        if source.knows_one and arguments.appid and arguments.appid != self._settings.wechat_appid:
            raise errors.bad_arguments(f"the token source {source.name} has a token of WECHAT_APPID only")
        outcome.is_appid_claimed = bool(caller_token and appid)
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
        replacement = source.replace(appid or "", token, budget)
        if replacement is None:
            raise failure
        outcome.token_state = "replaced"
        return self._request_plan(replacement, budget)

    def _request_plan(self, token: Token, budget: Budget) -> dict[str, Any]:
        query = f"?{token.parameter}={quote(token.value, safe='')}" if token.parameter else ""
        return self._wechat.request_plan(HTTPS_PATH + query, budget)


def _find_given_token(arguments: Arguments) -> GivenToken | None:
    """Return a source that holds the token in the arguments; `None` if they have none."""
    if arguments.access_token:
        return GivenToken(Token(arguments.access_token.get_secret_value()))
    if arguments.cloudbase_access_token:
        return GivenToken(
            Token(arguments.cloudbase_access_token.get_secret_value(), parameter="cloudbase_access_token")
        )
    return None
