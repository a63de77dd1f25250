"""Rotated refresh tokens that the store loses: by eviction, a failover to an older value, or a lost write."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from wechatpy.session.redisstorage import RedisStorage

from gray_release.sandbox.server import APPID, REFRESH_TOKEN, TICKET, Sandbox
from gray_release.sandbox.store import fill_store
from handler.tokens import refresh_tokens
from tests.support import DOCUMENTED, Configure, Invoke, Log, Valkey, catch_error

KEY = f"wechatpy:{APPID}_refresh_token"


class Rotating:
    """A platform whose refresh tokens rotate at each refresh, and its store."""

    def __init__(self, sandbox: Sandbox, store: RedisStorage) -> None:
        sandbox.platform.rotate = True
        self.sandbox = sandbox
        self.store = store

    @property
    def valid(self) -> str:
        """The refresh token that WeChat accepts."""
        return self.sandbox.platform.authorizers[APPID]

    @property
    def stored(self) -> object:
        """The stored refresh token."""
        return self.store.get(f"{APPID}_refresh_token")

    def end_token(self) -> None:
        """Delete the access token, so that the next invocation refreshes it."""
        self.store.delete(f"{APPID}_access_token")

    def damage_during_refresh(self, damage: Callable[[], object]) -> None:
        """Run `damage` between WeChat's answer to the next refresh and the write of the refresh token."""
        refresh = self.sandbox.platform.get_authorizer_token

        def issue_damaged(*arguments: object) -> object:
            self.sandbox.platform.get_authorizer_token = refresh  # type: ignore[method-assign]
            answer = refresh(*arguments)  # type: ignore[arg-type]
            damage()
            return answer

        self.sandbox.platform.get_authorizer_token = issue_damaged  # type: ignore[method-assign, assignment]


@pytest.fixture
def rotating(platform: Sandbox, store: RedisStorage) -> Rotating:
    """Run a platform whose refresh tokens rotate."""
    return Rotating(platform, store)


def warnings(log: Log) -> list[str]:
    """Return the messages of all warnings so far."""
    return [line["message"] for line in log() if line["level"] == "WARNING"]


@pytest.mark.parametrize("lost", ["evicted", "older", "oldest"])
def test_lost_between_refreshes(rotating: Rotating, invoke: Invoke, log: Log, lost: str) -> None:
    """If the store loses the newest refresh token, or holds an older one, the function writes the newest again."""
    seen = [rotating.valid]
    for _ in range(3):
        rotating.end_token()
        assert invoke() == DOCUMENTED
        seen.append(rotating.valid)
    assert rotating.stored == rotating.valid
    rotating.end_token()
    if lost == "evicted":
        rotating.store.redis.delete(KEY)
    else:
        rotating.store.set(f"{APPID}_refresh_token", seen[-2 if lost == "older" else 0])
    assert invoke() == DOCUMENTED
    assert rotating.stored == rotating.valid
    assert rotating.sandbox.refusals[61023] == 0
    assert any("refresh_token" in warning for warning in warnings(log))
    assert not any(token in str(log()) for token in (*seen, rotating.valid))


@pytest.mark.parametrize("lost", ["evicted", "older"])
def test_lost_during_a_refresh(rotating: Rotating, invoke: Invoke, log: Log, lost: str) -> None:
    """If the store loses the refresh token while WeChat answers, the new one is still written."""
    first = rotating.valid
    assert invoke() == DOCUMENTED
    rotating.end_token()

    def lose() -> None:
        if lost == "evicted":
            rotating.store.redis.delete(KEY)
        else:
            rotating.store.set(f"{APPID}_refresh_token", first)

    rotating.damage_during_refresh(lose)
    assert invoke() == DOCUMENTED
    assert rotating.stored == rotating.valid
    assert any("lost the newest" in warning for warning in warnings(log))


