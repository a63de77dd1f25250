"""Requests that are counted, made once more where that may help, and judged before anyone sees the answer."""

import contextlib
import json
import time
from abc import ABC, abstractmethod
from urllib.parse import unquote, urlsplit

from handler import errors, exact_json
from handler.errors import OpenApiError
from handler.exact_json import JsonObject
from handler.invocation import Invocation, Kind
from handler.wechat import errcode
from handler.wechat.exchange import Answer, Request, Server


class Api(ABC):
    """The API of a server that errors call `name`; its exchanges last at most `timeout_seconds` each."""

    def __init__(self, base_url: str, name: str, timeout_seconds: float) -> None:
        self._server = Server(base_url, name)
        self._timeout_seconds = timeout_seconds

    @abstractmethod
    def judge(self, answer: Answer, request: Request) -> JsonObject:
        """Return a success's body. Raises `OpenApiError`."""

    def exchange(self, kind: Kind, request: Request, invocation: Invocation) -> JsonObject:
        """Make a request, and once more after a passing fault if the invocation allows; return a success's body.

        Raises `OpenApiError`: the server's own code, or -1 when there was no usable answer.
        """
        while True:
            try:
                return self._exchange_once(kind, request, invocation)
            except OpenApiError as error:
                if not (error.transient and invocation.allows(kind) and invocation.pause()):
                    raise

    def _exchange_once(self, kind: Kind, request: Request, invocation: Invocation) -> JsonObject:
        seconds = invocation.deadline.timeout(self._timeout_seconds)
        if not invocation.allows(kind):
            raise errors.unavailable(f"no {kind} request left in this invocation")
        before = invocation.requests[kind]
        started = time.monotonic()
        try:
            answer = self._server.exchange(request, seconds, lambda: invocation.count(kind))
        finally:
            invocation.upstream_seconds.append(time.monotonic() - started)
        # What an idle connection had lost is no request that WeChat answered.
        invocation.lost[kind] += invocation.requests[kind] - before - 1
        return self.judge(answer, request)


class WeChat(Api):
    """WeChat's API at `base_url`."""

    def __init__(self, base_url: str, timeout_seconds: float) -> None:
        super().__init__(base_url, "WeChat", timeout_seconds)

    def judge(self, answer: Answer, request: Request) -> JsonObject:
        """Return the body: a JSON object whose errcode, if any, states success. Raises `OpenApiError`."""
        is_success = 200 <= answer.status < 300
        body = None
        if is_success or 400 <= answer.status < 500:
            with contextlib.suppress(ValueError):
                body = exact_json.parse_object(answer.content)
        if body is not None:
            errcode.check(body, lambda: _secrets(request))
        if not is_success:
            transient = answer.status >= 500 and request.repeatable
            raise errors.unavailable(f"WeChat answered HTTP {answer.status}", transient=transient)
        if body is None:
            raise errors.unavailable("WeChat's answer is not a JSON object")
        return body


def _secrets(request: Request) -> list[str]:
    """Return the values that a request sends in its query and its JSON body, but for appids and the like."""
    fields = [field.partition("=")[::2] for field in urlsplit(request.target).query.split("&")]
    fields = [(name, unquote(value)) for name, value in fields]
    fields += [(name, str(value)) for name, value in json.loads(request.body or b"{}").items()]
    return [value for name, value in fields if len(value) >= 8 and not name.endswith(("appid", "_type"))]
