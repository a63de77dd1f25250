"""The part of the bench that gives the same result in each run: the number of function calls in a warm invocation."""

import os
import subprocess
import sys

import pytest

from gray_release.sandbox.server import APPID, SECRET, Sandbox
from tests.bench import document
from tests.bench.table import EXACT, LOOSER, Table


def calls(module: str) -> int:
    """Count the functions that a warm call of the module's `lambda_handler` calls, with logging and metrics."""
    with Sandbox() as sandbox:
        process = subprocess.run(
            [sys.executable, "-W", "ignore", "tests/bench/calls.py", module],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": "tests/bench/peers:.",
                "AWS_LAMBDA_FUNCTION_NAME": "function",
                "WECHAT_API_BASE_URL": sandbox.base_url,
                "WECHAT_APPID": APPID,
                "WECHAT_SECRET": SECRET,
            },
            capture_output=True,
            text=True,
            check=True,
        )
    return int(process.stderr)


@pytest.fixture(scope="module")
def ours() -> int:
    """Count the calls of this function."""
    return calls("handler.app")


@pytest.mark.parametrize(("peer", "bound"), [("stack", 0.60), ("naive", 0.70), ("floor", 3.50)])
def test_warm_calls(ours: int, peer: str, bound: float) -> None:
    """A warm invocation calls at most the allowed percentage of the functions that a peer calls."""
    assert ours <= bound * calls(peer)


def test_document() -> None:
    """docs/performance.md has the figures of the last committed run, and all are within their gates."""
    assert document.render_document() == document.DOCUMENT.read_text("utf-8"), "run `make bench`, which writes both"
    assert document.seconds() > 60


@pytest.mark.parametrize(
    ("figure", "looser", "summary", "held"),
    [
        (0.5, LOOSER, "goals: 2 of 2 met; every gate is held", True),
        (0.57, LOOSER, "goals: 1 of 2 met; missed: row (0.57, goal 0.5); every gate is held", True),
        (0.58, LOOSER, "goals: 1 of 2 met; missed: row (0.58, goal 0.5); beyond the gate: row", False),
        (0.51, EXACT, "goals: 1 of 2 met; missed: row (0.51, goal 0.5); beyond the gate: row", False),
    ],
)
def test_goals_and_gates(figure: float, looser: float, summary: str, *, held: bool) -> None:
    """The last line names a missed goal. The bench fails if a figure is beyond its gate."""
    table = Table()
    table.section("rows", looser)
    table.add("another", 0.5, "x", 0.5)
    table.add("shown only", 9, "x")
    table.add("row", figure, "x", 0.5)
    assert (table.summary(), table.is_held) == (summary, held)
