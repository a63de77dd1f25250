"""The store of a platform's tokens: rotated refresh tokens that could not be written in their invocation."""

import threading
import time
from typing import Any

import pytest
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.server import APPID, COMPONENT_APPID, COMPONENT_SECRET, REFRESH_TOKEN, TICKET, Sandbox
from handler.contract import OpenApiError
from tests.support import DOCUMENTED, Configure, Invoke, Valkey

KEY = f"wechatpy:{APPID}_refresh_token"
AUTHORIZER = "/cgi-bin/component/api_authorizer_token"
OTHER = "wx-other"


class Platform:
    """A third-party platform whose refresh tokens rotate, and whose store can refuse to write them."""

    def __init__(self, sandbox: Sandbox, store: RedisStorage) -> None:
        self.sandbox = sandbox
        self.store = store
        sandbox.platform.rotate = True
        store.set("component_verify_ticket", TICKET)
        self.authorise(REFRESH_TOKEN)

    def authorise(self, token: str) -> None:
        """Authorise the platform again: WeChat and the platform's callback server have a new refresh token."""
        self.sandbox.platform.authorizers[APPID] = token
        self.store.set(f"{APPID}_refresh_token", token)

    def may_write(self, *, refresh_tokens: bool) -> None:
        """Allow the function to write all keys, or all except the refresh tokens."""
        keys = ["~*"] if refresh_tokens else ["~*_access_token*", "~*:component_appid", "%R~*"]
        self.store.redis.execute_command("ACL", "SETUSER", "function", "on", ">hush", "+@all", "resetkeys", *keys)

    @property
    def refresh_token(self) -> Any:
        """The stored refresh token."""
        return self.store.get(f"{APPID}_refresh_token")


@pytest.fixture
def platform(sandbox: Sandbox, store: RedisStorage, server: Valkey, configure: Configure) -> Platform:
    """Create a platform, and connect the function as a user whose writes the test can forbid."""
    platform = Platform(sandbox, store)
    configure(
        WECHAT_SECRET=None,
        WECHAT_COMPONENT_APPID=COMPONENT_APPID,
        WECHAT_COMPONENT_SECRET=COMPONENT_SECRET,
        WECHAT_TOKEN_STORE_URL=f"redis://function:hush@127.0.0.1:{server.port}/0",
    )
    return platform


def lose_a_write(platform: Platform, invoke: Invoke) -> None:
    """Make WeChat rotate a refresh token that the function cannot write."""
    platform.may_write(refresh_tokens=False)
    with pytest.raises(OpenApiError) as caught:
        invoke(deadline=time.monotonic() + 1)
    assert caught.value.errCode == -1  # the status is 503, or 504 if the last try met the deadline
    assert platform.refresh_token == REFRESH_TOKEN != platform.sandbox.platform.authorizers[APPID]


def test_written_later(platform: Platform, invoke: Invoke) -> None:
    """The next invocation, of any mini program, writes the refresh token that could not be written."""
    lose_a_write(platform, invoke)
    rotated = platform.sandbox.platform.authorizers[APPID]
    platform.may_write(refresh_tokens=True)
    platform.store.set(f"{OTHER}_access_token", platform.sandbox.tokens.issue_token(OTHER)["access_token"])
    assert invoke({"appid": OTHER}) == DOCUMENTED
    assert platform.refresh_token == rotated
    assert invoke() == DOCUMENTED
    assert platform.refresh_token == platform.sandbox.platform.authorizers[APPID] != rotated


def test_used_where_it_cannot_be_written(platform: Platform, invoke: Invoke) -> None:
    """Until the store accepts it, this process uses the rotated refresh token, because only that one is valid."""
    lose_a_write(platform, invoke)
    rotated = platform.sandbox.platform.authorizers[APPID]
    with pytest.raises(OpenApiError) as caught:
        invoke(deadline=time.monotonic() + 1)
    assert caught.value.errCode == -1  # not 61023, because the refresh itself succeeded
    assert platform.sandbox.count(AUTHORIZER) == 2
    assert platform.sandbox.platform.authorizers[APPID] != rotated
    platform.may_write(refresh_tokens=True)
    assert invoke() == DOCUMENTED
    assert platform.refresh_token == platform.sandbox.platform.authorizers[APPID]


def test_newer_authorisation_wins(platform: Platform, invoke: Invoke) -> None:
    """The function does not overwrite a newly authorised refresh token with an older one that it could not write."""
    lose_a_write(platform, invoke)
    platform.authorise("refreshtoken@@@newer")
    platform.may_write(refresh_tokens=True)
    assert invoke() == DOCUMENTED
    assert platform.refresh_token == platform.sandbox.platform.authorizers[APPID]
    assert platform.sandbox.refusals[61023] == 0


def test_one_key_is_no_hindrance_to_others(platform: Platform, invoke: Invoke) -> None:
    """Each later invocation tries the failed write once, and then checks its own mini program."""
    lose_a_write(platform, invoke)
    platform.store.set(f"{OTHER}_access_token", platform.sandbox.tokens.issue_token(OTHER)["access_token"])
    platform.store.redis.config_resetstat()
    for _ in range(3):
        assert invoke({"appid": OTHER}, deadline=time.monotonic() + 1) == DOCUMENTED
    assert platform.store.redis.info("commandstats")["cmdstat_eval"]["rejected_calls"] == 3


def test_threads(platform: Platform, invoke: Invoke) -> None:
    """If many threads find the same unwritten token, all succeed, and the token is written."""
    lose_a_write(platform, invoke)
    platform.may_write(refresh_tokens=True)
    platform.store.set(f"{APPID}_access_token", platform.sandbox.tokens.issue_token()["access_token"])
    outcomes: list[Any] = []
    ready = threading.Barrier(24)

    def work() -> None:
        ready.wait(30)
        for _ in range(20):
            try:
                outcomes.append(invoke()["errCode"])
            except OpenApiError as error:
                outcomes.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert outcomes == [0] * 480
    assert platform.refresh_token == platform.sandbox.platform.authorizers[APPID]


@pytest.mark.parametrize("source", ["component", "store"])
def test_platforms_own_token_is_no_mini_programs(
    platform: Platform, invoke: Invoke, configure: Configure, source: str
) -> None:
    """The appid `component` is refused without a request, because its key holds the platform's own token."""
    platform.may_write(refresh_tokens=True)
    platform.store.set("component_access_token", "hush-component-token")
    configure(WECHAT_TOKEN_SOURCE=source)
    events: list[Any] = [
        {"appid": "component"},
        {"httpMethod": "GET", "path": "/", "queryString": {"appid": "component"}, "headers": {}},
    ]
    with pytest.raises(OpenApiError) as caught:
        invoke(events[0])
    assert caught.value.errCode == 40097
    assert invoke(events[1])["statusCode"] == 400
    configure(WECHAT_APPID="component", ON_ERROR="return")
    assert invoke()["errMsg"].endswith("invalid settings: WECHAT_APPID must be an appid")
    assert platform.sandbox.requests == []
