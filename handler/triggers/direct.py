"""Which trigger an event comes from: one class for each, which reads its arguments and shapes its reply."""

from collections.abc import Mapping
from typing import Any

from handler.contract import Arguments, JsonObject, OpenApiError, json_object, result
from handler.triggers import http as http_triggers


class Direct:
    """A direct invocation, Step Functions, EventBridge Scheduler: the event is the arguments, and null means none."""

    name = "direct"

    def __init__(self, event: Any) -> None:
        self.event = event

    @classmethod
    def recognises(cls, _event: Mapping[str, Any]) -> bool:
        """Whether the event comes from here: whatever no other trigger recognises."""
        return True

    def arguments(self) -> Arguments:
        """Return the event's arguments. Raises `OpenApiError` 40097."""
        return Arguments.parse({} if self.event is None else self.event)

    def correlation_id(self) -> str | None:
        """Return nothing: the platform's request id is all there is."""
        return None

    def succeed(self, body: JsonObject, arguments: Arguments) -> JsonObject:
        """Return the cloud call's result."""
        return result(body, convert_case=arguments.convert_case)

    def fail(self, error: OpenApiError, on_error: str) -> JsonObject:
        """Raise the error, without what led to it; where `ON_ERROR=return`, return its object."""
        if on_error == "return":
            return error.to_dict()
        raise error.with_traceback(None) from None


class Schedule(Direct):
    """An EventBridge rule on a schedule; the arguments are in `detail`."""

    name = "schedule"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether EventBridge sent the event."""
        return event.get("source") == "aws.events" and "detail-type" in event

    def arguments(self) -> Arguments:
        """Return the arguments in `detail`. Raises `OpenApiError` 40097."""
        return Arguments.parse(self.event.get("detail") or {})


class Timer(Direct):
    """An SCF timer; its `Message` holds the arguments if it is a JSON object, and is a note otherwise."""

    name = "timer"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether an SCF timer sent the event."""
        return event.get("Type") == "Timer"

    def arguments(self) -> Arguments:
        """Return the arguments in `Message`. Raises `OpenApiError` 40097."""
        return Arguments.parse(json_object(self.event.get("Message")) or {})


Trigger = Direct | http_triggers.HttpTrigger

_TRIGGERS: tuple[type[Trigger], ...] = (
    Schedule,
    Timer,
    http_triggers.LoadBalancer,
    http_triggers.HttpApi,
    http_triggers.Scf,
    http_triggers.RestApi,
)


def recognise(event: Any) -> Trigger:
    """Return the trigger that the event comes from."""
    if isinstance(event, Mapping):
        for trigger in _TRIGGERS:
            if trigger.recognises(event):
                return trigger(event)
    return Direct(event)
