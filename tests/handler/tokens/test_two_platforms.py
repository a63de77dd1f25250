"""Two platforms in one Redis database would replace each other's token, so the second one is refused."""

import pytest
import redis
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.server import APPID, COMPONENT_APPID, REFRESH_TOKEN, TICKET, Sandbox
from gray_release.sandbox.store import fill_store
from tests.support import DOCUMENTED, Configure, Invoke, Log, Valkey, catch_error

OWNER = "wechatpy:component_appid"


@pytest.fixture
def other(platform: Sandbox, store: RedisStorage, configure: Configure, invoke: Invoke) -> str:
    """Let one platform use the store, then configure a second platform; return the second platform's appid."""
    assert platform.requests == []
    assert invoke() == DOCUMENTED
    assert 0 < store.redis.ttl(OWNER) <= 7200
    configure(WECHAT_COMPONENT_APPID="wxaaaaaaaaaaaaaaaa")
    return "wxaaaaaaaaaaaaaaaa"


def test_told(
    platform: Sandbox, store: RedisStorage, other: str, invoke: Invoke, configure: Configure, log: Log
) -> None:
    """The second platform's function fails before any request, and stores no token. The first one's works on."""
    store.set("wx-theirs_refresh_token", "refreshtoken@@@theirs")
    kept = store.get("component_access_token")
    asked = len(platform.requests)
    for _ in range(4):
        error = catch_error(invoke, {"appid": "wx-theirs"})
        assert (error.errCode, error.status) == (-1, 500)
        assert "another platform" in error.reason
        assert OWNER in log()[-1]["hint"]
        assert "number" in log()[-1]["hint"]
    assert (len(platform.requests), store.get("component_access_token")) == (asked, kept)
    assert other not in str(store.redis.keys())
    configure(WECHAT_COMPONENT_APPID=COMPONENT_APPID)
    store.delete(f"{APPID}_access_token")
    assert invoke() == DOCUMENTED


def test_list_of_all(other: str, invoke: Invoke) -> None:
    """Listing the second platform's mini programs is refused as well."""
    assert other
    assert "another platform" in catch_error(invoke, {"appids": "all"}).reason


def test_another_number(
    platform: Sandbox, store: RedisStorage, server: Valkey, invoke: Invoke, configure: Configure
) -> None:
    """The second platform works in another database. It works in the same one once the owner's key is deleted."""
    store.redis.set(OWNER, "wxaaaaaaaaaaaaaaaa")
    assert "another platform" in catch_error(invoke).reason
    with redis.Redis(port=server.port, db=1) as client:
        fill_store(RedisStorage(client), TICKET, {APPID: REFRESH_TOKEN})
    configure(WECHAT_TOKEN_STORE_URL=f"redis://127.0.0.1:{server.port}/1")
    assert invoke() == DOCUMENTED
    configure(WECHAT_TOKEN_STORE_URL=f"redis://127.0.0.1:{server.port}/0")
    store.redis.delete(OWNER)
    assert invoke() == DOCUMENTED
    assert platform.refusals[61023] == 0
