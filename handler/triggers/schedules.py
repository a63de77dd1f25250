"""Schedules that wrap the arguments: EventBridge's rules and SCF's timers."""

from collections.abc import Mapping
from typing import Any

from handler.contract import Arguments
from handler.exact_json import json_object
from handler.triggers.direct import Direct


class Schedule(Direct):
    """An EventBridge rule on a schedule; the arguments are in `detail`.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
    """

    name = "schedule"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether EventBridge sent the event."""
        return event.get("source") == "aws.events" and "detail-type" in event

    def arguments(self) -> Arguments:
        """Return the arguments in `detail`. Raises `OpenApiError` 40097."""
        return Arguments.parse(self.event.get("detail") or {})


class Timer(Direct):
    """An SCF timer; its `Message` holds the arguments if it is a JSON object, and is a note otherwise.

    https://cloud.tencent.com/document/product/583/9708
    """

    name = "timer"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether an SCF timer sent the event."""
        return event.get("Type") == "Timer"

    def arguments(self) -> Arguments:
        """Return the arguments in `Message`. Raises `OpenApiError` 40097."""
        return Arguments.parse(json_object(self.event.get("Message")) or {})
