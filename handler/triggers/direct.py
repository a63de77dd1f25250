"""The trigger of events that consist of the arguments: direct invocations, Step Functions, EventBridge Scheduler."""

from collections.abc import Mapping
from typing import Any

from handler.contract import Arguments, create_result
from handler.errors import OpenApiError
from handler.exact_json import JsonObject
from handler.triggers.base import Trigger


class Direct(Trigger):
    """An event that consists of the arguments. A null event has no arguments."""

    name = "direct"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:  # noqa: ARG003 - the event does not matter
        """Return True, because this trigger is the last in `TRIGGERS` and no other has recognised the event."""
        return True

    def parse_arguments(self) -> Arguments:
        """Return the event's arguments. Raises `OpenApiError` 40097 or 41002."""
        return Arguments.parse({} if self.event is None else self.event)

    def succeed(self, body: JsonObject, arguments: Arguments) -> JsonObject:
        """Return the cloud call's result."""
        return create_result(body, convert_case=arguments.convert_case)

    def reply(self, value: JsonObject) -> JsonObject:
        """Return the results of many mini programs."""
        return value

    def fail(self, error: OpenApiError, on_error: str) -> JsonObject:
        """Raise the error, or return it as an object if `ON_ERROR=return`."""
        if on_error == "return":
            return error.to_dict()
        raise error from None
