"""Events that are the arguments themselves: direct invocations, Step Functions, EventBridge Scheduler."""

from collections.abc import Mapping
from typing import Any

from handler.contract import Arguments, create_result
from handler.errors import OpenApiError
from handler.exact_json import JsonObject
from handler.triggers.base import Trigger


class Direct(Trigger):
    """An event that consists of the arguments; null means that there are none."""

    name = "direct"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:  # noqa: ARG003 - it is the last in TRIGGERS
        """Return True: an event that no other trigger recognised can only be a direct one."""
        return True

    def parse_arguments(self) -> Arguments:
        """Return the event's arguments. Raises `OpenApiError` 40097 or 41002."""
        return Arguments.parse({} if self.event is None else self.event)

    def succeed(self, body: JsonObject, arguments: Arguments) -> JsonObject:
        """Return the cloud call's result."""
        return create_result(body, convert_case=arguments.convert_case)

    def reply(self, value: JsonObject) -> JsonObject:
        """Return the answer for many mini programs."""
        return value

    def fail(self, error: OpenApiError, on_error: str) -> JsonObject:
        """Raise the error, or return it as an object if `ON_ERROR=return`."""
        if on_error == "return":
            return error.to_dict()
        raise error from None
