"""The client of WeChat's API. It returns the body of a success, and raises `OpenApiError` for any other answer."""

import contextlib
import json
from urllib.parse import unquote, urlsplit

from handler import errors, exact_json
from handler.exact_json import JsonObject
from handler.invocation import Budget
from handler.network.api import Api
from handler.network.exchange import HttpRequest, HttpResponse
from handler.wechat import errcode

_LONGEST_REPLY = 6_000_000  # bytes that Lambda and SCF accept
_SURELY_FITS = _LONGEST_REPLY // 7 - 1000  # an HTTP reply has JSON within JSON, where a control character takes 7 bytes


class WeChat(Api):
    """WeChat's API at `base_url`."""

    def __init__(self, base_url: str, timeout_seconds: float) -> None:
        super().__init__(base_url, "WeChat", timeout_seconds)

    def request_plan(self, target: str, budget: Budget) -> JsonObject:
        """Request a plan. `target` is the path with a query that contains the token. Raises `OpenApiError`."""
        return self.exchange("plan", HttpRequest("GET", target), budget)

    def judge(self, response: HttpResponse, request: HttpRequest) -> JsonObject:
        """Return the body of a success: a JSON object whose errcode is missing or means success.

        Raises `OpenApiError` for any other answer.
        """
        is_success = 200 <= response.status < 300
        body = None
        if is_success or 400 <= response.status < 500:
            with contextlib.suppress(ValueError):
                body = exact_json.parse_object(response.content)
        if body is not None:
            errcode.check(body, lambda: _list_secrets(request))
        if not is_success:
            transient = response.status >= 500 and request.repeatable
            raise errors.unavailable(f"WeChat answered HTTP {response.status}", transient=transient)
        if body is None:
            raise errors.unavailable("WeChat's answer is not a JSON object")
        if len(response.content) > _SURELY_FITS and len(json.dumps(json.dumps(body))) > _LONGEST_REPLY:
            raise errors.unavailable("WeChat's answer is too long for a reply on Lambda or SCF")
        return body


def _list_secrets(request: HttpRequest) -> list[str]:
    """Return the values in a request's query and JSON body, except appids and grant types."""
    fields = [field.partition("=")[::2] for field in urlsplit(request.target).query.split("&")]
    fields = [(name, unquote(value)) for name, value in fields]
    fields += [(name, str(value)) for name, value in json.loads(request.body or b"{}").items()]
    return [value for name, value in fields if len(value) >= 8 and not name.endswith(("appid", "_type"))]
