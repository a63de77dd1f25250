"""Source `store` with an http(s) URL: requests tokens from a token server with GET.

Known answers: `{"code":0,"data":{"token":"..."}}` (Tencent's wxcloudrun-wxcomponent), `{"access_token","expires_in"}`,
`{"token"}`, and a token as plain text. Servers use different values of `code` for success (0, 1, 200). Therefore an
answer with a token under a known name is a success. The code is checked only if the answer has no such token.
"""

import re
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from handler import errors, exact_json
from handler.errors import NO_TOKEN
from handler.exact_json import JsonObject
from handler.invocation import Budget
from handler.network.api import Api
from handler.network.exchange import HttpRequest, HttpResponse
from handler.settings import Settings
from handler.tokens import stored_value
from handler.tokens.base import Token, extract_lifetime
from handler.tokens.cached import CachedTokens
from handler.tokens.placeholders import fill


class TokenServer(CachedTokens):
    """The tokens of a token server. A token with `expires_in` is cached; any other token is requested for each plan."""

    name = "store"

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock)
        self._settings = settings
        url, header = settings.wechat_token_store_url, settings.wechat_token_store_header
        parts = urlsplit(url.get_secret_value() if url else "")
        self._target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        self.knows_one = "{appid}" not in self._target
        name, _, value = header.get_secret_value().partition(":") if header else ("", "", "")
        self._headers = {"Accept": "application/json, text/plain"} | ({name: value.strip()} if name else {})
        self._api = _Api(f"{parts.scheme}://{parts.netloc}", "the token server", settings.wechat_timeout_seconds)

    def replace(self, appid: str, failed: Token, budget: Budget) -> Token | None:
        """Request the token again. Returns `None` if the server still has the same token."""
        token = super().replace(appid, failed, budget)
        return None if token is None or token.value == failed.value else token

    def fetch_token(self, appid: str, budget: Budget) -> Token:
        """Request the token. Raises `OpenApiError` 41001 if the answer has none, and -1 if there is no answer."""
        target = fill("WECHAT_TOKEN_STORE_URL", self._target, appid, self._settings)
        answer = self._api.exchange("token", HttpRequest("GET", target, None, self._headers), budget)
        seconds = answer["expires_in"]
        return Token(answer["token"], self._clock() + seconds) if seconds else Token(answer["token"])


class _Api(Api):
    """The client of a token server."""

    def judge(self, response: HttpResponse, _request: HttpRequest) -> JsonObject:
        """Return a dict with `token` and `expires_in`.

        Raises `OpenApiError` 41001 if the answer has no token, and -1 for an HTTP error.
        """
        if not 200 <= response.status < 300:
            raise errors.unavailable(
                f"the token server answered HTTP {response.status}", transient=response.status >= 500
            )
        body = exact_json.try_parse_object(response.content) or {}
        places = stored_value.list_places(body)
        if not any(place.get(name) for place in places for name in stored_value.NAMES):
            _check_codes(body)
        token = stored_value.read_token(response.content, "the token server's answer")
        return {"token": token, "expires_in": min(filter(None, map(extract_lifetime, places)), default=0)}


def _check_codes(answer: JsonObject) -> None:
    """Raise `OpenApiError` 41001 if the answer's `code` or `errcode` states a failure."""
    for name in ("code", "errcode"):
        if (code := answer.get(name)) and str(code) not in ("0", "200"):
            # Show only a number, because any other value may contain a secret.
            shown = code if re.fullmatch("-?[0-9]{1,9}", str(code)) else "is not a number"
            raise errors.misconfigured(NO_TOKEN, f"the token server refused: {name} {shown}")
