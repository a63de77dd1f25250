"""`invoke --watch`: when it ends, and with which exit code."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, SECRET, Sandbox
from tests.releases import FINISHED as TO_THE_END
from tests.releases import SEQUENCES, Sequence
from tests.support import run

RISING = {"status": 1, "gray_percentage": 30}
PAUSED = {"status": 2, "gray_percentage": 30}
FINISHED = {"status": 3, "gray_percentage": 100}
OVER = {"status": 0}


def one_after_another(*plans: Any) -> Callable[[float], Any]:
    """Return a plan that is each of these for one look, and then stays the last."""
    left = list(plans)
    return lambda _now: left.pop(0) if len(left) > 1 else left[0]


def watch(plan: Any, *options: str, fault: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Watch a release every 10 ms, and no longer than a test may take."""
    with Sandbox(plan=plan, faults=[Fault.parse(fault)] if fault else []) as sandbox:
        environ = {"WECHAT_API_BASE_URL": sandbox.base_url, "WECHAT_APPID": APPID, "WECHAT_SECRET": SECRET, **environ}
        return run("invoke", "--watch", "0.01", "--timeout", "20", *options, **environ)


def statuses(process: subprocess.CompletedProcess[str]) -> list[int]:
    """Read the status of each line that was printed."""
    return [json.loads(line)["grayReleasePlan"]["status"] for line in process.stdout.splitlines()]


def test_until_finished() -> None:
    """A line for each look, the last one that of the release which has reached everyone: exit 0."""
    process = watch(one_after_another(OVER, RISING, PAUSED, RISING, FINISHED))
    assert (statuses(process), process.returncode) == ([0, 1, 2, 1, 3], 0)


@pytest.mark.parametrize(
    ("plans", "until", "seen", "code"),
    [
        ([RISING, PAUSED, FINISHED], "finished,paused", [1, 2], 4),
        ([RISING, FINISHED], "paused,finished", [1, 3], 0),
        ([RISING, FINISHED], "paused", [1, 3], 0),
        ([OVER, RISING], "running", [0, 1], 4),
        ([OVER, RISING], "initial", [0], 4),
        ([RISING, {"status": 4}], "deleted,paused", [1, 4], 3),
        ([{"status": 5}, FINISHED], "paused", [5, 3], 0),
    ],
)
def test_until(plans: list[Any], until: str, seen: list[int], code: int) -> None:
    """`--until` names further states to end at; the exit code tells them from a release that has reached everyone."""
    process = watch(one_after_another(*plans), "--until", until)
    assert (statuses(process), process.returncode) == (seen, code)


@pytest.mark.parametrize("plan", [{"status": 4}, {}, None])
def test_no_release(plan: Any) -> None:
    """Where no release is under way there is nothing to wait for: exit 3 at the first look."""
    process = watch(one_after_another(plan))
    assert process.returncode == 3
    assert len(process.stdout.splitlines()) == 1


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)
def test_sequences(sequence: Sequence) -> None:
    """Each way in which a release can go ends its watch at the last answer, in the words of the cloud's watch."""
    process = watch(one_after_another(*sequence.plans, {"status": 5}))
    finished = sequence.end == TO_THE_END
    assert process.returncode == (0 if finished else 3)
    told = sequence.told[-1].rpartition(" → ")[2].partition(" 20%")[0] if sequence.told else "no release"
    assert (f"{told} · " in process.stderr) is not finished


def test_timeout() -> None:
    """`--timeout` ends a watch after a last look: exit 124, as of timeout(1)."""
    process = watch(PAUSED, "--timeout", "0.1")
    assert process.returncode == 124
    assert set(statuses(process)) == {2}


@pytest.mark.parametrize("fault", ["plan:errcode=-1", "plan:errcode=45011", "plan:reset"])
def test_passing_failure(fault: str) -> None:
    """A failure that passes by itself ends no watch."""
    process = watch(FINISHED, fault=f"{fault}*4")
    *codes, last = [json.loads(line)["errCode"] for line in process.stdout.splitlines()]
    assert codes
    assert set(codes) <= {-1, 45011}
    assert (last, process.returncode) == (0, 0)


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"WECHAT_TIMEOUT_SECONDS": "soon"}, -1),
        ({"WECHAT_API_BASE_URL": "http://example.com"}, -1),
        ({"WECHAT_SECRET": "wrong"}, 40125),
        ({"WECHAT_SECRET": "wrong", "ON_ERROR": "return"}, 40125),
    ],
)
def test_lasting_failure(environ: dict[str, str], code: int) -> None:
    """A wrong setting or a refusal ends a watch at its first look: exit 1."""
    process = watch(FINISHED, **environ)
    assert [json.loads(line)["errCode"] for line in process.stdout.splitlines()] == [code]
    assert process.returncode == 1
