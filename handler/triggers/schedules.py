"""Events that wrap the arguments: EventBridge's, of a schedule or of a bus, and those of SCF's timers."""

import re
from collections.abc import Mapping
from typing import Any

from handler.contract import CALLERS_KEYS, Arguments, has_argument, refuse_look_alikes
from handler.errors import bad_arguments
from handler.exact_json import try_parse_object
from handler.triggers.direct import Direct


class EventBridge(Direct):
    """An event of EventBridge, of whatever source; the arguments are in `detail`.

    https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
    """

    name = "eventbridge"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether EventBridge sent the event."""
        return "detail-type" in event and "source" in event

    def parse_arguments(self) -> Arguments:
        """Return the arguments in `detail`, which is empty in an event of a schedule.

        A `detail` without any argument tells of something else, such as an object in S3. Raises `OpenApiError` 40097.
        """
        detail = self.event.get("detail")
        if isinstance(detail, Mapping) and not has_argument(detail) and detail.keys() - CALLERS_KEYS:
            refuse_look_alikes(detail, {})
            raise bad_arguments(
                f"this event of EventBridge ({str(self.event['source'])[:64]}) has no argument in its detail: put "
                "appid there, or give the rule's target a constant input"
            )
        return Arguments.parse({} if detail is None else detail)


class Timer(Direct):
    """An SCF timer; its `Message` holds the arguments if it is a JSON object, and is a note otherwise.

    https://cloud.tencent.com/document/product/583/9708
    """

    name = "timer"

    @classmethod
    def recognises(cls, event: Mapping[str, Any]) -> bool:
        """Whether an SCF timer sent the event."""
        return event.get("Type") == "Timer"

    def parse_arguments(self) -> Arguments:
        """Return the arguments in `Message`. Raises `OpenApiError` 40097 for a message that was meant as arguments."""
        message = self.event.get("Message")
        if isinstance(message, Mapping):
            return Arguments.parse(message)
        text = message.strip("\ufeff \t\r\n") if isinstance(message, str) else ""
        arguments = try_parse_object(text)
        if arguments is None and _is_meant_as_arguments(text):
            raise bad_arguments('the timer\'s Message is not a JSON object: write {"appid": "..."}')
        return Arguments.parse(arguments or {})


def _is_meant_as_arguments(text: str) -> bool:
    """Whether a text begins like JSON (also with a shell's quote before it), is one appid, or begins with `appid`."""
    return text.lstrip("'\"`\u201c\u2018")[:1] in {"{", "["} or bool(
        text[:1] in {'"', "'"} or re.fullmatch("wx[0-9a-fA-F]+", text) or re.match("app_?ids?\\W", text, re.IGNORECASE)
    )
