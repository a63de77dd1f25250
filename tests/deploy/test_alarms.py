"""Lambda's log filter and the template's alarms, tested with lines that the function really printed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest

from gray_release.sandbox.server import APPID, Sandbox
from tests.deploy.cloudformation import PARAMETERS, Stack
from tests.deploy.cloudwatch import Metrics, is_kept, is_on, level
from tests.support import ROOT, set_body

FUNCTION = "GetGrayReleasePlanFunction"
ALARMS = ("ErrorsAlarm", "FailuresAlarm", "PausedAlarm", "ThrottlesAlarm")
HOUR = 3600
SCHEDULES = (300, 600, 1800, HOUR)
RUNNING = b'{"errcode":0,"errmsg":"ok","gray_release_plan":{"status":1,"gray_percentage":8}}'
PAUSED = b'{"errcode":0,"errmsg":"ok","gray_release_plan":{"status":2,"gray_percentage":8}}'
REFUSED = b'{"errcode":61003,"errmsg":"component is not authorized by this account"}'


class Printed(NamedTuple):
    """What one invocation printed, and whether it raised."""

    lines: list[str]
    raised: bool


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Run one sandbox for all tests of this file."""
    with Sandbox() as sandbox:
        yield sandbox


def invoke_with_answer(sandbox: Sandbox, answer: bytes, **parameters: str) -> Printed:
    """Let WeChat give this answer. Invoke the function once in a new process, with the template's environment."""
    set_body(sandbox, answer)
    own = {"WechatAppid": APPID, "WechatSecret": sandbox.tokens.apps[APPID], "WechatApiBaseUrl": sandbox.base_url}
    function = Stack(**own, **parameters).properties(FUNCTION)
    code = "from handler.app import lambda_handler\ntry: lambda_handler({}, None)\nexcept Exception: exit(3)"
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_FUNCTION_NAME": "function",
            "AWS_LAMBDA_LOG_FORMAT": function["LoggingConfig"]["LogFormat"],
            "AWS_LAMBDA_LOG_LEVEL": function["LoggingConfig"]["ApplicationLogLevel"],
            **function["Environment"]["Variables"],
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert process.stderr == ""
    assert process.returncode in (0, 3)
    return Printed(process.stdout.splitlines(), raised=process.returncode == 3)


@pytest.mark.slow
@pytest.mark.parametrize("log_level", PARAMETERS["LogLevel"]["AllowedValues"])
def test_nothing_is_filtered(sandbox: Sandbox, log_level: str) -> None:
    """At every LogLevel, Lambda's log filter keeps the lines with metrics and with failures."""
    threshold = Stack(LogLevel=log_level).properties(FUNCTION)["LoggingConfig"]["ApplicationLogLevel"]
    healthy = invoke_with_answer(sandbox, RUNNING, LogLevel=log_level)
    failing = invoke_with_answer(sandbox, REFUSED, LogLevel=log_level)
    assert [line for line in healthy.lines + failing.lines if not is_kept(line, threshold)] == []
    assert [len([line for line in printed.lines if '"_aws"' in line]) for printed in (healthy, failing)] == [1, 2]
    assert len([line for line in failing.lines if '"outcome":"failed"' in line]) == 1


def test_filter(sandbox: Sandbox) -> None:
    """At WARN, the filter would drop the metrics, so `test_nothing_is_filtered` can fail."""
    lines = invoke_with_answer(sandbox, REFUSED).lines
    assert [is_kept(line, "WARN") for line in lines if '"_aws"' in line] == [False, False]
    assert level('{"level": "debug", "timestamp": "2024-11-02T16:51:31.587199Z"}') == "DEBUG"
    assert level('{"level": "ERROR", "timestamp": "2024-11-02 16:51:31,587"}') == "INFO"
    assert level("Traceback") == level("[]") == level('{"timestamp": "2024-11-02T16:51:31Z"}') == "INFO"


class Answers(NamedTuple):
    """What the function printed for a running release, for a paused one, and for a refusal."""

    running: Printed
    paused: Printed
    refused: Printed


@pytest.fixture(scope="module", params=["raise", "return"])
def either(request: pytest.FixtureRequest, sandbox: Sandbox) -> Answers:
    """Invoke the function with each of WeChat's answers, once with each value of OnError."""
    answers = Answers(
        *(invoke_with_answer(sandbox, answer, OnError=request.param) for answer in (RUNNING, PAUSED, REFUSED))
    )
    assert [printed.raised for printed in answers] == [False, False, request.param == "raise"]
    return answers


@pytest.fixture(scope="module")
def answers(sandbox: Sandbox) -> Answers:
    """Invoke the function with each of WeChat's answers, for tests in which OnError makes no difference."""
    return Answers(*(invoke_with_answer(sandbox, answer) for answer in (RUNNING, PAUSED, REFUSED)))


