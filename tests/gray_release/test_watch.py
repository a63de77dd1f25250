"""When `invoke --watch` ends, and with which exit code."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, SECRET, Sandbox
from gray_release.watch import Watch
from tests.releases import FINISHED as TO_THE_END
from tests.releases import SEQUENCES, Sequence
from tests.support import run

RISING = {"status": 1, "gray_percentage": 30}
PAUSED = {"status": 2, "gray_percentage": 30}
FINISHED = {"status": 3, "gray_percentage": 100}
OVER = {"status": 0}


def create_sequence(*plans: Any) -> Callable[[float], Any]:
    """Create a plan function that returns each plan once, and the last one for ever."""
    left = list(plans)
    return lambda _now: left.pop(0) if len(left) > 1 else left[0]


def watch_release(plan: Any, *options: str, fault: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Watch a release every 10 ms for at most 20 seconds."""
    with Sandbox(plan=plan, faults=[Fault.parse(fault)] if fault else []) as sandbox:
        environ = {"WECHAT_API_BASE_URL": sandbox.base_url, "WECHAT_APPID": APPID, "WECHAT_SECRET": SECRET, **environ}
        return run("invoke", "--watch", "0.01", "--timeout", "20", *options, **environ)


def read_statuses(process: subprocess.CompletedProcess[str]) -> list[int]:
    """Read the status from each printed line."""
    return [json.loads(line)["grayReleasePlan"]["status"] for line in process.stdout.splitlines()]


def test_until_finished() -> None:
    """The watch prints one line for each answer, and exits 0 when the release has reached everyone."""
    process = watch_release(create_sequence(OVER, RISING, PAUSED, RISING, FINISHED))
    assert (read_statuses(process), process.returncode) == ([0, 1, 2, 1, 3], 0)


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
    """A state that `--until` lists also ends the watch, with another exit code than success."""
    process = watch_release(create_sequence(*plans), "--until", until)
    assert (read_statuses(process), process.returncode) == (seen, code)


@pytest.mark.parametrize("plan", [{"status": 4}, {}, None])
def test_no_release(plan: Any) -> None:
    """Without a release the watch exits 3 after the first answer."""
    process = watch_release(create_sequence(plan))
    assert process.returncode == 3
    assert len(process.stdout.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)
def test_sequences(sequence: Sequence) -> None:
    """Each sequence of plans ends the watch at its last plan, for the same reason in words as on AWS."""
    process = watch_release(create_sequence(*sequence.plans, {"status": 5}))
    is_finished = sequence.end == TO_THE_END
    assert process.returncode == (0 if is_finished else 3)
    words = sequence.told[-1].rpartition(" → ")[2].partition(" 20%")[0] if sequence.told else "no release"
    assert (f"{words} · " in process.stderr) is not is_finished


def test_timeout() -> None:
    """After `--timeout`, the watch calls the function a last time and exits 124, as timeout(1) does."""
    process = watch_release(PAUSED, "--timeout", "0.1")
    assert process.returncode == 124
    assert set(read_statuses(process)) == {2}


@pytest.mark.parametrize("fault", ["plan:errcode=-1", "plan:errcode=45011", "plan:reset"])
def test_transient_failure(fault: str) -> None:
    """A transient failure does not end the watch."""
    process = watch_release(FINISHED, fault=f"{fault}*4")
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
    """A wrong setting or a refusal ends the watch after the first answer with exit 1."""
    process = watch_release(FINISHED, **environ)
    assert [json.loads(line)["errCode"] for line in process.stdout.splitlines()] == [code]
    assert process.returncode == 1


def test_timeout_before_the_pause() -> None:
    """If the timeout passes before the pause, the pause is 0 seconds and not negative."""
    state = Watch(frozenset(), timeout=1.0)
    state.started -= 2.0
    assert state.count_seconds_left() == 0
