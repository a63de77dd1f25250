"""The base of an API: requests are counted, made once more where that may help, and judged before anyone sees them."""

from abc import ABC, abstractmethod
from typing import Any

from handler import errors
from handler.errors import OpenApiError
from handler.invocation import Budget, Kind
from handler.network.connection import StaleConnectionError
from handler.network.exchange import HttpClient, HttpRequest, HttpResponse


class Api(ABC):
    """The API of a server that errors call `name`; its exchanges last at most `timeout_seconds` each.

    Making it raises `OpenApiError` -1 when the certificate authorities cannot be read.
    """

    def __init__(self, base_url: str, name: str, timeout_seconds: float) -> None:
        self._name = name
        self._client = HttpClient(base_url, name)
        self._timeout_seconds = timeout_seconds

    @abstractmethod
    def judge(self, response: HttpResponse, request: HttpRequest) -> dict[str, Any]:
        """Return a success's body. Raises `OpenApiError`."""

    def exchange(self, kind: Kind, request: HttpRequest, budget: Budget) -> dict[str, Any]:
        """Make a request, and once more after a passing fault if the budget allows; return a success's body.

        A request that a dead connection lost is made again on a new one, and does not count if that one is answered.
        Raises `OpenApiError`: the server's own code, or -1 when there was no usable answer.
        """
        was_lost = False
        while True:
            seconds = budget.deadline.limit(self._timeout_seconds)
            if not (was_lost or budget.allows(kind)):
                raise errors.unavailable(f"no {kind} request left in this invocation")
            try:
                response = budget.spend(kind, lambda: self._client.send(request, seconds))  # noqa: B023 - called at once
                if was_lost:
                    budget.return_lost(kind)
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