def play(
    schedule: int, hours: float, list_invocations: Callable[[float], Sequence[Printed]], *, retried: bool = True
) -> Callable[..., dict[str, list[float]]]:
    """Play a schedule for some hours. Return a function that lists, for each alarm, the hours at which it was on.

    `list_invocations` takes a time in seconds, and returns what the invocations of that time print. As on AWS, they
    start up to a minute late, one after another and in varying order. One that raised is repeated after a minute.
    """
    events: list[tuple[float, Printed]] = []
    for turn, start in enumerate(range(0, int(hours * HOUR), schedule)):
        printed = list(list_invocations(start))
        printed = printed[turn % len(printed) :] + printed[: turn % len(printed)]
        for index, one in enumerate(printed):
            at = float(start + turn * 17 % 60 + index)
            events.append((at, one))
            if one.raised and retried:
                events.append((at + 60, one))
    metrics = Metrics()
    for at, one in sorted(events, key=lambda event: event[0]):
        metrics.read(one.lines, at)
        metrics.put("AWS/Lambda", "Invocations", {"FunctionName": f"<{FUNCTION}>"}, at, 1)
        metrics.put("AWS/Lambda", "Errors", {"FunctionName": f"<{FUNCTION}>"}, at, float(one.raised))

    def find_alarms_on(**parameters: str) -> dict[str, list[float]]:
        stack = Stack(**parameters)
        times = range(0, int(hours * HOUR), 60)
        return {
            name: found
            for name in ALARMS
            if (found := [at / HOUR for at in times if is_on(stack.properties(name), metrics, at)])
        }

    return find_alarms_on


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_healthy(schedule: int, answers: Answers) -> None:
    """No alarm turns on while all calls succeed."""
    assert play(schedule, 6, lambda _: [answers.running])() == {}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_failing(schedule: int, either: Answers) -> None:
    """After a second failed call, an alarm turns on, until an hour after the last one, whatever OnError is."""
    on = play(schedule, 7, lambda at: [either.refused if 3 * HOUR <= at < 5 * HOUR else either.running])()
    assert set(on) == {"FailuresAlarm"} | ({"ErrorsAlarm"} if either.refused.raised else set())
    for times in on.values():
        assert 3 < times[0] <= 3 + (min(schedule, 300) + 120) / HOUR
        assert 5 < times[-1] < 6.2
        assert len(times) == round((times[-1] - times[0]) * 60) + 1, "without a gap"


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("paused_seconds", PARAMETERS["PausedSeconds"]["AllowedValues"])
def test_paused(schedule: int, paused_seconds: int, answers: Answers) -> None:
    """The alarm for a paused release turns on after PausedSeconds plus at most a twelfth, and off when it resumes."""
    hours = paused_seconds / HOUR
    end = 3 + hours * 13 / 12 + 2

    def list_invocations(at: float) -> list[Printed]:
        return [answers.paused if 3 * HOUR <= at < end * HOUR else answers.running]

    on = play(schedule, end + 2, list_invocations)(PausedSeconds=str(paused_seconds))
    assert set(on) == {"PausedAlarm"}
    times = on["PausedAlarm"]
    assert 3 + hours <= times[0] <= 3 + hours * 13 / 12 + (schedule + 120) / HOUR
    assert end - 1 < times[-1] < end + 1.2
    assert len(times) == round((times[-1] - times[0]) * 60) + 1, "without a gap"


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_paused_for_a_while(schedule: int, answers: Answers) -> None:
    """A release that resumes an hour before PausedSeconds have passed turns no alarm on."""

    def list_invocations(at: float) -> list[Printed]:
        return [answers.paused if 3 * HOUR <= at < 6 * HOUR else answers.running]

    assert play(schedule, 9, list_invocations)(PausedSeconds=str(4 * HOUR)) == {}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_mixed_fleet(schedule: int, either: Answers) -> None:
    """Among many mini programs, one paused release or several refusals turn an alarm on, but one refusal does not."""
    calm = [either.running] * 19
    on = play(schedule, 5, lambda _: [*calm, either.paused, either.refused], retried=False)()
    assert set(on) == {"PausedAlarm"}
    on = play(schedule, 5, lambda _: [*calm, *[either.refused] * 3], retried=False)()
    assert set(on) == {"FailuresAlarm"} | ({"ErrorsAlarm"} if either.refused.raised else set())


def put_each_minute(metrics: Metrics, namespace: str, name: str, dimensions: dict[str, str], minutes: range) -> None:
    """Add a data point of 1 in each of these minutes."""
    for minute in minutes:
        metrics.put(namespace, name, dimensions, minute * 60 + 30, 1)


def find_minutes(alarm: dict[str, Any], metrics: Metrics, minutes: int) -> list[int]:
    """Return the minutes at whose start the alarm is on."""
    return [minute for minute in range(minutes) if is_on(alarm, metrics, minute * 60)]


