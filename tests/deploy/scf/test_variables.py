"""The variables of scf.json."""

import json
import re
from pathlib import Path

from tencentcloud.scf.v20180416 import errorcodes

from deploy.scf import variables as scf_vars
from deploy.scf.first_steps import HINTS
from gray_release.sandbox.server import COMPONENT_SECRET, SECRET
from handler.settings import VARIABLES, Settings


def test_variables() -> None:
    """scf.json declares every setting except those of AWS services, and a deployment shows no secret value."""
    function = json.loads(Path("scf.json").read_bytes())
    variables = scf_vars.read_variables(function)
    ours = {name for name in VARIABLES if not name.endswith(("_SECRET_NAME", "_SECRET_PARAMETER"))}
    others = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL", "PYDANTIC_DISABLE_PLUGINS"}
    assert set(variables) == ours | others
    assert not [name for name in variables if variables[name] and re.search("SECRET|TOKEN$|URL$|HEADER", name)]
    secret = {name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    assert "WECHAT_SECRET" in secret
    assert not secret & set(scf_vars.SHOWN_VARIABLES)
    assert set(scf_vars.SHOWN_VARIABLES) <= set(variables)
    assert function["Timeout"] > 3
    assert [trigger["Enable"] for trigger in function["Triggers"] if trigger["Type"] == "timer"] == ["CLOSE"]


def test_sandbox_secrets() -> None:
    """The secrets that the command refuses are those of the sandbox."""
    assert scf_vars.SANDBOX_SECRETS == (SECRET, COMPONENT_SECRET)


def test_codes_of_hints() -> None:
    """Each error code with advice exists in Tencent's SDK."""
    assert set(HINTS) <= {value for name, value in vars(errorcodes).items() if name.isupper()}
