"""The platform's own token in the store, in forms that wechatpy does not write."""

import json

import pytest
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.server import Sandbox
from tests.support import DOCUMENTED, Invoke, Log

KEY = "component_access_token"
ISSUE = "/cgi-bin/component/api_component_token"
UNUSABLE = {
    "an object": b'{"component_access_token": "hush"}',
    "a broken object": b'{"a": "hush"',
    "a number": b"123",
    "a list": b'["hush"]',
    "a boolean": b"true",
    "null": b"null",
    "an empty text": b'""',
    "no bytes": b"",
    "binary data": b"\xff\xfe\x00",
    "a long text": json.dumps("x" * 5000).encode(),
}


@pytest.mark.parametrize("stored", UNUSABLE)
def test_unusable(platform: Sandbox, store: RedisStorage, invoke: Invoke, stored: str) -> None:
    """If the stored value is not a token, the function fetches a new one and replaces it."""
    store.redis.set(store.key_name(KEY), UNUSABLE[stored])
    assert invoke() == DOCUMENTED
    assert platform.count(ISSUE) == 1
    assert store.get(KEY) in platform.platform.expiry


def test_raw_text(platform: Sandbox, store: RedisStorage, invoke: Invoke, log: Log) -> None:
    """A token that another program stored as raw text is used."""
    assert invoke() == DOCUMENTED
    store.redis.set(store.key_name(KEY), store.get(KEY))
    store.redis.delete(*store.redis.keys("*_access_token_*"), *store.redis.keys("wechatpy:wx*_access_token"))
    assert invoke() == DOCUMENTED
    assert platform.count(ISSUE) == 1
    assert log()[-1]["token_requests"] == 1
