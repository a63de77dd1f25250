"""What `scf.json`, the environment and the zip ask for, against what is deployed."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from deploy.scf import variables
from deploy.scf.api import Json, Scf, reason

# What UpdateFunctionConfiguration changes; the rest of scf.json is settled when the function is created.
UPDATABLE = ("Description", "MemorySize", "Timeout", "InitTimeout", "Runtime", "PublicNetConfig")
# After these Tencent takes no update any more: the function has to be deleted and created again.
BROKEN = ("CreateFailed", "DeleteFailed")


class Deployment:
    """The way from the function that is deployed to the one that is wanted."""

    def __init__(self, scf: Scf, wanted: Json, code: bytes, environ: Mapping[str, str]) -> None:
        self._scf = scf
        self._triggers: list[Json] = wanted.pop("Triggers", [])
        self._code = {"ZipFile": base64.b64encode(code).decode()}
        self._deployed = scf.function()
        self._status = self._deployed.get("Status")
        # SCF does not tell what code it runs; the description does.
        wanted["Description"] += f" [code {hashlib.sha256(code).hexdigest()[:16]}]"
        self._old = variables.of_function(self._deployed)
        self._variables = variables.wanted(variables.of_function(wanted), environ, self._old)
        wanted["Environment"] = {
            "Variables": [{"Key": name, "Value": value} for name, value in sorted(self._variables.items())]
        }
        self._wanted = wanted

    def changes(self) -> list[str]:
        """Say what `apply` will change, a line each."""
        name = f"{self._wanted['FunctionName']} in {self._wanted.get('Namespace', 'default')}"
        if self._must_create():
            lines = [f"delete {name}, which is {self._status}: {reason(self._deployed)}"] if self._deployed else []
            lines += [f"create {name}", *(f"create trigger {trigger['TriggerName']}" for trigger in self._triggers)]
            return [*lines, *variables.changes({}, self._variables)]
        lines = [f"repair {name}, which is {self._status}: {reason(self._deployed)}"] if self._is_half_updated() else []
        lines += [
            f"change {key}: {_text(self._deployed.get(key))} -> {_text(self._wanted[key])}" for key in self._differing()
        ]
        lines += variables.changes(self._old, self._variables)
        return lines + [f"{verb} trigger {trigger['TriggerName']}" for verb, trigger in self._differing_triggers()]

    def warnings(self) -> list[str]:
        """Say what will not work as it is."""
        return list(variables.warnings(self._variables))

    def apply(self) -> None:
        """Make the changes, each after the one before is done."""
        if self._must_create():
            if self._deployed:
                print("deleting the function")
                self._scf.change("DeleteFunction")
            print("creating the function")
            self._scf.change("CreateFunction", **self._wanted, Code=self._code)
        else:
            self._update()
        for verb, trigger in self._differing_triggers():
            print(f"{verb[:-1]}ing trigger {trigger['TriggerName']}")
            self._scf("CreateTrigger" if verb == "create" else "UpdateTrigger", **trigger)

    def urls(self) -> list[str]:
        """Return the public addresses of the function."""
        descriptions = [_json(trigger["TriggerDesc"]) for trigger in self._deployed_triggers().values()]
        return [url for text in descriptions if (url := text.get("NetConfig", {}).get("ExtranetUrl"))]

    def _update(self) -> None:
        """Update code and configuration where they differ, and both where the last update failed."""
        repair = self._is_half_updated()
        if repair or self._deployed["Description"] != self._wanted["Description"]:
            print("updating the code")
            self._scf.change("UpdateFunctionCode", Handler=self._wanted["Handler"], Code=self._code)
        if repair or self._differing() or self._old != self._variables:
            print("updating the configuration")
            changed = {key: self._wanted[key] for key in (*UPDATABLE, "Environment")}
            self._scf.change("UpdateFunctionConfiguration", **changed)

    def _must_create(self) -> bool:
        return not self._deployed or self._status in BROKEN

    def _is_half_updated(self) -> bool:
        return self._status == "UpdateFailed"

    def _differing(self) -> list[str]:
        return [key for key in UPDATABLE if not _covers(self._deployed.get(key), self._wanted.get(key))]

    def _deployed_triggers(self) -> dict[str, Json]:
        listed = self._scf("ListTriggers", Limit=100).get("Triggers") or []
        return {trigger["TriggerName"]: trigger for trigger in listed}

    def _differing_triggers(self) -> list[tuple[str, Json]]:
        deployed = self._deployed_triggers()
        return [
            ("update" if (old := deployed.get(trigger["TriggerName"])) else "create", trigger)
            for trigger in self._triggers
            if not (old := deployed.get(trigger["TriggerName"])) or not _same_trigger(old, trigger)
        ]


def _covers(deployed: Any, wanted: Any) -> bool:
    """Whether the deployed value has all that is wanted; Tencent adds fields of its own."""
    if isinstance(wanted, dict) and isinstance(deployed, dict):
        return all(_covers(deployed.get(key), value) for key, value in wanted.items())
    return bool(deployed == wanted)


def _same_trigger(deployed: Json, wanted: Json) -> bool:
    description = _json(deployed["TriggerDesc"])
    same = _covers(description, _json(wanted["TriggerDesc"])) or description.get("cron") == wanted["TriggerDesc"]
    # Written as OPEN and CLOSE, read as 1 and 0.
    return same and deployed["Enable"] in {"OPEN": (1, "OPEN"), "CLOSE": (0, "CLOSE")}[wanted["Enable"]]


def _json(text: str) -> Json:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"cron": text}


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
