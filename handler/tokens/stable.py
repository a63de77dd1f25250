"""Source `stable`: fetches the token from /cgi-bin/stable_token with wechatpy's client.

In normal mode WeChat returns the same token to every holder of the AppSecret, so the instances need no shared store:
https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-access-token/getStableAccessToken.html
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from handler.app_secret import AppSecret
from handler.exact_json import JsonObject
from handler.invocation import Budget
from handler.settings import Settings
from handler.tokens.base import Token, extract_token
from handler.tokens.cached import CachedTokens
from handler.wechat.api import WeChat
from handler.wechat.wechatpy_adapter import NoApis, PoolAdapter, isolate_client, load

if TYPE_CHECKING:
    from requests import Response
    from wechatpy.client import WeChatClient
else:
    WeChatClient = load("wechatpy.client").WeChatClient


class StableClient(NoApis, WeChatClient):  # type: ignore[misc]  # wechatpy is untyped
    """wechatpy's client for one token request. Its `fetch_access_token` uses stable_token instead of /cgi-bin/token."""

    def __init__(self, appid: str, secret: str, wechat: WeChat, budget: Budget) -> None:
        super().__init__(appid, secret, auto_retry=False)
        isolate_client(self, PoolAdapter(wechat, budget))

    def fetch_access_token(self) -> JsonObject:
        """Fetch the token in normal mode. Raises `OpenApiError`."""
        response: Response = self._http.post(
            f"{self.API_BASE_URL}stable_token",
            json={
                "grant_type": "client_credential",
                "appid": self.appid,
                "secret": self.secret,
                "force_refresh": False,  # true would invalidate all other holders' token
            },
        )
        token, lifetime = extract_token(response.json())
        return {"access_token": token, "expires_in": lifetime}


class StableTokens(CachedTokens):
    """The stable tokens of the mini programs that this process serves."""

    name = "stable"

    def __init__(self, settings: Settings, wechat: WeChat, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock)
        self._secret = AppSecret(settings, "wechat")
        self._wechat = wechat

    def fetch_token(self, appid: str, budget: Budget) -> Token:
        """Fetch the stable token with the mini program's AppSecret. Raises `OpenApiError`."""

        def fetch(secret: str) -> JsonObject:
            return StableClient(appid, secret, self._wechat, budget).fetch_access_token()

        answer = self._secret.use(appid, budget, fetch)
        return Token(answer["access_token"], self._clock() + answer["expires_in"])
