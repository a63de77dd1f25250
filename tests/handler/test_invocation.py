"""The budget of one invocation."""

import random
import time

import pytest

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import Sandbox
from tests.support import DOCUMENTED, Invoke


def test_jitter_differs_between_clones(sandbox: Sandbox, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause before a retry differs between clones of a snapshot, where `random` gives equal numbers."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    for _ in range(4):
        random.seed(1)
        sandbox.faults[:] = [Fault("plan", "status", "502", times=1)]
        assert invoke() == DOCUMENTED
    ours = [pause for pause in pauses if 0.05 <= pause <= 0.25]
    assert len(ours) == len(set(ours)) == 4
