"""Compare the deployed function with `scf.json`, the environment and the zip, and make the changes."""

import json
import re
from collections.abc import Mapping
from typing import Any

from deploy import DeployError
from deploy.scf import triggers, variables
from deploy.scf.api import Json, Scf, describe_failure
from deploy.scf.code import Code
from deploy.scf.triggers import covers

# The fields of scf.json that an update can change.
UPDATABLE_FIELDS = ("Description", "MemorySize", "Timeout", "InitTimeout", "PublicNetConfig", "VpcConfig", "Role")
# The fields that only CreateFunction accepts, with Tencent's defaults for requests without them.
FIXED_FIELDS = {"Runtime": "Python2.7", "Type": "Event"}
# In these states, Tencent accepts no update: the function must be deleted and created again.
BROKEN_STATUSES = ("CreateFailed", "DeleteFailed")
# The rule is in the documentation of UpdateFunctionConfiguration's model in Tencent's SDK.
DESCRIPTION = re.compile(r"[A-Za-z0-9 ,.\u4e00-\u9fff]{,1000}")


class Deployment:
    """The changes that turn the deployed function into the wanted one."""

    def __init__(self, scf: Scf, wanted: Json, code: bytes, environ: Mapping[str, str], *, anew: bool = False) -> None:
        """Read the deployed function. Raises `DeployError` for settings that Tencent would refuse.

        With `anew`, an existing function is deleted and created again.
        """
        self._scf = scf
        self._triggers: list[Json] = wanted.pop("Triggers", [])
        self._code = Code(code, wanted.get("Runtime", FIXED_FIELDS["Runtime"]))
        # SCF reports no hash of the deployed code, and an update cannot change tags. So the description holds the
        # hash, by which the next run sees whether the code has changed.
        wanted["Description"] = f"{wanted.get('Description', '')} Code {self._code.hash}.".strip()
        if not DESCRIPTION.fullmatch(wanted["Description"]):
            raise DeployError(
                "Description in scf.json: Tencent allows up to 1000 letters, digits, spaces, commas, full stops and"
                " Chinese characters"
            )
        self._deployed = scf.wait_for_function()
        self._status = self._deployed.get("Status")
        self._anew = anew
        if not self._must_create():
            _refuse_fixed_fields(self._deployed, wanted)
        self._old = variables.read_variables(self._deployed)
        self._variables = variables.choose_variables(variables.read_variables(wanted), environ, self._old)
        wanted["Environment"] = {
            "Variables": [{"Key": name, "Value": value} for name, value in sorted(self._variables.items())]
        }
        self._wanted = wanted

    def describe_changes(self) -> list[str]:
        """Return a line for each change that `apply_changes` will make."""
        name = f"{self._wanted['FunctionName']} in {self._wanted.get('Namespace', 'default')}"
        if self._must_create():
            lines = [f"delete {name}, {self._explain_deletion()}"] if self._deployed else []
            lines.append(f"create {name}")
            lines += [f"create trigger {triggers.name_trigger(trigger)}" for trigger in self._triggers]
            return [*lines, *variables.describe_changes({}, self._variables)]
        lines = []
        if self._is_half_updated():
            lines.append(f"repair {name}, which is {self._status}: {describe_failure(self._deployed)}")
        if self._differs("Handler"):
            lines.append(self._describe_change("Handler"))
        lines += map(self._describe_change, self._list_differing_fields())
        lines += variables.describe_changes(self._old, self._variables)
        return lines + [
            f"{verb} trigger {triggers.name_trigger(trigger)}{': ' if members else ''}{', '.join(members)}"
            for verb, trigger, members in self._compare_triggers()
        ]

    def find_warnings(self) -> list[str]:
        """Return warnings about settings with which the function will not work."""
        return list(variables.find_warnings(self._variables))

    def apply_changes(self) -> None:
        """Make the changes, one after another; Tencent refuses a change during another one."""
        if self._must_create():
            if self._deployed:
                print("deleting the function")
                self._scf.change_function("DeleteFunction")
            print("creating the function")
            self._scf.change_function("CreateFunction", **self._wanted, Code=self._code.request)
        else:
            self._update_function()
        for verb, trigger, _ in self._compare_triggers():
            print(f"{verb[:-1]}ing trigger {triggers.name_trigger(trigger)}")
            self._scf("CreateTrigger" if verb == "create" else "UpdateTrigger", **trigger)

    def list_urls(self) -> list[str]:
        """Return the public addresses of the function."""
        descriptions = [triggers.read_description(trigger["TriggerDesc"]) for trigger in self._list_triggers()]
        return [url for text in descriptions if (url := (text.get("NetConfig") or {}).get("ExtranetUrl"))]

    def _update_function(self) -> None:
        """Update the code and the configuration if they differ, and both if the last update failed."""
        repair = self._is_half_updated()
        if repair or self._differs("Description") or self._differs("Handler"):
            print("updating the code")
            self._scf.change_function("UpdateFunctionCode", Handler=self._wanted["Handler"], Code=self._code.request)
        if repair or self._list_differing_fields() or self._old != self._variables:
            print("updating the configuration")
            changed = {key: self._wanted[key] for key in (*UPDATABLE_FIELDS, "Environment") if key in self._wanted}
            self._scf.change_function("UpdateFunctionConfiguration", **changed)

    def _must_create(self) -> bool:
        return not self._deployed or self._anew or self._status in BROKEN_STATUSES

    def _explain_deletion(self) -> str:
        if self._status in BROKEN_STATUSES:
            return f"which is {self._status}: {describe_failure(self._deployed)}"
        return "its triggers and its address; the new function gets new ones"

    def _is_half_updated(self) -> bool:
        return self._status == "UpdateFailed"

    def _describe_change(self, key: str) -> str:
        return f"change {key}: {_to_json(self._deployed.get(key))} -> {_to_json(self._wanted[key])}"

    def _differs(self, key: str) -> bool:
        return key in self._wanted and not covers(self._deployed.get(key), self._wanted[key])

    def _list_differing_fields(self) -> list[str]:
        return [key for key in UPDATABLE_FIELDS if self._differs(key)]

    def _list_triggers(self) -> list[Json]:
        return self._scf("ListTriggers", Limit=100).get("Triggers") or []

    def _compare_triggers(self) -> list[tuple[str, Json, list[str]]]:
        return list(triggers.compare_triggers(self._triggers, self._list_triggers()))


def _refuse_fixed_fields(deployed: Json, wanted: Json) -> None:
    for key, default in FIXED_FIELDS.items():
        old, new = deployed.get(key), wanted.get(key, default)
        if old and old != new:
            raise DeployError(
                f"{key} is {old}, but scf.json has {new}, and Tencent cannot change it. Delete the function and create"
                " it again with `make deploy-scf DEPLOY=--anew`: it keeps its variables and gets a new URL and address"
            )


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
