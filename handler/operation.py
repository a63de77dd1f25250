"""Get a token and request the plan with it. If WeChat refuses the token, request the plan once more with another."""

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
_CLOUD_HOSTING_BASE_URL = "http://api.weixin.qq.com"  # cloud hosting's network offers WeChat's API without TLS
# The function uses only these settings if the caller passed a token.
_SETTINGS_FOR_ANY_TOKEN = ("wechat_api_base_url", "wechat_timeout_seconds", "wechat_token_source")


def create_wechat(settings: Settings) -> WeChat:
    """Create the client of WeChat's API. Raises `OpenApiError` -1 if the certificate authorities cannot be read."""
    default = _CLOUD_HOSTING_BASE_URL if settings.wechat_token_source == "none" else _BASE_URL
    return WeChat(settings.wechat_api_base_url or default, settings.wechat_timeout_seconds)


class Operation:
    """`getGrayReleasePlan` with the settings, connections and tokens of one process.

    The constructor raises `OpenApiError` -1 if the certificate authorities cannot be read. It does not raise if the
    token source is misconfigured: each `get_plan` that needs the source fails instead.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._wechat = create_wechat(settings)
        self._source = tokens.create_source(settings, self._wechat)

    def get_plan(self, arguments: Arguments, budget: Budget) -> Outcome:
        """Get one mini program's plan from WeChat. An `OpenApiError` is not raised, but returned in the outcome."""
        outcome = Outcome(budget.usage)
        try:
            outcome.body = self._fetch_plan(arguments, budget, outcome)
        except OpenApiError as error:
            outcome.failure = error.detach()
        return outcome

    def list_appids(self, budget: Budget, outcome: Outcome) -> list[str]:
        """Return the appids of all mini programs that the token source serves. Write facts for the log to `outcome`.

        Raises `OpenApiError`.
        """
        outcome.usage = budget.usage
        outcome.token_source = self._source.name
        self._settings.check()
        return self._source.list_appids(budget)

    def _fetch_plan(self, arguments: Arguments, budget: Budget, outcome: Outcome) -> dict[str, Any]:
        caller_token = _find_given_token(arguments)
        source = caller_token or self._source
        outcome.token_source = source.name
        self._settings.check(*(_SETTINGS_FOR_ANY_TOKEN if caller_token else ()))
        # A caller's token may belong to another mini program than WECHAT_APPID.
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
    """Return a source with the token in the arguments, or `None` if the arguments have no token."""
    if arguments.access_token:
        return GivenToken(Token(arguments.access_token.get_secret_value()))
    if arguments.cloudbase_access_token:
        return GivenToken(
            Token(arguments.cloudbase_access_token.get_secret_value(), parameter="cloudbase_access_token")
        )
    return None
