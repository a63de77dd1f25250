"""Source `store` on a real Valkey: the layouts of other systems, and values that are not tokens."""

import io
import json
import threading
import time
from collections.abc import Callable

import pytest
import redis
import trustme
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.faults import Fault
from gray_release.sandbox.server import APPID, COMPONENT_APPID, Sandbox
from tests.layouts import LAYOUTS, Layout
from tests.support import DOCUMENTED, PLAN, Configure, Invoke, Log, Valkey, catch_error, create_server_context
from tests.tcp import ScriptedServer, say, serve_tls

KEY = f"tokens:{APPID}"
TOKEN = "hush-hush_81-the_token"


@pytest.fixture
def reader(sandbox: Sandbox, store: RedisStorage, configure: Configure) -> redis.Redis:
    """Let the function read the key KEY; return a client of the store."""
    assert sandbox.requests == []
    configure(WECHAT_SECRET=None, WECHAT_TOKEN_STORE_KEY="tokens:{appid}")
    client: redis.Redis = store.redis
    return client


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_layouts(
    sandbox: Sandbox, store: RedisStorage, invoke: Invoke, configure: Configure, log: Log, layout: Layout
) -> None:
    """A token is read from each system's layout, without a token request and without a write."""
    configure(WECHAT_SECRET=None, WECHAT_COMPONENT_APPID=COMPONENT_APPID, WECHAT_TOKEN_STORE_KEY=layout.key)
    key = layout.fill(store.redis, sandbox.tokens.issue_token()["access_token"])
    before = store.redis.dump(key)
    assert invoke() == DOCUMENTED
    assert sandbox.requests == [("GET", PLAN)]
    assert store.redis.dump(key) == before
    assert store.redis.keys() == [key.encode()]
    assert (log()[-1]["token_source"], log()[-1]["token_requests"]) == ("store", 0)


def test_another_appid(sandbox: Sandbox, reader: redis.Redis, invoke: Invoke) -> None:
    """The event's appid selects the key."""
    reader.set("tokens:wx-other", sandbox.tokens.issue_token()["access_token"])
    assert invoke({"appid": "wx-other"}) == DOCUMENTED
    assert catch_error(invoke).errCode == 41001


