"""A fixture that the tests of token sources share: a token server."""

from collections.abc import Iterator

import pytest

from gray_release.sandbox.server import Sandbox
from tests.support import Configure
from tests.token_server import HEADER, PATH, TokenServer, answer


@pytest.fixture
def tokens(sandbox: Sandbox, configure: Configure) -> Iterator[TokenServer]:
    """Run a token server that holds a valid token, and let the function use it."""
    with TokenServer(answer({"token": sandbox.tokens.issue_token()["access_token"]})) as server:
        configure(
            WECHAT_SECRET=None,
            WECHAT_TOKEN_STORE_URL=f"{server.url}{PATH}?key=hush-key&appid={{appid}}",
            WECHAT_TOKEN_STORE_HEADER=f"X-Api-Key: {HEADER}",
        )
        yield server
