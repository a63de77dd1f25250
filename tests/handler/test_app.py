"""One invocation through the public entry points."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gray_release.invoke import LambdaContext, create_scf_context
from gray_release.sandbox.server import Sandbox
from handler.app import lambda_handler, main_handler
from handler.operation import Operation
from handler.settings import Settings
from tests.support import DOCUMENTED, PLAN, STABLE, Invoke


@pytest.mark.parametrize("event", [None, {}, {"userInfo": {"appId": "x"}, "tcbContext": {}}])
def test_direct_event(sandbox: Sandbox, event: Any) -> None:
    """A direct event, or null, gets the documented reply. Unknown keys are ignored."""
    assert lambda_handler(event, LambdaContext()) == DOCUMENTED
    assert sandbox.requests == [("POST", STABLE), ("GET", PLAN)]


SAMPLES = sorted(set(Path("events").glob("*.json")) - {Path("events/env.sandbox.json")})


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
@pytest.mark.usefixtures("sandbox")
def test_sample_events(path: Path) -> None:
    """Every sample event gets an answer on both clouds."""
    event = json.loads(path.read_bytes())
    for reply in (lambda_handler(event, LambdaContext()), main_handler(event, create_scf_context())):
        body = json.loads(reply["body"]) if "statusCode" in reply else reply
        assert body.get("errCode", body.get("errcode")) == 0


def test_scf_event(sandbox: Sandbox) -> None:
    """SCF's entry point takes the context as a dict and gives the same reply."""
    assert main_handler({}, create_scf_context()) == DOCUMENTED
    assert sandbox.connections == 1


@pytest.mark.parametrize("context", [None, {}, SimpleNamespace(), {"time_limit_in_ms": "soon"}])
@pytest.mark.usefixtures("sandbox")
def test_unusual_contexts(context: Any) -> None:
    """If the context lacks the usual attributes, the function still answers."""
    assert lambda_handler({}, context) == DOCUMENTED
    assert main_handler({}, context) == DOCUMENTED


def test_cold_and_warm(sandbox: Sandbox, invoke: Invoke) -> None:
    """A cold start opens one connection for both requests; a warm invocation opens none and makes one request."""
    invoke()
    assert (sandbox.connections, len(sandbox.requests)) == (1, 2)
    invoke()
    assert (sandbox.connections, len(sandbox.requests)) == (1, 3)


def test_threads_of_a_new_process(sandbox: Sandbox, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that make a process's first calls share its tokens, even if the setup is slow."""
    prepare = Operation.__init__

    def prepare_slowly(self: Operation, settings: Settings) -> None:
        time.sleep(0.1)
        prepare(self, settings)

    monkeypatch.setattr(Operation, "__init__", prepare_slowly)
    with ThreadPoolExecutor(8) as executor:
        assert list(executor.map(invoke, [{}] * 8)) == [DOCUMENTED] * 8
    assert sandbox.count(STABLE) == 1


def test_environment_is_read_once(sandbox: Sandbox, invoke: Invoke) -> None:
    """The environment is read once, and later changes have no effect."""
    invoke()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WECHAT_APPID", "wx-other")
        invoke()
    assert [path for _, path in sandbox.requests] == [STABLE, PLAN, PLAN]
