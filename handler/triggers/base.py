"""The base class of all triggers. A trigger recognises an event, parses its arguments and creates the reply."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from handler.contract import Arguments
from handler.errors import OpenApiError
from handler.exact_json import JsonObject


class Trigger(ABC):
    """A kind of trigger. An instance holds one event."""

    name: ClassVar[str]

    def __init__(self, event: Any) -> None:
        self.event = event

    @classmethod
    @abstractmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether a trigger of this kind sent the event."""

    @abstractmethod
    def parse_arguments(self) -> Arguments:
        """Return the arguments in the event. Raises `OpenApiError`."""

    def find_correlation_id(self) -> str | None:
        """Return the id that the caller or a gateway gave to this request, if any. The log line contains it."""
        return None

    @abstractmethod
    def succeed(self, body: JsonObject, arguments: Arguments) -> JsonObject:
        """Return the reply to a successful call, with the plan from WeChat's body."""

    @abstractmethod
    def reply(self, value: JsonObject) -> JsonObject:
        """Return the reply with the results of many mini programs."""

    @abstractmethod
    def fail(self, error: OpenApiError, on_error: str) -> JsonObject:
        """Raise the error, or return it as the reply."""
