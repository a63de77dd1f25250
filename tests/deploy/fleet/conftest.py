"""The stack with its state machines, deployed once for all tests of this folder."""

from collections.abc import Iterator

import pytest

from gray_release.sandbox.server import Sandbox
from tests.fleet import Cloud
from tests.releases import DONE
from tests.support import Valkey


@pytest.fixture(scope="session")
def wechat() -> Iterator[Sandbox]:
    """Run WeChat's stand-in, for a platform whose mini programs have finished their releases."""
    with Sandbox(plan=DONE) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """Run the token store of the deployed stack."""
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def stack(wechat: Sandbox, server: Valkey) -> Cloud:
    """Deploy the stack."""
    cloud = Cloud()
    cloud.deploy(wechat, server, FleetConcurrency=8, FleetWatch="true", WatchEverySeconds=60)
    return cloud


@pytest.fixture
def cloud(stack: Cloud, wechat: Sandbox) -> Cloud:
    """Remove the results of earlier tests."""
    wechat.faults.clear()
    wechat.plans.clear()
    wechat.requests.clear()
    wechat.refusals.clear()
    stack.take_events()
    return stack
