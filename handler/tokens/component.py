"""Source `component`: a third-party platform's tokens, through wechatpy, in the store that its callback server keeps.

https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/ThirdParty/token/api_authorizer_token.html
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from wechatpy.client import WeChatComponentClient
from wechatpy.component import WeChatComponent

from handler.contract import NO_APPID, SYSTEM_ERROR, OpenApiError
from handler.invocation import Budget, out_of_time
from handler.settings import Settings
from handler.tokens.app_secret import AppSecret
from handler.tokens.base import REFUSED, Token, read
from handler.tokens.redis_store import StoreOpener, TokenStore
from handler.tokens.stable import PoolAdapter
from handler.wechat.api import WeChat

POLL_SECONDS = 0.05  # between looks at the store while another function refreshes
COMPONENT_KEY = "component_access_token"
_UNUSED_AES_KEY = "A" * 43  # wechatpy wants one for messages, of which this function gets none


class Component(WeChatComponent):  # type: ignore[misc]  # wechatpy is untyped
    """wechatpy's platform for one invocation."""

    def __init__(self, appid: str, secret: str, store: TokenStore, adapter: PoolAdapter) -> None:
        super().__init__(appid, secret, "", _UNUSED_AES_KEY, session=store, auto_retry=False)
        self._http.trust_env = False
        self._http.mount("https://", adapter)

    def fetch_access_token(self) -> Any:
        """Fetch the platform's own token into the store, unless another function does so now. Raises `OpenApiError`."""
        with single_flight(self.session, COMPONENT_KEY, None) as found:
            if found is None:
                ticket = self.session.text("component_verify_ticket")
                if ticket is None:
                    raise OpenApiError(61006, "no component_verify_ticket in the token store", status=500)
                response = self._http.post(
                    f"{self.API_BASE_URL}/component/api_component_token",
                    json={
                        "component_appid": self.component_appid,
                        "component_appsecret": self.component_appsecret,
                        "component_verify_ticket": ticket,
                    },
                )
                token, lifetime = read(response.json(), COMPONENT_KEY)
                self.session.set(COMPONENT_KEY, token, max(lifetime, 1))


class AuthorizerClient(WeChatComponentClient):  # type: ignore[misc]  # wechatpy is untyped
    """wechatpy's client of one authorizer. A rotated refresh token is kept, which wechatpy forgets."""

    def fetch_access_token(self) -> Any:
        """Refresh the authorizer's token into the store. Raises `OpenApiError`."""
        old = self.session.text(self.refresh_token_key)
        if old is None:
            raise OpenApiError(61003, "no refresh token of this authorizer in the token store", status=500)
        answer = self.component.refresh_authorizer_token(self.appid, old)
        rotated = answer.get("authorizer_refresh_token")
        if isinstance(rotated, str) and rotated not in ("", old):
            self.session.keep(self.refresh_token_key, rotated)
        token, lifetime = read(answer, "authorizer_access_token")
        self.session.set(self.access_token_key, token, max(lifetime, 1))


class ComponentTokens:
    """The authorizers' tokens. The store is the only cache: the platform's other programs share it."""

    name = "component"

    def __init__(self, settings: Settings, wechat: WeChat) -> None:
        self._settings = settings
        self._wechat = wechat
        self._open = StoreOpener(settings)
        self._secret = AppSecret(settings, "wechat_component")

    def token(self, appid: str | None, budget: Budget) -> Token:
        """Return the stored token of the authorizer, or a refreshed one."""
        return self._token(self._settings.appid(appid), None, budget)

    def replace(self, appid: str | None, failed: Token, budget: Budget) -> Token | None:
        """Refresh the failed token if it is still the stored one, and take the stored one if not."""
        return self._token(self._settings.appid(appid), failed.value, budget)

    def _token(self, appid: str, failed: str | None, budget: Budget) -> Token:
        store, key = self._open(budget), f"{appid}_access_token"
        found = store.text(key)
        if found is None or found == failed:
            with single_flight(store, key, failed) as others:
                if others is None:
                    self._refresh(appid, store, budget)
                found = others or store.text(key)
        if found is None:
            raise OpenApiError(SYSTEM_ERROR, "the token store lost a token", status=503)
        return Token(found)

    def _refresh(self, appid: str, store: TokenStore, budget: Budget) -> None:
        platform = self._settings.wechat_component_appid
        if platform is None:
            raise OpenApiError(NO_APPID, "component appid missing: set WECHAT_COMPONENT_APPID", status=500)
        adapter = PoolAdapter(self._wechat, budget)

        def refresh(secret: str) -> None:
            component = Component(platform, secret, store, adapter)
            AuthorizerClient(appid, component, session=store).fetch_access_token()

        used = store.text(COMPONENT_KEY)
        try:
            self._secret.use(platform, budget, refresh)
        except OpenApiError as error:
            # The platform's own token was refused: with the two requests spent, the next invocation fetches another.
            if error.errCode in REFUSED and used is not None and store.text(COMPONENT_KEY) == used:
                store.delete(COMPONENT_KEY)
            raise


@contextlib.contextmanager
def single_flight(store: TokenStore, key: str, old: str | None) -> Iterator[str | None]:
    """Let one function of all refresh a key: give `None` to it, and to the others what it has put there.

    Raises `OpenApiError` when the budget ends before either.
    """
    while (owner := store.lock(key)) is None:
        found = store.text(key)
        if found not in (None, old):
            yield found
            return
        if not store.budget.wait(POLL_SECONDS):
            raise out_of_time()
    try:
        found = store.text(key)
        yield None if found == old else found
    finally:
        with contextlib.suppress(OpenApiError):  # it ends by itself
            store.unlock(key, owner)
