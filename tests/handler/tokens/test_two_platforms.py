"""Two third-party platforms in one database would end each other's token: the second one is told."""

import pytest
import redis
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.server import APPID, COMPONENT_APPID, REFRESH_TOKEN, TICKET, Sandbox
from gray_release.sandbox.store import fill_store
from tests.support import DOCUMENTED, Configure, Invoke, Log, Valkey, refused

OWNER = "wechatpy:component_appid"


@pytest.fixture
def other(platform: Sandbox, store: RedisStorage, configure: Configure, invoke: Invoke) -> str:
    """Let one platform have used the store, and be the function of another; return the other's appid."""
    assert platform.requests == []
    assert invoke() == DOCUMENTED
    assert 0 < store.redis.ttl(OWNER) <= 7200
    configure(WECHAT_COMPONENT_APPID="wxaaaaaaaaaaaaaaaa")
    return "wxaaaaaaaaaaaaaaaa"


def test_told(
    platform: Sandbox, store: RedisStorage, other: str, invoke: Invoke, configure: Configure, log: Log
) -> None:
    """The second platform's function fails before it asks WeChat or takes a token; the first one's goes on."""
    store.set("wx-theirs_refresh_token", "refreshtoken@@@theirs")
    kept = store.get("component_access_token")
    asked = len(platform.requests)
    for _ in range(4):
        error = refused(invoke, {"appid": "wx-theirs"})
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
    """The list of the platform's mini programs is refused as well."""
    assert other
    assert "another platform" in refused(invoke, {"appids": "all"}).reason


def test_another_number(
    platform: Sandbox, store: RedisStorage, server: Valkey, invoke: Invoke, configure: Configure
) -> None:
    """In a database of its own a platform is served; where the owner has left, in the same one too."""
    store.redis.set(OWNER, "wxaaaaaaaaaaaaaaaa")
    assert "another platform" in refused(invoke).reason
    with redis.Redis(port=server.port, db=1) as client:
        fill_store(RedisStorage(client), TICKET, {APPID: REFRESH_TOKEN})
    configure(WECHAT_TOKEN_STORE_URL=f"redis://127.0.0.1:{server.port}/1")
    assert invoke() == DOCUMENTED
    configure(WECHAT_TOKEN_STORE_URL=f"redis://127.0.0.1:{server.port}/0")
    store.redis.delete(OWNER)
    assert invoke() == DOCUMENTED
    assert platform.refusals[61023] == 0