@pytest.mark.parametrize("when", ["between", "during"])
def test_unknown_value_wins(rotating: Rotating, invoke: Invoke, log: Log, when: str) -> None:
    """A value that this process has not replaced may be a new authorisation: it stays, and a warning is logged."""
    assert invoke() == DOCUMENTED
    rotating.end_token()

    def authorise() -> None:
        rotating.sandbox.platform.authorizers[APPID] = "refreshtoken@@@newer"
        rotating.store.set(f"{APPID}_refresh_token", "refreshtoken@@@newer")

    if when == "between":
        authorise()
    else:
        rotating.damage_during_refresh(authorise)
    assert invoke() == DOCUMENTED
    if when == "during":
        assert rotating.stored == "refreshtoken@@@newer"
        assert any("another" in warning for warning in warnings(log))
        rotating.end_token()
        assert invoke() == DOCUMENTED
    assert rotating.stored == rotating.valid
    assert rotating.sandbox.refusals[61023] == 0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process remembers a bounded number of digests and refresh tokens."""
    monkeypatch.setattr(refresh_tokens, "REPLACED", 10)
    monkeypatch.setattr(refresh_tokens, "LATEST", 10)
    memory = refresh_tokens.RefreshTokens()
    for number in range(100):
        memory.replace(f"key-{number}", "old", refresh_tokens.Unsaved(b"old", "new"))
    found = [memory.find_newer(f"key-{number}", "old") for number in range(100)]
    assert found == [None] * 90 + ["new"] * 10


def test_raw_text(rotating: Rotating, invoke: Invoke) -> None:
    """A ticket and a refresh token stored as raw text are read, and the rotated one is written as raw text."""
    rotating.store.redis.set("wechatpy:component_verify_ticket", TICKET)
    rotating.store.redis.set(KEY, REFRESH_TOKEN)
    assert invoke() == DOCUMENTED
    assert rotating.store.redis.get(KEY) == rotating.valid.encode()


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        (b's:4:"hush";', "PHP-serialised data"),
        (b'think_serialize:s:4:"hush";', "PHP-serialised data"),
        (b"undefined", "a word such as undefined or null"),
        (b'"null"', "a word such as undefined or null"),
        (b'{"token":"hush"}', "a JSON object"),
        (b"hush hush", "a text that is not a token"),
        (b"\xac\xed\x00\x05hush", "binary data"),
        (b"x" * 2049, "a text that is not a token"),
        (b"", "an empty text"),
    ],
)
@pytest.mark.parametrize(
    ("key", "code"), [("component_verify_ticket", 61006), (f"{APPID}_refresh_token", 61003)], ids=["ticket", "refresh"]
)
def test_unreadable(rotating: Rotating, invoke: Invoke, key: str, code: int, stored: bytes, kind: str) -> None:
    """The error for an unreadable ticket or refresh token says what it is, and does not call it missing."""
    rotating.store.redis.set(f"wechatpy:{key}", stored)
    error = catch_error(invoke)
    assert error.errCode == code
    assert f"found {kind}" in error.reason
    rotating.store.delete(key)
    error = catch_error(invoke)
    assert (error.errCode, "found no such key" in error.reason) == (code, True)


@pytest.fixture
def killable(platform: Sandbox, configure: Configure, tmp_path: Path) -> Iterator[Valkey]:
    """Keep the platform's tokens in a separate store that the test can kill."""
    assert platform.requests == []
    valkey = Valkey(tmp_path)
    configure(WECHAT_TOKEN_STORE_URL=f"redis://127.0.0.1:{valkey.port}/0", WECHAT_TIMEOUT_SECONDS="2")
    yield valkey
    valkey.kill()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_chaos(platform: Sandbox, killable: Valkey, invoke: Invoke, seed: int) -> None:
    """Evictions, older values and killed stores that forget writes never make a refresh fail."""
    chance = random.Random(seed)  # noqa: S311 - the same at each run
    with redis.Redis(port=killable.port) as client:
        store = RedisStorage(client)
        fill_store(store, TICKET, {APPID: REFRESH_TOKEN})
        rotating = Rotating(platform, store)
        seen = [rotating.valid]
        client.save()

        def evict() -> None:
            client.delete(KEY)

        def show_older() -> None:
            store.set(f"{APPID}_refresh_token", chance.choice(seen))

        def lose_writes() -> None:
            killable.kill()
            killable.start()  # it has only the content of its last save

        for _ in range(40):
            damage = chance.choice([evict, show_older, lose_writes, client.save, client.ping])
            if chance.random() < 0.5 and damage is not lose_writes:
                rotating.damage_during_refresh(damage)
            else:
                damage()
            store.delete(f"{APPID}_access_token")
            client.delete(f"wechatpy:{APPID}_access_token_lock")
            assert invoke() == DOCUMENTED
            seen.append(rotating.valid)
            assert rotating.stored == rotating.valid
    assert platform.refusals[61023] == 0
