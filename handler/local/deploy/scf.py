"""Create or update the function on Tencent SCF as `scf.json` states it, with the code of `dist/scf.zip`.

    make deploy-scf            # python -m handler.local.deploy.scf

`scf.json` is Tencent's CreateFunction request, and its CreateTrigger requests under `Triggers`. Credentials come from
TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY, TENCENTCLOUD_TOKEN and TENCENTCLOUD_REGION, and a variable that
`scf.json` leaves empty from the variable of the same name here; one that is empty in both keeps its deployed value.
Shows what it will change and asks before it does; a second run changes nothing.
"""

import argparse
import base64
import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.scf.v20180416 import models
from tencentcloud.scf.v20180416.scf_client import ScfClient

Json = dict[str, Any]

# What UpdateFunctionConfiguration changes; the rest of scf.json is settled when the function is created.
UPDATABLE = ("Description", "MemorySize", "Timeout", "InitTimeout", "Runtime", "PublicNetConfig")
WAIT_SECONDS = 300
POLL_SECONDS = 1.0


class DeployError(Exception):
    """Why the function cannot be deployed, in words for the one who deploys it."""


class Scf:
    """Tencent's SCF API, as JSON in and JSON out through the SDK's own models."""

    def __init__(self, environ: Mapping[str, str], endpoint: str | None) -> None:
        missing = [name for name in _CREDENTIALS if not environ.get(name)]
        if missing:
            raise DeployError(f"set {', '.join(missing)}")
        secret_id, secret_key, region = (environ[name] for name in _CREDENTIALS)
        profile = HttpProfile(protocol="http", endpoint=endpoint) if endpoint else HttpProfile()
        credential = Credential(secret_id, secret_key, environ.get("TENCENTCLOUD_TOKEN"))
        self._client = ScfClient(credential, region, ClientProfile(httpProfile=profile))

    def __call__(self, action: str, **fields: Any) -> Json:
        """Make a call and return its response. Raises `DeployError` with Tencent's code and message."""
        request = getattr(models, f"{action}Request")()
        request.from_json_string(json.dumps(fields))
        try:
            response = getattr(self._client, action)(request)
        except TencentCloudSDKException as error:
            if str(error.code).startswith("ResourceNotFound.Function"):
                return {}
            raise DeployError(f"{action}: {error.code}: {error.message}") from None
        answer: Json = json.loads(response.to_json_string())
        return answer


_CREDENTIALS = ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_REGION")