NOT_TEXT = {
    "PHP-serialised data": [
        f's:{len(TOKEN)}:"{TOKEN}";'.encode(),
        b'a:2:{s:12:"access_token";s:4:"hush";s:10:"expires_in";i:7200;}',
        b'O:8:"stdClass":1:{s:5:"token";s:4:"hush";}',
        b"i:5;",
        b"N;",
        f'think_serialize:s:{len(TOKEN)}:"{TOKEN}";'.encode(),
        b"think_serialize:hush",
        b'\xef\xbb\xbfs:4:"hush";',
    ],
    "data of PHP's igbinary": [b"\x00\x00\x00\x02\x11\x04hush", b"\x00\x00\x00\x01\x11\x04hush"],
    "a text in UTF-16": ["\ufeffhush hush".encode("utf-16-le"), "\ufeffhush hush".encode("utf-16-be")],
    "a word such as undefined or null": [b"undefined", b"nil", b'"null"', b'{"token":"None"}'],
    "binary data (Java's serialisation, Kryo or the like)": [
        b"\xac\xed\x00\x05t\x00" + bytes([len(TOKEN)]) + TOKEN.encode(),  # ObjectOutputStream
        b"\x03\x01" + TOKEN[:-1].encode() + bytes([ord(TOKEN[-1]) | 0x80]),  # Kryo
        b"\xa4hush",  # MessagePack
        b"\xff",
    ],
    "a JSON number": [b"5", b"-1.5e3", b"1e999"],
    "a JSON boolean": [b"true"],
    "JSON's null": [b"null"],
    "a JSON array": [b'["hush"]'],
    "a JSON object without a token": [
        b"{}",
        b'{"hush":"hush"}',
        b'{"token":5}',
        b'{"token":""}',
        b'{"token":{"access_token":"hush"}}',
        b'{"data":"hush"}',
        b'{"access_token":"hush hush"}',
        b'{"data":{"accessToken":null}}',
    ],
    "an empty text": [b"", b" \n", b'""', b"\xef\xbb\xbf"],
    "a text that is not a token": [
        b"hush hush",
        b'"hush hush"',
        "\u6ca1\u6709".encode(),
        b"hush=1&hush=2",
        b"'hush'",
        b"x" * 2049,
        b"{'token': 'hush'}",
        b"[" * 9999,
    ],
    "an HTML page": [b"<!DOCTYPE html>\n<p>hush", b"\n<html>hush</html>"],
}


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        pytest.param(stored, kind, id=f"{kind} {n}")
        for kind, all_of in NOT_TEXT.items()
        for n, stored in enumerate(all_of)
    ],
)
def test_unreadable_values(
    sandbox: Sandbox, reader: redis.Redis, invoke: Invoke, debug_log: io.StringIO, log: Log, stored: bytes, kind: str
) -> None:
    """If the value is not a token, the errCode is 41001. The errMsg shows only its kind. WeChat gets no request."""
    reader.set(KEY, stored)
    error = catch_error(invoke)
    assert (error.errCode, error.status) == (41001, 500)
    assert error.errMsg.endswith(f":fail no token in the token store at WECHAT_TOKEN_STORE_KEY: found {kind}")
    assert "hush" not in debug_log.getvalue() + json.dumps(log())
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (lambda client: client.delete(KEY), "no such key"),
        (lambda client: client.lpush(KEY, "hush"), "a Redis list"),
        (lambda client: client.sadd(KEY, "hush"), "a Redis set"),
        (lambda client: client.zadd(KEY, {"hush": 1}), "a Redis zset"),
        (lambda client: client.xadd(KEY, {"hush": 1}), "a Redis stream"),
        (lambda client: client.hset(KEY, "hush", "hush"), "a hash without a token"),
        (lambda client: client.hset(KEY, "access_token", "undefined"), "a word such as undefined or null"),
        (lambda client: client.hset(KEY, "value", ""), "an empty text"),
        (lambda client: client.hset(KEY, "value", "hush hush"), "a text that is not a token"),
    ],
)
def test_other_types(
    sandbox: Sandbox, reader: redis.Redis, invoke: Invoke, write: Callable[[redis.Redis], object], kind: str
) -> None:
    """A missing key or another Redis type gives errCode 41001, and the errMsg names it."""
    write(reader)
    error = catch_error(invoke)
    assert (error.errCode, error.errMsg.rpartition(": found ")[2]) == (41001, kind)
    assert sandbox.requests == []


@pytest.mark.parametrize("empty", ["value", "access_token"])
def test_hash_with_an_empty_field(sandbox: Sandbox, reader: redis.Redis, invoke: Invoke, empty: str) -> None:
    """If a field of a hash is empty, the function uses another field that has a token."""
    reader.hset(KEY, mapping={empty: "", "token": sandbox.tokens.issue_token()["access_token"]})
    assert invoke() == DOCUMENTED


def test_component_appid_is_needed(store: RedisStorage, invoke: Invoke, configure: Configure) -> None:
    """A key with `{component_appid}` needs that variable. Without it, errCode 41002 names it."""
    assert store.redis.ping()
    configure(WECHAT_APPID=APPID, WECHAT_TOKEN_STORE_KEY="wechat_authorizer_access_token:{component_appid}:{appid}")
    error = catch_error(invoke)
    assert error.errCode == 41002
    assert "set WECHAT_COMPONENT_APPID, because WECHAT_TOKEN_STORE_KEY contains {component_appid}" in error.errMsg


def test_a_user_that_may_only_read(
    sandbox: Sandbox, server: Valkey, reader: redis.Redis, invoke: Invoke, configure: Configure
) -> None:
    """A Redis user with GET, HGET and TYPE on the tokens' keys is enough. Without one of them the errCode is -1."""
    reader.set(KEY, sandbox.tokens.issue_token()["access_token"])
    reader.acl_setuser("gray", enabled=True, reset=True, passwords=["+hush"], keys=["tokens:*"], commands=["+type"])
    configure(WECHAT_TOKEN_STORE_URL=f"redis://gray:hush@127.0.0.1:{server.port}/0")
    error = catch_error(invoke)
    assert (error.errCode, error.status) == (-1, 503)
    reader.acl_setuser("gray", enabled=True, commands=["+get", "+hget"])
    assert invoke() == DOCUMENTED
    reader.acl_deluser("gray")


