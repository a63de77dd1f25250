"""Source `component`: refreshes the tokens of a third-party platform in the store of the platform's callback server.

https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/ThirdParty/token/api_authorizer_token.html
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

from handler import errors
from handler.app_secret import AppSecret
from handler.errors import NO_APPID, REFUSED_TOKENS, OpenApiError
from handler.exact_json import JsonObject
from handler.invocation import Budget
from handler.settings import Settings
from handler.tokens.base import LONGEST, Token, TokenSource, extract_token
from handler.tokens.component_store import StoreOpener, TokenStore
from handler.wechat.api import WeChat
from handler.wechat.wechatpy_adapter import NoApis, PoolAdapter, isolate_client, load

if TYPE_CHECKING:
    from wechatpy.client import WeChatComponentClient
    from wechatpy.component import WeChatComponent
else:
    WeChatComponentClient = load("wechatpy.client").WeChatComponentClient
    WeChatComponent = load("wechatpy.component").WeChatComponent

T = TypeVar("T")

TICKET_MISSING, NOT_AUTHORISED, PLATFORMS_TOKEN_ENDED = 61006, 61003, 42006
REFUSED_PLATFORM_TOKENS = {*REFUSED_TOKENS, PLATFORMS_TOKEN_ENDED}
COMPONENT_KEY = "component_access_token"
LONGEST_APPID = 64  # characters, as in the arguments
PAGE_SIZE, PAGES = 500, 20  # WeChat's limit for a page; 20 pages, because a reply has no room for over 10,000 appids
# A request to this path is not repeated if its answer is lost, because WeChat may have replaced the refresh token.
REFRESH_PATH = "/cgi-bin/component/api_authorizer_token"
_UNUSED_AES_KEY = "A" * 43  # wechatpy requires a key to decrypt messages, but this function receives no messages


class Component(WeChatComponent):  # type: ignore[misc]  # wechatpy is untyped
    """wechatpy's client for requests in the platform's name. `_call_platform` creates one for each call."""

    session: TokenStore

    def __init__(self, appid: str, secret: str, store: TokenStore, adapter: PoolAdapter) -> None:
        super().__init__(appid, secret, "", _UNUSED_AES_KEY, session=store, auto_retry=False)
        isolate_client(self, adapter)

    def fetch_access_token(self) -> None:
        """Store a new token of the platform itself, or wait until another process has stored one.

        Raises `OpenApiError`.
        """
        failure = None
        try:
            self.session.refresh_once(COMPONENT_KEY, None, self._fetch)
        except OpenApiError as error:
            failure = error
        if failure:
            raise failure.detach(shared=True)

    def _fetch(self) -> None:
        ticket = self.session.require_text("component_verify_ticket", TICKET_MISSING)
        response = self._http.post(
            f"{self.API_BASE_URL}/component/api_component_token",
            json={
                "component_appid": self.component_appid,
                "component_appsecret": self.component_appsecret,
                "component_verify_ticket": ticket,
            },
        )
        token, lifetime = extract_token(response.json(), COMPONENT_KEY)
        self.session.set(COMPONENT_KEY, token, max(lifetime, 1))


class AuthorizerClient(NoApis, WeChatComponentClient):  # type: ignore[misc]  # wechatpy is untyped
    """wechatpy's client of one authorizer, an account that has authorised the platform.

    Unlike wechatpy's own class, it stores the new refresh token if WeChat rotates the old one.
    """

    session: TokenStore

    def fetch_access_token(self) -> None:
        """Refresh the authorizer's token and store the new one. Raises `OpenApiError`."""
        old = self.session.find_refresh_token(self.refresh_token_key, NOT_AUTHORISED)
        answer: dict[str, Any] = self.component.refresh_authorizer_token(self.appid, old)
        rotated = answer.get("authorizer_refresh_token")
        if isinstance(rotated, str) and rotated != old and 0 < len(rotated) <= LONGEST:
            self.session.keep_refresh_token(self.refresh_token_key, old, rotated)
        token, lifetime = extract_token(answer, "authorizer_access_token")
        self.session.set(self.access_token_key, token, max(lifetime, 1))


