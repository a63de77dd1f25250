"""The stub refuses what the documents of Tencent's SDK forbid."""

from typing import Any

import pytest

from tests.deploy.scf.rules import find_problems

FUNCTION = {"FunctionName": "getGrayReleasePlan"}
CREATION = FUNCTION | {"Code": {"ZipFile": "UEs="}, "Runtime": "Python3.10", "Handler": "index.main_handler"}
TRIGGER = FUNCTION | {"Type": "timer", "TriggerName": "hourly", "TriggerDesc": "0 0 * * * * *", "Enable": "OPEN"}
UPDATE = "UpdateFunctionConfiguration"


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("CreateFunction", CREATION),
        ("CreateFunction", CREATION | {"Description": "Tells, 1. 中文", "MemorySize": 64, "Type": "Event"}),
        (UPDATE, FUNCTION | {"Description": "Tells, 1. 中文", "Timeout": 900, "MemorySize": 3072}),
        ("CreateTrigger", TRIGGER | {"CustomArgument": "{}"}),
        ("CreateTrigger", FUNCTION | {"Type": "http", "TriggerDesc": "{}"}),
    ],
)
def test_allowed(action: str, fields: dict[str, Any]) -> None:
    """The stub accepts what the documents allow."""
    assert not [*find_problems(f"{action}Request", fields)]


def variable(key: str, value: str) -> dict[str, Any]:
    """Return a request's environment with a variable."""
    return {"Environment": {"Variables": [{"Key": key, "Value": value}]}}


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("CreateFunction", FUNCTION),
        ("CreateFunction", CREATION | {"FunctionName": "1name"}),
        ("CreateFunction", CREATION | {"FunctionName": "name_"}),
        ("CreateFunction", CREATION | {"FunctionName": "n" * 61}),
        ("CreateFunction", CREATION | {"Runtime": "Python3.11"}),
        ("CreateFunction", CREATION | {"Handler": "main_handler"}),
        ("CreateFunction", CREATION | {"Type": "event"}),
        ("CreateFunction", CREATION | {"MemorySize": 200}),
        ("CreateFunction", CREATION | {"MemorySize": 4096}),
        ("CreateFunction", CREATION | {"MemorySize": "256"}),
        ("CreateFunction", CREATION | {"Description": 1}),
        ("CreateTrigger", TRIGGER | {"TriggerDesc": {"AuthType": "NONE"}}),
        ("CreateFunction", CREATION | {"Timeout": 901}),
        ("CreateFunction", CREATION | {"Description": "How far?"}),
        ("CreateFunction", CREATION | {"InstallDependency": "FALSE"}),
        ("CreateFunction", CREATION | {"PublicNetConfig": {"PublicNetStatus": "ON"}}),
        ("CreateFunction", CREATION | {"PublicNetConfig": {"EipConfig": {"EipStatus": "OPEN"}}}),
        ("CreateFunction", CREATION | {"Code": {"ZipFile": "x" * 72_000_000}}),
        ("CreateFunction", CREATION | variable("WECHAT_APPID", "")),
        ("CreateFunction", CREATION | variable("SCF_X", "1")),
        ("CreateFunction", CREATION | variable("A", "x" * 4096)),
        ("CreateFunction", CREATION | {"Unknown": "1"}),
        (UPDATE, FUNCTION | {"Runtime": "Python3.10"}),
        (UPDATE, FUNCTION | {"Handler": "index.main_handler"}),
        (UPDATE, FUNCTION | {"Type": "Event"}),
        (UPDATE, FUNCTION | {"Description": "two\nlines"}),
        (UPDATE, FUNCTION | {"Description": "x" * 1001}),
        (UPDATE, FUNCTION | variable("QCLOUD_X", "1")),
        ("CreateTrigger", TRIGGER | {"Type": "apigw2"}),
        ("CreateTrigger", TRIGGER | {"Enable": "ON"}),
        ("CreateTrigger", TRIGGER | {"TriggerName": "every hour"}),
        ("CreateTrigger", TRIGGER | {"TriggerName": "x" * 101}),
        ("CreateTrigger", FUNCTION | {"Type": "http", "CustomArgument": "{}"}),
        ("UpdateTrigger", TRIGGER | {"TriggerName": ""}),
        ("UpdateTrigger", TRIGGER | {"Type": "cos"}),
    ],
)
def test_forbidden(action: str, fields: dict[str, Any]) -> None:
    """The stub refuses what the documents forbid."""
    assert [*find_problems(f"{action}Request", fields)]
