"""The templates: least privilege, and every setting declared in both."""

import json
import re
from pathlib import Path

import pytest

from handler.settings import VARIABLES
from tests.support import template

POWERTOOLS = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL"}
AWS_ONLY = {name for name in VARIABLES if name.endswith(("_SECRET_NAME", "_SECRET_PARAMETER"))}


TEMPLATE = template()
FUNCTION = TEMPLATE["Resources"]["GetGrayReleasePlanFunction"]["Properties"]


def test_every_setting_is_declared() -> None:
    """The template declares the settings and powertools' variables, no more and no fewer."""
    assert set(FUNCTION["Environment"]["Variables"]) == set(VARIABLES) | POWERTOOLS


def test_no_wildcards() -> None:
    """No action and no resource is a wildcard."""
    statements = [
        statement
        for policy in TEMPLATE["Resources"]["FunctionRole"]["Properties"]["Policies"]
        for choice in (policy.get("If", [policy, policy])[1:2])
        for statement in choice["PolicyDocument"]["Statement"]
    ]
    assert len(statements) == 6
    assert "*" not in json.dumps(statements)


def test_function() -> None:
    """The URL asks for IAM, the runtime is the artifact's, and what fails is kept."""
    assert FUNCTION["FunctionUrlConfig"] == {"AuthType": "AWS_IAM"}
    assert FUNCTION["Runtime"] == "python3.13"
    assert FUNCTION["Handler"] == "handler.app.lambda_handler"
    assert FUNCTION["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Type"] == "SQS"
    assert "RetentionInDays" in TEMPLATE["Resources"]["LogGroup"]["Properties"]


@pytest.mark.parametrize("name", TEMPLATE["Parameters"])
def test_parameters(name: str) -> None:
    """Every parameter has a description, a default, and a constraint."""
    parameter = TEMPLATE["Parameters"][name]
    assert parameter["Description"].endswith(".")
    assert "Default" in parameter
    assert set(parameter) & {"AllowedPattern", "AllowedValues", "MinValue", "MaxLength"}


def test_secrets_are_not_echoed() -> None:
    """Parameters that may hold a secret are not shown."""
    hidden = {name for name, parameter in TEMPLATE["Parameters"].items() if parameter.get("NoEcho")}
    assert hidden == {
        "WechatSecret",
        "WechatComponentSecret",
        "WechatTokenStoreUrl",
        "WechatCloudbaseAccessToken",
        "RobotUrl",
    }


def test_dashboard() -> None:
    """The dashboard's text is JSON, and shows metrics that the function publishes."""
    body = TEMPLATE["Resources"]["ReleaseDashboard"]["Properties"]["DashboardBody"]["Sub"]
    widgets = json.loads(body)["widgets"]
    shown = set(re.findall(r"GrayPercentage|PlanStatus|Failures|UpstreamLatency|ColdStart|TokenFetches", body))
    assert len(widgets) == 5
    assert all(f'"{name}"' in Path("handler/telemetry/metrics.py").read_text("utf-8") for name in shown)
    assert len(shown) == 6


def test_paused_alarm() -> None:
    """The alarm on a paused release reads the status that the function publishes, all through the period."""
    alarm = TEMPLATE["Resources"]["PausedAlarm"]["Properties"]
    *metrics, paused = alarm["Metrics"]
    assert {(metric["Id"], metric["MetricStat"]["Stat"]) for metric in metrics} == {
        ("lowest", "Minimum"),
        ("highest", "Maximum"),
    }
    assert {metric["MetricStat"]["Metric"]["MetricName"] for metric in metrics} == {"PlanStatus"}
    assert paused["Expression"] == "IF(lowest == 2 AND highest == 2, 1, 0)"
    assert alarm["TreatMissingData"] == "notBreaching"