def test_a_store_that_stops(sandbox: Sandbox, server: Valkey, reader: redis.Redis, invoke: Invoke) -> None:
    """If the store is stopped, the errCode is -1 (HTTP 503). After a restart the function uses it again."""
    reader.set(KEY, sandbox.tokens.issue_token()["access_token"])
    assert invoke() == DOCUMENTED
    server.stop()
    error = catch_error(invoke)
    server.start()
    assert (error.errCode, error.status) == (-1, 503)
    assert invoke() == DOCUMENTED


@pytest.mark.parametrize("trusted", [True, False])
def test_store_over_tls(
    sandbox: Sandbox,
    store: RedisStorage,
    invoke: Invoke,
    configure: Configure,
    authority: trustme.CA,
    *,
    trusted: bool,
) -> None:
    """A `rediss://` store is used only if its certificate is trusted."""
    context = create_server_context(authority if trusted else trustme.CA())
    store.set(f"{APPID}_access_token", sandbox.tokens.issue_token()["access_token"])
    with serve_tls(context, store.redis.connection_pool.connection_kwargs["port"]) as port:
        configure(WECHAT_SECRET=None, WECHAT_TOKEN_STORE_URL=f"rediss://127.0.0.1:{port}/0")
        if trusted:
            assert invoke() == DOCUMENTED
        else:
            assert (catch_error(invoke).errCode, sandbox.requests) == (-1, [])


def test_store(sandbox: Sandbox, store: RedisStorage, invoke: Invoke, configure: Configure, log: Log) -> None:
    """A stored token is read each time, and no token is requested."""
    configure(WECHAT_SECRET=None)
    assert catch_error(invoke).errCode == 41001
    store.set(f"{APPID}_access_token", sandbox.tokens.issue_token()["access_token"], 7200)
    assert invoke() == DOCUMENTED
    assert log()[-1]["token_source"] == "store"
    assert [path for _, path in sandbox.requests] == [PLAN]


def test_store_is_read_again(sandbox: Sandbox, store: RedisStorage, invoke: Invoke, configure: Configure) -> None:
    """After a refusal, the function reads the store again. It uses a renewed token, but never retries the same one."""
    configure(WECHAT_SECRET=None)
    store.set(f"{APPID}_access_token", "old")
    assert catch_error(invoke).errCode == 40001
    assert sandbox.count(PLAN) == 1
    sandbox.faults.append(Fault("plan", "delay", "0.3", times=1))
    threading.Timer(0.1, store.set, (f"{APPID}_access_token", sandbox.tokens.issue_token()["access_token"])).start()
    assert invoke() == DOCUMENTED
    assert sandbox.count(PLAN) == 3


@pytest.mark.parametrize("value", [b"not JSON", b"5", b'""', b"\xff", b'{"a":1}'])
def test_store_with_something_else(
    sandbox: Sandbox, store: RedisStorage, invoke: Invoke, configure: Configure, value: bytes
) -> None:
    """A value that is not a token gives errCode 41001 or -1."""
    configure(WECHAT_SECRET=None)
    store.redis.set(f"wechatpy:{APPID}_access_token", value)
    assert catch_error(invoke).errCode in {-1, 41001}
    assert sandbox.requests == []


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_store_is_down(sandbox: Sandbox, invoke: Invoke, configure: Configure, scheme: str) -> None:
    """A store that is silent or unreachable gives errCode -1 before the deadline, and its address is not shown."""
    configure(WECHAT_SECRET=None, WECHAT_TIMEOUT_SECONDS="900")
    with ScriptedServer(say()) as silent:
        configure(WECHAT_TOKEN_STORE_URL=f"{scheme}://:hush@127.0.0.1:{silent.port}/0")
        error = catch_error(invoke, deadline=time.monotonic() + 0.5)
        assert (error.errCode, error.status) == (-1, 504)
    error = catch_error(invoke)
    assert (error.errCode, error.status) == (-1, 503)
    assert sandbox.requests == []
