"""Schedules: EventBridge's events and SCF's timer contain the arguments in one member."""

from typing import Any

import pytest

from gray_release.invoke import create_scf_context
from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, Sandbox
from handler.app import main_handler
from handler.contract import OpenApiError
from tests.http_events import sample
from tests.support import DOCUMENTED, PLAN, Invoke, catch_error

HTTPS_PATH = "/wxa/getgrayreleaseplan"


@pytest.mark.parametrize("detail", [{}, None, {"appid": APPID}])
def test_schedule(sandbox: Sandbox, invoke: Invoke, detail: Any) -> None:
    """A schedule's arguments are in `detail`, and its reply is the result."""
    assert invoke(sample("eventbridge-schedule") | {"detail": detail}) == DOCUMENTED
    assert sandbox.count(HTTPS_PATH) == 1


@pytest.mark.parametrize(
    "message",
    [
        "",
        "a note",
        "每十分钟",
        "null",
        "5",
        None,
        "hourly, for wx0123456789abcdef",
        f'{{"appid": "{APPID}"}}',
        f'\ufeff {{"appid": "{APPID}"}}\r\n',
        {"appid": APPID},
        "{}",
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_timer(message: Any) -> None:
    """A timer's arguments are in `Message` if it is a JSON object. Any other text in it is ignored as a note."""
    assert main_handler(sample("scf-timer") | {"Message": message}, create_scf_context()) == DOCUMENTED


@pytest.mark.parametrize(
    "message",
    [
        '{"appid":',
        f"{{'appid': '{APPID}'}}",
        f"{{appid: {APPID}}}",
        f'{{"appid": "{APPID}",}}',
        f'\'{{"appid": "{APPID}"}}\'',
        f'\ufeff["{APPID}"]',
        f"{{\u201cappid\u201d: \u201c{APPID}\u201d}}",
        "[1]",
        "[" * 10_000,
        '{"a":' * 10_000,
        APPID,
        f" {APPID}\n",
        f'"{APPID}"',
        f"{APPID},wx0123456789abcdee",
        f"{APPID} wx0123456789abcdee",
        f"{APPID}\nwx0123456789abcdee",
        f"{APPID}、wx0123456789abcdee",
        f"{APPID.upper()}; hourly",
        f"appid={APPID}",
        f"appId: {APPID}",
        '{"appId": "wx0123456789abcdef"}',
        '{"input": {"appid": "wx0123456789abcdef"}}',
        '{"appid": 5}',
    ],
)
def test_timer_that_means_arguments(sandbox: Sandbox, message: str) -> None:
    """A message that is nearly JSON, or an appid, gives errCode 40097. Ignoring it would use `WECHAT_APPID`."""
    with pytest.raises(OpenApiError) as caught:
        main_handler(sample("scf-timer") | {"Message": message}, create_scf_context())
    assert caught.value.errCode == 40097
    assert sandbox.requests == []


@pytest.mark.parametrize("source", ["aws.events", "aws.scheduler", "my.platform", "get-gray-release-plan", None])
def test_any_source(sandbox: Sandbox, invoke: Invoke, source: Any) -> None:
    """An EventBridge event of any source has its arguments in `detail`. Without arguments, the defaults apply."""
    event = sample("eventbridge-schedule") | {"source": source}
    other = event | {"detail": {"appid": "wx1111111111111111", "note": {"a": 1}}}
    assert catch_error(invoke, other).errCode == 40013  # the sandbox knows only one appid
    assert invoke(event | {"detail": {"userInfo": {}}}) == DOCUMENTED
    assert sandbox.count(PLAN) == 1


@pytest.mark.parametrize(
    ("detail", "named"),
    [
        ({"instance-id": "i-1", "state": "running"}, "EventBridge"),
        ({"bucket": {"name": "b"}}, "EventBridge"),
        ({"appId": "d123", "branchName": "main"}, "write appid"),
        ({"mini_program": "wx0123456789abcdef"}, "write appid"),
        ("text", "object"),
        ([], "object"),
        ("", "object"),
    ],
)
def test_foreign_detail(sandbox: Sandbox, invoke: Invoke, detail: Any, named: str) -> None:
    """A `detail` with other keys and no argument belongs to another service, and gives errCode 40097."""
    error = catch_error(invoke, sample("eventbridge-schedule") | {"source": "aws.ec2", "detail": detail})
    assert error.errCode == 40097
    assert named in error.reason
    assert sandbox.requests == []


def test_schedule_and_timer_raise(sandbox: Sandbox, invoke: Invoke) -> None:
    """If a schedule or timer fails, the function raises, so that the platform sees the failure."""
    sandbox.faults.append(Fault("plan", "errcode", "48001"))
    for name in ("eventbridge-schedule", "scf-timer"):
        with pytest.raises(OpenApiError):
            invoke(sample(name))
    with pytest.raises(OpenApiError) as caught:
        invoke(sample("scf-timer") | {"Message": '{"appid":5}'})
    assert caught.value.errCode == 40097
