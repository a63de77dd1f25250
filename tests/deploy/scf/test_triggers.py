"""The timers and the function URL."""

import json
from typing import Any

import pytest

from tests.deploy.scf.conftest import Tencent


def edit_triggers(tencent: Tencent, *added: dict[str, Any], **changed: str) -> None:
    """Add triggers to scf.json, and change members of its timer."""
    function = json.loads(tencent.function.read_bytes())
    function["Triggers"][0].update(changed)
    function["Triggers"] += added
    tencent.function.write_text(json.dumps(function), "utf-8")


def test_finds_the_url_by_its_type(tencent: Tencent) -> None:
    """Tencent chooses the http trigger's name. A changed trigger is updated under that name, not created again."""
    tencent.deploy()
    tencent.changes()
    tencent.edit('\\"AuthType\\":\\"CAM\\"', '\\"AuthType\\":\\"NONE\\"')
    assert tencent.deploy() == 0
    assert tencent.changes() == ["UpdateTrigger"]
    assert tencent.trigger("http")["TriggerName"] == "1250000000-url0"
    assert json.loads(tencent.trigger("http")["TriggerDesc"])["AuthType"] == "NONE"


def test_url_with_a_name_in_scf_json(tencent: Tencent) -> None:
    """The command does not send the TriggerName of an http trigger in an old scf.json."""
    tencent.edit('"Type": "http",', '"Type": "http", "TriggerName": "url",')
    assert tencent.deploy() == 0
    tencent.changes()
    assert tencent.deploy() == 0
    assert tencent.changes() == []


def test_url_of_an_alias(tencent: Tencent) -> None:
    """Each version or alias has a separate http trigger."""
    tencent.deploy()
    tencent.changes()
    description = '{"AuthType":"CAM","NetConfig":{"EnableIntranet":false,"EnableExtranet":true}}'
    edit_triggers(tencent, {"Type": "http", "Qualifier": "$DEFAULT", "TriggerDesc": description, "Enable": "OPEN"})
    assert tencent.deploy() == 0
    assert tencent.changes() == ["CreateTrigger"]
    assert tencent.deploy() == 0
    assert tencent.changes() == []
    assert {trigger["Qualifier"] for trigger in tencent.stub.triggers if trigger["Type"] == "http"} == {
        "$LATEST",
        "$DEFAULT",
    }


def test_message_of_a_timer(tencent: Tencent, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed CustomArgument or schedule is deployed."""
    tencent.deploy()
    tencent.changes()
    edit_triggers(tencent, CustomArgument='{"appid": "wx00000000000000ff"}', TriggerDesc="0 0 * * * * *")
    assert tencent.deploy() == 0
    assert "update trigger every-ten-minutes: TriggerDesc, CustomArgument" in capsys.readouterr().out
    assert tencent.changes() == ["UpdateTrigger"]
    assert tencent.trigger("timer")["CustomArgument"] == '{"appid": "wx00000000000000ff"}'
    assert tencent.deploy() == 0
    assert tencent.changes() == []


def test_trigger_without_enable(tencent: Tencent) -> None:
    """If scf.json does not set Enable, the trigger keeps the state that was set in the console."""
    edit_triggers(tencent, {"TriggerName": "other", "Type": "timer", "TriggerDesc": "0 0 * * * * *"})
    assert tencent.deploy() == 0
    tencent.stub.triggers[-1]["Enable"] = "CLOSE"
    tencent.changes()
    assert tencent.deploy() == 0
    assert tencent.changes() == []
