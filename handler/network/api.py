"""The base class of HTTP API clients. It counts requests, retries transient failures and checks answers."""

from abc import ABC, abstractmethod
from typing import Any

from handler import errors
from handler.errors import OpenApiError
from handler.invocation import Budget, Kind
from handler.network.connection import StaleConnectionError
from handler.network.exchange import HttpClient, HttpRequest, HttpResponse


class Api(ABC):
    """The client of one server's API. Error messages call the server `name`; `timeout_seconds` limits each exchange.

    The constructor raises `OpenApiError` -1 if the certificate authorities cannot be read.
    """

    def __init__(self, base_url: str, name: str, timeout_seconds: float) -> None:
        self._name = name
        self._client = HttpClient(base_url, name)
        self._timeout_seconds = timeout_seconds

    @abstractmethod
    def judge(self, response: HttpResponse, request: HttpRequest) -> dict[str, Any]:
        """Return the body of a successful answer. Raises `OpenApiError` for any other answer."""

    def exchange(self, kind: Kind, request: HttpRequest, budget: Budget) -> dict[str, Any]:
        """Make a request and return the body of a successful answer.

        Retries once after a transient failure if `budget` allows it. If a dead connection loses the request, sends it
        again on a new connection; if the server then answers, the two count as one request. Raises `OpenApiError` with
        the server's code, or -1 if there was no usable answer.
        """
        was_lost = False
        while True:
            seconds = budget.deadline.limit(self._timeout_seconds)
            if not (was_lost or budget.allows(kind)):
                raise errors.unavailable(f"no {kind} request left in this invocation")
            try:
                response = budget.spend(kind, lambda: self._client.send(request, seconds))  # noqa: B023 - the lambda runs at once
                if was_lost:
                    budget.exclude_lost(kind)
                return self.judge(response, request)
            except StaleConnectionError:
                if not was_lost:
                    was_lost = True
                    continue
                failure = errors.unavailable(f"no answer from {self._name} (two dead connections)", transient=True)
            except OpenApiError as error:
                failure = error
            if not (failure.transient and budget.allows(kind) and budget.pause()):
                raise failure
            was_lost = False
