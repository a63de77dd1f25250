"""The call itself: token, request, and one more try with another token when WeChat refuses the first."""

import time
from urllib.parse import quote

from handler.contract import HTTPS_PATH, Arguments, JsonObject, OpenApiError
from handler.invocation import Budget
from handler.settings import Settings
from handler.tokens import base as tokens
from handler.wechat.api import Request, WeChat


class Operation:
    """`getGrayReleasePlan` with one process's settings, connections and tokens."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._wechat = WeChat(settings.base_url(), settings.wechat_timeout_seconds)
        self._source = tokens.configured(settings, self._wechat)

    def __call__(self, arguments: Arguments, budget: Budget) -> JsonObject:
        """Return WeChat's body of a success as it came. Raises `OpenApiError`."""
        given = tokens.given(arguments)
        source = given or self._source
        budget.token_source = source.name
        budget.appid = arguments.appid or (None if given else self.settings.wechat_appid)
        token = source.token(arguments.appid, budget)
        state = token.state(time.time())
        budget.token_state = "fetched" if budget.requests["token"] and state == "fresh" else state
        while True:
            try:
                query = f"?{token.parameter}={quote(token.value, safe='')}" if token.parameter else ""
                return self._wechat.exchange("plan", Request("GET", HTTPS_PATH + query), budget)
            except OpenApiError as error:
                if error.errCode not in tokens.REFUSED or not budget.allows("plan"):
                    raise
                another = source.replace(arguments.appid, token, budget)
                if another is None:
                    raise
                token, budget.token_state = another, "replaced"
