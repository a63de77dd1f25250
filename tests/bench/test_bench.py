"""What of the bench is exact: function calls of a warm invocation, beside the bench's peers."""

import os
import subprocess
import sys

import pytest

from handler.local.sandbox.server import APPID, SECRET, Sandbox


def calls(module: str) -> int:
    """Return how many functions a warm call of the module's `lambda_handler` calls, logging and metrics on."""
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
    """Our own calls."""
    return calls("handler.app")


@pytest.mark.parametrize(("peer", "bound"), [("stack", 0.60), ("naive", 0.70), ("floor", 3.50)])
def test_warm_calls(ours: int, peer: str, bound: float) -> None:
    """A warm invocation calls no more functions than the bound allows, as a share of a peer's."""
    assert ours <= bound * calls(peer)
