"""What `scf.json`, the environment and the zip ask for, against what is deployed."""

import json
import re
from collections.abc import Mapping
from typing import Any

from deploy import DeployError
from deploy.scf import triggers, variables
from deploy.scf.api import Json, Scf, reason
from deploy.scf.code import Code
from deploy.scf.triggers import covers

# What an update changes, where scf.json states it.
UPDATABLE = ("Description", "MemorySize", "Timeout", "InitTimeout", "PublicNetConfig", "VpcConfig", "Role")
# What only a creation takes. Tencent's defaults are what a request means that leaves them out.
SETTLED = {"Runtime": "Python2.7", "Type": "Event"}
# After these Tencent takes no update any more: the function has to be deleted and created again.
BROKEN = ("CreateFailed", "DeleteFailed")
# As the models of UpdateFunctionConfiguration state it.
DESCRIPTION = re.compile(r"[A-Za-z0-9 ,.\u4e00-\u9fff]{,1000}")


class Deployment:
    """The way from the function that is deployed to the one that is wanted."""

    def __init__(self, scf: Scf, wanted: Json, code: bytes, environ: Mapping[str, str], *, anew: bool = False) -> None:
        """Read what is deployed. Raises `DeployError` for what Tencent would refuse.

        With `anew`, an existing function is deleted and created again.
        """
        self._scf = scf
        self._triggers: list[Json] = wanted.pop("Triggers", [])
        self._code = Code(code, wanted.get("Runtime", SETTLED["Runtime"]))
        # SCF does not tell which code it runs, and an update takes no tags: the description holds the code's hash.
        wanted["Description"] = f"{wanted.get('Description', '')} Code {self._code.hash}.".strip()
        if not DESCRIPTION.fullmatch(wanted["Description"]):
            raise DeployError(
                "Description in scf.json: Tencent takes 1000 letters, digits, blanks, commas, full stops and Chinese"
                " characters"
            )
        self._deployed = scf.function()
        self._status = self._deployed.get("Status")
        self._anew = anew
        if not self._must_create():
            _refuse_settled(self._deployed, wanted)
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
            lines = [f"delete {name}, {self._why_delete()}"] if self._deployed else []
            lines += [f"create {name}", *(f"create trigger {triggers.label(trigger)}" for trigger in self._triggers)]
            return [*lines, *variables.changes({}, self._variables)]
        lines = [f"repair {name}, which is {self._status}: {reason(self._deployed)}"] if self._is_half_updated() else []
        if self._differs("Handler"):
            lines.append(self._change("Handler"))
        lines += map(self._change, self._differing())
        lines += variables.changes(self._old, self._variables)
        return lines + [
            f"{verb} trigger {triggers.label(trigger)}{': ' if members else ''}{', '.join(members)}"
            for verb, trigger, members in self._differing_triggers()
        ]

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
            self._scf.change("CreateFunction", **self._wanted, Code=self._code.request)
        else:
            self._update()
        for verb, trigger, _ in self._differing_triggers():
            print(f"{verb[:-1]}ing trigger {triggers.label(trigger)}")
            self._scf("CreateTrigger" if verb == "create" else "UpdateTrigger", **trigger)

    def urls(self) -> list[str]:
        """Return the public addresses of the function."""
        descriptions = [triggers.read_description(trigger["TriggerDesc"]) for trigger in self._deployed_triggers()]
        return [url for text in descriptions if (url := (text.get("NetConfig") or {}).get("ExtranetUrl"))]

    def _update(self) -> None:
        """Update code and configuration where they differ, and both where the last update failed."""
        repair = self._is_half_updated()
        if repair or self._differs("Description") or self._differs("Handler"):
            print("updating the code")
            self._scf.change("UpdateFunctionCode", Handler=self._wanted["Handler"], Code=self._code.request)
        if repair or self._differing() or self._old != self._variables:
            print("updating the configuration")
            changed = {key: self._wanted[key] for key in (*UPDATABLE, "Environment") if key in self._wanted}
            self._scf.change("UpdateFunctionConfiguration", **changed)

    def _must_create(self) -> bool:
        return not self._deployed or self._anew or self._status in BROKEN

    def _why_delete(self) -> str:
        if self._status in BROKEN:
            return f"which is {self._status}: {reason(self._deployed)}"
        return "with its triggers and its address: the new one gets others"

    def _is_half_updated(self) -> bool:
        return self._status == "UpdateFailed"

    def _change(self, key: str) -> str:
        return f"change {key}: {_text(self._deployed.get(key))} -> {_text(self._wanted[key])}"

    def _differs(self, key: str) -> bool:
        return key in self._wanted and not covers(self._deployed.get(key), self._wanted[key])

    def _differing(self) -> list[str]:
        return [key for key in UPDATABLE if self._differs(key)]

    def _deployed_triggers(self) -> list[Json]:
        return self._scf("ListTriggers", Limit=100).get("Triggers") or []

    def _differing_triggers(self) -> list[tuple[str, Json, list[str]]]:
        return list(triggers.differing(self._triggers, self._deployed_triggers()))


def _refuse_settled(deployed: Json, wanted: Json) -> None:
    for key, default in SETTLED.items():
        old, new = deployed.get(key), wanted.get(key, default)
        if old and old != new:
            raise DeployError(
                f"{key} is {old}, and scf.json has {new}: Tencent cannot change it. Delete the function and create it"
                " again with `make deploy-scf DEPLOY=--anew`; it keeps its variables, and gets another URL and address"
            )


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
