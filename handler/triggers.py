"""Which trigger an event comes from, and the arguments it carries."""

import json
from collections.abc import Mapping
from typing import Any

from handler.contract import Arguments, JsonObject


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
        return Arguments.parse(self._message())

    def _message(self) -> JsonObject:
        try:
            message = json.loads(self.event.get("Message"))
        except (TypeError, ValueError, RecursionError):
            return {}
        return message if isinstance(message, dict) else {}


def recognise(event: Any) -> Direct:
    """Return the trigger that the event comes from."""
    if isinstance(event, Mapping):
        for trigger in (Schedule, Timer):
            if trigger.recognises(event):
                return trigger(event)
    return Direct(event)
