"""Compare the triggers in `scf.json` with the deployed ones."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from deploy.scf.api import Json

LATEST = "$LATEST"


def compare_triggers(wanted: Iterable[Json], deployed: Iterable[Json]) -> Iterator[tuple[str, Json, list[str]]]:
    """Yield "create" or "update", the request, and the members that differ, for each trigger that needs a change."""
    found = {_identity(trigger): trigger for trigger in deployed}
    for trigger in wanted:
        old = found.get(_identity(trigger))
        if old is None:
            # Tencent chooses the name of an http trigger (the id in its URL), so the request must not contain one.
            request = {key: value for key, value in trigger.items() if not (key == "TriggerName" and _is_http(trigger))}
            yield "create", request, []
        elif members := [key for key in trigger if key in _COMPARED_MEMBERS and not _is_same(key, old, trigger)]:
            yield "update", trigger | {"TriggerName": old["TriggerName"]}, members


def name_trigger(trigger: Json) -> str:
    """Return a timer's name, or the version or alias that a function URL calls."""
    return f"http for {_qualifier(trigger)}" if _is_http(trigger) else str(trigger["TriggerName"])


def read_description(text: str) -> Json:
    """Return a TriggerDesc as an object.

    A request holds a timer's schedule as plain text; Tencent's list of triggers holds it as {"cron": ...}.
    """
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"cron": text}


def covers(deployed: Any, wanted: Any) -> bool:
    """Whether the deployed value has every wanted field. It may have more, because Tencent adds fields."""
    if isinstance(wanted, dict) and isinstance(deployed, dict):
        return all(covers(deployed.get(key), value) for key, value in wanted.items())
    return bool(deployed == wanted)


_COMPARED_MEMBERS = ("TriggerDesc", "Enable", "CustomArgument", "Description")


def _is_http(trigger: Json) -> bool:
    return bool(trigger["Type"] == "http")


def _qualifier(trigger: Json) -> str:
    return trigger.get("Qualifier") or LATEST


def _identity(trigger: Json) -> tuple[str, str, str]:
    """Return a trigger's key. A timer has a name. A version or alias has at most one http trigger."""
    return trigger["Type"], _qualifier(trigger), "" if _is_http(trigger) else trigger["TriggerName"]


def _is_same(member: str, deployed: Json, wanted: Json) -> bool:
    old, new = deployed.get(member), wanted[member]
    if member == "TriggerDesc":
        return covers(read_description(old or ""), read_description(new))
    if member == "Enable":  # requests say OPEN or CLOSE, responses 1 or 0
        return bool(old in ((1, "OPEN") if new == "OPEN" else (0, "CLOSE")))
    return bool((old or "") == new)