class ComponentTokens(TokenSource):
    """The authorizers' tokens. This process does not cache them, because the platform's other programs replace them."""

    name = "component"

    def __init__(self, settings: Settings, wechat: WeChat) -> None:
        self._platform = settings.wechat_component_appid
        self._wechat = wechat
        self._open = StoreOpener(settings)
        self._secret = AppSecret(settings, "wechat_component")

    def get_token(self, appid: str, budget: Budget) -> Token:
        """Return the authorizer's token from the store. If the store has none, refresh it."""
        return self._find_token(appid, None, budget)

    def replace(self, appid: str, failed: Token, budget: Budget) -> Token | None:
        """Return the stored token. If it is the failed one or missing, refresh it."""
        return self._find_token(appid, failed.value, budget)

    def _find_token(self, appid: str, failed: str | None, budget: Budget) -> Token:
        store, key = self._open(budget), f"{appid}_access_token"
        found = store.get_text(key)
        if found is None or found == failed:
            found = store.refresh_once(key, failed, lambda: self._refresh(appid, store, budget))
        return Token(found)

    def list_appids(self, budget: Budget) -> list[str]:
        """Return the appids of the platform's authorizers, including official accounts. Raises `OpenApiError`."""
        store = self._open(budget)
        appids: dict[str, None] = {}
        listed, total = 0, None
        for page in range(PAGES):
            answer = self._list_page(store, page * PAGE_SIZE, budget)
            rows = answer.get("list")
            rows = rows if isinstance(rows, list) else []
            listed, total = listed + len(rows), answer.get("total_count")
            found = [row.get("authorizer_appid") for row in rows[:PAGE_SIZE] if isinstance(row, dict)]
            appids.update(dict.fromkeys(filter(_is_valid_appid, found)))
            if len(rows) < PAGE_SIZE:
                break
        if not appids:
            raise errors.misconfigured(NOT_AUTHORISED, "no account has authorised the platform", shared=True)
        if isinstance(total, int) and total > listed:
            budget.usage.warnings.append(f"WeChat listed {listed} of the platform's {total} authorizers")
        return list(appids)

    def get_authorizer(self, appid: str, budget: Budget) -> JsonObject:
        """Return WeChat's information about an authorizer, including its permission sets. Raises `OpenApiError`.

        https://developers.weixin.qq.com/doc/oplatform/openApi/authorization-management/api_getauthorizerinfo.html
        """

        def request(component: Component) -> JsonObject:
            info: JsonObject = component.get_authorizer_info(appid)
            return info

        return self._call_platform(self._open(budget), budget, request)

    def _list_page(self, store: TokenStore, offset: int, budget: Budget) -> JsonObject:
        def request(component: Component) -> JsonObject:
            page: JsonObject = component.get_authorizer_list(offset, PAGE_SIZE)
            return page

        def request_page() -> JsonObject:
            page_budget = Budget(budget.deadline)  # the limit of two requests is for each page, not for all pages
            try:
                return self._call_platform(store, page_budget, request)
            finally:
                budget.usage.add(page_budget.usage)

        try:
            return request_page()
        except OpenApiError as error:
            failure = error
        if failure.errCode not in REFUSED_PLATFORM_TOKENS:
            raise failure
        return request_page()

    def _refresh(self, appid: str, store: TokenStore, budget: Budget) -> None:
        def refresh(component: Component) -> None:
            AuthorizerClient(appid, component, session=store).fetch_access_token()

        self._call_platform(store, budget, refresh)

    def _call_platform(self, store: TokenStore, budget: Budget, call: Callable[[Component], T]) -> T:
        """Make a call as the platform. If WeChat refuses the platform's own token, delete it from the store."""
        platform = self._platform
        if platform is None:
            raise errors.misconfigured(NO_APPID, "component appid missing: set WECHAT_COMPONENT_APPID", shared=True)
        adapter = PoolAdapter(self._wechat, budget, once=(REFRESH_PATH,))
        store.claim(platform)
        used = store.get_text(COMPONENT_KEY)
        try:
            return self._secret.use(platform, budget, lambda secret: call(Component(platform, secret, store, adapter)))
        except OpenApiError as error:
            failure = error
        # The budget has too few requests left to fetch another token and repeat the call. The next call fetches one.
        if failure.errCode in REFUSED_PLATFORM_TOKENS and used is not None and store.get_text(COMPONENT_KEY) == used:
            store.delete(COMPONENT_KEY)
        raise failure


def _is_valid_appid(appid: object) -> TypeGuard[str]:
    """Whether an appid in WeChat's list obeys the rule for appids in arguments.

    Refuses `component`: an appid becomes part of a store key, and `wechatpy:component_access_token` holds the
    platform's own token.
    """
    if not isinstance(appid, str) or len(appid) > LONGEST_APPID:
        return False
    return re.fullmatch("[A-Za-z0-9_-]+", appid) is not None and appid != "component"
