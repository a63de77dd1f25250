"""The events of a watch, and how it ends, on an AWS emulator."""

import json
import time
from typing import Any

import pytest

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import Sandbox
from tests.fleet import CHANGED, Cloud, Script, appids, authorize, poll
from tests.releases import DONE, GONE, INITIAL, SEQUENCES, plan
from tests.support import Valkey

pytestmark = pytest.mark.fleet

FAILED = "Gray Release Watch Failed"
FIRST = 2000  # number of the first appid that the table uses


@pytest.mark.parametrize(("number", "name"), list(enumerate(SEQUENCES)), ids=list(SEQUENCES))
def test_sequences(cloud: Cloud, wechat: Sandbox, server: Valkey, number: int, name: str) -> None:
    """For each sequence of answers, the watch ends as documented, and its events concern only this release."""
    sequence = SEQUENCES[name]
    [appid] = appids(1, start=FIRST + number)
    authorize(wechat, server, [appid])
    wechat.plans[appid] = Script(*sequence.plans, {"status": 5})
    output = cloud.run(cloud.watch, {"appid": appid, "everySeconds": 5})
    status = (output["grayReleasePlan"] or {}).get("status")
    assert (status == 3) is (sequence.end != GONE)
    events = cloud.events(len(sequence.told))
    assert [kind for kind, _ in events] == [CHANGED] * len(sequence.told)
    assert [detail["summary"].split(" · ")[0] for _, detail in events] == [f"{appid}: {text}" for text in sequence.told]
    created = {detail["grayReleasePlan"].get("createTimestamp") for _, detail in events if detail["grayReleasePlan"]}
    assert len(created - {None, 0}) <= 1 or "previous release" in name, "of one release"


