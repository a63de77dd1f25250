"""The call itself: token, request, and one more try with another token when WeChat refuses the first."""

import time
from urllib.parse import quote

from handler import errors, tokens
from handler.contract import HTTPS_PATH, Arguments
from handler.errors import OpenApiError
from handler.exact_json import JsonObject
from handler.invocation import Invocation
from handler.network.exchange import Request
from handler.settings import Settings
from handler.tokens import Token
from handler.wechat.api import WeChat

_BASE_URL = "https://api.weixin.qq.com"
_BASE_URL_OF_NONE = "http://api.weixin.qq.com"  # cloud hosting, whose network vouches for us, has it without TLS
_NEEDED_ALWAYS = ("wechat_api_base_url", "wechat_timeout_seconds", "wechat_token_source")


class Operation:
    """`getGrayReleasePlan` with one process's settings, connections and tokens. Making it never fails."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        default = _BASE_URL_OF_NONE if settings.wechat_token_source == "none" else _BASE_URL
        self._wechat = WeChat(settings.wechat_api_base_url or default, settings.wechat_timeout_seconds)
        self._source = tokens.configured(settings, self._wechat)

    def __call__(self, arguments: Arguments, invocation: Invocation) -> JsonObject:
        """Return WeChat's body of a success as it came. Raises `OpenApiError`."""
        given = tokens.given(arguments)
        source = given or self._source
        invocation.token_source = source.name
        # A token that the caller has may be for any mini program, and needs nothing else of ours.
        self.settings.check(*(_NEEDED_ALWAYS if given else ()))
        invocation.appid = appid = arguments.appid or (None if given else self.settings.wechat_appid)
        if source.needs_appid and not appid:
            raise errors.misconfigured(errors.NO_APPID, "appid missing: set WECHAT_APPID or pass appid")
        token = source.token(appid or "", invocation)
        state = token.state(time.time())
        invocation.token_state = "fetched" if invocation.requests["token"] and state == "fresh" else state
        try:
            return self._ask(token, invocation)
        except OpenApiError as error:
            failure = error
        if failure.errCode not in errors.REFUSED_TOKENS or not invocation.allows("plan"):
            raise failure
        another = source.replace(appid or "", token, invocation)
        if another is None:
            raise failure
        invocation.token_state = "replaced"
        return self._ask(another, invocation)

    def _ask(self, token: Token, invocation: Invocation) -> JsonObject:
        query = f"?{token.parameter}={quote(token.value, safe='')}" if token.parameter else ""
        return self._wechat.exchange("plan", Request("GET", HTTPS_PATH + query), invocation)
