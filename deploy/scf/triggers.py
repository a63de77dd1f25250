"""The triggers that `scf.json` states, against those that are deployed."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from deploy.scf.api import Json

LATEST = "$LATEST"


def differing(wanted: Iterable[Json], deployed: Iterable[Json]) -> Iterator[tuple[str, Json, list[str]]]:
    """Return "create" or "update", the request for it, and the members that differ, for each trigger to change."""
    found = {_identity(trigger): trigger for trigger in deployed}
    for trigger in wanted:
        old = found.get(_identity(trigger))
        if old is None:
            # Tencent names an http trigger: its name is the id in the URL.
            given = {key: value for key, value in trigger.items() if not (key == "TriggerName" and _is_http(trigger))}
            yield "create", given, []
        elif members := [key for key in trigger if key in _COMPARED and not _is_same(key, old, trigger)]:
            yield "update", trigger | {"TriggerName": old["TriggerName"]}, members


def label(trigger: Json) -> str:
    """Return what to call a trigger: a timer by its name, a function URL by the version or alias that it calls."""
    return f"http for {_qualifier(trigger)}" if _is_http(trigger) else str(trigger["TriggerName"])


def read_description(text: str) -> Json:
    """Return a TriggerDesc as an object. A timer's is the bare schedule in a request, and {"cron": ...} in a list."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"cron": text}


def covers(deployed: Any, wanted: Any) -> bool:
    """Whether the deployed value has all that is wanted; Tencent adds fields of its own."""
    if isinstance(wanted, dict) and isinstance(deployed, dict):
        return all(covers(deployed.get(key), value) for key, value in wanted.items())
    return bool(deployed == wanted)


_COMPARED = ("TriggerDesc", "Enable", "CustomArgument", "Description")


def _is_http(trigger: Json) -> bool:
    return bool(trigger["Type"] == "http")


def _qualifier(trigger: Json) -> str:
    return trigger.get("Qualifier") or LATEST


def _identity(trigger: Json) -> tuple[str, str, str]:
    """Return what makes a trigger the same one: a version or alias has one http trigger, and timers have names."""
    return trigger["Type"], _qualifier(trigger), "" if _is_http(trigger) else trigger["TriggerName"]


def _is_same(member: str, deployed: Json, wanted: Json) -> bool:
    old, new = deployed.get(member), wanted[member]
    if member == "TriggerDesc":
        return covers(read_description(old or ""), read_description(new))
    if member == "Enable":  # written as OPEN and CLOSE, read as 1 and 0
        return bool(old in ((1, "OPEN") if new == "OPEN" else (0, "CLOSE")))
    return bool((old or "") == new)
