"""Source `stable`: wechatpy's client, whose token comes from /cgi-bin/stable_token.

In normal mode WeChat gives every holder of the AppSecret the same token, so that instances need no shared store:
https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-access-token/getStableAccessToken.html
"""

import io
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from wechatpy.client import WeChatClient

from handler.contract import JsonObject, OpenApiError
from handler.invocation import Budget, out_of_time
from handler.settings import Settings
from handler.tokens.app_secret import AppSecret
from handler.tokens.base import Token, read
from handler.wechat.api import Request, WeChat

RETRY_RENEWAL_SECONDS = 30  # between attempts to renew a token that still works
MINI_PROGRAMS = 1024  # kept per process; a token is half a kilobyte


class PoolAdapter(HTTPAdapter):
    """Sends what wechatpy requests over our pool: its deadline, its limits, and its judgement of the answer.

    wechatpy sees successes only. It never raises its own exceptions, which hold the secret and the address.
    """

    def __init__(self, wechat: WeChat, budget: Budget) -> None:
        super().__init__()
        self._wechat = wechat
        self._budget = budget

    def send(self, request: PreparedRequest, *_args: Any, **_options: Any) -> Response:
        """Exchange a token request with WeChat. Raises `OpenApiError`."""
        body = request.body.encode() if isinstance(request.body, str) else request.body
        answer = self._wechat.exchange(
            "token", Request(request.method or "GET", request.path_url, body, request.headers), self._budget
        )
        # Of errcode and errmsg wechatpy would take only certain types.
        content = json.dumps({name: answer[name] for name in answer if name not in ("errcode", "errmsg")}).encode()
        return self.build_response(request, HTTPResponse(io.BytesIO(content), status=200, preload_content=False))


class StableClient(WeChatClient):  # type: ignore[misc]  # wechatpy is untyped
    """wechatpy's client with the stable token, for one invocation's budget."""

    def __init__(self, appid: str, secret: str, wechat: WeChat, budget: Budget) -> None:
        super().__init__(appid, secret, auto_retry=False)
        self._http.trust_env = False  # ~/.netrc is not for WeChat
        self._http.mount("https://", PoolAdapter(wechat, budget))

    def fetch_access_token(self) -> JsonObject:
        """Fetch the token in normal mode into wechatpy's session. Raises `OpenApiError`."""
        response: Response = self._http.post(
            f"{self.API_BASE_URL}stable_token",
            json={
                "grant_type": "client_credential",
                "appid": self.appid,
                "secret": self.secret,
                "force_refresh": False,  # true is for leaks: 20 a day, and it breaks the other holders
            },
        )
        token, lifetime = read(response.json())
        self.session.set(self.access_token_key, token, lifetime)
        self.expires_at = time.time() + lifetime
        return {"access_token": token, "expires_in": lifetime}


class _Entry:
    """One mini program's token, and the lock of whoever renews it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.token: Token | None = None
        self.renew_after = 0.0


class StableTokens:
    """The stable tokens of the mini programs that this process serves; its threads share one fetch.

    `clock` is Unix time: a frozen instance's monotonic clock stands still while its tokens age.
    """

    name = "stable"

    def __init__(self, settings: Settings, wechat: WeChat, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._secret = AppSecret(settings, "wechat")
        self._wechat = wechat
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._entries_lock = threading.Lock()

    def token(self, appid: str | None, budget: Budget) -> Token:
        """Return the cached token; a stale one after an attempt to renew it, an expired one never."""
        appid = self._settings.appid(appid)
        entry = self._entry(appid)
        token, now = entry.token, self._clock()
        state = token.state(now) if token else "expired"
        if token is None or state == "expired":
            return self._renew(appid, entry, token, budget)
        if state == "stale" and now >= entry.renew_after and entry.lock.acquire(blocking=False):
            try:
                entry.token = token = self._fetch(appid, budget.half())
            except OpenApiError:
                entry.renew_after = now + RETRY_RENEWAL_SECONDS
            finally:
                entry.lock.release()
        return token

    def replace(self, appid: str | None, failed: Token, budget: Budget) -> Token | None:
        """Drop the failed token if it is still the cached one, and fetch another within the budget."""
        appid = self._settings.appid(appid)
        entry = self._entry(appid)
        if not budget.allows("token"):
            if entry.token is failed:
                entry.token = None
            return entry.token
        return self._renew(appid, entry, failed, budget)

    def _entry(self, appid: str) -> _Entry:
        with self._entries_lock:
            entry = self._entries.setdefault(appid, _Entry())
            self._entries.move_to_end(appid)
            if len(self._entries) > MINI_PROGRAMS:
                self._entries.popitem(last=False)
            return entry

    def _renew(self, appid: str, entry: _Entry, old: Token | None, budget: Budget) -> Token:
        """Fetch a token in place of `old`, unless another thread has done so meanwhile."""
        if not entry.lock.acquire(timeout=min(max(budget.remaining(), 0), threading.TIMEOUT_MAX)):
            raise out_of_time()
        try:
            if entry.token is None or entry.token is old:
                entry.token = None
                entry.token = self._fetch(appid, budget)
            return entry.token
        finally:
            entry.lock.release()

    def _fetch(self, appid: str, budget: Budget) -> Token:
        def fetch(secret: str) -> JsonObject:
            return StableClient(appid, secret, self._wechat, budget).fetch_access_token()

        answer = self._secret.use(appid, budget, fetch)
        return Token(answer["access_token"], self._clock() + answer["expires_in"])