def test_throttled() -> None:
    """Without a fleet, one throttled invocation turns the alarm on at once."""
    metrics = Metrics()
    put_each_minute(metrics, "AWS/Lambda", "Throttles", {"FunctionName": f"<{FUNCTION}>"}, range(1))
    assert find_minutes(Stack().properties("ThrottlesAlarm"), metrics, 10) == [1, 2, 3, 4, 5]


def test_throttled_sweeps() -> None:
    """With a fleet, five throttled minutes an hour turn no alarm on, but half an hour does."""
    alarm = Stack(Fleet="true").properties("ThrottlesAlarm")
    for length, expected in ((5, False), (30, True)):
        metrics = Metrics()
        for hour in range(3):
            minutes = range(hour * 60 + 7, hour * 60 + 7 + length)
            put_each_minute(metrics, "AWS/Lambda", "Throttles", {"FunctionName": f"<{FUNCTION}>"}, minutes)
        assert bool(find_minutes(alarm, metrics, 200)) == expected


@pytest.mark.parametrize("parameters", [{"ScheduleExpression": "rate(1 hour)"}, {"Fleet": "true"}])
def test_schedules(parameters: dict[str, str]) -> None:
    """All schedules of the stack are in one group, and an invocation that its scheduler gives up turns the alarm on."""
    stack = Stack(**parameters)
    groups = [one["Properties"]["GroupName"] for one in stack.resources.values() if one["Type"].endswith("::Schedule")]
    assert groups == ["<ScheduleGroup>"]
    metrics = Metrics()
    put_each_minute(metrics, "AWS/Scheduler", "InvocationDroppedCount", {"ScheduleGroup": groups[0]}, range(1))
    assert find_minutes(stack.properties("SchedulesAlarm"), metrics, 10) == [1, 2, 3, 4, 5]
    assert "SchedulesAlarm" not in Stack().resources


@pytest.mark.parametrize("metric", ["ExecutionsFailed", "ExecutionsTimedOut"])
@pytest.mark.parametrize(("alarm", "machine"), [("SweepsAlarm", "Sweep"), ("WatchesAlarm", "Watch")])
def test_executions(metric: str, alarm: str, machine: str) -> None:
    """A sweep or a watch that fails or times out turns on its own alarm and no other."""
    stack = Stack(Fleet="true", FleetScheduleExpression="rate(1 hour)")
    metrics = Metrics()
    put_each_minute(metrics, "AWS/States", metric, {"StateMachineArn": f"<{machine}>"}, range(1))
    alarms = [name for name, resource in stack.resources.items() if resource["Type"] == "AWS::CloudWatch::Alarm"]
    on = {name: minutes for name in alarms if (minutes := find_minutes(stack.properties(name), metrics, 10))}
    assert on == {alarm: [1, 2, 3, 4, 5]}


def test_new_version() -> None:
    """A new version that raises turns the alarm on within five minutes, even if it gets only one call."""
    stack = Stack(DeploymentPreference="Canary10Percent5Minutes", Deployment="two")
    version = {"Resource": f"<{FUNCTION}>:live", "ExecutedVersion": "<LiveVersion.Version>"}
    for raised, expected in ((1.0, True), (0.0, False)):
        metrics = Metrics()
        for name, value in (("Invocations", 1.0), ("Errors", raised)):
            metrics.put("AWS/Lambda", name, {"FunctionName": f"<{FUNCTION}>", **version}, 30, value)
        assert is_on(stack.properties("NewVersionAlarm"), metrics, 60) == expected
    group = stack.properties("DeploymentGroup")
    assert group["AlarmConfiguration"]["Alarms"] == [{"Name": "<FailuresAlarm>"}, {"Name": "<NewVersionAlarm>"}]
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]


@pytest.mark.parametrize("by_appid", ["true", "false"])
def test_dashboard(sandbox: Sandbox, by_appid: str) -> None:
    """The dashboard is valid JSON and shows only metrics that the function publishes."""
    stack = Stack(Dashboard="true", MetricsByAppid=by_appid)
    text = stack.properties("ReleaseDashboard")["DashboardBody"]
    metrics = Metrics()
    for answer in (PAUSED, REFUSED):
        metrics.read(invoke_with_answer(sandbox, answer, MetricsByAppid=by_appid).lines, 0)
    published = {(metric, frozenset(name for name, _ in dimensions)) for _, metric, dimensions in metrics.times}
    shown = set()
    for widget in json.loads(text)["widgets"]:
        for metric in widget["properties"]["metrics"]:
            if isinstance(metric[0], dict):
                expression = metric[0]["expression"]
                names = expression.partition("{")[2].partition("}")[0].split(",")[1:]
                shown.add((expression.partition('MetricName="')[2].partition('"')[0], frozenset(names)))
            elif metric[0] != "...":
                shown.add((metric[1], frozenset({"service"})))
    assert shown <= published
    assert ("Paused", frozenset({"service"})) in shown
    by_program = {metric for metric, dimensions in shown if "appid" in dimensions}
    assert by_program == ({"Paused", "GrayPercentage"} if by_appid == "true" else set())