class Deployment:
    """What `scf.json`, the environment and the zip ask for, against what is deployed."""

    def __init__(self, scf: Scf, wanted: Json, code: bytes, environ: Mapping[str, str]) -> None:
        self._scf = scf
        self._triggers: list[Json] = wanted.pop("Triggers", [])
        self._name = {"FunctionName": wanted["FunctionName"], "Namespace": wanted.get("Namespace", "default")}
        self._code = {"ZipFile": base64.b64encode(code).decode()}
        self._deployed = scf("GetFunction", **self._name)
        # SCF does not tell what code it runs; the description does.
        wanted["Description"] += f" [code {hashlib.sha256(code).hexdigest()[:16]}]"
        self._variables = _variables(self._deployed) | {
            name: value for name, text in _variables(wanted).items() if (value := text or environ.get(name, ""))
        }
        wanted["Environment"] = {
            "Variables": [{"Key": name, "Value": value} for name, value in sorted(self._variables.items())]
        }
        self._wanted = wanted

    def changes(self) -> list[str]:
        """Say what `apply` will change, a line each; variables by their names alone."""
        if not self._deployed:
            names = [trigger["TriggerName"] for trigger in self._triggers]
            return [
                f"create {self._name['FunctionName']} in {self._name['Namespace']}",
                *(f"create trigger {name}" for name in names),
                f"set {', '.join(sorted(self._variables))}",
            ]
        lines = [
            f"change {key}: {_text(self._deployed.get(key))} -> {_text(self._wanted[key])}" for key in self._differing()
        ]
        old = _variables(self._deployed)
        lines += [f"set {name}" for name, value in sorted(self._variables.items()) if old.get(name) != value]
        return lines + [f"{verb} trigger {trigger['TriggerName']}" for verb, trigger in self._differing_triggers()]

    def apply(self) -> None:
        """Make the changes, each after the one before is active."""
        if not self._deployed:
            print("creating the function")
            self._scf("CreateFunction", **self._wanted, Code=self._code)
            self._wait()
        elif self._differing() or _variables(self._deployed) != self._variables:
            if self._deployed["Description"] != self._wanted["Description"]:
                print("updating the code")
                self._scf("UpdateFunctionCode", **self._name, Handler=self._wanted["Handler"], Code=self._code)
                self._wait()
            print("updating the configuration")
            changed = {key: self._wanted[key] for key in (*UPDATABLE, "Environment")}
            self._scf("UpdateFunctionConfiguration", **self._name, **changed)
            self._wait()
        for verb, trigger in self._differing_triggers():
            print(f"{verb[:-1]}ing trigger {trigger['TriggerName']}")
            self._scf("CreateTrigger" if verb == "create" else "UpdateTrigger", **self._name, **trigger)

    def urls(self) -> list[str]:
        """Return the public addresses of the function."""
        descriptions = [_json(trigger["TriggerDesc"]) for trigger in self._deployed_triggers().values()]
        return [url for text in descriptions if (url := text.get("NetConfig", {}).get("ExtranetUrl"))]

    def _differing(self) -> list[str]:
        return [key for key in UPDATABLE if not _covers(self._deployed.get(key), self._wanted.get(key))]

    def _deployed_triggers(self) -> dict[str, Json]:
        listed = self._scf("ListTriggers", **self._name, Limit=100).get("Triggers") or []
        return {trigger["TriggerName"]: trigger for trigger in listed}

    def _differing_triggers(self) -> list[tuple[str, Json]]:
        deployed = self._deployed_triggers()
        return [
            ("update" if (old := deployed.get(trigger["TriggerName"])) else "create", trigger)
            for trigger in self._triggers
            if not (old := deployed.get(trigger["TriggerName"])) or not _same_trigger(old, trigger)
        ]

    def _wait(self) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        seen = None
        while (deployed := self._scf("GetFunction", **self._name)).get("Status") != "Active":
            status = deployed.get("Status")
            if status != seen:
                print(f"  {status}")
                seen = status
            if str(status).endswith("Failed"):
                raise DeployError(f"{status}: {_text(deployed.get('StatusReasons') or deployed.get('StatusDesc'))}")
            if time.monotonic() > deadline:
                raise DeployError(f"still {status} after {WAIT_SECONDS} seconds")
            time.sleep(POLL_SECONDS)
        print("  Active")


def _variables(function: Json) -> dict[str, str]:
    listed = (function.get("Environment") or {}).get("Variables") or []
    return {variable["Key"]: variable["Value"] for variable in listed}


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


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Deploy; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m handler.local.deploy.scf", description="Deploy to Tencent SCF.")
    parser.add_argument("--function", type=Path, default=Path("scf.json"), help="the function (%(default)s)")
    parser.add_argument("--zip", type=Path, default=Path("dist/scf.zip"), help="its code (%(default)s)")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--endpoint", help="another address of the API, over http: for tests")
    options = parser.parse_args(arguments)
    try:
        wanted, code = json.loads(options.function.read_text("utf-8")), options.zip.read_bytes()
        deployment = Deployment(Scf(environ, options.endpoint), wanted, code, environ)
        changes = deployment.changes()
        print("\n".join(changes) or "nothing to change")
        if changes:
            if not options.yes and input("go on? [y/N] ").strip().lower() not in ("y", "yes"):
                print("nothing was changed")
                return 1
            deployment.apply()
        for url in deployment.urls():
            print(f"URL: {url}")
    except (DeployError, OSError, EOFError) as error:
        print(f"cannot deploy: {error or 'nobody to ask; --yes goes on without'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
