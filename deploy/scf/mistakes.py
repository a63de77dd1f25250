"""Find mistakes in `scf.json` that would otherwise be ignored, or end in a traceback."""

from collections.abc import Iterator
from typing import Any

from tencentcloud.scf.v20180416 import models

from deploy.scf.api import Json


def find_mistakes(function: Json) -> Iterator[str]:
    """Yield what is wrong with the members of the function, its variables and its triggers."""
    known = _list_members(models.CreateFunctionRequest()) - {"Code"} | {"Triggers"}  # the command sends the zip as Code
    yield from _find_unknown_members(function, known)
    environment = function.get("Environment") or {}
    variables = environment.get("Variables") or [] if isinstance(environment, dict) else None
    if not isinstance(variables, list) or not all(map(_is_variable, variables)):
        yield 'Environment must be {"Variables": [{"Key": "NAME", "Value": "TEXT"}, ...]}'
    triggers = function.get("Triggers", [])
    if not isinstance(triggers, list) or not all(isinstance(trigger, dict) for trigger in triggers):
        yield "Triggers must be a list of objects"
        return
    for number, trigger in enumerate(triggers, 1):
        yield from (f"trigger {number}: {mistake}" for mistake in _find_in_trigger(trigger))


def _find_in_trigger(trigger: Json) -> Iterator[str]:
    yield from _find_unknown_members(trigger, _list_members(models.CreateTriggerRequest()))
    yield from (f"{key} must be a text in quotes" for key, value in trigger.items() if not isinstance(value, str))
    names = ("Type", "TriggerDesc") if trigger.get("Type") == "http" else ("Type", "TriggerName", "TriggerDesc")
    yield from (f"{name} is missing" for name in names if name not in trigger)


def _find_unknown_members(fields: Json, known: set[str]) -> Iterator[str]:
    yield from (f"{name} is not a member that this command sends to Tencent" for name in fields if name not in known)


def _list_members(model: Any) -> set[str]:
    return {name.removeprefix("_") for name in vars(model)}


def _is_variable(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in ("Key", "Value"))
