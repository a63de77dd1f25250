"""A direct invocation, Step Functions, EventBridge Scheduler: the event is the arguments."""

from collections.abc import Mapping
from typing import Any

from handler.contract import Arguments, create_result
from handler.errors import OpenApiError
from handler.exact_json import JsonObject
from handler.triggers.base import Trigger


class Direct(Trigger):
    """An event that is the arguments itself; null means none."""

    name = "direct"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:  # noqa: ARG003 - the last of the triggers takes every event
        """Whether the event is the arguments: yes, because this trigger is asked last."""
        return True

    def parse_arguments(self) -> Arguments:
        """Return the event's arguments. Raises `OpenApiError` 40097 or 41002."""
        return Arguments.parse({} if self.event is None else self.event)

    def succeed(self, body: JsonObject, arguments: Arguments) -> JsonObject:
        """Return the cloud call's result."""
        return create_result(body, convert_case=arguments.convert_case)

    def reply(self, value: JsonObject) -> JsonObject:
        """Return the answer to many questions."""
        return value

    def fail(self, error: OpenApiError, on_error: str) -> JsonObject:
        """Raise the error; where `ON_ERROR=return`, return its object."""
        if on_error == "return":
            return error.to_dict()
        raise error from None
