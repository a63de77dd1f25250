"""Requests that are counted, made once more where that may help, and judged before anyone sees the answer."""

import time
from abc import ABC, abstractmethod

from handler import errors
from handler.errors import OpenApiError
from handler.exact_json import JsonObject
from handler.invocation import Invocation, Kind
from handler.network.exchange import Answer, Request, Server


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
