"""Call Tencent's SCF API through its SDK, with JSON objects as requests and responses."""

import json
import time
from collections.abc import Mapping
from typing import Any

from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.scf.v20180416 import models
from tencentcloud.scf.v20180416.scf_client import ScfClient

from deploy import DeployError
from deploy.scf.first_steps import HINTS

Json = dict[str, Any]

WAIT_SECONDS = 300
POLL_SECONDS = 1.0
BUSY_STATUSES = ("Creating", "Updating", "Publishing", "Deleting")
NO_FUNCTION_CODES = ("ResourceNotFound.Function", "ResourceNotFound.FunctionName")

_CREDENTIALS = ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_REGION")


class Scf:
    """Tencent's API for one function, with the credentials from the environment."""

    def __init__(self, function: str, namespace: str, environ: Mapping[str, str], endpoint: str | None) -> None:
        missing = [name for name in _CREDENTIALS if not environ.get(name)]
        if missing:
            raise DeployError(f"set {', '.join(missing)}")
        secret_id, secret_key, region = (environ[name] for name in _CREDENTIALS)
        profile = HttpProfile(protocol="http", endpoint=endpoint) if endpoint else HttpProfile()
        credential = Credential(secret_id, secret_key, environ.get("TENCENTCLOUD_TOKEN"))
        self._client = ScfClient(credential, region, ClientProfile(httpProfile=profile))
        self._name = {"FunctionName": function, "Namespace": namespace}

    def __call__(self, action: str, **fields: Any) -> Json:
        """Make a call and return its response, or {} if it reads a function, or triggers, that do not exist.

        Raises `DeployError` with Tencent's code and message, and with advice for the codes in `HINTS`.
        """
        request = getattr(models, f"{action}Request")()
        request.from_json_string(json.dumps(self._name | fields))
        try:
            response = getattr(self._client, action)(request)
        except TencentCloudSDKException as error:
            if error.code in NO_FUNCTION_CODES and action in ("GetFunction", "ListTriggers"):
                return {}
            hint = f" ({HINTS[error.code]})" if error.code in HINTS else ""
            raise DeployError(f"{action}: {error.code}: {error.message}{hint}") from None
        answer: Json = json.loads(response.to_json_string())
        return answer

    def wait_for_function(self) -> Json:
        """Wait until Tencent has finished changing the function; return the function, or {} if it does not exist.

        Tencent changes functions in the background, and refuses a change during another one:
        https://cloud.tencent.com/document/product/583/37883. Raises `DeployError` after WAIT_SECONDS.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        seen = None
        while (function := self("GetFunction")).get("Status") in BUSY_STATUSES:
            status = function["Status"]
            if status != seen:
                print(f"  {status}")
                seen = status
            if time.monotonic() > deadline:
                raise DeployError(f"still {status} after {WAIT_SECONDS} seconds")
            time.sleep(POLL_SECONDS)
        return function

    def change_function(self, action: str, **fields: Any) -> None:
        """Make a change and wait until it is done. Raises `DeployError` when it failed."""
        self(action, **fields)
        function = self.wait_for_function()
        if not function and action != "DeleteFunction":
            raise DeployError(f"{action}: the function no longer exists; somebody else has deleted it")
        status = str(function.get("Status", "gone"))
        if status.endswith("Failed"):
            raise DeployError(f"{status}: {describe_failure(function)}")
        print(f"  {status}")


def describe_failure(function: Json) -> str:
    """Return Tencent's reason for the failure of the last change."""
    return json.dumps(function.get("StatusReasons") or function.get("StatusDesc"), ensure_ascii=False)