def test_watch(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """A watch sends an event when a release starts, reaches a step, pauses, resumes or ends, and no other event."""
    [appid] = appids(1, start=1000)
    authorize(wechat, server, [appid])
    wechat.plans[appid] = Script(
        *(plan(1, 0), plan(1, 0)),  # after the two faults
        *(plan(1, 0), plan(1, 8), plan(1, 10), plan(1, 12), plan(2, 30), plan(2, 30), plan(1, 30), plan(1, 80)),
        plan(3, 100),
    )
    wechat.faults[:] = [Fault("plan", "errcode", "45011", times=2, appid=appid)]
    output = cloud.run(cloud.watch, {"appid": appid, "everySeconds": 5})
    assert output["grayReleasePlan"]["status"] == 3
    events = cloud.events(6)
    assert {kind for kind, _ in events} == {CHANGED}
    changes = [
        (detail["grayReleasePlan"]["status"], detail["grayReleasePlan"]["grayPercentage"], detail["stepReached"])
        for _, detail in events
    ]
    assert changes == [(1, 0, 0), (1, 10, 10), (2, 30, 25), (1, 30, 25), (1, 80, 75), (3, 100, 100)]
    before = [None, *(detail["grayReleasePlan"] for _, detail in events)]
    assert [detail["previous"] for _, detail in events] == before[:-1]
    assert {detail["appid"] for _, detail in events} == {appid}
    assert [detail["summary"] for _, detail in events] == [
        f"{appid}: rolling out 0% · 灰度发布：执行中 0%",
        f"{appid}: rolling out 10% · 灰度发布：执行中 10%",
        f"{appid}: rolling out → paused 30% · 灰度发布：执行中 → 暂停中 30%",
        f"{appid}: paused → rolling out 30% · 灰度发布：暂停中 → 执行中 30%",
        f"{appid}: rolling out 80% · 灰度发布：执行中 80%",
        f"{appid}: rolling out → finished 100% · 灰度发布：执行中 → 执行完毕 100%",
    ]


def test_watch_with_ends_and_steps_of_its_own(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """The input of a watch selects the states that end it, and the percentages that cause an event."""
    [appid] = appids(1, start=1002)
    authorize(wechat, server, [appid])
    wechat.plans[appid] = Script(plan(1, 1), plan(1, 40), plan(1, 60), plan(2, 70))
    output = cloud.run(cloud.watch, {"appid": appid, "everySeconds": 5, "steps": [50], "until": [2, 3, 4]})
    assert output["grayReleasePlan"]["status"] == 2
    assert [detail["stepReached"] for _, detail in cloud.events(3)] == [0, 50, 50]


def test_watch_gives_up(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """After a permanent refusal, a watch sends an event and fails."""
    [appid] = appids(1, start=1003)
    authorize(wechat, server, [appid])
    wechat.plans[appid] = Script(plan(1, 20))
    wechat.faults[:] = [Fault("plan", "errcode", "61007", appid=appid)]
    description = cloud.wait_for_end(cloud.start(cloud.watch, {"appid": appid, "everySeconds": 5}))
    assert (description["status"], description["error"]) == ("FAILED", "OpenApiError")
    [(kind, detail)] = cloud.events(1)
    assert kind == FAILED
    assert (detail["appid"], detail["errCode"], detail["previous"]) == (appid, 61007, None)
    assert detail["summary"].startswith(f"{appid}: watch given up, errCode 61007 · 灰度发布：停止跟踪")


def test_watch_waits_out_an_outage(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """If WeChat is down, a watch repeats its request less often, and fails after ten consecutive failures."""
    lucky, unlucky = appids(2, start=1004)
    authorize(wechat, server, [lucky, unlucky])
    wechat.plans[lucky] = Script(DONE)
    wechat.faults[:] = [
        Fault("plan", "errcode", "45009", times=9, appid=lucky),
        Fault("plan", "errcode", "45009", appid=unlucky),
    ]
    lucky_one, unlucky_one = (
        cloud.start(cloud.watch, {"appid": appid, "everySeconds": 1}) for appid in (lucky, unlucky)
    )
    assert cloud.wait_for_end(lucky_one)["status"] == "SUCCEEDED"
    assert cloud.wait_for_end(unlucky_one)["status"] == "FAILED"
    assert cloud.history(unlucky_one).count("TaskScheduled") == 11, "ten questions, and the event"


def test_watch_goes_on_in_a_new_execution(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """Before its history is full, a watch continues in a new execution, which knows the events already sent."""
    [appid] = appids(1, start=1006)
    authorize(wechat, server, [appid])
    wechat.plans[appid] = Script(*(plan(1, share) for share in (1, 2, 12, 13, 14, 15, 16)), DONE)
    definition = cloud.states.describe_state_machine(stateMachineArn=cloud.watch)["definition"]
    assert definition.count("$number('900')") == 2
    small = definition.replace("$number('900')", "3")
    role = cloud.states.describe_state_machine(stateMachineArn=cloud.watch)["roleArn"]
    name = "watch-of-three-questions"
    machine = cloud.states.create_state_machine(name=name, definition=small, roleArn=role)["stateMachineArn"]
    execution = cloud.start(machine, {"appid": appid, "everySeconds": 5, "until": [3]}, name="long")
    output = json.loads(cloud.wait_for_end(execution)["output"])
    assert output["continued"] == execution.replace(":long", ":long-2")
    events = cloud.events(3)
    assert [detail["stepReached"] for _, detail in events] == [0, 10, 100]
    poll(lambda: "RUNNING" not in cloud.executions(machine).values() or None)
    assert cloud.executions(machine) == dict.fromkeys(["long", "long-2", "long-3"], "SUCCEEDED")
    assert all(len(cloud.history(execution + part)) < 3 * 26 for part in ("", "-2", "-3"))


@pytest.mark.parametrize(
    ("plans", "told"),
    [
        ([INITIAL, plan(1, 5, 2)], "over or withdrawn"),
        ([plan(1, 5, 2)], "over or withdrawn, another release has begun"),
        ([None], "no release"),
    ],
    ids=["withdrawn", "replaced", "gone"],
)
def test_release_that_ends_before_the_first_question(
    cloud: Cloud, wechat: Sandbox, server: Valkey, plans: list[Any], told: str
) -> None:
    """A watch that a sweep started for one release does not follow the next release of that mini program."""
    [appid] = appids(1, start=1010)
    authorize(wechat, server, [appid])
    wechat.plans[appid] = Script(*plans)
    given = {"appid": appid, "everySeconds": 5, "createTimestamp": 1, "underWay": True}
    cloud.run(cloud.watch, given)
    [(kind, detail)] = cloud.events(1)
    assert (kind, detail["summary"].split(" · ")[0]) == (CHANGED, f"{appid}: {told}")


def test_watch_ends_after_sixty_days(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """A watch ends after 60 days even if no release starts."""
    [appid] = appids(1, start=1011)
    authorize(wechat, server, [appid])
    wechat.plans[appid] = INITIAL
    since = (time.time() - 61 * 86400) * 1000
    description = cloud.wait_for_end(cloud.start(cloud.watch, {"appid": appid, "since": since}))
    assert description["status"] == "FAILED"
    assert [kind for kind, _ in cloud.events(2)] == [CHANGED, FAILED]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, 41002),
        ([], 41002),
        ("wx0000000000001012", 41002),
        ({"appid": ""}, 41002),
        ({"appid": None}, 41002),
        ({"appid": 7}, 41002),
        ({"appId": "wx0000000000001012"}, 41002),
        ({"appid": "no appid"}, 40097),
        ({"appid": "wx0000000000001012", "everySeconds": "600"}, 40097),
        ({"appid": "wx0000000000001012", "everySeconds": 0}, 40097),
        ({"appid": "wx0000000000001012", "everySeconds": 1e9}, 40097),
        ({"appid": "wx0000000000001012", "steps": 50}, 40097),
        ({"appid": "wx0000000000001012", "steps": ["50"]}, 40097),
        ({"appid": "wx0000000000001012", "until": "paused"}, 40097),
        ({"appid": "wx0000000000001012", "until": [[2], None]}, 40097),
    ],
)
def test_wrong_input(cloud: Cloud, given: Any, code: int) -> None:
    """If its input is invalid, a watch says so in its event, and never checks another mini program."""
    description = cloud.wait_for_end(cloud.start(cloud.watch, given))
    assert description["status"] == "FAILED"
    [(kind, detail)] = cloud.events(1)
    assert (kind, detail["errCode"]) == (FAILED, code)


@pytest.mark.parametrize(
    "given",
    [
        {"name": 5, "part": "2", "since": "x", "createTimestamp": "x", "underWay": 1, "told": 3, "toldStep": {}},
        {"name": "n" * 90, "told": {}, "words": {}, "createTimestamp": None},
        {"steps": [], "until": []},
    ],
)
def test_odd_input(cloud: Cloud, wechat: Sandbox, server: Valkey, given: dict[str, Any]) -> None:
    """A watch with invalid values in the inputs that only sweeps pass still sends an event when it ends."""
    [appid] = appids(1, start=1013)
    authorize(wechat, server, [appid])
    cloud.run(cloud.watch, {"appid": appid, **given})
    assert [detail["grayReleasePlan"]["status"] for _, detail in cloud.events(1)] == [3]


def test_huge_plan(cloud: Cloud, wechat: Sandbox, server: Valkey) -> None:
    """If a plan is too large for an event, the event contains only its numbers."""
    [appid] = appids(1, start=1014)
    authorize(wechat, server, [appid])
    wechat.plans[appid] = {**DONE, "note": "x" * 100_000}
    cloud.run(cloud.watch, {"appid": appid})
    [(_, detail)] = cloud.events(1)
    assert detail["grayReleasePlan"] == {"status": 3, "createTimestamp": 1700000000, "grayPercentage": 100}
