"""The Lambda artifact with a third-party platform's tokens, from each place that can hold them."""

import json
from pathlib import Path

import pytest
import redis
import trustme
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.server import APPID, COMPONENT_APPID, COMPONENT_SECRET, REFRESH_TOKEN, TICKET, Sandbox
from gray_release.sandbox.store import fill_store
from tests.layouts import LAYOUTS, Layout
from tests.support import DOCUMENTED, PLAN, Emulate, Valkey, create_server_context, post
from tests.token_server import TokenServer, answer

pytestmark = pytest.mark.slow


@pytest.fixture
def client(server: Valkey) -> redis.Redis:
    """Return a client of an empty store."""
    client = redis.Redis(port=server.port)
    client.flushall()
    return client


def test_component(emulate: Emulate, server: Valkey, client: redis.Redis) -> None:
    """Source `component` writes a refreshed authorizer token to the store, and uses it from there afterwards."""
    store = RedisStorage(client)
    fill_store(store, TICKET, {APPID: REFRESH_TOKEN})
    with (
        Sandbox() as sandbox,
        emulate(
            WECHAT_API_BASE_URL=sandbox.base_url,
            WECHAT_COMPONENT_APPID=COMPONENT_APPID,
            WECHAT_COMPONENT_SECRET=COMPONENT_SECRET,
            WECHAT_TOKEN_STORE_URL=f"redis://127.0.0.1:{server.port}/0",
        ) as url,
    ):
        assert [post(url, {"appid": APPID}) for _ in range(2)] == [DOCUMENTED] * 2
        assert store.get(f"{APPID}_access_token") in sandbox.tokens.expiry
        assert sandbox.count(PLAN) == len(sandbox.requests) - 2 == 2
        failure = post(url, {"appid": "wx-another"})
        assert json.loads(failure["errorMessage"])["errCode"] == 61003


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_store(emulate: Emulate, server: Valkey, client: redis.Redis, layout: Layout) -> None:
    """Source `store` reads each system's layout. Its error says what a key holds instead of a token."""
    with (
        Sandbox() as sandbox,
        emulate(
            WECHAT_API_BASE_URL=sandbox.base_url,
            WECHAT_APPID=APPID,
            WECHAT_COMPONENT_APPID=COMPONENT_APPID,
            WECHAT_TOKEN_STORE_URL=f"redis://127.0.0.1:{server.port}/0",
            WECHAT_TOKEN_STORE_KEY=layout.key or "",
        ) as url,
    ):
        key = layout.fill(client, sandbox.tokens.issue_token()["access_token"])
        assert post(url, {}) == DOCUMENTED
        client.delete(key)
        client.set(key, 's:5:"token";')
        reason = json.loads(post(url, {})["errorMessage"])["errMsg"].partition(": found ")[2]
        assert reason == "PHP-serialised data"
        assert sandbox.count(PLAN) == 1


def test_token_server(emulate: Emulate, authority: trustme.CA, tmp_path: Path) -> None:
    """Source `store` requests the token from a server over TLS, and trusts the authority in SSL_CERT_FILE."""
    with Sandbox() as sandbox:
        good = answer({"code": 0, "data": {"token": sandbox.tokens.issue_token()["access_token"]}})
        with (
            TokenServer(good, answer({"code": 1001}), tls=create_server_context(authority)) as tokens,
            emulate(
                SSL_CERT_FILE=str(tmp_path / "ca.pem"),
                WECHAT_API_BASE_URL=sandbox.base_url,
                WECHAT_APPID=APPID,
                WECHAT_TOKEN_STORE_URL=f"{tokens.url}/token?appid={{appid}}",
                WECHAT_TOKEN_STORE_HEADER="Authorization: Bearer platform",
            ) as url,
        ):
            assert post(url, {}) == DOCUMENTED
            assert tokens.requests == [f"/token?appid={APPID}"]
            assert tokens.headers["Authorization"] == "Bearer platform"
            assert "the token server refused: code 1001" in post(url, {})["errorMessage"]
