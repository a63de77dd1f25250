"""A loopback stub of Tencent's SCF API for one function. It refuses what the real API refuses."""

import copy
import json
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.deploy.scf.rules import find_problems

Json = dict[str, Any]

MAX_REQUEST = 10 * 2**20
MAX_TIMERS = 10
NO_FUNCTION = {"Error": {"Code": "ResourceNotFound.Function", "Message": "no function"}}


class Stub(BaseHTTPRequestHandler):
    """Tencent's SCF. `outcomes` are the states in which the next changes end; the default is Active."""

    function: Json
    triggers: list[Json]
    actions: list[str]
    requests: list[Json]
    refusals: list[str]
    pending: int
    state: str
    outcomes: list[str]
    failures: dict[str, str]

    def do_POST(self) -> None:
        """Carry out one API action."""
        action = self.headers["X-TC-Action"]
        length = int(self.headers["Content-Length"])
        fields = json.loads(self.rfile.read(length))
        fields = {key: value for key, value in fields.items() if value is not None}
        self.actions.append(action)
        self.requests.append(fields)
        problems = [*find_problems(f"{action}Request", fields)]
        if length > MAX_REQUEST:
            problems.append("RequestTooLarge")
        if code := self.failures.get(action):
            answer: Json = {"Error": {"Code": code, "Message": "as the test asks"}}
        elif problems:
            answer = self.refuse("InvalidParameterValue", "; ".join(problems))
        elif not self.function and action != "CreateFunction":
            answer = NO_FUNCTION
        else:
            answer = getattr(self, action)(copy.deepcopy(fields))
        content = json.dumps({"Response": {"RequestId": "stub", **answer}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def refuse(self, code: str, why: str) -> Json:
        """Return an error and record it, because a test fails if a command caused an error."""
        self.refusals.append(f"{code}: {why}")
        return {"Error": {"Code": code, "Message": why}}

    def change(self, fields: Json, *allowed: str) -> Json:
        """Start a change. Like Tencent, refuse it in other states and during another change."""
        if self.pending or self.state not in allowed:
            return self.refuse("FailedOperation.FunctionStatusError", f"{self.state}, {self.pending} under way")
        cls = type(self)
        cls.function.update(fields)
        cls.pending = 2
        cls.state = cls.outcomes.pop(0) if cls.outcomes else "Active"
        return {}

    def GetFunction(self, _fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """Return the function. It becomes active after a moment."""
        cls = type(self)
        cls.pending = max(cls.pending - 1, 0)
        if cls.pending:
            return self.function | {"Status": "Updating"}
        reasons = [{"ErrorCode": "InsufficientResources", "ErrorMessage": f"no room: {self.state}"}]
        return self.function | {"Status": self.state, "StatusReasons": [] if self.state == "Active" else reasons}

    def CreateFunction(self, fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """Create the function."""
        if self.function:
            return self.refuse("ResourceInUse.Function", "there is one")
        del fields["Code"]
        return self.change({"Type": "Event", "Runtime": "Python2.7"} | fields, "Active")

    def DeleteFunction(self, _fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """Delete the function and its triggers."""
        self.function.clear()
        self.triggers.clear()
        type(self).state = "Active"
        return {}

    def UpdateFunctionCode(self, fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """Replace the code."""
        return self.change({"Handler": fields.get("Handler", self.function["Handler"])}, "Active", "UpdateFailed")

    def UpdateFunctionConfiguration(self, fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """Change the configuration."""
        return self.change(fields, "Active", "UpdateFailed")

    def ListTriggers(self, _fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """List the triggers as Tencent shows them."""
        listed = copy.deepcopy(self.triggers)
        for trigger in listed:
            del trigger["FunctionName"], trigger["Namespace"]
            trigger["Enable"] = {"OPEN": 1, "CLOSE": 0}[trigger["Enable"]]
            if trigger["Type"] == "timer":
                trigger["TriggerDesc"] = json.dumps({"cron": trigger["TriggerDesc"]})
            else:
                description = json.loads(trigger["TriggerDesc"])
                address = f"https://{trigger['TriggerName']}.ap-guangzhou.tencentscf.com"
                description.setdefault("NetConfig", {})["ExtranetUrl"] = address
                trigger["TriggerDesc"] = json.dumps(description)
        return {"Triggers": listed, "TotalCount": len(listed)}

    def CreateTrigger(self, fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """Create a trigger. A version or alias has at most one http trigger, and Tencent chooses its name."""
        trigger = {"Qualifier": "$LATEST", "Enable": "OPEN", "CustomArgument": ""} | fields
        same_kind = [each for each in self.triggers if each["Type"] == trigger["Type"]]
        if self.pending:
            return self.refuse("FailedOperation.FunctionStatusError", "a change is under way")
        if refused := find_in_trigger(fields, trigger, same_kind):
            return self.refuse(*refused)
        if trigger["Type"] == "http":
            trigger["TriggerName"] = f"1250000000-url{len(same_kind)}"
        self.triggers.append(trigger)
        return {}

    def UpdateTrigger(self, fields: Json) -> Json:  # noqa: N802 - Tencent's name
        """Update a trigger."""
        members = ("Type", "TriggerName")
        for trigger in self.triggers:
            same = trigger["Qualifier"] == fields.get("Qualifier", "$LATEST")
            if same and all(trigger[member] == fields[member] for member in members):
                trigger.update(fields)
                return {}
        return self.refuse("ResourceNotFound.Trigger", "no such trigger")


def find_in_trigger(fields: Json, trigger: Json, same_kind: list[Json]) -> tuple[str, str] | None:
    """Return why a trigger cannot be added to the existing ones of its type; None if it can."""
    if trigger["Type"] == "http":
        if "TriggerName" in fields:
            return "InvalidParameterValue.TriggerName", "an http trigger is named by Tencent"
        if any(each["Qualifier"] == trigger["Qualifier"] for each in same_kind):
            return "ResourceInUse.Trigger", "the version has an http trigger"
    elif "TriggerName" not in fields:
        return "InvalidParameterValue.TriggerName", "it is missing"
    elif any(each["TriggerName"] == fields["TriggerName"] for each in same_kind):
        return "ResourceInUse.TriggerName", "there is one"
    elif len(same_kind) == MAX_TIMERS:
        return "LimitExceeded.Trigger", "ten timers"
    return None
