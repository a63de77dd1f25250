"""The triggers whose events have the arguments in one field: `detail` (EventBridge) or `Message` (SCF's timers)."""

import re
from collections.abc import Mapping
from typing import Any

from handler.contract import CALLERS_KEYS, Arguments, has_argument, means_an_appid, refuse_look_alikes
from handler.errors import bad_arguments
from handler.exact_json import try_parse_object
from handler.triggers.direct import Direct


class EventBridge(Direct):
    """An EventBridge event from any source, with the arguments in `detail`.

    https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
    """

    name = "eventbridge"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether EventBridge sent the event."""
        return "detail-type" in event and "source" in event

    def parse_arguments(self) -> Arguments:
        """Return the arguments in `detail`, which is empty if a schedule sent the event.

        Raises `OpenApiError` 40097 if `detail` has content but no argument, because such an event reports something
        else, for example a new object in S3.
        """
        _refuse_arguments_beside(self.event, "detail")
        detail = self.event.get("detail")
        if isinstance(detail, Mapping) and not has_argument(detail) and detail.keys() - CALLERS_KEYS:
            refuse_look_alikes(detail, {})
            raise bad_arguments(
                f"this event of EventBridge ({str(self.event['source'])[:64]}) has no argument in its detail: put "
                "appid into the detail, or give the rule's target a constant input"
            )
        return Arguments.parse({} if detail is None else detail)


class Timer(Direct):
    """An event of an SCF timer. A JSON object in `Message` has the arguments. Any other text is ignored as a note.

    https://cloud.tencent.com/document/product/583/9708
    """

    name = "timer"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether an SCF timer sent the event."""
        return event.get("Type") == "Timer"

    def parse_arguments(self) -> Arguments:
        """Return the arguments in `Message`.

        Raises `OpenApiError` 40097 if `Message` looks like arguments but is not a JSON object.
        """
        _refuse_arguments_beside(self.event, "Message")
        message = self.event.get("Message")
        if not isinstance(message, str | None):
            return Arguments.parse(message)
        text = (message or "").strip("\ufeff \t\r\n")
        arguments = try_parse_object(text)
        if arguments is None and _is_meant_as_arguments(text):
            raise bad_arguments('the timer\'s Message is not a JSON object: write {"appid": "..."}')
        return Arguments.parse(arguments or {})


def _refuse_arguments_beside(event: Mapping[str, Any], field: str) -> None:
    """Raise `OpenApiError` 40097 if the event has an argument beside the field that should contain it."""
    if has_argument(event):
        raise bad_arguments(f"put the arguments into {field}, not beside it")


def _is_meant_as_arguments(text: str) -> bool:
    """Whether a note is probably meant as arguments.

    Such a note begins with a bracket, a quote, `appid` or an appid, or contains `appid=`. A quote may precede a
    bracket.
    """
    if text.lstrip("'\"`\u201c\u2018")[:1] in {"{", "["} or text[:1] in {'"', "'"} or means_an_appid(text):
        return True
    return bool(re.fullmatch("wx[0-9a-fA-F]+", text) or re.match("app_?ids?\\W", text, re.IGNORECASE))
