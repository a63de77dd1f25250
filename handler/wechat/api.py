"""WeChat's API: its answers are judged before anyone sees them."""

import contextlib
import json
from urllib.parse import unquote, urlsplit

from handler import errors, exact_json
from handler.exact_json import JsonObject
from handler.invocation import Budget
from handler.network.api import Api
from handler.network.exchange import HttpRequest, HttpResponse
from handler.wechat import errcode

# Lambda and SCF carry a reply of 6 MB. A raw control character becomes 7 bytes in the JSON of an HTTP reply's body, and
# 6 in a direct one.
_LONGEST_REPLY = 6_000_000
_SURELY_FITS = _LONGEST_REPLY // 7 - 1000


class WeChat(Api):
    """WeChat's API at `base_url`."""

    def __init__(self, base_url: str, timeout_seconds: float) -> None:
        super().__init__(base_url, "WeChat", timeout_seconds)

    def request_plan(self, target: str, budget: Budget) -> JsonObject:
        """Request a plan at a path with its query, which holds the token. Raises `OpenApiError`."""
        return self.exchange("plan", HttpRequest("GET", target), budget)

    def judge(self, response: HttpResponse, request: HttpRequest) -> JsonObject:
        """Return the body: a JSON object whose errcode, if any, states success. Raises `OpenApiError`."""
        is_success = 200 <= response.status < 300
        body = None
        if is_success or 400 <= response.status < 500:
            with contextlib.suppress(ValueError):
                body = exact_json.parse_object(response.content)
        if body is not None:
            errcode.check(body, lambda: _secrets(request))
        if not is_success:
            transient = response.status >= 500 and request.repeatable
            raise errors.unavailable(f"WeChat answered HTTP {response.status}", transient=transient)
        if body is None:
            raise errors.unavailable("WeChat's answer is not a JSON object")
        if len(response.content) > _SURELY_FITS and len(json.dumps(json.dumps(body))) > _LONGEST_REPLY:
            raise errors.unavailable("WeChat's answer is too long to be passed on")
        return body


def _secrets(request: HttpRequest) -> list[str]:
    """Return the values that a request sends in its query and its JSON body, but for appids and the like."""
    fields = [field.partition("=")[::2] for field in urlsplit(request.target).query.split("&")]
    fields = [(name, unquote(value)) for name, value in fields]
    fields += [(name, str(value)) for name, value in json.loads(request.body or b"{}").items()]
    return [value for name, value in fields if len(value) >= 8 and not name.endswith(("appid", "_type"))]
